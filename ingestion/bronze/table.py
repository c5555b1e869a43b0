"""Append-only Delta tables: one batch is one commit with its own identity, so each row is loaded exactly once."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import EllipsisType
from urllib.parse import unquote

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from ingestion.base.errors import (
    DamagedTableError,
    IngestionError,
    LoadConflictError,
    SchemaDriftError,
    SourceUnavailableError,
    UnknownOutcomeError,
)
from ingestion.base.messages import fault_of_storage
from ingestion.base.storage import Location
from ingestion.bronze.batch import (
    BATCH_TIME,
    Appended,
    Batch,
    Draft,
    Inspection,
    batch_of_file,
    batches_of,
    earlier_rows,
    files_of,
    next_batch_time,
    schema_hash,
)
from ingestion.bronze.decisions import BatchDecisions
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.money import money_of
from ingestion.bronze.part import (
    LINEAGE,
    SCRATCH,
    NumberedRows,
    has_changes,
    literal,
    part_engine,
    quoted,
    write_part,
)
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec

# No run still writes an uncommitted part that is older, and no storage still executes a commit of it: the signature
# of a request is valid for minutes.
ORPHAN_HOURS = 24
# The log records batches and files, so Delta must not expire it after its default of 30 days.
TABLE_PROPERTIES = {"delta.appendOnly": "true", "delta.logRetentionDuration": "interval 36500 days"}
OVERTAKEN = "another run committed to this table meanwhile, nothing was written; run rcm ingest again"


class BronzeTable:
    """One bronze Delta table: what it holds, and how a batch gets into it.

    Args:
        location: Folder of the Delta table.
        table: Its declaration.
        decisions: What people decided about batches; None where nobody can.
    """

    def __init__(self, location: Location, table: TableSpec, decisions: BatchDecisions | None = None) -> None:
        self.location = location
        self.table = table
        self._decisions = decisions

    def open(self) -> DeltaTable | None:
        """The Delta table, None before its first batch."""
        return self.location.delta()

    def batches(self) -> list[Batch]:
        """Every committed batch, the newest first."""
        return batches_of(self.open())

    def counted_batches(self) -> list[Batch]:
        """The batches that loads are compared with, the newest first: all but those that a person refused."""
        return self._counted(self.batches())

    def _counted(self, batches: list[Batch]) -> list[Batch]:
        refused = self._decisions.refused if self._decisions is not None and batches else frozenset()
        return [batch for batch in batches if batch.batch_id not in refused] if refused else batches

    def version(self) -> int | None:
        """Version of the Delta table, None before its first batch."""
        delta = self.open()
        return None if delta is None else delta.version()

    def part(self, batch_id: str) -> Location:
        """The Parquet file of a batch; compaction moves its rows into another one."""
        return self.location / f"part-{batch_id}.parquet"

    def append(
        self,
        extraction: Extraction,
        run_id: str,
        inspect: Inspection | None = None,
        read_at: int | EllipsisType | None = ...,
    ) -> Appended:
        """Write one batch as one atomic commit, or nothing if bronze already has its content (idempotent).

        Args:
            extraction: The batch.
            run_id: Who writes it.
            inspect: Checks it before the commit.
            read_at: Version of the table before the source was opened; by default the current one.

        Raises:
            SchemaDriftError: A declared type differs from the column's type in bronze.
            EmptyFullLoadError: A full load without rows over a table that has some.
            AmbiguousAmountsError: Amounts in no declared number format that can be read in two ways.
            LoadConflictError: Another run committed a batch of this table, or this very file, meanwhile.
            UnknownOutcomeError: The storage did not answer the commit; it may take effect later, so the part stays.
            Exception: Whatever the extraction or the inspection raises; nothing is written then.
        """
        started = time.monotonic()
        delta = self.open()
        if read_at is not ... and read_at != (None if delta is None else delta.version()):
            raise LoadConflictError(OVERTAKEN)
        schema = self._merged_schema(delta, extraction)
        committed = batches_of(delta)
        history = self._counted(committed)
        if extraction.file_sha256 and batch_of_file(self.table, history, extraction.file_sha256):
            raise LoadConflictError(OVERTAKEN)
        batch_time = next_batch_time(committed)
        batch_id = f"{batch_time.strftime(BATCH_TIME)}-{self.table.label}"
        place = self.part(batch_id)
        rows = NumberedRows(extraction.batches)
        is_sent = False
        try:
            with part_engine() as engine, self._draft(place) as part:
                if history and delta is not None and extraction.drop_known:
                    self._register_current_hashes(engine, delta, history)
                    engine.execute("insert into known select cast(_row_hash as uuid) from current_hashes")
                with rows.own_errors():
                    written = write_part(self.table, engine, part, extraction, rows, batch_id, batch_time)
                if delta is not None:
                    # The load may have outlasted the token that the table was opened with.
                    delta = self.location.renewed(delta)
                    if history and extraction.load_type == "full":
                        self._register_current_hashes(engine, delta, history)
                changed = has_changes(engine, part, extraction, written, has_history=bool(history))
                if not changed and extraction.load_type == "full" and delta is not None:
                    changed = self._has_late_rows(engine, delta, history)
                if not changed:
                    return Appended(None, rows.count, rows.count)
                money = money_of(engine, part, self.table, extraction.delimiter)
                draft = Draft(batch_id, part, written, earlier_rows(history, extraction.load_type))
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
                    warnings="; ".join([*extraction.warnings, *money.warnings, *findings]) or None,
                    money=money.sums,
                    checks=checks,
                    rejects=[[reject.line, reject.reason] for reject in extraction.rejects],
                    redrive_of=extraction.redrive_of,
                    source_path=extraction.source_path,
                    part_sha256=Location(str(part)).sha256(),
                )
                if self.location.is_local:
                    # The log must never name a file that a power cut takes away.
                    place.sync()
                else:
                    place.copy_from(part)
                size = part.stat().st_size
                # From here on the log may name the part, whatever is raised; the commit itself removes it if not.
                is_sent = True
                self._commit(delta, schema, place, size, batch)
                return Appended(batch, rows.count, batch.rows_duplicate)
        finally:
            if not is_sent:
                self._discard(place)

    def current_rows(self) -> int:
        """How many rows the table's current content has; reads the key columns since the last full batch."""
        delta = self.open()
        history = self._counted(batches_of(delta))
        if delta is None or not history:
            return 0
        with part_engine() as engine:
            self._register_current_hashes(engine, delta, history)
            [[rows]] = engine.execute("select count(*) from current_hashes").fetchall()
        return int(rows)

    def add_lineage(self) -> None:
        """Give a table of an older version of this program the lineage columns that it lacks, which silver reads."""
        # Another run adds them, or the next; the table's own load reports a broken log.
        with suppress(DeltaError, OSError, IngestionError, ValueError):
            delta = self.open()
            held = {field.name for field in delta.schema().fields} if delta is not None else set()
            new = [field for field in Schema.from_arrow(LINEAGE).fields if field.name not in held]
            if delta is not None and new:
                before = delta.version()
                delta.alter.add_columns(new)
                self.location.sync_commits(before)

    def sweep(self, *, alone: bool) -> int:
        """Remove the parts without a commit and the old scratch folders that killed runs left; returns how many parts.

        Args:
            alone: No other run can be writing; otherwise only parts too old for any run are removed.
        """
        oldest = time.time() - ORPHAN_HOURS * 3600
        parts = self.location.find(f"part-*-{self.table.label}.parquet")
        # Asked after the parts were listed, so that a commit in between is seen.
        committed = {batch.batch_id for batch in self.batches()} if parts else set()
        orphans = [
            place
            for name, place in parts.items()
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
        """Remove an uncommitted file, and the folder of a table that never had a batch; a later sweep does it else."""
        with suppress(OSError, IngestionError):
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
        folded = {name.lower(): name for name in held.names}
        for column in declared:
            if folded.get(column.name.lower(), column.name) != column.name:
                raise SchemaDriftError(
                    f"column {column.name} is {folded[column.name.lower()]} in bronze, which differs only by case; "
                    "give it that name, or another one"
                )
            index = held.get_field_index(column.name)
            if index >= 0 and held.field(index).type != column.type:
                raise SchemaDriftError(
                    f"column {column.name} is declared {column.type}, but bronze holds {held.field(index).type}; "
                    f"restore the type, or start the table again: rcm restart {self.table.system} -t {self.table.name}"
                )
        return pa.schema([*held, *(column for column in declared if held.get_field_index(column.name) < 0)])

    def _register_current_hashes(
        self, engine: duckdb.DuckDBPyConnection, delta: DeltaTable, history: list[Batch]
    ) -> None:
        """Make ``current_hashes`` readable, once: the row hashes of the table's current content.

        These are, since the last full batch, the rows of the newest batch of each key. A key that came twice in one
        batch keeps both rows, so that reading them again is deduplicated.
        """
        since = next((batch for batch in history if batch.load_type == "full"), history[-1])
        held = {field.name for field in delta.schema().fields}
        # A key column that bronze lacks cannot distinguish rows: each row since then is a record of its own.
        keys = list(self.table.load.key) if held.issuperset(self.table.load.key) else ["_row_hash"]
        # Without a second batch there is nothing to choose from.
        is_only_batch = since is history[0]
        lineage = ["_batch_id", "_row_hash", *(name for name in [self.table.load.watermark] if name in held)]
        columns = ["_row_hash"] if is_only_batch else list(dict.fromkeys([*keys, *lineage]))
        self._register(engine, "current_hashes" if is_only_batch else "arrivals_held", delta, columns, since)
        if is_only_batch:
            return
        on_keys = " and ".join(f"arrivals.{quoted(key)} is not distinct from newest.{quoted(key)}" for key in keys)
        key_list = ", ".join(quoted(key) for key in keys)
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

    def _has_late_rows(self, engine: duckdb.DuckDBPyConnection, delta: DeltaTable, history: list[Batch]) -> bool:
        """Whether the newest row of a key came late: history keeps an older one then, which only a full read corrects.

        A number that is used again after a deletion, or a restored backup, has an older date than what it replaces.
        """
        if not history or history[0].load_type == "full":
            return False
        held = {field.name for field in delta.schema().fields}
        watermark = self.table.load.watermark
        if (
            watermark is None
            or self.table.column_map.get("modified_at", watermark) != watermark
            or not held.issuperset([*self.table.load.key, watermark])
        ):
            return True
        keys = ", ".join(quoted(key) for key in self.table.load.key)
        [[found]] = engine.execute(
            f"""
            select exists (
                select 1 from arrivals_held group by {keys}
                having max_by({quoted(watermark)}, _batch_id) < max({quoted(watermark)})
            )
            """
        ).fetchall()
        return bool(found)

    def _register(
        self, engine: duckdb.DuckDBPyConnection, view: str, delta: DeltaTable, columns: list[str], since: Batch
    ) -> None:
        """Make columns of the batches from one on readable under a name, without those that a person refused."""
        condition = f"_batch_id >= {literal(since.batch_id)}"
        if self._decisions is not None and self._decisions.refused:
            refused = ", ".join(literal(batch_id) for batch_id in sorted(self._decisions.refused))
            condition += f" and _batch_id not in ({refused})"
        if not self.location.is_local:
            reader = pa.RecordBatchReader.from_stream(delta.scan(columns, condition))
            engine.register(view, reader)
            if view == "arrivals_held":
                # Read twice, which the stream cannot be; it spills to disk.
                engine.execute(f"create temp table read_{view} as select * from {view}")
                engine.unregister(view)
                engine.execute(f"alter table read_{view} rename to {view}")
            return
        # DuckDB's own reader holds a tenth of what Delta's does; a file that lacks a column is older than it.
        names = (unquote(uri.rpartition("/")[2]) for uri in delta.file_uris())
        files = ", ".join(literal(str(self.location.local / name)) for name in names)
        engine.execute(
            f"""
            create temp view {view} as
            select {", ".join(map(quoted, columns))}
            from read_parquet([{files}], union_by_name = true)
            where {condition}
            """
        )

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
            # A retry would commit a batch that was compared with an outdated table.
            max_commit_retries=0,
        )
        before = -1 if delta is None else delta.version()
        options = self.location.delta_options
        is_sent = False
        try:
            if delta is None:
                is_sent = True
                create_table_with_add_actions(
                    self.location.url,
                    Schema.from_arrow(schema),
                    [action],
                    mode="error",
                    name=self.table.label,
                    configuration=TABLE_PROPERTIES,
                    commit_properties=properties,
                    storage_options=options or None,
                )
            else:
                _add_columns(delta, schema)
                is_sent = True
                delta.create_write_transaction([action], "append", schema, commit_properties=properties)
        except (DeltaError, OSError, IngestionError) as error:
            wanted = -1 if delta is None else delta.version()
            if not self._took(batch, wanted + 1, is_sent=is_sent):
                self._discard(part)
                raise self._not_committed(error, before) from None
        try:
            # Before the landing file is moved.
            self.location.sync_commits(before)
        except OSError as error:
            raise UnknownOutcomeError(
                f"{self.location}: the disk did not confirm the commit of batch {batch.batch_id} "
                f"({fault_of_storage(error) or type(error).__name__}); check the disk, then run rcm ingest again"
            ) from None

    def _took(self, batch: Batch, version: int, *, is_sent: bool) -> bool:
        """Whether the log names a batch whose commit failed; only the log can tell.

        Args:
            batch: The batch.
            version: Version that its commit asked for. Where the log has it from somebody else, ours can never be.
            is_sent: Whether the commit was sent at all.

        Raises:
            UnknownOutcomeError: The log cannot be read, or storage may still execute the commit.
        """
        if not is_sent:
            return False
        with suppress(DeltaError, OSError, IngestionError):
            now = self.open()
            if batch.batch_id in {other.batch_id for other in batches_of(now)}:
                return True
            # A call on this machine has ended when it returns.
            if self.location.is_local or (now is not None and now.version() >= version):
                return False
        raise UnknownOutcomeError(
            f"{self.location}: storage did not answer the commit of batch {batch.batch_id}, so it is not known yet "
            "whether bronze has it; its data was kept, run rcm ingest again, which asks the log and loads nothing twice"
        ) from None

    def _not_committed(self, error: Exception, before: int) -> Exception:
        """What to raise for a commit that did not take place."""
        with suppress(DeltaError, OSError, IngestionError):
            if (now := self.version()) is not None and now > before:
                return LoadConflictError(OVERTAKEN)
        if isinstance(error, (OSError, IngestionError)):
            return error
        return SourceUnavailableError(
            "the lakehouse did not take the commit, nothing was written; check its storage and run rcm ingest again"
        )

    def require_data(self, batch: Batch) -> None:
        """Require that storage has what the log names for a batch, before its source is given away.

        Raises:
            DamagedTableError: A file is missing or has another size.
        """
        delta = self.open()
        if delta is None:
            return
        for name, size in files_of(delta, batch.batch_id).items():
            if (found := (self.location / name).size()) != size:
                what = "is missing" if found is None else f"has {found} bytes instead of {size}"
                raise DamagedTableError(
                    f"bronze holds it as batch {batch.batch_id}, but {self.location}/{name} {what}; "
                    "restore that file from the backup, rcm verify names all; the landing file stays"
                )


def _add_columns(delta: DeltaTable, schema: pa.Schema) -> None:
    """Add the columns a table lacks, in a commit before the batch's own: a write does not change the schema."""
    held = {field.name for field in delta.schema().fields}
    new = [field for field in Schema.from_arrow(schema).fields if field.name not in held]
    if not new:
        return
    before = delta.version()
    delta.alter.add_columns(new)
    # Adding columns uses the table's current version: the batch was not compared with commits in between.
    if delta.version() != before + 1:
        raise CommitFailedError("the table changed while a column was added")
