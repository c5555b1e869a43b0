"""The Parquet file of a batch: rows are numbered, hashed and deduplicated against bronze while they are written."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.base.errors import EmptyFullLoadError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import UNREAD, source_schema
from ingestion.declared.specs import TableSpec

LINEAGE = pa.schema(
    [
        ("_batch_id", pa.string()),
        ("_row_number", pa.int64()),
        ("_load_type", pa.string()),
        ("_ingested_at", pa.timestamp("us")),
        ("_source_file", pa.string()),
        ("_row_hash", pa.string()),
        *UNREAD,
    ]
)
# Rows per Parquet row group: 21 columns of them are about 3 MB in memory.
ROW_GROUP_ROWS = 8_192
# Folders for temporary files and uploads of a load; a killed run leaves them behind, with rows in them.
SCRATCH = "rcm-scratch-"


class NumberedRows:
    """Counts and numbers the rows of a stream, and keeps its exception: the engine would wrap it in its own."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.count = 0
        self._batches = batches
        self._error: Exception | None = None

    def reader(self, schema: pa.Schema) -> pa.RecordBatchReader:
        """The stream with its numbers, read once."""
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


def write_part(
    table: TableSpec,
    engine: duckdb.DuckDBPyConnection,
    part: Path,
    extraction: Extraction,
    rows: NumberedRows,
    batch_id: str,
    batch_time: datetime,
) -> int:
    """Stream the extraction into one Parquet file, with lineage columns and without known rows; rows written.

    If bronze has all of them, there may be no file.
    """
    source = pa.schema([*source_schema(table), *extraction.extra_columns])
    schema = pa.schema([*source, *LINEAGE])
    unread = UNREAD if extraction.has_unread else pa.schema([])
    engine.register("incoming", rows.reader(pa.schema([*source, *unread])))
    arrivals = f"""
        select
            {", ".join(quoted(name) for name in source.names)},
            $batch_id as _batch_id,
            _row_number,
            $load_type as _load_type,
            $ingested_at::timestamp as _ingested_at,
            $source_file::varchar as _source_file,
            {_row_hash(source.names, unread.names)} as _row_hash,
            {", ".join(name if unread else f"null::varchar as {name}" for name in UNREAD.names)}
        from incoming
    """
    lineage = {
        "batch_id": batch_id,
        # Rows of a backfill or a redrive add to the table as those of an increment do.
        "load_type": "full" if extraction.load_type == "full" else "incremental",
        "ingested_at": batch_time.replace(tzinfo=None),
        # A map that reads the name, to know the hospital, needs all of it.
        "source_file": (extraction.source_path if table.reads_file_names else None) or extraction.source_file,
    }
    [[knows_rows, scratch]] = engine.execute(
        "select exists (select 1 from known), current_setting('temp_directory')"
    ).fetchall()
    if not extraction.drop_known or not knows_rows:
        return _written(engine, part, schema, arrivals, lineage)
    # All arrivals are buffered on disk, because memory for them would be unbounded.
    waiting = Path(scratch) / "arrivals.parquet"
    _written(engine, waiting, schema, arrivals, lineage)
    news = _news(engine, table, waiting)
    [[is_any]] = engine.execute("select exists (select 1 from news)").fetchall()
    return _written(engine, part, schema, news, {}) if is_any else 0


def _written(
    engine: duckdb.DuckDBPyConnection, path: Path, schema: pa.Schema, query: str, parameters: Mapping[str, object]
) -> int:
    """Stream a query into a Parquet file; how many rows that were."""
    written = 0
    stream = engine.execute(query, parameters).to_arrow_reader(ROW_GROUP_ROWS)
    # Dictionaries double the memory, and zstd does without: smaller files by a third, and read faster.
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for batch in stream:
            writer.write_batch(batch.cast(schema))
            written += batch.num_rows
    return written


def has_changes(
    engine: duckdb.DuckDBPyConnection, part: Path, extraction: Extraction, written: int, *, has_history: bool
) -> bool:
    """Whether the part differs from what bronze holds: any row of an increment, any difference of a full load."""
    if extraction.load_type != "full" or not has_history:
        return written > 0
    if written == 0:
        raise EmptyFullLoadError(
            "the source returned no rows, and a full load of none would delete everything in bronze; "
            "check the source, or set active: false"
        )
    # DuckDB's own reader holds a tenth of what Arrow's does.
    engine.execute(f"create temp view written_hashes as select _row_hash from read_parquet({literal(str(part))})")
    return _digest(engine, "written_hashes") != _digest(engine, "current_hashes")


def _digest(engine: duckdb.DuckDBPyConnection, relation: str) -> tuple[object, ...]:
    """Count and sums of row hashes: equal for equal rows in any order, and held in no memory.

    The sums are of the hashes' two halves, 56 bits of each, so different contents collide once in 10^33.
    """
    halves = [f"sum(cast('0x' || substr(_row_hash, {start}, 14) as ubigint))" for start in (1, 17)]
    [row] = engine.execute(f"select count(*), {', '.join(halves)} from {relation}").fetchall()
    return tuple(row)


def _news(engine: duckdb.DuckDBPyConnection, table: TableSpec, waiting: Path) -> str:
    """SQL of the arrivals to write: those of every key that has a row bronze does not know.

    All rows of such a key, not only the new one: of a key that is twice in the source, each load would otherwise write
    one of its rows, alternately and forever.
    """
    arrivals = f"read_parquet({literal(str(waiting))})"
    keys = ", ".join(quoted(name) for name in table.load.key)
    same_key = " and ".join(
        f"arrivals.{quoted(name)} is not distinct from news.{quoted(name)}" for name in table.load.key
    )
    engine.execute(
        f"create temp table news as select distinct {keys} from {arrivals} "
        "where cast(_row_hash as uuid) not in (select _row_hash from known)"
    )
    return f"select arrivals.* from {arrivals} as arrivals semi join news on {same_key}"


def _row_hash(names: list[str], unread: list[str]) -> str:
    """SQL of the md5 over columns sorted by name, because their order has no meaning.

    Separators keep NULL, '' and shifted values apart. Where a value holds one of them itself, it is escaped in all
    values of the row, so that no two different rows read alike. Values that do not fit count, where there are any:
    concat_ws leaves nulls out.
    """
    texts = [f"cast({quoted(name)} as varchar)" for name in sorted(names)]
    plain = ", ".join([*(f"coalesce({text}, chr(30))" for text in texts), *unread])
    escaped = ", ".join([*(f"coalesce({_escaped(text)}, chr(30))" for text in texts), *unread])
    has_separator = f"regexp_matches(concat({', '.join(texts)}), '[\x1d-\x1f]')"
    return f"md5(case when {has_separator} then concat_ws(chr(31), {escaped}) else concat_ws(chr(31), {plain}) end)"


def _escaped(text: str) -> str:
    """SQL of a text in which the separators of a row's hash are written with the escape character chr(29)."""
    for code, written in ((29, "2"), (30, "0"), (31, "1")):
        text = f"replace({text}, chr({code}), chr(29) || '{written}')"
    return text


def quoted(name: str) -> str:
    """An identifier of DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def part_engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with bounded memory and an empty table ``known`` of row hashes."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as spill, duckdb.connect(":memory:") as connection:
        connection.execute("set threads = 1")
        connection.execute("set memory_limit = '256MB'")
        connection.execute(f"set temp_directory = '{spill}'")
        connection.execute("create temp table known (_row_hash uuid)")
        yield connection
