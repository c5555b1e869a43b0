"""Who denies what, why, and is it getting better?"""

import streamlit as st

from dashboard import charts
from dashboard.cards import cards_of_page
from dashboard.choices import choose
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import section, show_table

_SLICES = {"payer": "Payer", "department": "Department", "reason": "Reason"}
_MEASURES = {"denied_amount": "Dollars", "denied_claims": "Claims"}


def show(context: Context) -> None:
    """Denial rates, what causes them, and their course."""
    cards_of_page(context)
    with st.container(horizontal=True):
        by = choose("By", _SLICES, "by")
        measure = choose("Count", _MEASURES, "measure")
    _pareto(context, by, measure)
    trend = section(context, "denial_trend", "Denial rate by month")
    if trend is not None:
        charts.lines_by(
            trend, "month_start_date", "denial_rate_pct", "measure", "Denial rate by month, in percent", unit="%"
        )
        show_table(context, "denial_trend", trend)


def _pareto(context: Context, by: str, measure: str) -> None:
    name = "denial_reasons" if by == "reason" else "denial_pareto"
    causes = section(context, name, f"Denials by {_SLICES[by].lower()}", slice=by)
    if causes is not None:
        charts.pareto(
            causes.head(20).sort_values(measure, ascending=False),
            measure,
            f"Denials by {_SLICES[by].lower()}, largest first, with their cumulative share",
            unit="$" if measure == "denied_amount" else "",
        )
        show_table(context, name, causes, labels={"slice_name": _SLICES[by]})


PAGE = Page("Denials", "block", 50, show)
