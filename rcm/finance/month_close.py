"""Month closes: a hospital's roll-forward as finance signed it, kept in the lakehouse beside bronze.

A close is a decision and cannot be rebuilt from bronze: the Delta tables ledger/month_close and ledger/month_reopen are
append-only. Later changes to a closed month are the restatement of the first open one
(gold.fct_ar_rollforward_monthly).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import DeltaError

from ingestion.base.errors import LoadConflictError, MonthCloseError, UnknownOutcomeError
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.delta_rows import read_rows
from ingestion.bronze.places import audit_log
from ingestion.declared.clocks import local_day
from ingestion.declared.specs import SystemSpec
from ingestion.loads.states import table_states
from ingestion.loads.verification import keep_checksums
from rcm.warehouse.freshness import gaps, says_what_is_out
from rcm.warehouse.last_build import last_build
from rcm.warehouse.reader import warehouse_rows

MONEY = pa.decimal128(18, 2)
# What every close has; the columns of the roll-forward stand beside them, as gold declares them.
CLOSES = pa.schema(
    [
        ("source_system", pa.string()),
        ("payer_group", pa.string()),
        ("month_key", pa.int64()),
        ("close_version", pa.int64()),
        ("closed_at", pa.timestamp("us")),
        ("closed_by", pa.string()),
        ("opening_amount", MONEY),
        ("restatement_amount", MONEY),
        ("closing_amount", MONEY),
    ]
)
REOPENINGS = pa.schema(
    [
        ("source_system", pa.string()),
        ("month_key", pa.int64()),
        ("close_version", pa.int64()),
        ("reopened_at", pa.timestamp("us")),
        ("reopened_by", pa.string()),
        ("reason", pa.string()),
    ]
)
# Source tables whose rows post to the ledger.
LEDGER_TABLES = ("transactions", "adjustments")
# What a close signs.
ROLLFORWARD = "fct_ar_rollforward_monthly"


@dataclass(frozen=True)
class Closed:
    """The result of one close of a hospital.

    Args:
        source_system: The hospital.
        month: The month closed, yyyymm; the last of the hospital's ledger where that ends before the one asked for.
        months: Months closed, yyyymm, in order; empty where the month was closed before.
        version: Version of the close of that month.
        closing_amount: A/R at its end as signed, USD.
    """

    source_system: str
    month: int
    months: tuple[int, ...]
    version: int
    closing_amount: Decimal


class MonthCloses:
    """The Delta tables of closes and reopenings.

    Args:
        folder: The folder ledger/ of the lakehouse.
    """

    def __init__(self, folder: Location) -> None:
        self.folder = folder
        self.closes = folder / "month_close"
        self.reopenings = folder / "month_reopen"

    def versions(self) -> dict[tuple[str, int], int]:
        """Number of closes so far by hospital and month, reopened ones too."""
        found: dict[tuple[str, int], int] = {}
        for row in read_rows(self.closes, CLOSES).select(["source_system", "month_key", "close_version"]).to_pylist():
            key = (row["source_system"], row["month_key"])
            found[key] = max(found.get(key, 0), row["close_version"])
        return found

    def in_force(self) -> dict[tuple[str, int], int]:
        """Version of every closed month that was not reopened."""
        reopened = {
            (row["source_system"], row["month_key"], row["close_version"])
            for row in read_rows(self.reopenings, REOPENINGS).to_pylist()
        }
        return {key: version for key, version in self.versions().items() if (*key, version) not in reopened}

    def add(self, rows: Sequence[Mapping[str, Any]], report_columns: Sequence[str]) -> None:
        """Append closes as one commit.

        Args:
            rows: Values by column.
            report_columns: Columns of the roll-forward between opening and closing, USD.
        """
        schema = pa.schema([*CLOSES, *(pa.field(name, MONEY) for name in report_columns)])
        _append(self.closes, pa.Table.from_pylist(list(rows), schema=schema))

    def reopen(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append reopenings as one commit."""
        _append(self.reopenings, pa.Table.from_pylist(list(rows), schema=REOPENINGS))


