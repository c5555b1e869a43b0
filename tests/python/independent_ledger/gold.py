"""What gold says, in the shape in which it is compared."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from tests.python.independent_ledger.balances import COLUMNS

# Each comparison: rows of gold by hospital. The first column is the hospital's name in the control table.
QUERIES = {
    "events": """
        select
            hospital_code, event_type, money_type, is_correction, payer_group, service_date, post_date, known_at,
            ar_delta_amount
        from gold.fct_ar_events inner join gold.dim_hospital using (hospital_key)
    """,
    "balances of accounts": """
        select
            hospital_code, month_key, basis, payer_group, as_of_date, aged_from_date, age_days, aging_bucket,
            balance_amount, debit_amount, credit_amount
        from gold.fct_ar_account_balances_monthly inner join gold.dim_hospital using (hospital_key)
    """,
    "balances": """
        select hospital_code, month_key, basis, payer_group, balance_amount, debit_amount, credit_amount
        from gold.fct_ar_balances_monthly inner join gold.dim_hospital using (hospital_key)
        where balance_amount <> 0 or debit_amount <> 0 or credit_amount <> 0
    """,
    "roll-forward": """
        select
            hospital_code, month_key, payer_group, is_closed, close_version, opening_amount, restatement_amount,
            {columns}, closing_amount, restated_closing_amount
        from gold.fct_ar_rollforward_monthly inner join gold.dim_hospital using (hospital_key)
    """,
    "KPIs": """
        select
            hospital_code, kpi_name, kpi_window, month_key, payer_group, split, numerator, denominator, kpi_value
        from gold.kpi_values inner join gold.dim_hospital using (hospital_key)
    """,
}


def report_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The lines of the roll-forward that this warehouse has."""
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = 'gold' and table_name = 'fct_ar_rollforward_monthly'"
    ).fetchall()
    names = {str(name) for (name,) in found}
    return [name for name in dict.fromkeys(COLUMNS.values()) if name in names]


def rows(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Counter[tuple[Any, ...]]]:
    """Rows of every comparison, each with how often it is there."""
    columns = ", ".join(report_columns(connection))
    return {
        name: Counter(connection.execute(query.format(columns=columns)).fetchall()) for name, query in QUERIES.items()
    }


def connect(lakehouse: Path) -> duckdb.DuckDBPyConnection:
    """The warehouse of a lakehouse, read-only."""
    return duckdb.connect(str(lakehouse / "warehouse.duckdb"), read_only=True)
