"""Exports of KPI tables: small cells, refusals, atomic files."""

import csv
import stat
from pathlib import Path

import duckdb
import pytest
import yaml

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.settings import Settings, read_settings
from rcm.finance.export import Exported, export_kpi, kpi_table

PROJECT = Path(__file__).parents[3]
TYPES = {
    "hospital_key": "string",
    "payer_group": "string",
    "month_key": "bigint",
    "claims": "bigint",
    "paid_claims": "bigint",
}
TYPES |= {"paid_amount": "decimal(18,2)", "paid_pct": "decimal(18,4)", "is_late": "boolean"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A project with one KPI model, and its warehouse."""
    (tmp_path / "dbt_project.yml").write_text("name: small")
    folder = tmp_path / "models/gold/kpis/claims"
    folder.mkdir(parents=True)
    columns = [{"name": name, "data_type": data_type} for name, data_type in TYPES.items()]
    for column in columns:
        if column["name"].endswith("claims"):
            column["config"] = {"meta": {"cell_count": True}}  # type: ignore[assignment]
    models = [{"name": "kpi_paid", "columns": columns}, {"name": "kpi_uncounted", "columns": columns[:1]}]
    (folder / "_claims__models.yml").write_text(yaml.safe_dump({"models": models}))
    return Settings(tmp_path, "models/bronze", read_settings({}).lakehouse, tmp_path / "warehouse.duckdb", {})


def exported(
    settings: Settings, rows: str, smallest: int = 11
) -> tuple[Exported, dict[tuple[str, str], dict[str, str]]]:
    """What an export of these rows says, by payer group and month."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        columns = ", ".join(f"{name} {data_type}" for name, data_type in TYPES.items())
        connection.execute(f"create schema gold; create table gold.kpi_paid ({columns})")
        connection.execute(
            "create table gold.dim_hospital as select 'h' as hospital_key, 'Hospital H' as hospital_name"
        )
        connection.execute(
            "create table gold.dim_ledger_month as select 'h' as hospital_key, date '2024-03-31' as as_of_date"
        )
        connection.execute(f"insert into gold.kpi_paid values {rows}")
    file = settings.project_dir / "out.csv"
    written = export_kpi(settings, "kpi_paid", file, smallest)
    with file.open(newline="") as text:
        return written, {(row["payer_group"], row["month_key"]): row for row in csv.DictReader(text)}


def test_a_row_about_few_keeps_what_it_is_about_and_no_number(settings: Settings) -> None:
    rows = """
        ('h', 'a', 202401, 10, 0, 50.00, 0, true), ('h', 'b', 202401, 9, 0, 70.00, 0, false),
        ('h', 'c', 202401, 11, 11, 80.00, 100, false)
    """
    written, found = exported(settings, rows)
    assert written == Exported(rows=3, blanked=2)
    blank = {"claims": "", "paid_claims": "", "paid_amount": "", "paid_pct": "", "is_suppressed": "true"}
    about = {"hospital_name": "Hospital H", "hospital_key": "h", "payer_group": "a", "month_key": "202401"}
    about["ledger_as_of_date"] = "2024-03-31"
    assert found["a", "202401"] == {**about, "is_late": "true", **blank}
    assert found["c", "202401"]["paid_amount"] == "80.00"


def test_a_blank_that_a_total_would_fill_takes_the_next_smallest_with_it(settings: Settings) -> None:
    rows = """
        ('h', 'a', 202401, 3, 0, 1, 0, false), ('h', 'b', 202401, 40, 30, 1, 0, false),
        ('h', 'c', 202401, 20, 20, 1, 0, false), ('h', 'd', 202401, 0, 0, 0, null, false),
        ('h', 'a', 202402, 30, 20, 1, 0, false), ('other', 'x', 202401, 15, 15, 1, 0, false)
    """
    _, found = exported(settings, rows)
    assert {place for place, row in found.items() if row["is_suppressed"] == "true"} == {
        ("a", "202401"),
        ("c", "202401"),
    }


@pytest.mark.parametrize("measures", ["100, 4, 1, 0", "null, 20, 1, 0", "0, 0, 12.50, 0"])
def test_a_small_part_of_many_a_missing_count_and_money_of_nobody_are_small(settings: Settings, measures: str) -> None:
    _, found = exported(settings, f"('h', 'a', 202401, {measures}, false)")
    assert found["a", "202401"]["is_suppressed"] == "true"
    assert found["a", "202401"]["paid_amount"] == ""


def test_nobody_is_no_small_cell_and_the_smallest_cell_is_an_option(settings: Settings) -> None:
    _, found = exported(
        settings, "('h', 'a', 202401, 0, 0, 0, null, false), ('h', 'b', 202401, 12, 12, 1, 0, false)", smallest=13
    )
    assert found["a", "202401"]["claims"] == ""
    assert found["b", "202401"]["claims"] == ""
    settings.warehouse.unlink()
    _, found = exported(settings, "('h', 'a', 202401, 0, 0, 0, null, false)")
    assert found["a", "202401"]["claims"] == "0"


def test_the_file_is_its_owners_and_whole_or_not_at_all(settings: Settings) -> None:
    exported(settings, "('h', 'a', 202401, 20, 20, 1, 0, false)")
    file = settings.project_dir / "out.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("drop table gold.kpi_paid")
    with pytest.raises(IngestionError, match="not built yet as it is declared; rcm run"):
        export_kpi(settings, "kpi_paid", file)
    assert file.read_text() == before
    assert not list(settings.project_dir.glob(".rcm-export-*"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fct_transactions", "is not a KPI table of gold"),
        ("dim_patient", "is not a KPI table of gold"),
        ("kpi_uncounted", "has no column with meta cell_count"),
        ("kpi_paid; drop table x", "is not a KPI table of gold"),
    ],
)
def test_what_holds_single_patients_or_does_not_count_is_refused(settings: Settings, name: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as refused:
        export_kpi(settings, name, settings.project_dir / "out.csv")
    assert len(refused.value.problems) == 1
    assert not (settings.project_dir / "out.csv").exists()


def test_the_projects_own_tables_by_payer_can_be_exported() -> None:
    for name in ("kpi_denial_rate", "kpi_ar_aging", "kpi_payer_turnaround"):
        table = kpi_table(PROJECT, name)
        assert set(table.counts) <= set(table.measures)
        assert "hospital_key" in table.groups
        assert not set(table.groups) & set(table.measures)