def _append(place: Location, rows: pa.Table) -> None:
    delta = place.delta()
    before = -1 if delta is None else delta.version()
    try:
        write_deltalake(
            place.url if delta is None else delta,
            rows,
            mode="error" if delta is None else "append",
            # A column of the roll-forward that is younger than the table.
            schema_mode=None if delta is None else "merge",
            configuration={"delta.appendOnly": "true"} if delta is None else None,
            storage_options=place.delta_options or None,
            commit_properties=CommitProperties(max_commit_retries=0),
        )
        place.sync_commits(before)
    except (DeltaError, OSError):
        now = place.delta()
        if now is not None and now.version() > before:
            raise LoadConflictError(
                f"ledger.{place.name}: somebody else closed or reopened a month; run again"
            ) from None
        raise UnknownOutcomeError(
            f"ledger.{place.name}: its storage did not answer the commit, so it is not known yet whether it took it; "
            "see which months are closed with rcm close --help, then run it again: it signs no month twice"
        ) from None


def close_month(settings: Settings, systems: Sequence[SystemSpec], hospital: str, month: int, who: str) -> Closed:
    """Freeze a month of one hospital, and every open month before it, as gold shows them now.

    Args:
        settings: The lakehouse and its warehouse.
        systems: The control table, to know which batches the warehouse must hold.
        hospital: Source system of the hospital.
        month: yyyymm.
        who: Who signs.

    Raises:
        MonthCloseError: The month still runs or is not in the ledger, or the warehouse is behind bronze.
        LoadConflictError: Another close was written meanwhile.
    """
    books = MonthCloses(settings.lakehouse / "ledger")
    with (books.folder / ".lock").exclusive():
        in_force = books.in_force()
        _require_over(hospital, month, _today(systems, hospital))
        _require_fresh(settings, systems, hospital)
        report_columns = _report_columns(settings.warehouse)
        shown = _rollforward(settings.warehouse, hospital, report_columns)
        # A hospital that no longer posts is closed up to the end of its ledger.
        month = min(month, max((row["month_key"] for row in shown), default=month))
        if (hospital, month) in in_force:
            signed = _signed_amount(books, hospital, month, in_force[hospital, month])
            return Closed(hospital, month, (), in_force[hospital, month], signed)
        _require_shown(hospital, month, shown, in_force)
        to_sign = [row for row in shown if row["month_key"] <= month and (hospital, row["month_key"]) not in in_force]
        versions = books.versions()
        moment = datetime.now(UTC).replace(tzinfo=None)
        books.add(
            [
                {
                    **{name: value for name, value in row.items() if name != "is_closed"},
                    "source_system": hospital,
                    "close_version": versions.get((hospital, row["month_key"]), 0) + 1,
                    "closed_at": moment,
                    "closed_by": who,
                }
                for row in to_sign
            ],
            report_columns,
        )
    keep_checksums(settings)
    return Closed(
        hospital,
        month,
        tuple(sorted({row["month_key"] for row in to_sign})),
        versions.get((hospital, month), 0) + 1,
        sum((row["closing_amount"] for row in to_sign if row["month_key"] == month), Decimal(0)),
    )


def reopen_month(settings: Settings, hospital: str, month: int, who: str, reason: str) -> int:
    """Reopen a hospital's last closed month; returns the version that is no longer valid.

    Raises:
        MonthCloseError: The month is not closed, or a later one is.
        LoadConflictError: Another close was written meanwhile.
    """
    books = MonthCloses(settings.lakehouse / "ledger")
    with (books.folder / ".lock").exclusive():
        in_force = {key: version for (name, key), version in books.in_force().items() if name == hospital}
        if month not in in_force:
            raise MonthCloseError(f"{hospital}: {shown_month(month)} is not closed")
        if month != max(in_force):
            later = shown_month(max(in_force))
            raise MonthCloseError(f"{hospital}: {later} is closed after {shown_month(month)}; reopen {later} first")
        books.reopen(
            [
                {
                    "source_system": hospital,
                    "month_key": month,
                    "close_version": in_force[month],
                    "reopened_at": datetime.now(UTC).replace(tzinfo=None),
                    "reopened_by": who,
                    "reason": reason,
                }
            ]
        )
    keep_checksums(settings)
    return in_force[month]


