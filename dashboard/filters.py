"""What the reader chose to look at: kept in the address, and therefore in bookmarks and on every page."""

from dataclasses import asdict, dataclass
from datetime import date

import streamlit as st

from dashboard import answers
from dashboard.choices import choose

ALL = "all"
# Names of the rows of gold that hold all of them; parameters of the queries.
ALL_HOSPITALS = "All hospitals"
ALL_PAYER_GROUPS = "All payer groups"
BASES = {"restated": "As restated now", "known": "As known then"}
_MONTH = "Balances as of its end; flows of the 12 months up to it."
_BASIS = (
    "As restated counts all postings up to the day. As known leaves out what became known after it, and shows closed "
    "months as signed. KPI tables and claims are always as restated."
)


@dataclass(frozen=True)
class Filters:
    """The reader's choice.

    Args:
        hospital: Name of a hospital, or ``All hospitals``.
        month: Month looked at as yyyymm; balances are as of its end, flows of the twelve months up to it.
        payer_group: A payer group, or ``All payer groups``.
        basis: ``restated``, all that is known now, or ``known``, what was known by the end of the month.
    """

    hospital: str
    month: int
    payer_group: str
    basis: str

    @property
    def values(self) -> dict[str, object]:
        """Parameters of queries."""
        return asdict(self)

    @property
    def spoken(self) -> str:
        """The choice in words."""
        payer_group = "all payer groups" if self.payer_group == ALL_PAYER_GROUPS else self.payer_group
        return f"{self.hospital} · {month_name(self.month)} · {payer_group} · {BASES[self.basis].lower()}"


def month_name(month: int) -> str:
    """A month yyyymm in words, such as Dec 2024."""
    return date(month // 100, month % 100, 1).strftime("%b %Y")


def filter_bar() -> Filters | None:
    """Show the filters; None where the ledger has no month yet."""
    names = answers.rows("filter_hospitals")["hospital_name"].tolist()
    groups = answers.rows("filter_payer_groups")["payer_group"].tolist()
    with st.container(horizontal=True, key="filters"):
        hospital = choose("Hospital", {name: name for name in [ALL_HOSPITALS, *names]}, "hospital")
        months = answers.rows("filter_months", {"hospital": hospital})["month_key"].tolist()
        if not months:
            return None
        month = choose("Month", {str(month): month_name(month) for month in months}, "month", help=_MONTH)
        payer_group = choose("Payer group", {name: name for name in [ALL_PAYER_GROUPS, *groups]}, "payer_group")
        basis = choose("Ledger", BASES, "basis", help=_BASIS)
    return Filters(hospital, int(month), payer_group, basis)
