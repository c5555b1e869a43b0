"""How does each payer do?"""

from dashboard import charts
from dashboard.cards import kpi_cards
from dashboard.context import Context
from dashboard.sections import answered_by_table, section, show_table


def show(context: Context) -> None:
    """A scorecard, who pays for the services, what waits, and where less is allowed than usual."""
    kpi_cards(context, ["paid_in_30_days", "paid_in_45_days", "paid_in_60_days", "patient_share"])
    scorecard = section(context, "payer_scorecard", "Scorecard")
    if scorecard is not None:
        show_table(
            context,
            "payer_scorecard",
            scorecard,
            labels={
                "median_payment_days": "Median days",
                "p90_payment_days": "90th pct. days",
                "paid_in_30_pct": "Paid in 30 days %",
                "paid_in_45_pct": "Paid in 45 days %",
                "paid_in_60_pct": "Paid in 60 days %",
            },
        )
    mix = section(context, "payer_mix", "Payer mix")
    if mix is not None:
        charts.stacked_months(mix, "charge_amount", "payer_group", "Charges by month and payer group")
        show_table(context, "payer_mix", mix)
    answered_by_table(context, "open_claims", "Claims that wait for the payer")
    kpi_cards(context, ["underpayment"])
    answered_by_table(context, "underpayments", "Allowed below the payer's own median")
