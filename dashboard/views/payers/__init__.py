"""How does each payer do?"""

from dashboard import charts
from dashboard.cards import cards_of_page
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table


def show(context: Context) -> None:
    """A scorecard, who pays for the services, what waits, and where less is allowed than usual."""
    cards_of_page(context)
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
    answered_by_table(context, "underpayments", "Allowed below the payer's own median")


PAGE = Page("Payers", "handshake", 60, show)
