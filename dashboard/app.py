"""The dashboard's entry, started by `make dashboard`: its pages, its filters, and what stands where nothing can."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard import answers, states
from dashboard.context import Context
from dashboard.filters import Filters, filter_bar
from dashboard.views import (
    aging,
    charges,
    collections,
    denials,
    overview,
    payers,
    pipeline,
    providers,
    quality,
    rollforward,
)
from ingestion.base.errors import IngestionError, SpecError

LINEAGE = "RCM_LINEAGE_URL"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class View:
    """A page of the dashboard.

    Args:
        show: Shows it.
        of_ledger: False where it has something to show before anything was posted, and no month to choose.
    """

    title: str
    icon: str
    show: Callable[[Context], None]
    of_ledger: bool = True

    @property
    def path(self) -> str:
        """Last part of its address."""
        return self.title.lower().replace("/", "").replace(" ", "-")


VIEWS = (
    View("Overview", "monitoring", overview.show),
    View("A/R aging", "hourglass_bottom", aging.show),
    View("Roll-forward", "waterfall_chart", rollforward.show),
    View("Collections", "payments", collections.show),
    View("Denials", "block", denials.show),
    View("Payers", "handshake", payers.show),
    View("Charges and departments", "receipt_long", charges.show),
    View("Providers and procedures", "stethoscope", providers.show),
    View("Data quality", "rule", quality.show, of_ledger=False),
    View("Pipeline", "conversion_path", pipeline.show, of_ledger=False),
)
# What the pages before a ledger are given: they ask for no month.
_EVERYTHING = Filters(hospital="all", month=190001, payer_group="all", basis="restated")


def main() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title="Revenue cycle", page_icon=str(_FOLDER / "icon.svg"), layout="wide")
    st.html(_FOLDER / "style.css")
    chosen = st.navigation([_page(view) for view in VIEWS])
    if lineage := answers.setting(LINEAGE):
        st.sidebar.link_button("Lineage and data dictionary", lineage, icon=":material/account_tree:")
    chosen.run()


def _page(view: View) -> st.Page:
    def run() -> None:
        st.title(view.title)
        try:
            _show(view)
        except (IngestionError, SpecError) as error:
            states.explain(error)

    return st.Page(run, title=view.title, icon=f":material/{view.icon}:", url_path=view.path, default=view is VIEWS[0])


def _show(view: View) -> None:
    filters = filter_bar()
    if filters is None and view.of_ledger:
        states.no_ledger()
    else:
        view.show(Context(filters or _EVERYTHING, answers.contracts()))


main()
