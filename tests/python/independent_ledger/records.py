"""Versions of every record: duplicates, late rows, quarantine, deletions of full loads.

Written from docs/architecture.md ("History records versions in the order of arrival", "A bad row never erases a good
one"), docs/data-quality.md and the rules' descriptions.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from tests.python.independent_ledger.bronze import Batch
from tests.python.independent_ledger.declared import AMOUNTS, Project, Table

KEYS = {"transactions": "transaction_id", "adjustments": "adjustment_id"}
WORDS = {
    "transactions": ("payer_group", "payment_source"),
    "adjustments": ("payer_group", "to_payer_group", "adjustment_type"),
}
# Rules about one column.
JUDGED = {
    "service_date_out_of_range": "service_date",
    "visit_date_out_of_range": "visit_date",
    "paid_date_out_of_range": "paid_date",
    "diagnosis_code_malformed": "diagnosis_code",
    "post_date_out_of_range": "post_date",
}
SEVERE = ("reject", "quarantine")


@dataclass(frozen=True)
class Version:
    """A state of a record.

    Args:
        known_at: When the source knew it, UTC.
        values: Its values by column of the common data model; None where the record was deleted.
        batch_id: Batch that brought it.
    """

    known_at: datetime
    values: Mapping[str, Any] | None
    batch_id: str


@dataclass
class Record:
    """A record and what arrived of it.

    Args:
        key: Its key in the source.
        versions: Its states, the oldest first.
        newest_since_full: Newest date among its rows since the last full read, that one's included.
        newest_known: Newest date among all its rows and deletions.
    """

    key: str
    versions: list[Version] = field(default_factory=list)
    newest_since_full: datetime | None = None
    newest_known: datetime | None = None

    @property
    def current(self) -> Mapping[str, Any] | None:
        """Its values now; None where it is deleted or was never valid."""
        return self.versions[-1].values if self.versions else None


@dataclass(frozen=True)
class Arrival:
    """A row of a batch: its key, its values, and what is made of it; without a key where it cannot be read or keyed."""

    key: str | None
    values: Mapping[str, Any]
    status: str


@dataclass(frozen=True)
class Staged:
    """A batch with its rows as they were judged, and the keys that a full read no longer has."""

    batch: Batch
    arrivals: tuple[Arrival, ...]
    absent: frozenset[str]


def records(project: Project, batches: Iterable[Batch], decisions: Mapping[str, str]) -> dict[str, Record]:
    """The records of one table after all its batches.

    Args:
        project: The declarations.
        batches: In the order of arrival.
        decisions: ``accepted`` or ``refused`` by batch id. A refused batch is as if it had never arrived.
    """
    found: dict[str, Record] = {}
    staged = _staged(project, [one for one in batches if decisions.get(one.batch_id) != "refused"])
    for place, one in enumerate(staged):
        if _waits(one, staged[place + 1 :]) and one.batch.batch_id not in decisions:
            # Later batches of the table wait behind it.
            break
        for arrival in one.arrivals:
            if arrival.status == "valid" and arrival.key:
                _take(found.setdefault(arrival.key, Record(arrival.key)), arrival.values, one.batch)
        for key in one.absent:
            _delete(found.setdefault(key, Record(key)), one.batch)
    return found


def _staged(project: Project, batches: Sequence[Batch]) -> list[Staged]:
    last: dict[str, tuple[Mapping[str, Any], bool]] = {}
    staged = []
    for batch in batches:
        arrivals = []
        for key, sent, values, is_valid in _arrivals(project, batch):
            if key is None:
                arrivals.append(Arrival(key, values, "rejected"))
                continue
            status = "valid" if is_valid else "quarantined"
            before, was_full = last.get(key, (None, False))
            # What an increment brought may have been late; a full read that says it again is not.
            repeats = sent == before and (was_full or not batch.is_full)
            arrivals.append(Arrival(key, values, "duplicate" if repeats else status))
            last[key] = sent, batch.is_full
        keys = {arrival.key for arrival in arrivals}
        absent = frozenset(last.keys() - keys if batch.is_full else ())
        for key in absent:
            del last[key]
        staged.append(Staged(batch, tuple(arrivals), absent))
    return staged


def _waits(staged: Staged, later: Sequence[Staged]) -> bool:
    """Nothing of a batch was let in, and no later row of a key, or its deletion, resolved one of its rows."""
    resolved = {one.key for batch in later for one in batch.arrivals if one.status == "valid"}
    resolved |= {key for batch in later for key in batch.absent}
    held_back = [
        one for one in staged.arrivals if one.status in ("rejected", "quarantined") and one.key not in resolved
    ]
    return len(held_back) == len(staged.arrivals)


def _arrivals(project: Project, batch: Batch) -> Iterator[tuple[str | None, dict[str, Any], dict[str, Any], bool]]:
    """Of every row its key, what was sent, what is read of it, and whether no severe rule fails.

    The key of a row that cannot be used is None.
    """
    name = KEYS[batch.table.entity]
    rows = [_translated(project, batch.table, row) if row and row[name] is not None else None for row in batch.rows]
    # The same row twice is a duplicate; two different rows of one key contradict each other.
    different = Counter(key for key, _ in {(row[name], _frozen(row)) for row in rows if row})
    for row in rows:
        if row:
            dated = _without_sentinels(project, batch.table, row)
            outside = _out_of_bounds(project, batch, dated)
            is_valid = different[row[name]] == 1 and not is_held_back(project, batch, dated, outside)
            yield row[name], row, _without_impossible_dates(project, batch, dated, outside), is_valid
        else:
            yield None, {}, {}, False


def _without_sentinels(project: Project, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A date that means "no date" is none."""
    sentinels = {str(day) for day in project.dialect(table)["sentinel_dates"]}
    return {name: None if _day(table, value) in sentinels else value for name, value in row.items()}


