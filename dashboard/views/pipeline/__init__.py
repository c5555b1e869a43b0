"""Did the loads run, how long did they take, and what went wrong?"""

from dashboard import charts
from dashboard.context import Context
from dashboard.pages import Page
from dashboard.sections import answered_by_table, section, show_table


def show(context: Context) -> None:
    """Runs, tables and problems of the load log."""
    runs = section(context, "runs", "Runs")
    if runs is not None:
        charts.bars(
            runs.assign(run=runs["started_at"].dt.strftime("%Y-%m-%d %H:%M")).head(15),
            "run",
            "load_seconds",
            "Load seconds of the last runs",
            unit="",
        )
        show_table(context, "runs", runs)
    answered_by_table(context, "table_loads", "Tables")
    answered_by_table(context, "load_problems", "Problems and warnings")


PAGE = Page("Pipeline", "conversion_path", 100, show, needs_ledger=False)
