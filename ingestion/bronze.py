"""Bronze: append-only Delta tables in which one batch is one commit that carries its own identity."""

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import EllipsisType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from ingestion.arrow_types import source_schema
from ingestion.errors import EmptyFullLoadError, LoadConflictError, SchemaDriftError, SourceUnavailableError
from ingestion.extraction import Extraction
from ingestion.specs import TableSpec
from ingestion.storage import Location

LINEAGE = pa.schema(
    [
        ("_batch_id", pa.string()),
        ("_row_number", pa.int64()),
        ("_load_type", pa.string()),
        ("_ingested_at", pa.timestamp("us")),
        ("_source_file", pa.string()),
        ("_row_hash", pa.string()),
    ]
)
# Rows per Parquet row group: 21 columns of them are about 3 MB in memory.
ROW_GROUP_ROWS = 8_192
# An uncommitted part that is older belongs to no run that still writes it.
ORPHAN_HOURS = 24
# Folders for what a load spills and uploads; a killed run leaves them, with rows in them.
SCRATCH = "rcm-scratch-"
# The log is the ledger of batches and files, so Delta must not expire it after its usual 30 days.
TABLE_PROPERTIES = {"delta.appendOnly": "true", "delta.logRetentionDuration": "interval 36500 days"}
# Batches whose row counts the next one is compared with.
EARLIER_BATCHES = 5
BATCH_TIME = "%Y%m%dT%H%M%S%f"
OVERTAKEN = "another run committed to this table meanwhile, nothing was written; run rcm ingest again"


@dataclass(frozen=True)
class Checks:
    """Outcome of a batch's border checks: how many were evaluated, and the names of those that failed."""

    evaluated: int
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """One committed batch, as its Delta commit describes it.

    Times are ISO 8601 in UTC, watermarks text as the source writes them; counts are rows, ``seconds`` the duration.
    ``money`` holds the sum of each money column, ``checks`` the outcome of the border checks, ``rejects`` the lines of
    the file that could not be read, as [line, reason]; ``redrive_of`` is the batch whose rejects these rows were.
    """

    batch_id: str
    run_id: str
    system: str
    table: str
    load_type: str
    watermark_low: str | None
    watermark_high: str | None
    rows_read: int
    rows_written: int
    rows_duplicate: int
    rows_rejected: int
    schema_hash: str
    source_file: str | None
    file_sha256: str | None
    started_at: str
    seconds: float
    warnings: str | None
    money: dict[str, str] = field(default_factory=dict)
    checks: Checks | None = None
    rejects: list[list[object]] = field(default_factory=list)
    redrive_of: str | None = None


@dataclass(frozen=True)
class Draft:
    """A batch before its commit: what a border check may look at.

    Args:
        batch_id: Identity of the batch.
        part: Parquet file of its rows, on this machine.
        rows: Rows in it.
        earlier_rows: Rows written by the last batches of the same load type, the newest first.
    """

    batch_id: str
    part: Path
    rows: int
    earlier_rows: tuple[int, ...]


# Judges a draft: what to keep with the batch and what to tell. Raises to stop the commit.
Inspection = Callable[[Draft], tuple[Checks | None, Sequence[str]]]


@dataclass(frozen=True)
class Appended:
    """Outcome of one append: the committed batch, or None where bronze held every row already; counts in rows."""

    batch: Batch | None
    rows_read: int
    rows_duplicate: int