def _day(table: Table, value: object) -> str | None:
    if isinstance(value, datetime):
        return table.clock.day(value).isoformat()
    return value.isoformat() if isinstance(value, date) else None


def _out_of_bounds(project: Project, batch: Batch, row: Mapping[str, Any]) -> frozenset[str]:
    """Columns whose date cannot be true: docs/onboarding-a-hospital.md, "Dates that cannot be true"."""
    dialect, clock = project.dialect(batch.table), batch.table.clock
    loaded_on, begins = clock.day(batch.arrived_at), dialect.get("ledger_begins")
    found = set()
    for name, bounds in dialect["date_bounds"].items():
        value = row.get(name)
        if value is None:
            continue
        is_moment = isinstance(value, datetime)
        day = clock.day(value) if is_moment else value
        earlier_in_year = (loaded_on.month, loaded_on.day) < (day.month, day.day)
        if loaded_on.year - day.year - earlier_in_year > bounds["years_before"]:
            found.add(name)
        if day > loaded_on + timedelta(days=bounds.get("days_after", 0)):
            found.add(name)
        service, limit = row.get("service_date"), bounds.get("days_before_service")
        if limit is not None and service is not None and day < service - timedelta(days=limit):
            found.add(name)
        if begins and not is_moment and name != "birth_date" and day < begins:
            found.add(name)
    return frozenset(found)


def _without_impossible_dates(
    project: Project, batch: Batch, row: Mapping[str, Any], outside: Collection[str]
) -> dict[str, Any]:
    """A date that cannot be true and of which the rule only warns is unknown; a change without a date is its load's."""
    read = dict(row)
    for name in outside:
        rule = project.rules[batch.table.entity].get(f"{name}_out_of_range")
        usual = rule.severity if rule else "warn"
        if batch.table.severities.get(f"{name}_out_of_range", usual) == "warn":
            read[name] = batch.arrived_at if name == "modified_at" else None
    return read


