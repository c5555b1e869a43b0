"""How did A/R move from opening to closing, and does it close?"""

import streamlit as st

from dashboard import charts
from dashboard.context import Context
from dashboard.filters import month_name
from dashboard.sections import answered_by_table, section, show_table
from dashboard.tables import label


def show(context: Context) -> None:
    """The waterfall of a month, and every month with its state."""
    _state(context)
    month = section(context, "rollforward", f"{month_name(context.filters.month)}, from opening to closing")
    if month is not None:
        amounts = month.iloc[0]
        moves = {
            name: float(amounts[name])
            for name in month.columns
            if name not in ("opening_amount", "closing_amount", "unexplained_amount") and amounts[name] != 0
        }
        opening, closing = float(amounts["opening_amount"]), float(amounts["closing_amount"])
        steps = [("Opening", opening, True), *((label(name), amount, False) for name, amount in moves.items())]
        charts.waterfall([*steps, ("Closing", closing, True)], "A/R from opening to closing, step by step, in dollars")
        _equation(opening, moves, closing, float(amounts["unexplained_amount"]))
        show_table(context, "rollforward", month)
    answered_by_table(context, "rollforward_months", "Month by month")
    answered_by_table(context, "month_closes", "Closes")


def _state(context: Context) -> None:
    months = context.rows("rollforward_months")
    if months.empty:
        return
    state = months["state"].iloc[0]
    if state == "closed":
        st.success("This month is closed: what was signed never moves.", icon=":material/lock:")
    elif state == "open":
        st.info("This month is open: it follows the ledger until `rcm close`.", icon=":material/lock_open:")
    else:
        st.warning("Some hospitals have closed this month, others have not.", icon=":material/lock_clock:")


def _equation(opening: float, moves: dict[str, float], closing: float, unexplained: float) -> None:
    """Print the sum, to the cent."""
    parts = "".join(f" {'+' if amount >= 0 else '−'} {abs(amount):,.2f}" for amount in moves.values())
    verdict = ":green-badge[closes]" if unexplained == 0 else f":red-badge[{unexplained:,.2f} unexplained]"
    st.markdown(f"{opening:,.2f}{parts} = **{closing:,.2f}** {verdict}")