class BronzeTable:
    """One bronze Delta table: what it holds, and how a batch gets into it.

    Args:
        location: Folder of the Delta table.
        table: Its declaration.
    """

    def __init__(self, location: Location, table: TableSpec) -> None:
        self.location = location
        self.table = table

    def open(self) -> DeltaTable | None:
        """The Delta table, None before its first batch."""
        return self.location.delta()

    def batches(self) -> list[Batch]:
        """Every committed batch, the newest first."""
        return _batches(self.open())

    def version(self) -> int | None:
        """Version of the Delta table, None before its first batch."""
        delta = self.open()
        return None if delta is None else delta.version()

    def append(
        self,
        extraction: Extraction,
        run_id: str,
        inspect: Inspection | None = None,
        read_at: int | EllipsisType | None = ...,
    ) -> Appended:
        """Write one batch as one atomic commit, or nothing where bronze holds its content already.

        Args:
            extraction: The batch.
            run_id: Who writes it.
            inspect: Judges it before the commit.
            read_at: Version of the table before the source was opened; unless given, the one there is now.

        Raises:
            SchemaDriftError: A declared type differs from the column's type in bronze.
            EmptyFullLoadError: A full load without rows over a table that has some.
            LoadConflictError: Another run committed a batch of this table, or this very file, meanwhile.
            Exception: Whatever the extraction or the inspection raises; nothing is written then.
        """
        started = time.monotonic()
        delta = self.open()
        if read_at is not ... and read_at != (None if delta is None else delta.version()):
            raise LoadConflictError(OVERTAKEN)
        schema = self._merged_schema(delta, extraction)
        history = _batches(delta)
        if extraction.file_sha256 and batch_of_file(self.table, history, extraction.file_sha256):
            raise LoadConflictError(OVERTAKEN)
        batch_time = _next_batch_time(history)
        batch_id = f"{batch_time.strftime(BATCH_TIME)}-{self.table.label}"
        place = self.location / f"part-{batch_id}.parquet"
        rows = _NumberedRows(extraction.batches)
        try:
            with _engine() as engine, self._draft(place) as part:
                if history and delta is not None and extraction.drop_known:
                    self._register_current_hashes(engine, delta, history)
                    engine.execute("insert into known select _row_hash from current_hashes")
                with rows.own_errors():
                    written = self._write_part(engine, part, extraction, rows, batch_id, batch_time)
                if delta is not None:
                    # The load may have outlasted the token that the table was opened with.
                    delta = self.location.renewed(delta)
                    if history and extraction.load_type == "full":
                        self._register_current_hashes(engine, delta, history)
                if not _brings_news(engine, part, extraction, written, has_history=bool(history)):
                    return Appended(None, rows.count, rows.count)
                same = [batch.rows_written for batch in history if batch.load_type == extraction.load_type]
                draft = Draft(batch_id, part, written, tuple(same[:EARLIER_BATCHES]))
                checks, findings = inspect(draft) if inspect is not None else (None, ())
                batch = Batch(
                    batch_id=batch_id,
                    run_id=run_id,
                    system=self.table.system,
                    table=self.table.name,
                    load_type=extraction.load_type,
                    watermark_low=extraction.watermark_low,
                    watermark_high=extraction.watermark_high,
                    rows_read=rows.count,
                    rows_written=written,
                    rows_duplicate=rows.count - written,
                    rows_rejected=extraction.rows_rejected + len(extraction.rejects),
                    schema_hash=schema_hash(self.table),
                    source_file=extraction.source_file,
                    file_sha256=extraction.file_sha256,
                    started_at=batch_time.isoformat(),
                    seconds=round(time.monotonic() - started, 3),
                    warnings="; ".join([*extraction.warnings, *findings]) or None,
                    money=_money(engine, part, self.table),
                    checks=checks,
                    rejects=[[reject.line, reject.reason] for reject in extraction.rejects],
                    redrive_of=extraction.redrive_of,
                )
                if not self.location.is_local:
                    place.copy_from(part)
                self._commit(delta, schema, place, part.stat().st_size, batch)
                return Appended(batch, rows.count, batch.rows_duplicate)
        finally:
            # A commit can fail after it took effect: whether the log names the file decides, not the exception.
            if batch_id not in {batch.batch_id for batch in self.batches()}:
                self._discard(place)

    def sweep(self, *, alone: bool) -> int:
        """Remove the parts without a commit and the old scratch folders that killed runs left; returns how many parts.

        Args:
            alone: No other run can be writing; otherwise only parts too old for any run are removed.
        """
        committed = {batch.batch_id for batch in self.batches()}
        oldest = time.time() - ORPHAN_HOURS * 3600
        orphans = [
            place
            for name, place in self.location.find(f"part-*-{self.table.label}.parquet").items()
            if name.removeprefix("part-").removesuffix(".parquet") not in committed
            and (alone or place.modified() < oldest)
        ]
        for place in orphans:
            self._discard(place)
        for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
            with suppress(OSError):
                if folder.stat().st_mtime < oldest:
                    shutil.rmtree(folder)
        return len(orphans)

    @contextmanager
    def _draft(self, place: Location) -> Iterator[Path]:
        """Where the part is written: in its place, or on this machine until it is uploaded."""
        if place.is_local:
            place.local.parent.mkdir(parents=True, exist_ok=True)
            yield place.local
            return
        with tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:
            yield Path(folder) / place.name

    def _discard(self, place: Location) -> None:
        """Remove an uncommitted file, and the folder of a table that never had a batch."""
        place.delete()
        if place.is_local:
            with suppress(OSError):
                place.local.parent.rmdir()

    def _merged_schema(self, delta: DeltaTable | None, extraction: Extraction) -> pa.Schema:
        """Columns of the table after this batch: what it has, then what was declared since."""
        declared = pa.schema([*source_schema(self.table), *extraction.extra_columns, *LINEAGE])
        if delta is None:
            return declared
        held = pa.schema(delta.schema().to_arrow())
        for column in declared:
            index = held.get_field_index(column.name)
            if index >= 0 and held.field(index).type != column.type:
                raise SchemaDriftError(
                    f"column {column.name} is declared {column.type}, but bronze holds {held.field(index).type}; "
                    "restore the type, or give the new column another name"
                )
        return pa.schema([*held, *(column for column in declared if held.get_field_index(column.name) < 0)])

    def _register_current_hashes(
        self, engine: duckdb.DuckDBPyConnection, delta: DeltaTable, history: list[Batch]
    ) -> None:
        """Make ``current_hashes`` readable, once: the row hashes of the table's current content.

        That is, since the last full batch, the rows of the newest batch of each key. A key that came twice in one
        batch keeps both rows, so that reading them again brings nothing new.
        """
        since = next((batch for batch in history if batch.load_type == "full"), history[-1])
        held = {field.name for field in delta.schema().fields}
        keys = [name for name in self.table.load.key if name in held]
        # Without a second batch there is nothing to choose from.
        is_only_batch = since is history[0]
        columns = ["_row_hash"] if is_only_batch else [*keys, "_batch_id", "_row_hash"]
        reader = pa.RecordBatchReader.from_stream(delta.scan(columns, f"_batch_id >= '{since.batch_id}'"))
        engine.register("current_hashes" if is_only_batch else "arrivals_held", reader)
        if is_only_batch:
            return
        on_keys = " and ".join(f"arrivals.{_quoted(key)} is not distinct from newest.{_quoted(key)}" for key in keys)
        key_list = ", ".join(_quoted(key) for key in keys)
        engine.execute(
            f"""
            create temp view current_hashes as
            with
            arrivals as materialized (select * from arrivals_held),
            newest as (select {key_list}, max(_batch_id) as _batch_id from arrivals group by {key_list})
            select arrivals._row_hash
            from arrivals
            inner join newest on arrivals._batch_id = newest._batch_id and {on_keys}
            """
        )

    def _write_part(
        self,
        engine: duckdb.DuckDBPyConnection,
        part: Path,
        extraction: Extraction,
        rows: "_NumberedRows",
        batch_id: str,
        batch_time: datetime,
    ) -> int:
        """Stream the extraction into one Parquet file, lineage columns added, known rows left out; rows written."""
        source = pa.schema([*source_schema(self.table), *extraction.extra_columns])
        engine.register("incoming", rows.reader(source))
        names = ", ".join(_quoted(name) for name in source.names)
        unknown_only = "where _row_hash not in (select _row_hash from known)" if extraction.drop_known else ""
        stream = engine.execute(
            f"""
            select
                {names},
                $batch_id as _batch_id,
                _row_number,
                $load_type as _load_type,
                $ingested_at::timestamp as _ingested_at,
                $source_file::varchar as _source_file,
                _row_hash
            from (select *, {_row_hash(source.names)} as _row_hash from incoming)
            {unknown_only}
            """,
            {
                "batch_id": batch_id,
                # Rows of a backfill or a redrive add to the table as those of an increment do.
                "load_type": "full" if extraction.load_type == "full" else "incremental",
                "ingested_at": batch_time.replace(tzinfo=None),
                "source_file": extraction.source_file,
            },
        ).to_arrow_reader(ROW_GROUP_ROWS)
        written = 0
        schema = pa.schema([*source, *LINEAGE])
        # Dictionaries double the memory, and zstd does without: smaller files by a third, and read faster.
        with pq.ParquetWriter(part, schema, compression="zstd", use_dictionary=False) as writer:
            for batch in stream:
                writer.write_batch(batch.cast(schema))
                written += batch.num_rows
        return written

    def _commit(self, delta: DeltaTable | None, schema: pa.Schema, part: Location, size: int, batch: Batch) -> None:
        bounds = {"_batch_id": batch.batch_id}
        statistics = {
            "numRecords": batch.rows_written,
            "minValues": bounds,
            "maxValues": bounds,
            "nullCount": {"_batch_id": 0},
        }
        action = AddAction(
            path=part.name,
            size=size,
            partition_values={},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=json.dumps(statistics),
        )
        app_id = f"rcm:{self.table.label}"
        version = (delta.transaction_version(app_id) or 0) + 1 if delta is not None else 1
        properties = CommitProperties(
            custom_metadata={"rcm": json.dumps(asdict(batch))},
            app_transactions=[Transaction(app_id, version)],
            # A retry would land a batch that was compared with a table of the past.
            max_commit_retries=0,
        )
        try:
            if delta is None:
                create_table_with_add_actions(
                    self.location.url,
                    Schema.from_arrow(schema),
                    [action],
                    mode="error",
                    name=self.table.label,
                    configuration=TABLE_PROPERTIES,
                    commit_properties=properties,
                    storage_options=self.location.delta_options or None,
                )
            else:
                _add_columns(delta, schema)
                delta.create_write_transaction([action], "append", schema, commit_properties=properties)
        except DeltaError as error:
            now = self.open()
            if _batches(now)[:1] == [batch]:
                return
            if now is not None and (delta is None or now.version() > delta.version()):
                raise LoadConflictError(OVERTAKEN) from error
            raise SourceUnavailableError(
                "the lakehouse did not take the commit, nothing was written; check its storage and run rcm ingest again"
            ) from None


