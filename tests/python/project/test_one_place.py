"""Event types, aging buckets and the windows of KPIs are defined in gold; who reads gold has no copy of them."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
READERS = ("ingestion", "rcm")
VARS = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
DAYS = VARS["aging_buckets"]

TYPES = "|".join(row["type"] for row in VARS["event_types"])
BUCKETS = [*(rf"\b{low + 1}-{high}\b" for low, high in pairwise(DAYS)), rf">{DAYS[-1]}\b"]

# What each definition looks like where it is copied.
DEFINITIONS = {
    "event type": re.compile(rf"""['"](?:{TYPES})['"]"""),
    "aging bucket": re.compile("|".join(BUCKETS)),
    "window of a KPI": re.compile(r"interval\s+'?(?:11|15|119|120)'?\s+(?:month|day)|twelve_months_start|mature_coh"),
}


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("folder", READERS)
def test_readers_of_gold_have_no_copy_of_a_definition(folder: str, definition: str) -> None:
    pattern = DEFINITIONS[definition]
    copies = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".sql"}
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert copies == []


def test_a_copy_would_be_found() -> None:
    assert DEFINITIONS["event type"].search("where money_type = 'CHARGE'")
    assert DEFINITIONS["aging bucket"].search("when age_days <= 60 then '31-60'")
    assert DEFINITIONS["aging bucket"].search("else '>180'")
    assert DEFINITIONS["window of a KPI"].search("months.month_start_date - interval '11' month")
