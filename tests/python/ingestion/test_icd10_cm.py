"""The ICD-10-CM table that comes with the installation."""

import re
import subprocess
import sys
from datetime import date
from importlib.metadata import distribution
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion.base.errors import SourceUnavailableError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.control_table import load_systems
from ingestion.sources.icd import installed
from ingestion.sources.icd.releases import fiscal_year_end

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def table() -> TableSpec:
    systems = load_systems(PROJECT, Path("models/bronze"))
    return next(table for system in systems for table in system.tables if table.name == "diagnoses")


@pytest.fixture(scope="module")
def landed(table: TableSpec) -> tuple[pa.Table, Extraction]:
    with installed.extract(table) as extraction:
        return pa.Table.from_batches(extraction.batches, schema=source_schema(table)), extraction


def test_categories_and_codes_carry_what_is_above_them(landed: tuple[pa.Table, Extraction]) -> None:
    rows = {row["code"]: row for row in landed[0].to_pylist()}
    shared = {
        "class_kind": "category",
        "chapter": "4 Endocrine, nutritional and metabolic diseases (E00-E89)",
        "block": "E08-E13 Diabetes mellitus (E08-E13)",
        "release": installed.release(),
        "valid_from": date.fromisoformat(installed.release()),
        "valid_to": fiscal_year_end(date.fromisoformat(installed.release())),
    }
    assert rows["E11"] == shared | {
        "code": "E11",
        "title": "Type 2 diabetes mellitus",
        "parent_code": "E08-E13",
        "is_leaf": False,
    }
    assert rows["E11.9"] == shared | {
        "code": "E11.9",
        "title": "Type 2 diabetes mellitus without complications",
        "parent_code": "E11",
        "is_leaf": True,
    }


def test_codes_of_seven_characters_are_the_ones_to_bill(landed: tuple[pa.Table, Extraction]) -> None:
    rows = {row["code"]: row["is_leaf"] for row in landed[0].to_pylist()}
    assert rows["S02.0XXA"]
    assert not rows["S02.0"]


def test_the_whole_table_lands_once(landed: tuple[pa.Table, Extraction]) -> None:
    rows, extraction = landed
    assert 90_000 < rows.num_rows == pc.count_distinct(rows.column("code")).as_py()
    assert 70_000 < pc.sum(rows.column("is_leaf")).as_py() < 80_000
    assert all(rows.column(name).null_count == 0 for name in rows.column_names)
    assert (extraction.load_type, extraction.drop_known) == ("incremental", True)


def test_every_parent_is_a_code_or_a_block_and_none_its_own(landed: tuple[pa.Table, Extraction]) -> None:
    rows = landed[0].to_pylist()
    codes, blocks = {row["code"] for row in rows}, {row["block"].split(" ")[0] for row in rows}
    assert all(row["parent_code"] in codes or row["parent_code"] in blocks for row in rows)
    assert not [row for row in rows if row["parent_code"] == row["code"]]


def test_the_release_is_the_watermark(landed: tuple[pa.Table, Extraction]) -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", installed.release())
    assert landed[1].watermark_high == installed.release()


def test_asking_for_the_release_does_not_read_the_table() -> None:
    program = (
        "import sys; from ingestion.sources.icd import installed; installed.release(); "
        "assert 'simple_icd_10_cm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True, timeout=60)


def test_a_package_that_holds_no_known_table_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its class is not always the standard library's: other packages bring finders of their own.
    monkeypatch.setattr(type(distribution(installed.PACKAGE)), "files", ())
    with pytest.raises(SourceUnavailableError, match=r"has no known table; install 1\.5"):
        installed.release()


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "PACKAGE", "simple-icd-10-cm-that-is-not-there")
    with pytest.raises(SourceUnavailableError, match="is not installed"):
        installed.release()
