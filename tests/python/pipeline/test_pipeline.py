"""Two simulated hospitals through the whole pipeline, day after day, against the simulator's answer key."""

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingestion.duckdb_plugin import load_delta
from tests.python.pipeline.conftest import PROJECT, Warehouse

PATIENTS = "400"
DAYS = (0, 1, 2, 3)
OUTCOMES = ("exact_duplicates", "rejected", "quarantined", "superseded", "current_valid")


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest, warehouse: Warehouse) -> int:
    """The lakehouse after the demonstration and so many days more, each loaded and built on its own."""
    number: int = request.param
    if number:
        warehouse.run("rcm", "simulate", "--patients", PATIENTS, "--day", str(number))
    printed = warehouse.run("rcm", "demo", "--patients", PATIENTS)
    assert "Gross days in A/R" in printed
    return number


@pytest.fixture
def answer(day: int, warehouse: Warehouse) -> dict[str, Any]:
    """The answer key of that day."""
    key: dict[str, Any] = json.loads((warehouse.lakehouse / "sources" / "answer_key.json").read_text())
    assert key["parameters"]["day"] == day
    return key


def by_system(tree: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Flatten {entity: {system: value}}."""
    for entity, systems in tree.items():
        for system, value in systems.items():
            yield entity, system, value


def test_every_planted_defect_is_found_and_nothing_else(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found = warehouse.query(
        """
        select entity, source_system, rule_name, sum(rows_failed)::bigint
        from silver.dq_rule_results group by all having sum(rows_failed) > 0
        """
    )
    planted = {
        (entity, system, rule): count
        for entity, system, rules in by_system(answer["defects"])
        for rule, count in rules.items()
        if count
    }
    assert {(entity, system, rule): count for entity, system, rule, count in found} == planted


def test_every_row_is_where_the_answer_key_says(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    # Claims of both hospitals land in one bronze table: counted by the hospital of the record.
    staged: dict[tuple[str, str], dict[str, int]] = {}
    for entity in answer["rows"]:
        key = {"diagnoses": "diagnosis", "npi": "npi"}.get(entity, entity.removesuffix("s")) + "_key"
        rows = warehouse.query(
            f"""
            select
                staged.source_system,
                count(*),
                count(*) filter (where row_status = 'duplicate'),
                count(*) filter (where row_status = 'rejected'),
                count(*) filter (where row_status = 'quarantined'),
                count(*) filter (where row_status = 'valid' and current_records.{key} is null),
                count(*) filter (where row_status = 'valid' and current_records.{key} is not null)
            from silver.stg_{entity} as staged
            left join silver.cdm_{entity} as current_records
                on staged.{key} = current_records.{key}
                and staged._batch_id = current_records._batch_id
                and staged._row_number = current_records._row_number
            where row_status <> 'deleted'
            group by all
            """
        )
        for system, *counts in rows:
            staged[entity, str(system)] = dict(zip(("bronze", *OUTCOMES), (int(str(c)) for c in counts), strict=True))
    expected = {
        (entity, system): {name: counts[name] for name in ("bronze", *OUTCOMES)}
        for entity, system, counts in by_system(answer["rows"])
    }
    assert staged == expected


def test_every_orphan_is_found(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found = warehouse.query(
        "select entity, source_system, rule_name, rows_failed from silver.dq_references where rows_failed > 0"
    )
    planted = {
        (entity, system, rule): counts["count"]
        for entity, system, rules in by_system(answer["orphans"])
        for rule, counts in rules.items()
        if counts["count"]
    }
    assert {(entity, system, rule): count for entity, system, rule, count in found} == planted


def test_the_ledger_closes_to_the_cent(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    totals = warehouse.query(
        """
        select
            hospital_code,
            sum(ar_delta_amount) filter (where money_type = 'CHARGE'),
            -sum(ar_delta_amount) filter (where money_type = 'PAYMENT_INSURANCE'),
            -sum(ar_delta_amount) filter (where money_type = 'PAYMENT_PATIENT'),
            sum(ar_delta_amount)
        from gold.fct_ar_events inner join gold.dim_hospital using (hospital_key)
        group by all
        """
    )
    expected = {
        system: tuple(Decimal(ledger[name]) for name in ("charges", "payments_insurance", "payments_patient", "ar"))
        for system, ledger in answer["ledger"].items()
    }
    assert {hospital: tuple(amounts) for hospital, *amounts in totals} == expected


def test_month_ends_of_the_first_load_do_not_move(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    """What later days correct is posted when it becomes known: months that had ended keep their balance."""
    balances = warehouse.query(
        """
        select hospital_code, month_end_date::varchar, ar_amount
        from gold.kpi_days_in_ar inner join gold.dim_hospital using (hospital_key)
        where month_end_date < date '2024-12-01'
        """
    )
    expected = {
        (system, month_end): Decimal(amount)
        for system, ledger in answer["ledger_day_0"].items()
        for month_end, amount in ledger["ar_month_end"].items()
        if month_end < "2024-12-01"
    }
    assert {(hospital, month_end): amount for hospital, month_end, amount in balances} == expected


def test_denial_rates_are_the_planted_ones(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    rates = warehouse.query(
        """
        select hospital_code, payer_name, sum(denied_claims)::bigint, sum(adjudicated_claims)::bigint
        from gold.kpi_denial_rate
        inner join gold.dim_hospital using (hospital_key)
        inner join gold.dim_payer using (payer_key)
        group by all
        """
    )
    expected = {
        (system, payer): (counts["denied"], counts["adjudicated"])
        for system, payer, counts in by_system(answer["payers"])
    }
    found = {(hospital, payer): (denied, decided) for hospital, payer, denied, decided in rates}
    assert {key: found[key] for key in expected} == expected


def test_running_again_changes_nothing(warehouse: Warehouse, day: int) -> None:
    before = warehouse.content()
    assert "gold.fct_ar_events" in before
    printed = warehouse.run("rcm", "demo", "--patients", PATIENTS)
    assert "othing" in printed, f"day {day}: a second run should say that nothing is new"
    warehouse.run("dbt", "build", "--select", "silver+")
    assert warehouse.content() == before


@pytest.mark.parametrize("day", [DAYS[-1]], indirect=True)
def test_one_build_of_all_days_equals_a_build_a_day(warehouse: Warehouse, day: int, tmp_path: Path) -> None:
    """Full refresh equals incremental: bronze alone decides what history and gold hold."""
    assert day == DAYS[-1]
    rebuilt = Warehouse(tmp_path / "rebuilt")
    shutil.copytree(warehouse.lakehouse / "bronze", rebuilt.lakehouse / "bronze")
    rebuilt.run("dbt", "build")
    incremental = warehouse.content()
    at_once = rebuilt.content()
    different = {name for name in incremental if incremental[name] != at_once.get(name)}
    # dbt stamps no time of its own into what this project keeps, so that nothing may differ.
    assert different == set()


@pytest.mark.parametrize("day", [DAYS[-1]], indirect=True)
def test_replay_after_compaction_ends_in_the_same_state(warehouse: Warehouse, day: int) -> None:
    """What is in one file or in forty, built at once or day by day, is the same."""
    assert day == DAYS[-1]
    before = warehouse.content()
    compacted = json.loads(warehouse.run("rcm", "maintain", "--json"))
    assert any(table["files_before"] > table["files_after"] for table in compacted)

    warehouse.run("rcm", "replay")

    assert warehouse.content() == before


@pytest.mark.parametrize("day", [DAYS[-1]], indirect=True)
def test_freshness_is_of_the_load_and_not_of_the_rows(warehouse: Warehouse, day: int) -> None:
    """A table in which nothing changed for years is fresh if it was asked today; one that fails grows stale."""
    assert day == DAYS[-1]
    assert "PASS freshness of hospital_a.departments" in warehouse.run("dbt", "source", "freshness")
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        load_delta(connection)
        connection.execute(
            """
            create or replace view audit.load_log as
            select * replace (
                case when "table" = 'departments' then started_at - interval 4 day else started_at end as started_at
            )
            from delta_scan('%s')
            """
            % (warehouse.lakehouse / "audit" / "load_log")
        )
    printed = warehouse.run("dbt", "source", "freshness", expect=1)
    assert "ERROR STALE freshness of hospital_a.departments" in printed
    assert "PASS freshness of hospital_a.patients" in printed


def gold_of(warehouse: Warehouse, hospital: str) -> dict[str, str]:
    """A hash of one hospital's rows in every gold table that has a hospital."""
    tables = warehouse.query(
        "select table_name from information_schema.columns where table_schema = 'gold' and column_name = 'hospital_key'"
    )
    key = f"(select hospital_key from gold.dim_hospital where hospital_code = '{hospital}')"
    hashed = " union all ".join(
        f"select '{name}', count(*) || ':' || sum(hash(t)) from gold.{name} as t where hospital_key = {key}"
        for (name,) in tables
    )
    return {str(name): str(content) for name, content in warehouse.query(hashed)}


@pytest.mark.parametrize("day", [DAYS[-1]], indirect=True)
def test_a_new_hospital_leaves_the_gold_of_the_others_alone(warehouse: Warehouse, day: int, tmp_path: Path) -> None:
    """Invariant 13: no month, no balance and no KPI of hospital A moves when hospital B joins."""
    assert day == DAYS[-1]
    systems = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["systems"]
    del systems["models/bronze"]["hospital_b"]
    growing = Warehouse(tmp_path / "growing")
    shutil.copytree(warehouse.lakehouse / "bronze", growing.lakehouse / "bronze")
    growing.run("dbt", "build", "--vars", json.dumps({"systems": systems}))
    alone = gold_of(growing, "hospital_a")
    growing.run("dbt", "build")
    assert gold_of(growing, "hospital_b")["fct_ar_events"].split(":")[0] != "0"
    assert gold_of(growing, "hospital_a") == alone


# One defect per invariant, planted straight into the warehouse: a test that cannot fail proves nothing.
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
        "update gold.fct_ar_snapshot_monthly set balance_amount = balance_amount + 0.01"
        " where ar_snapshot_key = (select min(ar_snapshot_key) from gold.fct_ar_snapshot_monthly)"
    ),
    "assert_payer_groups_sum_to_the_hospital": (
        "delete from gold.kpi_payer_mix where payer_group = 'Medicare' and month_key = 202401"
    ),
    "assert_facts_hold_silver_once": "insert into gold.fct_claims from gold.fct_claims limit 1",
    "assert_history_agrees_with_staging": "delete from history.patients_history where version_number = 1",
    "assert_staged_rows_follow_their_declarations": "update silver.stg_claims set _declaration_hash = 'older'",
    "assert_history_has_one_unbroken_line_per_record": (
        "update history.departments_history set dbt_valid_to = timestamp '2024-06-01' where department_id = 'DEPT001'"
    ),
    "assert_facts_name_every_known_dimension": "update gold.fct_encounters set provider_version_key = '-1'",
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
    "assert_ledger_events_never_fall_outside_known_time": (
        "update gold.fct_ar_events set post_date = date '2024-01-01' where event_type = 'REVERSAL'"
    ),
}


@pytest.mark.parametrize("day", [DAYS[-1]], indirect=True)
def test_every_invariant_fails_when_its_defect_is_planted(warehouse: Warehouse, day: int, tmp_path: Path) -> None:
    assert day == DAYS[-1]
    names = {path.stem for path in (PROJECT / "tests" / "invariants").glob("*.sql")}
    assert names == set(MUTATIONS), "each invariant has its mutation here"
    mutant = Warehouse(tmp_path / "mutant")
    shutil.copytree(warehouse.lakehouse, mutant.lakehouse, ignore=shutil.ignore_patterns("target", "logs"))
    with duckdb.connect(str(mutant.lakehouse / "warehouse.duckdb")) as connection:
        for mutation in MUTATIONS.values():
            connection.execute(mutation)
    mutant.run("dbt", "test", "--select", "path:tests/invariants", expect=1)
    results = json.loads((mutant.target / "run_results.json").read_text())["results"]
    failed = {result["unique_id"].split(".")[2] for result in results if result["status"] in ("fail", "warn")}
    assert failed == names
