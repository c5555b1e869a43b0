"""Every KPI's contract is complete: an incomplete one fails here, before an undefined number is published."""

import re
from collections import Counter

import pytest

from docs.generate_tables import CONTRACT_KEYS, ROOT, KpiContract, kpi_contracts

CONTRACTS = kpi_contracts()
MAY_BE_NULL = {"denominator", "needs", "target", "benchmark", "map_key", "map_difference"}
OPTIONAL_KEYS = {
    "feed",
    "headline_order",
    "if_empty",
    "page",
    "rolls_up",
    "share_of_whole",
    "split_by",
    "unknown_reason",
    "window",
}
COMPUTABILITIES = {"exact", "proxy", "needs"}
UNITS = {"$", "%", "days", "count", "weight"}
OPTIONAL_FEEDS = {"adjustments", "claims", "codes"}
# HFMA's MAP Keys for hospitals, but PA-1 (how full schedules are) and FM-7 (cost to collect by functional area).
MAP_KEYS = {
    *(f"PA-{number}" for number in range(2, 8)),
    *(f"PB-{number}" for number in range(1, 5)),
    *(f"CL-{number}" for number in range(1, 3)),
    *(f"AR-{number}" for number in range(1, 10)),
    *(f"FM-{number}" for number in range(1, 7)),
}

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
    sql = [str(contract.said.get(key) or "") for key in ("numerator", "denominator", "split_by", "unknown_reason")]
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
    assert (contract.said["needs"] is not None) == (needs or "feed" in contract.said)
    assert contract.has_model or needs
    # It is not known where the sources lack the columns, and which feed brings them is said.
    assert "feed" in contract.said or not (contract.has_model and needs)


@each_contract
def test_what_has_a_window_says_why_it_may_have_no_value(contract: KpiContract) -> None:
    assert ("if_empty" in contract.said) == (contract.said.get("window") is not None)


@each_contract
def test_contract_names_the_map_key_it_equals_or_how_it_differs(contract: KpiContract) -> None:
    key, difference = contract.said["map_key"], contract.said["map_difference"]
    assert key in MAP_KEYS | {None}
    assert difference is None or key is not None
    if key is not None and contract.said["computability"] == "proxy":
        assert difference is not None, "a proxy is not the key"
    if contract.said["benchmark"] is not None:
        assert difference is None, "the benchmark is of another definition"


def test_every_map_key_has_a_contract_and_one_at_most_that_equals_it() -> None:
    said = [contract.said for contract in CONTRACTS if contract.said["map_key"] is not None]
    assert {contract["map_key"] for contract in said} == MAP_KEYS
    equal = Counter(contract["map_key"] for contract in said if contract["map_difference"] is None)
    assert [key for key, count in equal.items() if count > 1] == []


def test_net_measures_have_no_target_of_gross_ones() -> None:
    targets = {contract.said["name"]: contract.said["target"] for contract in CONTRACTS}
    assert targets["gross_days_in_ar"] == "<= 45"
    assert targets["net_days_in_ar"] is None


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
