"""Entry point of the dashboard, started by `make dashboard`: navigation, filters, and what stands in for numbers."""

from pathlib import Path

import streamlit as st

from dashboard import answers, states
from dashboard.context import Context
from dashboard.filters import ALL_HOSPITALS, ALL_PAYER_GROUPS, Filters, filter_bar
from dashboard.pages import Page, pages
from ingestion.base.errors import IngestionError, SpecError

LINEAGE = "RCM_LINEAGE_URL"
_FOLDER = Path(__file__).parent
# Filters of pages that are shown before there is a ledger; they ask for no month.
_EVERYTHING = Filters(ALL_HOSPITALS, month=190001, payer_group=ALL_PAYER_GROUPS, basis="restated")


def main() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title="Revenue cycle", page_icon=str(_FOLDER / "icon.svg"), layout="wide")
    st.html(_FOLDER / "style.css")
    chosen = st.navigation([_entry(page, is_start=number == 0) for number, page in enumerate(pages())])
    if lineage := answers.setting(LINEAGE):
        st.sidebar.link_button("Lineage and data dictionary", lineage, icon=":material/account_tree:")
    chosen.run()


def _entry(page: Page, *, is_start: bool) -> st.Page:
    def run() -> None:
        st.title(page.title)
        try:
            _show(page)
        except (IngestionError, SpecError) as error:
            states.explain(error)

    return st.Page(run, title=page.title, icon=f":material/{page.icon}:", url_path=page.path, default=is_start)


def _show(page: Page) -> None:
    filters = filter_bar()
    if filters is None and page.needs_ledger:
        states.no_ledger()
    else:
        page.show(Context(page.name, filters or _EVERYTHING, answers.contracts()))
        states.behind(answers.gaps())


main()
