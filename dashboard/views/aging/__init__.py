"""Where does the money wait, since when, and in which accounts?"""

import pandas as pd
import streamlit as st

from dashboard import charts
from dashboard.cards import cards_of_page
from dashboard.choices import choose
from dashboard.context import Context
from dashboard.filters import ALL
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table

_SLICES = {"payer_group": "Payer group", "payer": "Payer", "department": "Department", "provider": "Provider"}


def show(context: Context) -> None:
    """Balances by age and slice, and down to one account and one claim."""
    cards_of_page(context)
    if context.filters.basis != "restated":
        st.caption("The cards are as restated; the balances below are as known then.")
    ages = context.rows("aging_ages")["aging_bucket"].tolist()
    buckets = section(context, "aging_buckets", "By age")
    if buckets is None:
        return
    owed, owing = st.columns(2)
    with owed:
        st.markdown("**Debits**: owed to us")
        charts.aging_bars(buckets, ages, "payer_group", "debit_amount", "Debit balances by payer group and age")
    with owing:
        st.markdown("**Credits**: we owe")
        charts.aging_bars(buckets, ages, "payer_group", "credit_amount", "Credit balances by payer group and age")
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
        labels = {"slice_name": _SLICES[by], **{age: f"{age} days $" for age in ages}}
        totals = _with_ages(slices, ages)
        show_table(context, "aging_by_slice", totals, labels=labels)
        _accounts(context, by, totals["slice_name"].tolist(), ages)


def _with_ages(slices: pd.DataFrame, ages: list[str]) -> pd.DataFrame:
    """One row per slice, with its debits by age in columns."""
    totals = slices[slices["is_total"]].set_index("slice_name")
    debits = slices[~slices["is_total"]].pivot_table("debit_amount", "slice_name", "aging_bucket", "sum")
    debits = debits.reindex(columns=ages).reindex(totals.index).fillna(0.0)
    return pd.concat(
        [totals[["accounts", "debit_amount"]], debits, totals[["over_90_days_pct", "credit_amount"]]], axis="columns"
    ).reset_index()


def _accounts(context: Context, by: str, names: list[str], ages: list[str]) -> None:
    with st.container(horizontal=True):
        bucket = choose("Age", {ALL: "All ages", **{age: f"{age} days" for age in ages}}, "age")
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


PAGE = Page("A/R aging", "hourglass_bottom", 20, show)
