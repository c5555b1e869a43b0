"""KPI tables as CSV for others, with small cells suppressed."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.settings import Settings
from rcm.warehouse.reader import busy, is_taken

# The cell size policy of the US Centers for Medicare & Medicaid Services: 1 to 10 people are not shown.
SMALLEST_CELL = 11
_MEASURES = ("bigint", "decimal", "double")


@dataclass(frozen=True)
class Exported:
    """What an export wrote, in rows.

    Args:
        blanked: Rows without their counts, amounts and ratios.
    """

    rows: int
    blanked: int


@dataclass(frozen=True)
class KpiTable:
    """The columns of a KPI model, as its YAML declares them.

    Args:
        columns: All of them.
        measures: Counts, amounts and ratios.
        counts: Those that count accounts, claims or patients.
        groups: Columns that rows of one hospital and period share.
    """

    name: str
    columns: tuple[str, ...]
    measures: tuple[str, ...]
    counts: tuple[str, ...]
    groups: tuple[str, ...]


def export_kpi(settings: Settings, name: str, file: Path, smallest: int = SMALLEST_CELL) -> Exported:
    """Write a KPI table of the embedded warehouse atomically, readable by its owner only.

    Args:
        settings: Where the warehouse is.
        name: Model in gold, such as kpi_denial_rate.
        file: CSV file to write; one that is there is replaced.
        smallest: A row with a count below, but not 0, is suppressed.

    Raises:
        SpecError: The table is no KPI, or does not say which of its columns count.
        WarehouseBusyError: Another process builds the warehouse.
        IngestionError: There is no such table yet, or the file cannot be written.
    """
    table = kpi_table(settings.project_dir, name)
    if not settings.uses_duckdb:
        raise SpecError(["rcm export: reads the embedded warehouse; RCM_TARGET names another"])
    try:
        with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".rcm-export-") as folder:
            made = Path(folder) / "export.csv"
            exported = _write(settings.warehouse, table, made, smallest)
            made.chmod(0o600)
            made.replace(file)
    except OSError as error:
        raise IngestionError(f"{file}: cannot be written ({error.strerror}); choose another place") from None
    return exported


def kpi_table(project_dir: Path, name: str) -> KpiTable:
    """What the KPI's YAML says.

    Raises:
        SpecError: It is no KPI, or has no count column.
    """
    for path in sorted((project_dir / "models" / "gold" / "kpis").rglob("_*__models.yml")):
        models = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", [])
        declared = next((model for model in models if model["name"] == name), None)
        if declared is not None:
            return _declared(declared, path)
    known = ", ".join(kpi_names(project_dir)) or "a model of models/gold/kpis/"
    raise SpecError([f"{name}: is not a KPI table of gold, and others hold single patients; write one of {known}"])


def kpi_names(project_dir: Path) -> list[str]:
    """Names of the KPI tables that can be exported, in alphabetical order."""
    declared = [
        model
        for path in (project_dir / "models" / "gold" / "kpis").rglob("_*__models.yml")
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", [])
    ]
    return sorted(
        model["name"] for model in declared if any(_meta(column).get("cell_count") for column in model["columns"])
    )


def _declared(model: dict[str, Any], path: Path) -> KpiTable:
    types = {column["name"]: column["data_type"] for column in model["columns"]}
    counts = [column["name"] for column in model["columns"] if _meta(column).get("cell_count")]
    if not counts:
        problem = (
            f"has no column with meta cell_count in {path.name}, so small cells cannot be recognized; not exported"
        )
        raise SpecError([f"{model['name']}: {problem}"])
    measures = [
        name for name, data_type in types.items() if data_type.startswith(_MEASURES) and not name.endswith("_key")
    ]
    groups = [name for name in types if name == "hospital_key" or name.endswith(("month_key", "_date"))]
    return KpiTable(model["name"], tuple(types), tuple(measures), tuple(counts), tuple(groups))


def _meta(column: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = column.get("config", {}).get("meta", {})
    return meta


def _write(warehouse: Path, table: KpiTable, file: Path, smallest: int) -> Exported:
    query = _suppressed(table, smallest)
    try:
        with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
            connection.execute(f"create temp table exported as {query}")
            connection.execute(f"copy exported to {_text(str(file))} (format csv, header)")
            counted = connection.execute("select count(*), count(*) filter (where is_suppressed) from exported")
            return Exported(*(counted.fetchone() or (0, 0)))
    except (duckdb.CatalogException, duckdb.BinderException):
        raise IngestionError(f"gold.{table.name} is not built yet as it is declared; rcm run makes it") from None
    except duckdb.IOException as error:
        if is_taken(str(error)):
            raise busy(warehouse, str(error), "run it again when that is done") from None
        raise IngestionError(f"{warehouse.name} cannot be read, or the file not written; see rcm doctor") from None


def _suppressed(table: KpiTable, smallest: int) -> str:
    """The table with small rows suppressed, and with a single suppressed row also the next smallest of its group.

    A single blank could be computed from a total. A count of 0 is nobody, unless the row has amounts.
    """
    tells = " or ".join(f"coalesce({name}, 0) <> 0" for name in table.measures)
    small = " or ".join(
        [
            *(f"{name} is null or ({name} > 0 and {name} < {smallest})" for name in table.counts),
            f"(greatest({_list(table.counts)}) = 0 and ({tells}))",
        ]
    )
    shown = ",\n".join(
        f"case when not is_suppressed then {name} end as {name}" if name in table.measures else name
        for name in table.columns
    )
    groups = _list(table.groups)
    return f"""
        with
        judged as (
            select *, {small} as is_small, least({_list(table.counts)}) as smallest_count from gold.{table.name}
        ),

        ranked as (
            select
                *,
                count(*) filter (where is_small) over (partition by {groups}) as small_rows,
                row_number() over (
                    partition by {groups}, is_small order by smallest_count = 0, smallest_count, {_list(table.columns)}
                ) as place
            from judged
        ),

        decided as (
            select *, is_small or (small_rows = 1 and place = 1) as is_suppressed from ranked
        ),

        -- Two hospitals of one file may be known up to different days.
        last_days as (
            select hospital_key, max(as_of_date) as ledger_as_of_date from gold.dim_ledger_month group by hospital_key
        )

        select
            hospital_name,
            ledger_as_of_date,
            {shown},
            is_suppressed
        from decided left join gold.dim_hospital using (hospital_key) left join last_days using (hospital_key)
        order by {groups}, {_list([name for name in table.columns if name not in table.measures])}
    """


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
