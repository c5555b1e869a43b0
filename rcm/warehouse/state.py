"""State of the embedded warehouse: open quarantine, KPIs, and the accounting of bronze rows."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from rcm.warehouse.reader import warehouse_rows

ALL_HOSPITALS = "All hospitals"


@dataclass(frozen=True)
class OpenQuarantine:
    """Records that wait in quarantine, of one entity and source system."""

    entity: str
    source_system: str
    records: int


@dataclass(frozen=True)
class Kpi:
    """One headline KPI of one hospital, or of all of them.

    Args:
        value: In ``unit`` (days, %, $); None where it is not known.
        unknown_reason: Why it is not; None where it is.
        members: Whose value it is, each hospital with its day; None where there is no value.
        left_out: Which hospitals do not count in it, and why; None where all do.
        is_complete: False while the hospital's month runs; None for all hospitals.
    """

    as_of_date: date
    hospital_name: str
    kpi_name: str
    kpi_label: str
    value: Decimal | None
    unit: str
    target: str
    unknown_reason: str | None
    members: str | None
    left_out: str | None
    is_complete: bool | None


@dataclass(frozen=True)
class RowAccount:
    """The accounting of bronze rows, in rows."""

    bronze: int
    current: int
    superseded: int
    duplicates: int
    quarantined: int
    rejected: int
    waiting: int = 0
    refused: int = 0

    @property
    def difference(self) -> int:
        """Rows that are not accounted for (below zero: counted twice); 0 in a consistent lakehouse."""
        known = self.current + self.superseded + self.duplicates + self.quarantined + self.rejected
        return self.bronze - known - self.waiting - self.refused


@dataclass(frozen=True)
class WarehouseState:
    """The state of the embedded warehouse; empty before the first build."""

    quarantine: tuple[OpenQuarantine, ...] = ()
    kpis: tuple[Kpi, ...] = ()


def warehouse_state(warehouse: Path | None) -> WarehouseState:
    """Open quarantine and KPIs; nothing where another engine holds them.

    Raises:
        WarehouseBusyError: Another process writes to the file.
        IngestionError: The file is no warehouse.
    """
    if warehouse is None:
        return WarehouseState()
    return WarehouseState(tuple(open_quarantine(warehouse)), tuple(headline_kpis(warehouse)))


def open_quarantine(warehouse: Path) -> list[OpenQuarantine]:
    """Open quarantine by entity and system; empty before the first build."""
    return [
        OpenQuarantine(*row)
        for row in warehouse_rows(
            warehouse,
            """
        select entity, source_system, count(*) from silver.quarantine
        where status = 'open' group by all order by entity, source_system
        """,
        )
    ]


def headline_kpis(warehouse: Path) -> list[Kpi]:
    """KPIs in their order, hospitals by name and all of them last; empty before the first build."""
    return [
        Kpi(*row)
        for row in warehouse_rows(
            warehouse,
            f"""
        select as_of_date, hospital_name, kpi_name, kpi_label, kpi_value, unit, target, unknown_reason, members,
            left_out, is_complete
        from gold.kpi_headline
        order by sort_order, kpi_label, hospital_name = '{ALL_HOSPITALS}', hospital_name
        """,
        )
    ]


def row_account(warehouse: Path) -> RowAccount | None:
    """Bronze rows by outcome over all batches; None before the first build."""
    rows = warehouse_rows(
        warehouse,
        """
        select sum(bronze_rows)::bigint, sum(current_rows)::bigint, sum(superseded_rows)::bigint,
            sum(duplicate_rows)::bigint, sum(quarantined_rows)::bigint, sum(rejected_rows)::bigint,
            sum(waiting_rows)::bigint, sum(refused_rows)::bigint
        from silver.dq_batch_reconciliation
        having count(*) > 0
        """,
    )
    return RowAccount(*rows[0]) if rows else None