def ledger_hospitals(systems: Iterable[SystemSpec]) -> list[str]:
    """Source systems that keep charge lines, in the order of the control table."""
    return [system.name for system in systems if any(table.name == "transactions" for table in system.tables)]


def shown_month(month: int) -> str:
    """Yyyymm as yyyy-mm."""
    return f"{month // 100}-{month % 100:02d}"


def _report_columns(warehouse: Path) -> list[str]:
    """Columns of the roll-forward between opening and closing, in their order; none before the first build."""
    query = """
        select report_column from gold.dim_event_type
        where report_column is not null
        group by report_column
        order by min(sort_order)
        """
    return [name for (name,) in warehouse_rows(warehouse, query)]


def _rollforward(warehouse: Path, hospital: str, report_columns: Sequence[str]) -> list[dict[str, Any]]:
    """The roll-forward of a hospital as gold shows it, by month and payer group; empty without its columns."""
    if not report_columns:
        return []
    amounts = ("opening_amount", "restatement_amount", *report_columns, "closing_amount")
    names = ("payer_group", "month_key", "is_closed", *amounts)
    rows = warehouse_rows(
        warehouse,
        f"""
        select {", ".join(names)} from gold.{ROLLFORWARD} inner join gold.dim_hospital using (hospital_key)
        where hospital_code = $hospital
        order by month_key, payer_group
        """,
        {"hospital": hospital},
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def _signed_amount(books: MonthCloses, hospital: str, month: int, version: int) -> Decimal:
    rows = read_rows(books.closes, CLOSES).to_pylist()
    wanted = (hospital, month, version)
    return sum(
        (
            row["closing_amount"]
            for row in rows
            if (row["source_system"], row["month_key"], row["close_version"]) == wanted
        ),
        Decimal(0),
    )


def _today(systems: Sequence[SystemSpec], hospital: str) -> date:
    """The day by the clocks of the hospital: a month ends there, not in Greenwich."""
    zone = next((system.time_zone for system in systems if system.name == hospital), "UTC")
    return local_day(datetime.now(UTC), zone)


def _require_over(hospital: str, month: int, today: date) -> None:
    if month >= today.year * 100 + today.month:
        raise MonthCloseError(f"{hospital}: {shown_month(month)} is not over; close it when it is")


def _require_shown(
    hospital: str, month: int, shown: Sequence[Mapping[str, Any]], in_force: Collection[tuple[str, int]]
) -> None:
    """Gold must have the month and show every close: one that was killed before its build is not in gold yet."""
    months = {row["month_key"] for row in shown}
    if month not in months:
        begins = f"which begins with {shown_month(min(months))}" if months else "which is empty; run rcm run"
        raise MonthCloseError(f"{hospital}: {shown_month(month)} is not in its ledger, {begins}")
    last = max((key for name, key in in_force if name == hospital), default=0)
    if any(row["is_closed"] != (row["month_key"] <= last) for row in shown if row["month_key"] <= month):
        raise MonthCloseError(
            f"{hospital}: gold does not show the last close or reopening yet; run rcm run, then close"
        )


def _require_fresh(settings: Settings, systems: Sequence[SystemSpec], hospital: str) -> None:
    """Gold must be built from all that is loaded: a batch that is not built yet would be a restatement the next day."""
    for state in table_states(audit_log(settings), systems):
        if state.system == hospital and state.table in LEDGER_TABLES and state.failures:
            raise MonthCloseError(f"{hospital}.{state.table}: its last load failed; see rcm status, then close")
    built = last_build(settings)
    # What only says that a batch waits, or that another hospital is missing, is no fault of this one's ledger.
    if built is not None and not all(says_what_is_out(line) for line in built.failures):
        raise MonthCloseError("the last build failed, so gold may be behind; run rcm run, then close")
    own = [system for system in systems if system.name == hospital]
    for gap in gaps(settings, own, LEDGER_TABLES, ROLLFORWARD):
        raise MonthCloseError(f"{gap}; run rcm run, then close {hospital}")
