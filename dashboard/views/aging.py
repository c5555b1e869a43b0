"""Where does the money wait, since when, and in which accounts?"""

import pandas as pd
import streamlit as st

from dashboard import charts
from dashboard.cards import kpi_cards
from dashboard.choices import choose
from dashboard.context import Context
from dashboard.filters import ALL
from dashboard.sections import answered_by_table, section, show_table

_SLICES = {"payer_group": "Payer group", "payer": "Payer", "department": "Department", "provider": "Provider"}
_BUCKETS = {ALL: "All ages", **{bucket: f"{bucket} days" for bucket in charts.AGES}}


def show(context: Context) -> None:
    """Balances by age and slice, and down to one account and one claim."""
    kpi_cards(context, ["ar_over_90_days", "ar_balance", "credit_balances", "gross_days_in_ar"])
    if context.filters.basis != "restated":
        st.caption("The cards are as restated; the balances below are as known then.")
    buckets = section(context, "aging_buckets", "By age")
    if buckets is None:
        return
    owed, owing = st.columns(2)
    with owed:
        st.markdown("**Debits**: owed to us")
        charts.aging_bars(buckets, "payer_group", "debit_amount", "Debit balances by payer group and age")
    with owing:
        st.markdown("**Credits**: we owe")
        charts.aging_bars(buckets, "payer_group", "credit_amount", "Credit balances by payer group and age")
    show_table(context, "aging_buckets", buckets)
    trend = section(context, "aging_trend", "Older than 90 days, month by month")
    if trend is not None:
        charts.months(
            trend,
            ["over_90_days_pct"],
            ["over 90 days"],
            "Share of debits over 90 days",
            unit="%",
            month="month_end_date",
        )
        show_table(context, "aging_trend", trend)
    by = choose("By", _SLICES, "by")
    slices = section(context, "aging_by_slice", f"By {_SLICES[by].lower()}", slice=by)
    if slices is not None:
        show_table(context, "aging_by_slice", slices, labels={"slice_name": _SLICES[by]})
        _accounts(context, by, slices["slice_name"].tolist())


def _accounts(context: Context, by: str, names: list[str]) -> None:
    with st.container(horizontal=True):
        bucket = choose("Age", _BUCKETS, "age")
        name = choose(_SLICES[by], {ALL: f"Every {_SLICES[by].lower()}", **{name: name for name in names}}, "slice")
    accounts = section(context, "aging_accounts", "Accounts", bucket=bucket, slice=by, slice_name=name)
    if accounts is None:
        return
    st.caption("Select a row, or choose an account below it, to see what was posted and claimed.")
    show_table(context, "aging_accounts", accounts, on_select=lambda: _select("aging_accounts", "account", accounts))
    account = choose("Account", {"": "Choose an account", **{key: key for key in accounts["account_key"]}}, "account")
    if account:
        answered_by_table(context, "account_events", "What was posted", account=account)
        claims = section(context, "account_claims", "What was claimed", account=account)
        if claims is not None:
            show_table(context, "account_claims", claims, on_select=lambda: _select("account_claims", "claim", claims))
            claim = choose("Claim", {"": "Choose a claim", **{key: key for key in claims["claim_key"]}}, "claim")
            if claim:
                answered_by_table(context, "claim_events", "What became of the claim", claim=claim)


def _select(table: str, key: str, rows: pd.DataFrame) -> None:
    """Open what the reader selected in a table."""
    if selected := st.session_state[table].selection.rows:
        st.session_state[key] = rows[f"{key}_key"].iloc[selected[0]]
