"""Every KPI's contract is complete: an incomplete one fails here, before an undefined number is published."""

import re
from collections import Counter

import pytest

from docs.generate_tables import CONTRACT_KEYS, ROOT, KpiContract, kpi_contracts

CONTRACTS = kpi_contracts()
MAY_BE_NULL = {"denominator", "needs", "target", "benchmark"}
OPTIONAL_KEYS = {"feed", "headline_order", "page", "rolls_up", "split_by", "window"}
COMPUTABILITIES = {"exact", "proxy", "needs"}
UNITS = {"$", "%", "days", "count", "weight"}
OPTIONAL_FEEDS = {"adjustments"}

each_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.said["name"])


def test_names_and_labels_are_unique() -> None:
    for key in ("name", "label"):
        counts = Counter(contract.said[key] for contract in CONTRACTS)
        assert [said for said, count in counts.items() if count > 1] == []


@each_contract
def test_contract_has_every_key_and_no_other(contract: KpiContract) -> None:
    may_be_null = MAY_BE_NULL if contract.has_model else MAY_BE_NULL | {"numerator"}
    assert set(CONTRACT_KEYS) <= set(contract.said) <= set(CONTRACT_KEYS) | OPTIONAL_KEYS
    assert {key for key, said in contract.said.items() if said is None} <= may_be_null | {"window"}
    assert [key for key, said in contract.said.items() if said is not None and not str(said).strip()] == []


@each_contract
def test_contract_speaks_of_columns_its_model_has(contract: KpiContract) -> None:
    sql = [str(contract.said.get(key) or "") for key in ("numerator", "denominator", "split_by")]
    assert {column for text in sql for column in re.findall(r"\bkpi\.(\w+)", text)} <= contract.columns
    if contract.has_model:
        assert "kpi." in sql[0], "the numerator names no column of the model"


@each_contract
def test_ratio_has_a_denominator_and_an_amount_has_none(contract: KpiContract) -> None:
    if contract.has_model:
        is_ratio = contract.said["unit"] in {"%", "days"} and contract.said.get("rolls_up", True)
        assert (contract.said["denominator"] is not None) == is_ratio


@each_contract
def test_what_does_not_roll_up_is_on_no_headline_and_says_so(contract: KpiContract) -> None:
    if not contract.said.get("rolls_up", True):
        assert "headline_order" not in contract.said
        assert contract.said["window"] is None
        assert "does not roll up" in str(contract.said["formula"])


@each_contract
def test_unit_and_computability_are_known(contract: KpiContract) -> None:
    assert contract.said["unit"] in UNITS
    assert contract.said["computability"] in COMPUTABILITIES
    assert contract.said.get("feed", "adjustments") in OPTIONAL_FEEDS


@each_contract
def test_what_is_missing_is_named_where_something_is(contract: KpiContract) -> None:
    needs = contract.said["computability"] == "needs"
    assert (contract.said["needs"] is not None) == needs
    assert contract.has_model or needs
    # Its model is empty where the sources lack the columns, and which feed brings them is said.
    assert "feed" in contract.said or not (contract.has_model and needs)


@each_contract
def test_benchmark_names_its_source_and_year(contract: KpiContract) -> None:
    benchmark = contract.said["benchmark"]
    assert benchmark is None or re.search(r"\([A-Z][^()]* (19|20)\d{2}\)$", str(benchmark)), benchmark


def test_domain_rows_that_need_columns_are_published() -> None:
    needing = {contract.said["name"] for contract in CONTRACTS if contract.said["computability"] == "needs"}
    assert {"clean_claim_rate", "case_mix_index", "no_show_rate", "cost_to_collect"} <= needing


@each_contract
def test_window_is_one_of_the_named_ones(contract: KpiContract) -> None:
    """A KPI with a model names its window, null where it has no value over one; the headline page needs a value."""
    windows = set(re.findall(r"^        '(\w+)': \[", (ROOT / "macros/gold/kpi_windows.sql").read_text(), re.MULTILINE))
    assert len(windows) > 3
    assert ("window" in contract.said) == contract.has_model
    assert contract.said.get("window") in windows | {None}
    assert "headline_order" not in contract.said or contract.said["window"] is not None


def test_places_on_the_headline_page_are_taken_once() -> None:
    places = [contract.said["headline_order"] for contract in CONTRACTS if "headline_order" in contract.said]
    assert len(places) == len(set(places)) > 10


@each_contract
def test_model_has_one_month_by_which_its_rows_fall(contract: KpiContract) -> None:
    if contract.has_model:
        assert len([column for column in contract.columns if column.endswith("month_key")]) == 1