def _add_columns(delta: DeltaTable, schema: pa.Schema) -> None:
    """Add the columns a table lacks, in a commit before the batch's own: a write does not change the schema."""
    held = {field.name for field in delta.schema().fields}
    new = [field for field in Schema.from_arrow(schema).fields if field.name not in held]
    if not new:
        return
    before = delta.version()
    delta.alter.add_columns(new)
    # Adding columns takes the table as it is by now: what came in between was not compared with.
    if delta.version() != before + 1:
        raise CommitFailedError("the table moved on while a column was added")


class _NumberedRows:
    """Counts and numbers the rows of a stream, and keeps its exception: the engine would wrap it in its own."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.count = 0
        self._batches = batches
        self._error: Exception | None = None

    def reader(self, schema: pa.Schema) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(schema.append(pa.field("_row_number", pa.int64())), self._numbered())

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        """Raise what the stream raised in place of the engine's report of it."""
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise

    def _numbered(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                numbers = pa.array(np.arange(self.count + 1, self.count + batch.num_rows + 1))
                self.count += batch.num_rows
                yield batch.append_column("_row_number", numbers)
        except Exception as error:
            self._error = error
            raise


def _brings_news(
    engine: duckdb.DuckDBPyConnection, part: Path, extraction: Extraction, written: int, *, has_history: bool
) -> bool:
    """Whether the part differs from what bronze holds: any row of an increment, any difference of a full load."""
    if extraction.load_type != "full" or not has_history:
        return written > 0
    if written == 0:
        raise EmptyFullLoadError(
            "the source returned no rows, and a full load of none would delete all that bronze holds; "
            "check the source, or set active: false"
        )
    with pq.ParquetFile(part) as file:
        schema = pa.schema([LINEAGE.field("_row_hash")])
        engine.register(
            "written_hashes", pa.RecordBatchReader.from_batches(schema, file.iter_batches(columns=schema.names))
        )
        return _digest(engine, "written_hashes") != _digest(engine, "current_hashes")


def _digest(engine: duckdb.DuckDBPyConnection, relation: str) -> tuple[object, ...]:
    """Count and sums of row hashes: equal for equal rows in any order, and held in no memory.

    The sums are of the hashes' two halves, 56 bits of each, so that contents that differ agree once in 10^33.
    """
    halves = [f"sum(cast('0x' || substr(_row_hash, {start}, 14) as ubigint))" for start in (1, 17)]
    [row] = engine.execute(f"select count(*), {', '.join(halves)} from {relation}").fetchall()
    return tuple(row)


def _money(engine: duckdb.DuckDBPyConnection, part: Path, table: TableSpec) -> dict[str, str]:
    """Sum of each money column of a part, exact; text that is no number counts as nothing."""
    columns = table.money_columns
    if not columns:
        return {}
    sums = ", ".join(f"coalesce(sum(try_cast({_quoted(name)} as decimal(18, 2))), 0)" for name in columns)
    [row] = engine.execute(f"select {sums} from read_parquet(?)", [str(part)]).fetchall()
    return {name: str(total) for name, total in zip(columns, row, strict=True)}


def batch_of_file(table: TableSpec, batches: Sequence[Batch], sha256: str) -> Batch | None:
    """The batch that holds these bytes, None where the table lacks them; ``batches`` the newest first.

    Where each file is the whole table only the newest counts: an older list that comes again replaces a newer one.
    """
    held = batches[:1] if table.load.mode == "full" else batches
    return next((batch for batch in held if batch.file_sha256 == sha256), None)


def schema_hash(table: TableSpec) -> str:
    """Fingerprint of the declared columns and types."""
    text = json.dumps([(column.name, column.data_type) for column in table.columns])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _batches(delta: DeltaTable | None) -> list[Batch]:
    history = delta.history() if delta is not None else []
    return [_batch(json.loads(commit["rcm"])) for commit in history if "rcm" in commit]


def _batch(described: dict[str, Any]) -> Batch:
    """A batch as its commit describes it; keys of another version of this program are left out."""
    known = {entry.name for entry in fields(Batch)}
    checks = described.get("checks")
    described["checks"] = Checks(checks["evaluated"], tuple(checks["failed"])) if checks else None
    return Batch(**{name: value for name, value in described.items() if name in known})


def _next_batch_time(history: list[Batch]) -> datetime:
    """Now in UTC, but after the newest batch: ids and times of a table strictly increase though clocks go back."""
    now = datetime.now(UTC)
    if not history:
        return now
    newest = datetime.strptime(history[0].batch_id.split("-")[0], BATCH_TIME).replace(tzinfo=UTC)
    return max(now, newest + timedelta(microseconds=1))


def _row_hash(names: list[str]) -> str:
    """SQL of the md5 over columns in declared order; separators keep NULL, '' and shifted values apart."""
    values = ", ".join(f"coalesce(cast({_quoted(name)} as varchar), chr(30))" for name in names)
    return f"md5(concat_ws(chr(31), {values}))"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with bounded memory and an empty table ``known`` of row hashes."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as spill, duckdb.connect(":memory:") as connection:
        connection.execute("set threads = 1")
        connection.execute("set memory_limit = '1GB'")
        connection.execute(f"set temp_directory = '{spill}'")
        connection.execute("create temp table known (_row_hash varchar)")
        yield connection
