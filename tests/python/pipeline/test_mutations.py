"""Each invariant fails when its own defect, and no other, is planted: a test that cannot fail proves nothing."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.lakehouses import DAYS, PROJECT, SimulatedDays, Warehouse

INVARIANTS = PROJECT / "tests" / "invariants"

# One defect per invariant, planted straight into the built warehouse; several statements are separated by semicolons.
MUTATIONS = {
    "assert_every_bronze_row_is_accounted_for": (
        "update silver.dq_batch_reconciliation set bronze_rows = bronze_rows + 1"
    ),
    "assert_every_bronze_dollar_is_accounted_for": (
        "update silver.dq_batch_reconciliation set bronze_amount = bronze_amount + 0.01 where entity = 'claims'"
    ),
    "assert_account_balances_equal_charges_less_payments": (
        "update gold.fct_ar_events set ar_delta_amount = ar_delta_amount + 0.01"
        " where ar_event_key = (select min(ar_event_key) from gold.fct_ar_events)"
    ),
    "assert_month_end_balances_equal_the_ledger": (
        "update gold.fct_ar_account_balances_monthly set balance_amount = balance_amount + 0.01"
        " where ar_snapshot_key = (select min(ar_snapshot_key) from gold.fct_ar_snapshot_monthly)"
    ),
    "assert_kpi_values_sum_to_the_whole": (
        "update gold.kpi_values set numerator = numerator + 0.01 where kpi_value_key ="
        " (select min(kpi_value_key) from gold.kpi_values"
        " where kpi_window = 'trailing_12_months' and numerator is not null)"
    ),
    "assert_payer_groups_sum_to_the_hospital": (
        "delete from gold.kpi_payer_mix where payer_group = 'Medicare' and month_key = 202401"
    ),
    "assert_facts_hold_silver_once": "insert into gold.fct_claims from gold.fct_claims limit 1",
    "assert_claim_kpis_sum_to_the_claims": (
        "update gold.kpi_initial_denials set initially_denied_claims = initially_denied_claims + 1"
        " where initial_denials_key = (select min(initial_denials_key) from gold.kpi_initial_denials)"
    ),
    "assert_unbilled_charges_equal_the_ledger": (
        "update gold.kpi_dnfb set unbilled_amount = unbilled_amount + 0.01"
        " where payer_group = 'Medicare' and month_key = 202404"
    ),
    "assert_claims_never_multiply_charges": (
        "create table silver.twice as from silver.int_transaction_claims;"
        " insert into silver.twice from silver.twice;"
        " create or replace view silver.int_transaction_claims as from silver.twice"
    ),
    "assert_claims_stand_where_their_history_ends": (
        "delete from gold.fct_claim_status_events where sequence_number = 1 and claim_status = 'PENDING'"
    ),
    "assert_history_equals_a_rebuild_from_bronze": "delete from history.patients_history where version_number = 1",
    "assert_staged_rows_follow_their_declarations": "update silver.stg_claims set _declaration_hash = 'older'",
    "assert_history_has_one_unbroken_line_per_record": (
        "update history.departments_history set dbt_valid_to = timestamp '2024-06-01' where department_id = 'DEPT001'"
    ),
    "assert_dimension_versions_tile_time": (
        "update gold.dim_provider set valid_to = timestamp '2024-06-01'"
        " where provider_version_key = (select min(provider_version_key) from gold.dim_provider where is_current)"
    ),
    "assert_facts_join_the_one_version_of_their_date": (
        "update gold.fct_encounters set provider_version_key = '-1' where encounter_key = ("
        "select min(encounter_key) from gold.fct_encounters where provider_version_key not in ('-1', '-2'))"
    ),
    "assert_kpi_parts_sum_to_the_whole": "update gold.kpi_ar_aging set debit_amount = debit_amount + 0.01",
    "assert_balances_move_by_what_was_posted": (
        "update gold.kpi_days_in_ar set ar_amount = ar_amount + 0.01 where month_key = 202401"
    ),
    "assert_each_row_belongs_to_its_system": (
        "update silver.stg_departments set _source_table = 'hospital_b.departments'"
    ),
    "assert_rollforward_closes": (
        "update gold.fct_ar_rollforward_monthly set opening_amount = opening_amount + 0.01 where month_key = 202403"
    ),
    "assert_rollforward_equals_the_ledger": "delete from gold.fct_ar_rollforward_monthly where month_key = 202404",
    "assert_closed_months_stay_as_signed": (
        "update gold.fct_ar_rollforward_monthly set close_version = 1 where month_key = 202311"
    ),
    "assert_current_records_equal_the_last_full_read": (
        "update history.departments_history set is_deleted = true"
        " where department_key = (select min(department_key) from history.departments_history)"
    ),
    "assert_every_listed_system_is_built": "update silver.dq_systems set is_left_out = true",
    "assert_systems_that_left_the_list_were_removed": "update silver.dq_systems set is_listed = false",
    "assert_ledger_events_never_fall_outside_known_time": (
        "update gold.fct_ar_events set post_date = date '2024-01-01' where event_type = 'REVERSAL'"
    ),
}


@pytest.fixture(scope="module")
def warehouse(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The lakehouse after all days, with the invariants compiled for it."""
    warehouse = simulated_days.copy(DAYS[-1], tmp_path_factory.mktemp("lakehouse"))
    warehouse.run("dbt", "compile", "--select", "path:tests/invariants", tests=True)
    return warehouse


@pytest.fixture(scope="module")
def compiled(warehouse: Warehouse) -> Path:
    """The folder of the invariants' SQL."""
    return warehouse.target / "compiled" / "rcm" / "tests" / "invariants"


@pytest.fixture
def mutant(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, writable: what a test changes is undone after it."""
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        load_delta(connection)
        connection.begin()
        yield connection
        connection.rollback()


def test_each_invariant_has_its_mutation() -> None:
    assert {path.stem for path in INVARIANTS.glob("*.sql")} == set(MUTATIONS)


@pytest.mark.parametrize("invariant", MUTATIONS)
def test_an_invariant_fails_when_its_defect_is_planted(
    mutant: duckdb.DuckDBPyConnection, compiled: Path, invariant: str
) -> None:
    sql = (compiled / f"{invariant}.sql").read_text()
    assert mutant.execute(sql).fetchone() is None, "the invariant holds before"
    mutant.execute(MUTATIONS[invariant])
    assert mutant.execute(sql).fetchone() is not None
