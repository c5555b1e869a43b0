"""What the reader sees where there is nothing to show, and what to do about it."""

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from dashboard.contracts import Contract
from dashboard.warehouse import NotBuiltError, NoWarehouseError
from ingestion.base.errors import IngestionError, SpecError, WarehouseBusyError

_PAUSE = "5s"


def explain(error: IngestionError | SpecError) -> None:
    """Say why there are no numbers and how to get some."""
    if isinstance(error, NoWarehouseError):
        st.info(f"There is no warehouse yet: {error}.", icon=":material/database_off:")
        st.markdown(
            "Make one with simulated hospitals, or with your own sources, then reload this page:\n"
            "```\nmake demo     # two simulated hospitals\nrcm run       # the sources of the control table\n```\n"
            "Another folder than `lakehouse/`? Set `RCM_LAKEHOUSE` before `make dashboard`."
        )
    elif isinstance(error, WarehouseBusyError):
        st.info(
            f"{error}. During a build DuckDB allows no reader; the numbers appear when it is done.",
            icon=":material/hourglass_top:",
        )
        _look_again()
    elif isinstance(error, NotBuiltError):
        st.warning(f"The warehouse is not built to the end: {error}.", icon=":material/construction:")
        st.markdown("Build it, and read what the build says of a model that fails:\n```\nrcm run\nrcm status\n```")
    else:
        st.error(str(error), icon=":material/error:")


def no_ledger() -> None:
    """Say that nothing was posted yet."""
    st.info("The ledger is empty: no charge or payment has reached gold yet.", icon=":material/inbox:")
    st.markdown(
        "Load what is new and build, then look at the quarantine:\n```\nrcm plan\nrcm run\nrcm status\n```\n"
        "The pages Data quality and Pipeline show what arrived and what was kept out."
    )


def behind(gaps: Sequence[str]) -> None:
    """Say that bronze holds more than the numbers show."""
    if gaps:
        lines = "\n".join(f"- {gap}" for gap in gaps)
        st.sidebar.warning(
            f"These numbers are behind what is loaded:\n{lines}\n\nRun `rcm run`.", icon=":material/update:"
        )


def no_rows(spoken: str, why: str | None = None) -> None:
    """Say that there is nothing, for a reason of its own or because the filters leave nothing."""
    if why:
        st.info(why, icon=":material/inbox:")
        return
    st.info(
        f"Nothing here for {spoken}. Choose another month, payer group or hospital.", icon=":material/filter_alt_off:"
    )


def needs(contracts: Sequence[Contract]) -> None:
    """Say which feed or columns unlock the KPIs that cannot be computed."""
    for feed, of_feed in groupby(contracts, key=lambda contract: contract.feed or ""):
        missing = "\n".join(f"- **{contract.kpi_label}** needs {contract.needs}" for contract in of_feed)
        if feed:
            remedy = (
                f"The optional feed *{feed}* unlocks them: declare its table in the hospital's YAML "
                "(docs/data-dictionary.md) and `rcm run`. `rcm demo --remittance` simulates one."
            )
            st.info(f"{missing}\n\n{remedy}", icon=":material/lock_open:")
        else:
            st.info(missing, icon=":material/lock:")


@st.fragment(run_every=_PAUSE)
def _look_again() -> None:
    """Run the page again after a pause; the first run of a fragment is part of the page's own."""
    if st.session_state.pop("waited", False):
        st.rerun()
    st.session_state["waited"] = True
    st.button("Try now", icon=":material/refresh:")
