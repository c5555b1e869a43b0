"""Two simulated hospitals through the whole pipeline, day after day, against the simulator's answer key."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.python.pipeline.conftest import DAYS, SIMULATE, SimulatedDays, Warehouse

OUTCOMES = ("exact_duplicates", "rejected", "quarantined", "superseded", "current_valid")


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest) -> int:
    """The demonstration and so many days more, each loaded and built on its own."""
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def warehouse(day: int, simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The lakehouse after that day."""
    return simulated_days.copy(day, tmp_path_factory.mktemp("lakehouse"))


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


def test_the_demonstration_shows_the_headline_kpis(simulated_days: SimulatedDays, day: int) -> None:
    assert "Gross days in A/R" in simulated_days.printed(day)


@pytest.mark.parametrize("day", [DAYS[0], DAYS[-1]], indirect=True)
def test_median_payment_lags_are_the_planted_ones(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    """Of the claims gold knows: those quarantined or still on their way move a median by a day at most."""
    medians = warehouse.query(
        """
        select hospital_code, payer_name, median(bill_to_decision_days)
        from gold.fct_claims
        inner join gold.dim_hospital using (hospital_key)
        inner join gold.dim_payer using (payer_key)
        group by all
        """
    )
    found = {(hospital, payer): float(str(median)) for hospital, payer, median in medians if median is not None}
    lags = {(system, payer): counts["median_payment_lag_days"] for system, payer, counts in by_system(answer["payers"])}
    assert {key: found[key] for key in lags} == pytest.approx(lags, abs=1)


def test_running_again_changes_nothing(warehouse: Warehouse, day: int) -> None:
    before = warehouse.content()
    assert "gold.fct_ar_events" in before
    printed = warehouse.run("rcm", "demo", *SIMULATE)
    assert "othing" in printed, f"day {day}: a second run should say that nothing is new"
    warehouse.run("dbt", "build", "--select", "silver+")
    assert warehouse.content() == before