def _frozen(row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(row.items(), key=lambda item: item[0]))


def _translated(project: Project, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    words = {name: project.read_word(table, name, row[name]) for name in WORDS[table.entity] if name in row}
    return {**row, **words}


def is_held_back(project: Project, batch: Batch, row: Mapping[str, Any], outside: Collection[str]) -> bool:
    """Whether a row fails a rule that keeps it out; what only warns does not."""
    table, verdicts = batch.table, _verdicts(project, batch, row, outside)
    for name, rule in project.rules[table.entity].items():
        if table.severities.get(name, rule.severity) in SEVERE:
            if (column := JUDGED.get(name)) and column not in table.columns:
                # No rule is about a column that the source does not have.
                continue
            assert name in verdicts, f"{name}: a severe rule that this ledger does not know"
            verdict = verdicts[name]
            if rule.null_is_bad if verdict is None else verdict:
                return True
    return False


def _verdicts(
    project: Project, batch: Batch, row: Mapping[str, Any], outside: Collection[str]
) -> dict[str, bool | None]:
    """What each rule says of a row: it is bad, it is not, or None, because the value is missing."""
    table, limit = batch.table, project.amount_limit(batch.table)
    implausible = any(abs(row[name]) > limit for name in AMOUNTS if row.get(name) is not None)

    def out_of_range(name: str) -> bool | None:
        return None if row.get(name) is None else name in outside

    if table.entity == "transactions":
        code = row.get("diagnosis_code")
        shapes = project.shapes(table, "diagnosis_code", "ICD-10-CM")
        return {
            "amount_implausible": implausible,
            "service_date_out_of_range": out_of_range("service_date"),
            "visit_date_out_of_range": out_of_range("visit_date"),
            "paid_date_out_of_range": out_of_range("paid_date"),
            "diagnosis_code_malformed": None
            if code is None
            else bool(shapes) and not any(re.fullmatch(shape, code.upper()) for shape in shapes),
        }
    kind, source, target = row["adjustment_type"], row.get("payer_group"), row.get("to_payer_group")
    return {
        "amount_implausible": implausible,
        "adjustment_type_unknown": kind is None,
        "adjustment_amount_missing": row.get("adjustment_amount") is None,
        "post_date_out_of_range": out_of_range("post_date"),
        "transfer_without_target": kind == "TRANSFER" and target in (None, source),
    }


def _take(record: Record, values: Mapping[str, Any], batch: Batch) -> None:
    """Record a valid row as a version, unless it is late or says nothing new."""
    own = values.get("modified_at")
    # A date after the load is a wrong clock.
    dated = None if own is None else min(own, batch.arrived_at)
    if batch.is_full:
        # A full read is the truth: nothing of it is late, and only what comes after it can be late.
        record.newest_since_full = None
    if dated and record.newest_since_full and dated < record.newest_since_full:
        return
    known_at = dated or batch.arrived_at
    if dated and record.newest_known and dated < record.newest_known:
        # Older than what was known before, and yet current: nobody knew of it before its load.
        known_at = batch.arrived_at
    record.newest_since_full = _newest(record.newest_since_full, dated)
    record.newest_known = _newest(record.newest_known, dated)
    if not record.versions or _content(record.current) != _content(values):
        _add(record, Version(known_at, values, batch.batch_id))


def _delete(record: Record, batch: Batch) -> None:
    record.newest_since_full = None
    record.newest_known = _newest(record.newest_known, batch.arrived_at)
    if record.current is not None:
        _add(record, Version(batch.arrived_at, None, batch.batch_id))


def _add(record: Record, version: Version) -> None:
    """Add a version; what replaces another one cannot be older than it."""
    if record.versions:
        version = replace(version, known_at=max(version.known_at, record.versions[-1].known_at))
    record.versions.append(version)


def _newest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _content(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: value for name, value in values.items() if name != "modified_at"}
