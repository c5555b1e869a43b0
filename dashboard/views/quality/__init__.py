"""What was kept out of gold, and is everything accounted for?"""

import streamlit as st

from dashboard import charts
from dashboard.clock import now
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table


def show(context: Context) -> None:
    """Quarantine by rule and age, the account of every row, broken references, and freshness."""
    st.caption("Of everything loaded so far, whatever month and payer group are chosen; rows and rules, never values.")
    answered_by_table(context, "batch_decisions", "Batches and decisions", empty="No batch waits, none was decided.")
    _account(context)
    rules = section(context, "quarantine_by_rule", "Quarantine by rule and system")
    if rules is not None:
        charts.bars(
            rules.groupby(["rule_name", "source_system"], as_index=False)["open_records"].sum(),
            "rule_name",
            "open_records",
            "Open records in quarantine by rule and system",
            color="source_system",
            unit="",
        )
        show_table(context, "quarantine_by_rule", rules)
    answered_by_table(context, "quarantine_age", "Open since", now=now())
    answered_by_table(context, "references_over_limits", "References that fail")
    answered_by_table(context, "held_back_batches", "Batches with quarantined rows")
    answered_by_table(context, "freshness", "Freshness", now=now())


def _account(context: Context) -> None:
    account = section(context, "reconciliation", "Reconciliation")
    if account is None:
        return
    rows = account["unaccounted_rows"].abs().sum()
    dollars = account["unaccounted_amount"].abs().sum()
    total = account["bronze_rows"].sum()
    if rows == 0 and dollars == 0:
        st.success(
            f"All {total:,.0f} rows of bronze and every charged dollar are accounted for.", icon=":material/check:"
        )
    else:
        st.error(f"{rows:,.0f} rows and ${dollars:,.2f} are not accounted for.", icon=":material/error:")
    show_table(context, "reconciliation", account)


PAGE = Page("Data quality", "rule", 90, show, needs_ledger=False)
