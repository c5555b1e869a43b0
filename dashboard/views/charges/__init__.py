"""What was charged where, what of it is paid, and what was never charged or claimed?"""

from dashboard import charts
from dashboard.cards import cards_of_page
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table


def show(context: Context) -> None:
    """Charges by department, visits without charges, claims without lines and lines without claims."""
    cards_of_page(context)
    departments = section(context, "department_charges", "Departments")
    if departments is not None:
        parts = departments.melt(
            id_vars=["department_name"], value_vars=["paid_amount", "outstanding_amount"], var_name="part"
        ).replace({"part": {"paid_amount": "paid", "outstanding_amount": "outstanding"}})
        charts.bars(parts, "department_name", "value", "Paid and outstanding charges by department", color="part")
        show_table(context, "department_charges", departments)
    answered_by_table(context, "encounters_without_charges", "Visits without charges")
    answered_by_table(context, "claims_and_charge_lines", "Claims without charge lines, charge lines without claims")


PAGE = Page("Charges and departments", "receipt_long", 70, show)
