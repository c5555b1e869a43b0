"""How did A/R move from opening to closing, and does it close?"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import charts
from dashboard.context import Context
from dashboard.filters import month_name
from dashboard.sections import answered_by_table, section, show_table
from dashboard.tables import label

_STATES = {
    "closed": (st.success, ":material/lock:", "This month is closed: what was signed never moves."),
    "open": (st.info, ":material/lock_open:", "This month is open: it follows the ledger until `rcm close` signs it."),
    "closed in part": (st.warning, ":material/lock_clock:", "Some hospitals have closed this month, others have not."),
}
_TOTALS = ("opening_amount", "closing_amount")
_NO_CLOSE = "No month was closed yet. `rcm close 2024-10` signs October 2024 and every open month before it."
_UNEXPLAINED = "unexplained_amount"


def show(context: Context) -> None:
    """The waterfall of a month, and every month with its state."""
    months = context.rows("rollforward_months")
    if not months.empty:
        say, icon, words = _STATES[months["state"].iloc[0]]
        say(words, icon=icon)
    month = section(context, "rollforward", f"{month_name(context.filters.month)}, from opening to closing")
    if month is not None:
        steps = _steps(month)
        charts.waterfall(steps, "A/R from opening to closing, step by step, in dollars")
        _equation(steps, float(month[_UNEXPLAINED].iloc[0]))
        show_table(context, "rollforward", pd.DataFrame([step[:2] for step in steps], columns=["step", "ar_amount"]))
    answered_by_table(context, "rollforward_months", "Month by month")
    answered_by_table(context, "month_closes", "Closes", empty=_NO_CLOSE)


def _steps(month: pd.DataFrame) -> list[tuple[str, float, bool]]:
    """Name, signed amount and whether it is a balance; classes without a posting are left out."""
    amounts = month.drop(columns=_UNEXPLAINED).iloc[0]
    return [
        (label(name).removesuffix(" $"), float(amount), name in _TOTALS)
        for name, amount in amounts.items()
        if name in _TOTALS or amount != 0
    ]


def _equation(steps: Sequence[tuple[str, float, bool]], unexplained: float) -> None:
    """Print the sum, to the cent."""
    moves = "".join(f" {'+' if amount >= 0 else '-'} {abs(amount):,.2f}" for _, amount, _ in steps[1:-1])
    verdict = ":green-badge[closes]" if unexplained == 0 else f":red-badge[{unexplained:,.2f} unexplained]"
    st.markdown(f"{steps[0][1]:,.2f}{moves} = **{steps[-1][1]:,.2f}** {verdict}")
