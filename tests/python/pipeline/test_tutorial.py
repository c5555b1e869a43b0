"""The public two-hospital tutorial set, as CSV files: incoherent on purpose, so a test of format and accounting."""

import os
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.python.lakehouses import PROJECT, Warehouse

# Not part of this repository (it carries no licence): beside it, or where RCM_TUTORIAL_DATA says.
DATA = Path(os.environ.get("RCM_TUTORIAL_DATA", PROJECT.parent / "shared" / "data" / "tutorial"))

pytestmark = pytest.mark.skipif(not (DATA / "emr").is_dir(), reason="tutorial data set not present")


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The set landed, loaded and built."""
    warehouse = Warehouse(tmp_path_factory.mktemp("tutorial"), {"RCM_BRONZE": "examples/tutorial"})
    for folder in ("emr", "claims"):
        shutil.copytree(DATA / folder, warehouse.lakehouse / "landing" / folder, copy_function=shutil.copyfile)
    warehouse.run("rcm", "run", tests=True)
    return warehouse


def test_charges_and_payments_are_exact(tutorial: Warehouse) -> None:
    assert tutorial.query(
        """
        select hospital_code, count(*), sum(charge_amount), sum(paid_amount)
        from gold.fct_transactions inner join gold.dim_hospital using (hospital_key) group by all order by all
        """
    ) == [
        ("tutorial_a", 10_000, Decimal("5291605.16"), Decimal("4104146.63")),
        ("tutorial_b", 10_000, Decimal("5198816.89"), Decimal("4092367.47")),
    ]


def test_claims_are_exact(tutorial: Warehouse) -> None:
    assert tutorial.query(
        """
        select hospital_code, count(*), sum(claim_amount)
        from gold.fct_claims inner join gold.dim_hospital using (hospital_key) group by all order by all
        """
    ) == [
        ("tutorial_a", 10_000, Decimal("25380560.79")),
        ("tutorial_b", 10_000, Decimal("25274640.67")),
    ]


def test_the_ledger_holds_what_is_charged_less_what_is_paid(tutorial: Warehouse) -> None:
    assert tutorial.query("select sum(ar_delta_amount) from gold.fct_ar_events") == [(Decimal("2293907.95"),)]


def test_every_row_is_accounted_for(tutorial: Warehouse) -> None:
    assert tutorial.query(
        """
        select entity, sum(bronze_rows)::int, sum(current_rows)::int, sum(quarantined_rows)::int
        from silver.dq_batch_reconciliation group by all order by all
        """
    ) == [
        ("claims", 20_000, 20_000, 0),
        ("departments", 40, 40, 0),
        ("encounters", 20_000, 20_000, 0),
        ("patients", 10_000, 9_985, 15),
        ("providers", 55, 55, 0),
        ("transactions", 20_000, 20_000, 0),
    ]


def test_patients_named_null_are_quarantined_for_that_reason(tutorial: Warehouse) -> None:
    assert tutorial.query(
        "select source_system, entity, failed_rules, status, count(*) from silver.quarantine group by all"
    ) == [("tutorial_b", "patients", "first_name_missing", "open", 15)]
    # Their 36 charge lines are billed all the same, to the unknown patient.
    assert tutorial.query("select count(*) from gold.fct_transactions where patient_version_key = '-1'") == [(36,)]


def test_transactions_know_providers_of_their_own_hospital_only(tutorial: Warehouse) -> None:
    assert tutorial.query(
        """
        select hospital_code, provider_hospital_code, count(*)
        from gold.fct_transactions
        inner join gold.dim_hospital using (hospital_key)
        inner join (
            select provider_version_key, hospital_code as provider_hospital_code
            from gold.dim_provider inner join gold.dim_hospital using (hospital_key)
        ) using (provider_version_key)
        group by all order by all
        """
    ) == [
        ("tutorial_a", "Unknown", 9_541),
        ("tutorial_a", "tutorial_a", 459),
        ("tutorial_b", "Unknown", 9_429),
        ("tutorial_b", "tutorial_b", 571),
    ]


def test_no_npi_changed_in_a_digit(tutorial: Warehouse) -> None:
    source = duckdb.sql(f"select NPI from read_csv('{DATA}/emr/*/providers.csv', all_varchar = true)").fetchall()
    kept = tutorial.query("select npi from gold.dim_provider where npi ~ '^[0-9]+$'")
    assert sorted(kept) == sorted(source)
    assert tutorial.query("select count(*) from gold.dim_provider where is_npi_valid and npi ~ '^[0-9]+$'") == [(1,)]


def test_dates_that_cannot_be_are_counted_not_lost(tutorial: Warehouse) -> None:
    assert tutorial.query(
        """
        select source_system, rule_name, sum(rows_failed)::int from silver.dq_rule_results
        where entity = 'transactions' and rule_name in ('paid_before_service', 'paid_above_charge')
        group by all order by all
        """
    ) == [
        ("tutorial_a", "paid_above_charge", 3_708),
        ("tutorial_a", "paid_before_service", 4_940),
        ("tutorial_b", "paid_above_charge", 3_826),
        ("tutorial_b", "paid_before_service", 5_019),
    ]


def test_the_same_run_again_changes_nothing(tutorial: Warehouse) -> None:
    before = tutorial.content()
    tutorial.run("rcm", "run")
    assert tutorial.content() == before
