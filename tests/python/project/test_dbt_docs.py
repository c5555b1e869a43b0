"""What dbt knows of the models, and the lineage of their columns, as an analyst finds it in a real browser."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from docs.column_lineage import Edge, write
from docs.generate_tables import NUMERIC, dictionary_entries, unit
from tests.python.lakehouses import SimulatedDays
from tests.python.project.tabs import closed_in_itself

# Columns of gold that are computed from no other column: counts of rows, constants of a contract, the calendar.
FROM_NO_COLUMN = {
    # Said by the control table, or decided by what is loaded.
    "dim_hospital.time_zone",
    "rpt_missing_hospitals.hospital_code",
    "rpt_missing_hospitals.hospital_name",
    "dim_diagnosis.validity",
    "fct_encounters.transaction_count",
    "kpi_ar_aging.account_count",
    "kpi_charge_lag.entered_lines_count",
    "kpi_claim_lag.billed_claims",
    "kpi_denial_reasons.denial_count",
    "kpi_feeds.feed",
    "kpi_initial_denials.decided_claims",
    "kpi_patient_share.allowed_claims",
    "kpi_payer_turnaround.billed_claims",
    "kpi_underpayment.compared_claims",
    "fct_ar_balance_changes.basis",
    "fct_ar_rollforward_lines.basis",
    "fct_ar_rollforward_lines.event_class",
    "fct_ar_rollforward_lines.report_line",
    "fct_ar_rollforward_lines.line_label",
    "fct_ar_rollforward_lines.sort_order",
    "kpi_measures.kpi_name",
    "kpi_windows.kpi_window",
    "rpt_billing_gaps.charge_lines",
    "rpt_billing_gaps.claims",
    "rpt_cash_forecast.cash_kind",
    "rpt_duplicate_billing.suspect_kind",
    "rpt_duplicate_billing.times_billed",
    "rpt_payer_scorecard.billed_claims",
    "rpt_volumes.charge_lines",
    "rpt_volumes.claims",
    "rpt_volumes.departments",
    "rpt_volumes.encounters",
    "rpt_volumes.patients",
    "rpt_volumes.providers",
}
MADE_OF_CONSTANTS = {"dim_aging_bucket", "dim_date", "dim_event_type", "kpi_contracts"}


@pytest.fixture(scope="module")
def target(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's documentation of a built warehouse: one file, with the manifest and catalog it is made from."""
    warehouse = simulated_days.copy(0, tmp_path_factory.mktemp("documented") / "lakehouse")
    folder = tmp_path_factory.mktemp("target")
    warehouse.run("dbt", "docs", "generate", "--static", "--quiet", "--target-path", str(folder))
    return folder


@pytest.fixture(scope="module")
def manifest(target: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return content


@pytest.fixture(scope="module")
def lineage(target: Path) -> tuple[Path, list[Edge]]:
    page = target / "lineage/index.html"
    return page, write(target, page)


def models(manifest: Mapping[str, Any], layer: str) -> list[Mapping[str, Any]]:
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["path"].startswith(f"{layer}/")
    ]


def test_an_analyst_finds_a_gold_model_and_reads_what_a_column_means(target: Path, browser: Browser) -> None:
    with closed_in_itself(browser) as page:
        page.goto((target / "static_index.html").as_uri())
        page.get_by_text("The models of rcm-lakehouse").wait_for()
        page.get_by_placeholder("Search for models").press_sequentially("kpi_days_in_ar")
        page.locator("h4").filter(has_text=re.compile(r"^\s*kpi_days_in_ar\b")).click()

        page.get_by_text("Accounts receivable in days of average revenue.").first.wait_for()
        page.get_by_text("Revenue-cycle finance").first.wait_for()
        page.locator("tr", has_text="gross_days_in_ar").first.click()
        page.get_by_text("Gross days in accounts receivable, days.").last.wait_for()


def test_the_first_page_says_where_to_look_and_leads_back(target: Path, browser: Browser) -> None:
    with closed_in_itself(browser) as page:
        page.goto((target / "static_index.html").as_uri())
        for name, leads_to in (("the documentation", "../index.html"), ("lineage of every", "../lineage/index.html")):
            link = page.get_by_role("link", name=name)
            link.first.wait_for()
            assert link.first.get_attribute("href") == leads_to


