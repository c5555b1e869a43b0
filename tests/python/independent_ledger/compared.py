"""The independent ledger of a lakehouse held against its gold."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from tests.python.independent_ledger import gold
from tests.python.independent_ledger.balances import Close, Ledger, balances, rollforward
from tests.python.independent_ledger.bronze import batches
from tests.python.independent_ledger.clocks import Clock
from tests.python.independent_ledger.declared import Project
from tests.python.independent_ledger.kpis import WINDOWS, Value, values
from tests.python.independent_ledger.ledger import ZERO, Poster
from tests.python.independent_ledger.records import Record, records

Row = tuple[Any, ...]
LAST_DIGIT = Decimal("0.0001")


@dataclass(frozen=True)
class Difference:
    """A row that only one side has.

    Args:
        hospital: Source system.
        what: The comparison.
        side: ``gold`` or ``ledger``, the side that has the row.
        row: Its values.
        count: How often more than the other side.
    """

    hospital: str
    what: str
    side: str
    row: Row
    count: int

    def __str__(self) -> str:
        return f"{self.hospital}: {self.what}: only {self.side} has {self.count} x {tuple(map(_shown, self.row))}"


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def differences(lakehouse: Path, project: Project) -> list[Difference]:
    """Every row in which gold and the independent ledger differ; empty where they agree to the cent.

    Args:
        lakehouse: Folder with bronze, closes and the warehouse.
        project: The declarations by which the lakehouse was built.
    """
    with gold.connect(lakehouse) as connection:
        found, columns = gold.rows(connection), gold.report_columns(connection)
    return list(compared(found, recompute(lakehouse, project, columns)))


def compared(found: Mapping[str, Counter[Row]], recomputed: Mapping[str, Counter[Row]]) -> Iterator[Difference]:
    """The differences between rows of gold and recomputed ones, by comparison and hospital."""
    for what, expected in recomputed.items():
        shown = found[what]
        if what == "KPIs":
            shown, expected = _with_value(shown), _with_value(expected)
        for side, rows in (("gold", shown - expected), ("ledger", expected - shown)):
            for row, count in sorted(rows.items(), key=str):
                yield Difference(row[0], what, side, row[1:], count)


def _with_value(rows: Counter[Row]) -> Counter[Row]:
    """The KPIs that are recomputed, over their window, where they have a value: over nothing there is none.

    The last digit of a value may differ, because engines divide in binary; its numerator and denominator may not.
    """
    counted: Counter[Row] = Counter()
    for (hospital, *row), count in rows.items():
        *parts, value = row
        kpi = Value(*parts)
        if WINDOWS.get(kpi.kpi) == kpi.window and value is not None:
            is_equal = kpi.value is not None and abs(kpi.value - value) <= LAST_DIGIT
            counted[hospital, *parts, kpi.value if is_equal else value] += count
    return counted


def recompute(lakehouse: Path, project: Project, columns: list[str]) -> dict[str, Counter[Row]]:
    """The rows that gold should have, by comparison.

    Args:
        lakehouse: Folder with bronze and closes.
        project: The declarations.
        columns: Lines of the roll-forward.
    """
    arrived: dict[str, dict[str, dict[str, Record]]] = defaultdict(dict)
    clocks: dict[str, Clock] = {}
    decided = {row["batch_id"]: row["decision"] for row in _delta(lakehouse / "ledger" / "batch_decision")}
    for table in project.tables:
        clocks[table.system] = table.clock
        arrived[table.system][table.entity] = records(project, batches(lakehouse, table), decided)
    signed = closes(lakehouse)
    result: dict[str, Counter[Row]] = defaultdict(Counter)
    for hospital, entities in arrived.items():
        adjustments = entities.get("adjustments", {})
        poster = Poster(clocks[hospital])
        ledger = Ledger(poster.events(entities.get("transactions", {}).values(), adjustments.values()))
        sent = [record.current["post_date"] for record in adjustments.values() if record.current is not None]
        for what, rows in _rows(ledger, signed.get(hospital, {}), min(sent, default=None), columns):
            result[what].update((hospital, *row) for row in rows)
    return result


def _rows(
    ledger: Ledger, signed: Mapping[int, Close], feed_from: date | None, columns: list[str]
) -> Iterator[tuple[str, list[Row]]]:
    """A hospital's rows of every comparison, as gold.QUERIES has them."""
    yield (
        "events",
        [
            (
                one.event_type,
                one.money_type,
                one.is_correction,
                one.payer_group,
                one.service_date,
                one.post_date,
                one.known_at,
                one.amount,
            )
            for one in ledger.events
        ],
    )
    opened = list(balances(ledger))
    yield (
        "balances of accounts",
        [
            (
                one.month,
                one.basis,
                one.payer_group,
                one.as_of,
                one.aged_from,
                one.age,
                one.bucket,
                one.amount,
                max(one.amount, ZERO),
                max(-one.amount, ZERO),
            )
            for one in opened
        ],
    )
    lines = rollforward(ledger, signed)
    totals: dict[tuple[int, str, str], list[Decimal]] = defaultdict(list)
    for one in opened:
        totals[one.month, one.basis, one.payer_group].append(one.amount)
    sums: list[Row] = [
        (
            *key,
            sum(amounts, ZERO),
            sum((amount for amount in amounts if amount > 0), ZERO),
            sum((-amount for amount in amounts if amount < 0), ZERO),
        )
        for key, amounts in totals.items()
    ]
    sums += [
        (line.month, "signed", line.payer_group, line.closing, None, None)
        for line in lines
        if line.is_closed and line.closing
    ]
    yield "balances", sums
    yield (
        "roll-forward",
        [
            (
                line.month,
                line.payer_group,
                line.is_closed,
                line.version,
                line.opening,
                line.restatement,
                *(line.amounts[name] for name in columns),
                line.closing,
                line.restated_closing,
            )
            for line in lines
        ],
    )
    yield (
        "KPIs",
        [
            (one.kpi, one.window, one.month, one.payer_group, one.split, one.numerator, one.denominator, one.value)
            for one in values(ledger, opened, feed_from)
        ],
    )


def closes(lakehouse: Path) -> dict[str, dict[int, Close]]:
    """The closes in force by hospital and month, as they were signed."""
    signed = _delta(lakehouse / "ledger" / "month_close")
    reopened = {
        (row["source_system"], row["month_key"], row["close_version"])
        for row in _delta(lakehouse / "ledger" / "month_reopen")
    }
    lines: dict[tuple[str, int, int], dict[str, Any]] = defaultdict(dict)
    for row in signed:
        key = row["source_system"], row["month_key"], row["close_version"]
        if key not in reopened:
            lines[key][row["payer_group"]] = row
    found: dict[str, dict[int, Close]] = defaultdict(dict)
    for (hospital, month, version), of_groups in lines.items():
        found[hospital][month] = Close(version, of_groups)
    return found


def _delta(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "_delta_log").is_dir():
        return []
    rows: list[dict[str, Any]] = DeltaTable(folder).to_pyarrow_table().to_pylist()
    return rows
