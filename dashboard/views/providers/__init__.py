"""What did each provider and procedure bring?"""

from dashboard import charts
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import section, show_table

_SHOWN = 15


def show(context: Context) -> None:
    """Providers and procedures by charges."""
    providers = section(context, "provider_productivity", "Providers")
    if providers is not None:
        charts.bars(
            providers.head(_SHOWN), "provider_name", "charge_amount", f"Charges of the {_SHOWN} largest providers"
        )
        show_table(context, "provider_productivity", providers)
    procedures = section(context, "top_procedures", "Procedures")
    if procedures is not None:
        charts.bars(
            procedures.head(_SHOWN), "procedure_code", "charge_amount", f"Charges of the {_SHOWN} largest procedures"
        )
        show_table(context, "top_procedures", procedures)


PAGE = Page("Providers and procedures", "stethoscope", 80, show)
