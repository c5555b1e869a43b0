"""Releases of ICD-10-CM from CMS's order files, beside the one that is installed."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from ingestion.base.errors import UnreadableFileError
from ingestion.base.storage import Location
from ingestion.sources.control_table import load_systems
from ingestion.sources.icd import releases
from ingestion.sources.icd.releases import fiscal_year_end
from ingestion.sources.landing import waiting_files
from tests.python.ingestion.conftest import Project, source

COLUMNS = ("code", "title", "class_kind", "chapter", "block", "parent_code", "is_leaf", "release")
CODES: dict[str, Any] = {
    "name": "diagnoses",
    "config": {
        "meta": {
            "load": {
                "extractor": "icd10_cm",
                "mode": "incremental",
                "key": ["code", "release"],
                "releases": "icd10cm/*.txt",
            }
        }
    },
    "columns": [
        *({"name": name, "data_type": "boolean" if name == "is_leaf" else "string"} for name in COLUMNS),
        {"name": "valid_from", "data_type": "date"},
        {"name": "valid_to", "data_type": "date"},
    ],
}


def order_file(*codes: tuple[str, str, str]) -> str:
    """Codes without dots, their flags and titles, as CMS writes them."""
    lines = (f"{at:05d} {code:7} {flag} {title[:60]:60} {title}\n" for at, (code, flag, title) in enumerate(codes, 1))
    return "".join(lines)


FY2023 = order_file(("G20", "1", "Parkinson's disease"), ("E11", "0", "Type 2 diabetes"), ("E119", "1", "Type 2, none"))
FY2024 = order_file(("G20", "0", "Parkinson's disease"), ("G20A1", "1", "Parkinson's disease without dyskinesia"))


@pytest.fixture
def codes(project: Project) -> Project:
    project.declare([source("icd", "api", "TEST_ICD_URL", "", [CODES])])
    return project


def extracted(codes: Project) -> list[dict[str, Any]]:
    """Rows of the only order file that waits."""
    settings = codes.settings()
    ((table,),) = (system.tables for system in load_systems(settings.project_dir, settings.bronze_dir))
    [file] = waiting_files(Location(str(codes.landing)), "icd10cm/*.txt")
    with releases.extract(table, file) as extraction:
        return list(pa.Table.from_batches(extraction.batches).to_pylist())


def test_every_file_is_a_release_of_its_own_beside_the_installed_one(codes: Project) -> None:
    codes.drop("icd10cm/icd10cm_order_2024.txt", FY2024)
    codes.drop("icd10cm/icd10cm-order-2023.txt", FY2023)
    codes.drop("icd10cm/codes.txt", FY2023 + FY2024)
    results = codes.ingest().results
    assert sorted(result.status for result in results) == ["committed", "committed", "committed", "failed"]
    assert [result.status for result in codes.ingest().results] == ["failed", "unchanged"]

    rows = codes.bronze("icd.diagnoses", ["code", "is_leaf", "valid_from", "valid_to", "_load_type"])
    fy2024, fy2023 = (date(2023, 10, 1), date(2024, 9, 30)), (date(2022, 10, 1), date(2023, 9, 30))
    assert sorted(tuple(row.values()) for row in rows if row["valid_from"] < date(2026, 1, 1)) == sorted(
        [
            ("G20", False, *fy2024, "incremental"),
            ("G20.A1", True, *fy2024, "incremental"),
            ("G20", True, *fy2023, "incremental"),
            ("E11", False, *fy2023, "incremental"),
            ("E11.9", True, *fy2023, "incremental"),
        ]
    )
    assert len(rows) > 90_000


def test_an_update_within_a_fiscal_year_begins_on_its_day(codes: Project) -> None:
    codes.drop("icd10cm/icd10cm-order-April-2025.txt", FY2024)
    row, _ = extracted(codes)
    assert (row["release"], row["valid_from"], row["valid_to"]) == ("2025-04-01", date(2025, 4, 1), date(2025, 9, 30))


def test_titles_in_an_older_encoding_are_read(codes: Project) -> None:
    codes.drop("icd10cm/icd10cm_order_2024.txt", order_file(("H8109", "1", "M\u00e9ni\u00e8re")).encode("latin-1"))
    assert [row["title"] for row in extracted(codes)] == ["M\u00e9ni\u00e8re"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("codes_2024.txt", FY2024, r"codes_2024\.txt: does not say which release it is"),
        ("icd10cm-order-Brumaire-2024.txt", FY2024, "does not say which release it is"),
        ("icd10cm_order_2024.txt", FY2024 + "G20,Parkinson\n", "line 3 is no line of CMS's order file"),
        ("icd10cm_order_2024.txt", "", "is no line of CMS's order file"),
    ],
)
def test_a_file_that_is_no_release_is_named(codes: Project, name: str, content: str, message: str) -> None:
    codes.drop(f"icd10cm/{name}", content)
    with pytest.raises(UnreadableFileError, match=message):
        extracted(codes)


def test_the_fiscal_year_begins_in_october() -> None:
    assert fiscal_year_end(date(2023, 9, 30)) == date(2023, 9, 30)
    assert fiscal_year_end(date(2023, 10, 1)) == date(2024, 9, 30)
