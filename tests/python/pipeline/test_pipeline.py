"""Two simulated hospitals through the whole pipeline, day after day, against the simulator's answer key."""

import json
from typing import Any

import pytest

from tests.python.lakehouses import DAYS, SIMULATE, SimulatedDays, Warehouse
from tests.python.pipeline import answers


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


def test_every_planted_defect_is_found_and_nothing_else(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, planted = answers.defects(warehouse, answer)
    assert found == planted


def test_every_row_is_where_the_answer_key_says(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.rows(warehouse, answer)
    assert found == expected


def test_every_orphan_is_found(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, planted = answers.orphans(warehouse, answer)
    assert found == planted


def test_the_ledger_closes_to_the_cent(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.ledger(warehouse, answer)
    assert found == expected


def test_month_ends_of_the_first_load_do_not_move(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    """What later days correct is posted when it becomes known: months that had ended keep their balance."""
    found, expected = answers.month_ends(warehouse, answer)
    assert found == expected


def test_denial_rates_are_the_planted_ones(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.denial_rates(warehouse, answer)
    assert found == expected


def test_median_lags_are_the_planted_ones(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.median_lags(warehouse, answer)
    assert found == expected


def test_without_the_feed_nothing_is_said_of_what_it_unlocks(warehouse: Warehouse) -> None:
    """No write-offs of zero and no denials without a reason: they are unknown."""
    assert warehouse.query("select denial_reason_key from gold.kpi_denial_reasons") == []
    assert warehouse.query("select write_off_key from gold.kpi_write_offs") == []
    unknown = warehouse.query(
        """
        select distinct kpi_name, kpi_value, unknown_reason from gold.kpi_headline
        inner join gold.kpi_contracts using (kpi_name) where feed = 'adjustments' order by kpi_name
        """
    )
    assert {"net_days_in_ar", "net_collection", "cash_collection", "denial_write_offs", "uncompensated_care"} <= {
        name for name, _, _ in unknown
    }
    assert {row[1:] for row in unknown} == {(None, "needs adjustments")}


def test_the_demonstration_shows_the_headline_kpis(simulated_days: SimulatedDays, day: int) -> None:
    assert "Gross days in A/R" in simulated_days.printed(day)


@pytest.mark.parametrize("day", [DAYS[0], DAYS[-1]], indirect=True)
def test_running_again_changes_nothing(warehouse: Warehouse, day: int) -> None:
    before = warehouse.content()
    assert "gold.fct_ar_events" in before
    printed = warehouse.run("rcm", "demo", *SIMULATE)
    assert "othing" in printed, f"day {day}: a second run should say that nothing is new"
    if day == DAYS[-1]:
        warehouse.run("dbt", "build", "--select", "silver+")
    assert warehouse.content() == before
