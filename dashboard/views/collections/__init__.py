"""How fast do charges turn into cash, and how much is still to come?"""

import streamlit as st

from dashboard import charts
from dashboard.cards import cards_of_page
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table


def show(context: Context) -> None:
    """Collection rates, the cohort curve, and the forecast that follows from it."""
    cards_of_page(context)
    curve = section(context, "collection_curve", "Collection curve")
    if curve is not None:
        charts.curves(curve, "Share of each service month's charges collected, by months since")
        show_table(context, "collection_curve", curve)
    forecast = section(context, "cash_forecast", "Cash to come")
    if forecast is not None:
        coming = forecast[forecast["kind"] == "forecast"]["cash_amount"]
        if not coming.empty:
            places = st.columns(2)
            places[0].metric("Next month, of what is charged", f"${coming.iloc[0]:,.0f}", border=True)
            places[1].metric("Within a year, of what is charged", f"${coming.sum():,.0f}", border=True)
        charts.stacked_months(forecast, "cash_amount", "kind", "Cash by month, actual and forecast")
        st.caption(
            "Method: each month of charges not yet a year old, times the share that months of the last year and a half "
            "collected at that age. Charges still to come are not in it."
        )
        show_table(context, "cash_forecast", forecast)
    answered_by_table(context, "collections_by_payer_group", "Collection rates by payer group")
    answered_by_table(context, "patient_against_insurer", "Patients and insurers")


PAGE = Page("Collections", "payments", 40, show)
