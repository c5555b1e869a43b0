"""How are we doing, and as of when?"""

import pandas as pd
import streamlit as st

from dashboard import charts
from dashboard.cards import kpi_cards
from dashboard.context import Context
from dashboard.filters import ALL_HOSPITALS, month_name
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table
from dashboard.states import needs

_NEVER_CLOSED = "not closed"


def show(context: Context) -> None:
    """The headline KPIs, what was owed as known, restated and signed, and how much there is of everything."""
    as_of = context.rows("as_of_day").iloc[0]
    running = "" if as_of["is_complete"] else ", a month that still runs"
    st.markdown(
        f"As of **{as_of['as_of_date']:%d %B %Y}**{running}. Periods are those of each contract, mostly 12 months."
    )
    # Before the numbers: a hospital that is not in them would not be missed.
    for line in context.rows("attention").itertuples():
        st.warning(f"{line.subject}: {line.problem}", icon=":material/pending_actions:")
    _not_built(context)
    _left_out(context)
    for subject, contracts in context.contracts.headline().items():
        st.subheader(subject.replace("_", "-").capitalize(), anchor=subject.replace("_", "-"))
        kpi_cards(context, contracts)
    answered_by_table(context, "kpis_by_part", "By part")
    _positions(context)
    flows = section(context, "charges_and_payments", "Charges and payments by month")
    if flows is not None:
        charts.months(
            flows,
            ["charge_amount", "payment_amount"],
            ["charges", "payments less refunds"],
            "Charges and payments by month, in dollars",
        )
        show_table(context, "charges_and_payments", flows)
    answered_by_table(context, "volumes", "How much there is")
    answered_by_table(context, "who_counts", "Who counts, and as of when")
    st.subheader("Not computed", anchor="not-computed")
    needs([contract for contract in context.contracts.by_name.values() if contract.model_name is None])


def _not_built(context: Context) -> None:
    """Name the systems that the last build did without, whose numbers are older than the others'."""
    systems = context.rows("left_out_of_build")
    if not systems.empty:
        days = [f"{day:%d %B %Y}" if pd.notna(day) else "nothing so far" for day in systems["last_staged_at"]]
        named = ", ".join(f"**{name}** ({day})" for name, day in zip(systems["hospital_name"], days, strict=True))
        st.error(
            f"Left out of the last build, because the declaration is broken; numbers as of: {named}. "
            "`rcm plan` names what is wrong.",
            icon=":material/sync_problem:",
        )


def _left_out(context: Context) -> None:
    """Say whose the cards of all hospitals are and as of when, and who does not count."""
    if context.filters.hospital != ALL_HOSPITALS:
        return
    hospitals = context.rows("who_counts")
    counted = hospitals["is_member"].astype(bool)
    members = [f"{row.hospital_name} ({row.as_of_date:%d %b %Y})" for row in hospitals[counted].itertuples()]
    st.caption(f"Cards of all hospitals are of {', '.join(members)}: each as of its own last complete month.")
    missing = hospitals[~counted]
    if not missing.empty:
        named = ", ".join(f"**{row.hospital_name}** ({row.left_out_reason})" for row in missing.itertuples())
        st.warning(f"Left out of all hospitals: {named}", icon=":material/group_off:")


def _positions(context: Context) -> None:
    title = f"A/R at {month_name(context.filters.month)}: known, restated, signed"
    positions = section(context, "ar_positions", title)
    if positions is not None:
        totals = positions[["known_then_amount", "restated_now_amount"]].sum()
        signed = positions["signed_amount"].sum(skipna=False)
        places = st.columns(3)
        places[0].metric("As known then", f"${totals.iloc[0]:,.2f}", border=True)
        places[1].metric("As restated now", f"${totals.iloc[1]:,.2f}", border=True)
        places[2].metric("As signed", _NEVER_CLOSED if pd.isna(signed) else f"${signed:,.2f}", border=True)
        show_table(context, "ar_positions", positions)


PAGE = Page("Overview", "monitoring", 10, show)
