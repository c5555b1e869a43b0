"""Two simulated hospitals with an adjustments feed through the whole pipeline, against the simulator's answer key."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from docs.generate_tables import kpi_contracts
from tests.python.lakehouses import SIMULATE, Warehouse
from tests.python.pipeline import answers

# The last day is built from the batches of three days at once.
DAYS = (0, 3)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A lakehouse of its own, which goes from day to day."""
    return Warehouse(tmp_path_factory.mktemp("lakehouse"))


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest, warehouse: Warehouse) -> int:
    """The lakehouse on that day: the sources were asked on every day, built was on the days of DAYS."""
    number: int = request.param
    for between in range(1, number):
        warehouse.run("rcm", "simulate", "--day", str(between))
        warehouse.run("rcm", "ingest")
    warehouse.run("rcm", "simulate", "--remittance", *SIMULATE, "--day", str(number))
    warehouse.run("rcm", "run", tests=True)
    return number


@pytest.fixture
def answer(day: int, warehouse: Warehouse) -> dict[str, Any]:
    """The answer key of that day."""
    key: dict[str, Any] = json.loads((warehouse.lakehouse / "sources" / "answer_key.json").read_text())
    assert (key["parameters"]["day"], key["parameters"]["remittance"]) == (day, True)
    return key


def test_every_planted_defect_is_found_and_nothing_else(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, planted = answers.defects(warehouse, answer)
    assert {rule for entity, _system, rule in planted if entity == "adjustments"} == {
        "key_missing",
        "key_repeated_in_batch",
        "adjustment_type_unknown",
        "adjustment_amount_missing",
        "post_date_out_of_range",
        "transfer_without_target",
        "denial_without_reason",
    }
    assert found == planted


def test_every_row_is_where_the_answer_key_says(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.rows(warehouse, answer)
    assert found == expected


def test_every_orphan_is_found(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, planted = answers.orphans(warehouse, answer)
    assert found == planted


def test_every_bucket_of_the_ledger_holds_what_was_posted(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.ledger(warehouse, answer)
    assert len(expected) == 2 * 13
    assert found == expected


def test_transfers_move_responsibility_and_no_money(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    moved = warehouse.query(
        """
        select hospital_code, sum(ar_delta_amount) filter (where ar_delta_amount > 0), sum(ar_delta_amount)
        from gold.fct_ar_events inner join gold.dim_hospital using (hospital_key)
        where event_type = 'TRANSFER' and known_at < date '2025-01-01'
        group by all
        """
    )
    expected = {(system, Decimal(totals["transfers"]), Decimal(0)) for system, totals in answer["ledger_day_0"].items()}
    assert set(moved) == expected


def test_month_ends_of_the_first_load_do_not_move(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.month_ends(warehouse, answer)
    assert found == expected


def test_denial_rates_are_the_planted_ones(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.denial_rates(warehouse, answer)
    assert found == expected


def test_median_lags_are_the_planted_ones(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found, expected = answers.median_lags(warehouse, answer)
    assert found == expected


def test_denials_have_the_planted_reasons(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found = warehouse.query(
        """
        select hospital_code, payer_name, reason_code, sum(denial_count)::bigint, sum(denied_amount)
        from gold.kpi_denial_reasons
        inner join gold.dim_hospital using (hospital_key)
        inner join gold.dim_payer using (payer_key)
        group by all
        """
    )
    planted = {
        (system, payer, reason or "none given", denials["count"], Decimal(denials["amount"]))
        for system, payer, reasons in answers.by_system(answer["denial_reasons"])
        for reason, denials in reasons.items()
        if denials["count"]
    }
    assert set(found) == planted


def test_every_kpi_that_needs_the_feed_is_computed(warehouse: Warehouse, day: int) -> None:
    needing = [contract for contract in kpi_contracts() if contract.said.get("feed") == "adjustments"]
    assert len(needing) >= 10, "net days, net collection, cash collection, write-offs, uncompensated care ..."
    computed = warehouse.query("select kpi_name from gold.kpi_contracts where is_computed and feed = 'adjustments'")
    assert set(computed) == {(contract.said["name"],) for contract in needing}
    for contract in needing:
        ((amount,),) = warehouse.query(f"select sum({contract.said['numerator']}) from gold.{contract.model} as kpi")
        assert amount, f"day {day}: {contract.said['name']}"


def test_write_offs_are_what_was_given_up(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    found = warehouse.query(
        """
        select
            hospital_code,
            sum(gpsr_amount),
            sum(denial_write_off_amount),
            sum(bad_debt_amount),
            sum(charity_amount)
        from gold.kpi_write_offs inner join gold.dim_hospital using (hospital_key)
        group by all
        """
    )
    given_up = ("ADJ_DENIAL", "ADJ_BAD_DEBT", "ADJ_CHARITY")
    expected = {
        (system, Decimal(totals["charges"]), *(Decimal(totals["adjustments"][name]) for name in given_up))
        for system, totals in answer["ledger"].items()
    }
    assert set(found) == expected


def test_cash_is_not_what_was_adjusted(warehouse: Warehouse, answer: dict[str, Any]) -> None:
    """What is collected is payments less refunds; a contractual adjustment is none."""
    (collected,) = warehouse.query("select sum(payment_amount), sum(charge_amount) from gold.kpi_gross_collection")
    totals = answer["ledger"].values()
    payments = sum(Decimal(one["payments_insurance"]) + Decimal(one["payments_patient"]) for one in totals)
    refunds = sum(Decimal(one["refunds"]) for one in totals)
    assert collected == (payments - refunds, sum(Decimal(one["charges"]) for one in totals))


@pytest.mark.parametrize("day", [DAYS[-1]], indirect=True)
def test_the_feed_built_at_once_equals_the_feed_built_day_by_day(
    warehouse: Warehouse, day: int, tmp_path: Path
) -> None:
    """Corrected, voided and late-keyed adjustments post the same events whenever they are built."""
    assert day == DAYS[-1]
    rebuilt = Warehouse(tmp_path / "rebuilt")
    shutil.copytree(warehouse.lakehouse / "bronze", rebuilt.lakehouse / "bronze")
    rebuilt.run("dbt", "build")
    incremental, at_once = warehouse.content(), rebuilt.content()
    assert {name for name in incremental if incremental[name] != at_once.get(name)} == set()
