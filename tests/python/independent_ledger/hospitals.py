"""Random hospitals: what their sources hold, in which dialect, and what arrives of it when.

A hospital is small, so that a difference can be read; many of them fill one lakehouse, so that a build checks them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from deltalake import write_deltalake
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ingestion.declared.arrow_types import UNREAD

CONTROL_TABLE = "examples/random"
# When each round is loaded: its tables arrive one after the other, and everything is built.
ROUNDS = (datetime(2024, 4, 15, 3), datetime(2024, 5, 20, 3), datetime(2024, 7, 1, 3), datetime(2024, 8, 15, 3))

TEXTS = {
    "transactions": (
        "transaction_id",
        "encounter_id",
        "patient_id",
        "provider_id",
        "department_id",
        "payer_id",
        "payer_group",
        "payment_source",
        "visit_type",
        "procedure_code",
        "diagnosis_code",
    ),
    "adjustments": (
        "adjustment_id",
        "transaction_id",
        "encounter_id",
        "patient_id",
        "department_id",
        "payer_id",
        "payer_group",
        "to_payer_group",
        "adjustment_type",
        "reason_code",
    ),
}
OTHERS = {
    "transactions": {
        "service_date": "date",
        "paid_date": "date",
        "charge_amount": "decimal(18,2)",
        "paid_amount": "decimal(18,2)",
        "inserted_at": "timestamp",
        "modified_at": "timestamp",
    },
    "adjustments": {
        "service_date": "date",
        "post_date": "date",
        "adjustment_amount": "decimal(18,2)",
        "inserted_at": "timestamp",
        "modified_at": "timestamp",
    },
}
ARROW = {
    "string": pa.string(),
    "date": pa.date32(),
    "decimal(18,2)": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("us"),
}
KEYS = {"transactions": "transaction_id", "adjustments": "adjustment_id"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Profile:
    """How a hospital's system is declared.

    Args:
        unmapped: Columns of the common data model that it does not have.
        is_text: It sends files, in which everything is text.
        date_format: How its files write dates; None is ISO 8601.
        time_zone: Where the hospital is.
        words: Its own words, by column and canonical word.
    """

    unmapped: frozenset[str] = frozenset()
    is_text: bool = False
    date_format: str | None = None
    time_zone: str = "UTC"
    words: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def types(self, table: str) -> dict[str, str]:
        """Declared type of each column."""
        typed = {**dict.fromkeys(TEXTS[table], "string"), **OTHERS[table]}
        return {name: "string" if self.is_text else kind for name, kind in typed.items() if name not in self.unmapped}

    def written(self, value: object) -> object:
        """A value as the source writes it."""
        if not self.is_text or value is None:
            return value
        if isinstance(value, date) and not isinstance(value, datetime) and self.date_format:
            return f"{value.month}/{value.day}/{value.year}"
        return str(value)


PROFILES = (
    Profile(),
    Profile(frozenset({"inserted_at"})),
    Profile(frozenset({"modified_at", "inserted_at"})),
    Profile(frozenset({"encounter_id"})),
    Profile(is_text=True, words={"payment_source": {"patient": ["Aunt pays"]}, "payer_group": {"Other": ["Martian"]}}),
    Profile(is_text=True, date_format="M/d/yyyy", time_zone="America/New_York"),
    Profile(time_zone="America/New_York"),
    Profile(frozenset({"inserted_at"}), time_zone="Asia/Kolkata"),
)


@dataclass(frozen=True)
class Delivery:
    """One batch.

    Args:
        table: Its table.
        round: Place in ROUNDS.
        is_full: It is the whole table.
        rows: Values by column of the common data model.
    """

    table: str
    round: int
    is_full: bool
    rows: tuple[Row, ...]

    def with_less(self) -> Iterator[tuple[Row, ...]]:
        """Its rows with nothing, a row less, or a value that says less."""
        yield ()
        for place, row in enumerate(self.rows):
            before, after = self.rows[:place], self.rows[place + 1 :]
            yield before + after
            for column in SAYS_LESS & row.keys():
                if row[column] is not None:
                    yield (*before, {**row, column: None}, *after)


@dataclass(frozen=True)
class Hospital:
    """A hospital.

    Args:
        profile: Its declaration, a place in PROFILES.
        deliveries: Everything that arrives, in order.
        closes: After which round which month is closed, yyyymm; 0 reopens the last closed one.
    """

    profile: int
    deliveries: tuple[Delivery, ...]
    closes: tuple[tuple[int, int], ...] = ()

    def smaller(self) -> Iterator["Hospital"]:
        """Hospitals with less in them, the smallest first: one record, a batch, a row or a value less."""
        records = sorted({(one.table, row[KEYS[one.table]]) for one in self.deliveries for row in one.rows})
        if len(records) > 1:
            yield from (self._with(record) for record in records)
            yield from (self._without(record) for record in records)
        for at in range(len(self.closes)):
            yield replace(self, closes=self.closes[:at] + self.closes[at + 1 :])
        for place, delivery in enumerate(self.deliveries):
            for rows in delivery.with_less():
                changed = (replace(delivery, rows=rows),) if rows else ()
                yield replace(self, deliveries=self.deliveries[:place] + changed + self.deliveries[place + 1 :])

    def _with(self, only: tuple[str, str]) -> "Hospital":
        return self._of({only})

    def _without(self, other: tuple[str, str]) -> "Hospital":
        return self._of({(one.table, row[KEYS[one.table]]) for one in self.deliveries for row in one.rows} - {other})

    def _of(self, records: set[tuple[str, str]]) -> "Hospital":
        kept = (
            replace(one, rows=tuple(row for row in one.rows if (one.table, row[KEYS[one.table]]) in records))
            for one in self.deliveries
        )
        return replace(self, deliveries=tuple(delivery for delivery in kept if delivery.rows))

    def __str__(self) -> str:
        lines = [f"Hospital with profile {self.profile}: {PROFILES[self.profile]}"]
        for delivery in self.deliveries:
            kind = "full" if delivery.is_full else "incremental"
            lines.append(f"  {delivery.table}, {kind}, {ROUNDS[delivery.round]}")
            lines += [
                "    " + ", ".join(f"{name}={value}" for name, value in row.items() if value is not None)
                for row in delivery.rows
            ]
        lines += [f"  after {ROUNDS[number]}: {month or 'reopen'}" for number, month in self.closes]
        return "\n".join(lines)


# Columns whose value may be missing.
SAYS_LESS = {
    "patient_id",
    "provider_id",
    "department_id",
    "encounter_id",
    "payer_id",
    "payer_group",
    "visit_type",
    "inserted_at",
    "modified_at",
    "paid_date",
    "paid_amount",
    "reason_code",
}

MONTH_ENDS = (date(2024, 3, 31), date(2024, 5, 31), date(2024, 6, 30))
AGES = (0, 30, 31, 60, 61, 90, 91, 120, 121, 180, 181)
# Days at which something ends or begins: months, aging buckets, the leap day; a few that no rule lets pass.
DAYS = sorted({end - timedelta(days=age) for end in MONTH_ENDS for age in AGES} | {date(2024, 2, 29), date(2024, 1, 1)})
ODD_DAYS = (None, date(1899, 12, 31), date(2031, 1, 1), date(2023, 2, 28), date(2024, 8, 15), date(2024, 7, 1))
MOMENTS = (
    datetime(2024, 3, 30, 8),
    datetime(2024, 3, 31, 23, 30),
    datetime(2024, 4, 1, 0, 30),
    datetime(2024, 4, 14, 23, 59),
    datetime(2024, 5, 1),
    datetime(2024, 5, 1, 12),
    datetime(2024, 5, 19, 18),
    datetime(2024, 6, 30, 23, 59, 59),
    datetime(2024, 7, 31, 8),
    datetime(2024, 8, 14, 8),
    # A clock that is wrong.
    datetime(2090, 1, 1),
)
AMOUNTS = tuple(map(Decimal, ("100.00", "33.33", "0.01", "250.00", "1000.00", "0.00", "-50.00", "10000000.01")))
PAID = tuple(map(Decimal, ("0.00", "10.00", "33.33", "60.00", "100.00", "120.00", "-5.00")))
GROUPS = ("Medicare", "Medicaid", "Commercial", "Self pay", "OTHER", "private", "Martian", None)

days = st.one_of(st.sampled_from(DAYS), st.sampled_from(DAYS), st.sampled_from(DAYS), st.sampled_from(ODD_DAYS))
moments = st.sampled_from((None, *MOMENTS))
VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "transactions": {
        "encounter_id": st.sampled_from(("E1", "E2", "E3", None)),
        "patient_id": st.sampled_from(("P1", "P2", None)),
        "provider_id": st.sampled_from(("D1", "D2", None)),
        "department_id": st.sampled_from(("U1", "U2", None)),
        "payer_id": st.sampled_from(("Blue Plan", "Aunt Edna", None)),
        "payer_group": st.sampled_from(GROUPS),
        "payment_source": st.sampled_from(("Insurance", "Co-pay", "SELF_PAY", "Aunt pays", None)),
        "visit_type": st.sampled_from(("Routine", "Emergency")),
        "service_date": days,
        # In a year before all services, too: a deposit.
        "paid_date": st.one_of(days, days, st.none(), st.just(date(2021, 12, 30))),
        "charge_amount": st.sampled_from((*AMOUNTS, None)),
        "paid_amount": st.sampled_from((*PAID, None)),
        "inserted_at": moments,
        "modified_at": moments,
    },
    "adjustments": {
        "transaction_id": st.sampled_from(("1", "2", "3", None)),
        "encounter_id": st.sampled_from(("E1", "E2", "E3", None)),
        "patient_id": st.sampled_from(("P1", None)),
        "department_id": st.sampled_from(("U1", "U2", None)),
        "payer_id": st.sampled_from(("Blue Plan", None)),
        "payer_group": st.sampled_from(GROUPS),
        "to_payer_group": st.sampled_from(GROUPS),
        "adjustment_type": st.sampled_from(
            (
                "contractual",
                "Charity Care",
                "uninsured discount",
                "denial write-off",
                "bad debt",
                "small balance",
                "other",
                "Refund",
                "transfer",
                "denied",
                "magic",
            )
        ),
        "reason_code": st.sampled_from(("16", "50", None)),
        "service_date": st.one_of(st.sampled_from(DAYS), st.none()),
        "post_date": days,
        "adjustment_amount": st.sampled_from((*AMOUNTS, None)),
        "inserted_at": moments,
        "modified_at": moments,
    },
}
CONSTANT: dict[str, dict[str, Any]] = {
    "transactions": {"procedure_code": "99213", "diagnosis_code": "I10"},
    "adjustments": {},
}


@st.composite
def hospitals(draw: st.DrawFn) -> Hospital:
    """A hospital with up to a dozen records per table, most of which change in ways that a source does."""
    deliveries = []
    for table in ("transactions", "adjustments"):
        keys = [str(number) for number in range(1, draw(st.integers(2, 8)) + 1)]
        last: dict[str, Row] = {}
        for number in range(len(ROUNDS)):
            for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
                is_full = draw(st.booleans())
                delivered = draw(_rows(table, keys, last, is_full))
                if delivered:
                    deliveries.append(Delivery(table, number, is_full, tuple(delivered)))
    deliveries.sort(key=lambda delivery: delivery.round)
    months = st.sampled_from((202312, 202402, 202403, 202404, 202405))
    closes = draw(st.lists(st.tuples(st.integers(0, len(ROUNDS) - 2), st.one_of(months, st.just(0))), max_size=4))
    return Hospital(0, tuple(deliveries), tuple(sorted(closes)))


@st.composite
def _rows(draw: st.DrawFn, table: str, keys: Sequence[str], last: dict[str, Row], is_full: bool) -> list[Row]:
    """Rows of one batch; ``last`` has what was delivered before of each key, and is brought up to date."""
    rows: list[Row] = []
    for key in keys:
        # A full batch leaves out few records, an increment most.
        if not draw(st.sampled_from((True, True, True, True, False) if is_full else (True, False, False))):
            continue
        rows.append(draw(_row(table, key, last.get(key))))
        last[key] = rows[-1]
        if draw(st.integers(0, 15)) == 15:
            # The same key again: the same row, or one that contradicts it.
            rows.append(draw(st.one_of(st.just(rows[-1]), _row(table, key, rows[-1]))))
    return rows


@st.composite
def _row(draw: st.DrawFn, table: str, key: str, before: Row | None) -> Row:
    values = VALUES[table]
    if before is None or draw(st.integers(0, 7)) == 7:
        # A new record, or a number that is used again for another one.
        fresh = {column: draw(strategy) for column, strategy in values.items()}
        soon = draw(st.sampled_from((None, None, None, 0, 6, 7, 8)))
        if table == "transactions" and soon is not None and (fresh["service_date"] or date.min) >= DAYS[0]:
            fresh |= {"paid_date": fresh["service_date"] + timedelta(days=soon), "payment_source": "Co-pay"}
        return {KEYS[table]: key, **fresh, **CONSTANT[table]}
    change = draw(st.sampled_from(("none", "values", "values", "values", "payment")))
    if change == "none":
        return before
    row = dict(before)
    if change == "payment" and table == "transactions":
        day = max(before["paid_date"] or before["service_date"] or DAYS[0], DAYS[0])
        row["paid_amount"] = (before["paid_amount"] or 0) + draw(st.sampled_from(PAID))
        row["paid_date"] = day + timedelta(days=draw(st.sampled_from((0, 1, 30))))
    else:
        changed = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=2, unique=True))
        row |= {column: draw(values[column]) for column in changed}
    if before["modified_at"] is not None and draw(st.booleans()):
        row["modified_at"] = min((one for one in MOMENTS if one > before["modified_at"]), default=MOMENTS[-1])
    return row


def random_hospitals(count: int, number: int) -> list[Hospital]:
    """So many hospitals, the same for the same seed; their profiles take turns."""
    return [replace(_drawn(number * 1000 + place), profile=place % len(PROFILES)) for place in range(count)]


def _drawn(number: int) -> Hospital:
    found: list[Hospital] = []

    # Each from a seed of its own: within one run Hypothesis begins with the smallest and then varies what it had.
    @seed(number)
    @settings(
        max_examples=2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hospitals())
    def draw(hospital: Hospital) -> None:
        found.append(hospital)

    draw()
    return found[-1]


def name(place: int) -> str:
    """Source system of a hospital by its place in the lakehouse."""
    return f"h{place:02d}"


def declare(project: Path, profiles: Sequence[int]) -> None:
    """Write the control table of a lakehouse of hospitals with these profiles, and list them."""
    folder = project / CONTROL_TABLE
    folder.mkdir(parents=True, exist_ok=True)
    for place, profile in enumerate(profiles):
        (folder / f"{name(place)}.yml").write_text(yaml.safe_dump(_source(place, PROFILES[profile])))
    file = project / "dbt_project.yml"
    listed = {name(place): list(TEXTS) for place in range(len(profiles))}
    document = yaml.safe_load(file.read_text())
    document["vars"]["systems"][CONTROL_TABLE] = listed
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def _source(place: int, profile: Profile) -> dict[str, Any]:
    # Nothing is read from there: batches are written to bronze.
    address = f"{{lakehouse}}/{name(place)}" if profile.is_text else f"sqlite:///{{lakehouse}}/{name(place)}.db"
    return {
        "version": 2,
        "sources": [
            {
                "name": name(place),
                "description": "A random hospital.",
                "schema": f"bronze_{name(place)}",
                "config": {
                    "meta": {
                        "label": f"Hospital {place}",
                        "kind": "files" if profile.is_text else "database",
                        "connection": {"env": f"RCM_{name(place).upper()}", "default": address},
                        "dialect": {"time_zone": profile.time_zone, "words": profile.words},
                    }
                },
                "tables": [_declared_table(table, profile) for table in TEXTS],
            }
        ],
    }


def _declared_table(table: str, profile: Profile) -> dict[str, Any]:
    columns = profile.types(table)
    load = {"files": f"{table}.csv"} if profile.is_text else {"object": table}
    return {
        "name": table,
        "description": "Random rows.",
        "config": {
            "meta": {
                "load": {**load, "mode": "full", "key": [KEYS[table]]},
                "map": {column: column for column in columns},
                **({"date_format": profile.date_format} if profile.date_format else {}),
            }
        },
        "columns": [
            {"name": column, "data_type": kind, "description": "Random values."} for column, kind in columns.items()
        ],
    }


def deliver(lakehouse: Path, place: int, hospital: Hospital, number: int) -> None:
    """Append the hospital's batches of one round to bronze, as ingestion would."""
    minutes = 0
    for delivery in hospital.deliveries:
        if delivery.round == number:
            _write(lakehouse, name(place), PROFILES[hospital.profile], delivery, minutes)
            minutes += 1


def _write(lakehouse: Path, system: str, profile: Profile, delivery: Delivery, minutes: int) -> None:
    arrived_at = ROUNDS[delivery.round] + timedelta(minutes=minutes)
    count = len(delivery.rows)
    types = profile.types(delivery.table)
    written = [{column: profile.written(row[column]) for column in types} for row in delivery.rows]
    columns = {column: pa.array([row[column] for row in written], ARROW[kind]) for column, kind in types.items()}
    lineage = {
        "_batch_id": pa.array([f"{arrived_at:%Y%m%dT%H%M%S%f}-{system}.{delivery.table}"] * count),
        "_row_number": pa.array(range(1, count + 1), pa.int64()),
        "_load_type": pa.array(["full" if delivery.is_full else "incremental"] * count),
        "_ingested_at": pa.array([arrived_at] * count, pa.timestamp("us")),
        "_source_file": pa.nulls(count, pa.string()),
        "_row_hash": pa.array([str(row) for row in written]),
        **{column: pa.nulls(count, pa.string()) for column in UNREAD.names},
    }
    folder = lakehouse / "bronze" / system / delivery.table
    write_deltalake(folder, pa.table({**columns, **lineage}), mode="append")
