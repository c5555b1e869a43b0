"""How did A/R move from opening to closing, and does it close?"""

from collections.abc import Sequence

import streamlit as st

from dashboard import charts
from dashboard.context import Context
from dashboard.filters import month_name
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table

_STATES = {
    "closed": (st.success, ":material/lock:", "This month is closed: what was signed never moves."),
    "open": (st.info, ":material/lock_open:", "This month is open: it follows the ledger until `rcm close` signs it."),
    "closed in part": (st.warning, ":material/lock_clock:", "Some hospitals have closed this month, others have not."),
}
_NO_CLOSE = "No month was closed yet. `rcm close 2024-10` signs October 2024 and every open month before it."


def show(context: Context) -> None:
    """The waterfall of a month, and every month with its state."""
    months = context.rows("rollforward_months")
    if not months.empty:
        say, icon, words = _STATES[months["state"].iloc[0]]
        say(words, icon=icon)
    month = section(context, "rollforward", f"{month_name(context.filters.month)}, from opening to closing")
    if month is not None:
        # Lines without a posting say nothing; the balances stand even at zero.
        shown = month[month["is_balance"] | (month["ar_amount"] != 0)]
        steps = list(zip(shown["step"], shown["ar_amount"], shown["is_balance"], strict=True))
        charts.waterfall(steps, "A/R from opening to closing, step by step, in dollars")
        _equation(steps)
        show_table(context, "rollforward", shown[["step", "ar_amount"]])
    answered_by_table(context, "rollforward_months", "Month by month")
    answered_by_table(context, "month_closes", "Closes", empty=_NO_CLOSE)


def _equation(steps: Sequence[tuple[str, float, bool]]) -> None:
    """Show opening plus every line against closing, to the cent."""
    unexplained = round(steps[-1][1] - sum(amount for _, amount, _ in steps[:-1]), 2)
    moves = "".join(f" {'+' if amount >= 0 else '-'} {abs(amount):,.2f}" for _, amount, _ in steps[1:-1])
    verdict = ":green-badge[closes]" if unexplained == 0 else f":red-badge[{unexplained:,.2f} unexplained]"
    st.markdown(f"{steps[0][1]:,.2f}{moves} = **{steps[-1][1]:,.2f}** {verdict}")


PAGE = Page("Roll-forward", "waterfall_chart", 30, show)