def test_gold_is_public_and_answered_for_and_nothing_else_is(manifest: dict[str, Any]) -> None:
    assert {(model["access"], model["group"]) for model in models(manifest, "gold")} == {("public", "finance")}
    silver = models(manifest, "silver")
    assert {model["access"] for model in silver} == {"protected"}
    assert {model["group"] for model in silver} == {"data_engineering", "data_stewardship", "privacy"}
    assert all(group["owner"]["name"] for group in manifest["groups"].values())


def test_the_kpi_dictionary_is_an_exposure_of_public_models(manifest: dict[str, Any]) -> None:
    exposure = manifest["exposures"]["exposure.rcm.kpi_dictionary"]
    assert exposure["owner"]["name"]
    assert {manifest["nodes"][node]["access"] for node in exposure["depends_on"]["nodes"]} == {"public"}


# A year, a rank, a place in an order: numbers that count nothing.
WITHOUT_UNIT = ("_key", "_year", "_number", "_version", "_order", "_sign")
UNIT_OF_THE_ROW = {
    f"{model}.{column}"
    for model in ("kpi_headline", "kpi_measures", "kpi_values")
    for column in ("numerator", "denominator", "kpi_value")
}
SIGN = ("positive", "negative", "signed", "credit", "debits less credits", "else 0", "zero")


def test_every_number_that_others_read_says_its_unit_and_every_amount_its_sign() -> None:
    unclear = []
    for table, column, meaning in dictionary_entries():
        name, said = f"{table.split('.')[1]}.{column['name']}", meaning.lower()
        if not column["data_type"].startswith(NUMERIC) or name in UNIT_OF_THE_ROW:
            continue
        if column["name"].startswith("calendar_") or column["name"].endswith(WITHOUT_UNIT):
            continue
        words = {"USD": "usd", "percent": "percent", "days": "day", "months": "month", "fraction": "fraction"}
        if not unit(column):
            unclear.append(f"{name}: no unit")
        elif words.get(unit(column), "") not in said:
            unclear.append(f"{name}: {unit(column)} is not in its description")
        elif unit(column) == "USD" and not any(word in said for word in SIGN):
            unclear.append(f"{name}: no sign in its description")
    assert unclear == []


def test_every_column_of_gold_leads_back_to_a_source(
    manifest: dict[str, Any], lineage: tuple[Path, list[Edge]]
) -> None:
    _, edges = lineage
    computed = {(edge.target, edge.target_column) for edge in edges}
    from_nowhere = {
        f"{model['name']}.{column}"
        for model in models(manifest, "gold")
        if model["name"] not in MADE_OF_CONSTANTS
        for column in model["columns"]
        if (model["unique_id"], column) not in computed
    }
    assert from_nowhere == FROM_NO_COLUMN


def test_days_in_ar_are_traced_to_what_the_hospitals_charged_and_were_paid(lineage: tuple[Path, list[Edge]]) -> None:
    parents: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for edge in lineage[1]:
        parents.setdefault((edge.target, edge.target_column), set()).add((edge.source, edge.source_column))
    reached: set[tuple[str, str]] = set()
    waiting = {("model.rcm.kpi_days_in_ar", "gross_days_in_ar")}
    while waiting:
        here = waiting.pop()
        reached.add(here)
        waiting |= parents.get(here, set()) - reached
    for hospital in ("hospital_a", "hospital_b"):
        for column in ("amount", "paidamount"):
            assert (f"source.rcm.{hospital}.transactions", column) in reached


def test_the_lineage_page_shows_a_column_and_asks_nobody(lineage: tuple[Path, list[Edge]], browser: Browser) -> None:
    page_file, _ = lineage
    with closed_in_itself(browser) as page:
        page.goto(f"{page_file.as_uri()}?model=model.rcm.kpi_days_in_ar")
        page.get_by_text("gross_days_in_ar").first.wait_for()
        # The sign by which the page says that it could not read a model's SQL.
        assert page.locator("svg[class*=triangle]").count() == 0
        back = page.get_by_role("link", name="Documentation")
        back.click(trial=True)
        assert back.get_attribute("href") == "../index.html"
