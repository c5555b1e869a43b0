"""The commits: identity, conflicts, new columns, and reading by DuckDB."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from ingestion.base.errors import LoadConflictError, SchemaDriftError, SourceUnavailableError
from ingestion.base.storage import Location
from ingestion.bronze import BronzeTable
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.part import LINEAGE
from ingestion.declared.specs import ColumnSpec, LoadSpec, TableSpec
from rcm.warehouse.duckdb_plugin import load_delta

TABLE = TableSpec(
    system="emr",
    name="wards",
    kind="database",
    load=LoadSpec.model_validate({"mode": "full", "key": ["WardID"], "object": "wards"}),
    columns=(ColumnSpec(name="WardID", data_type="string"), ColumnSpec(name="Beds", data_type="bigint")),
)


def rows(**columns: list[object]) -> Iterator[pa.RecordBatch]:
    yield pa.record_batch(columns)


def full(**columns: list[object]) -> Extraction:
    return Extraction(batches=rows(**columns), load_type="full", drop_known=False)


@pytest.fixture
def bronze(tmp_path: Path) -> BronzeTable:
    return BronzeTable(Location(str(tmp_path / "wards")), TABLE)


def test_a_commit_carries_its_batch_and_its_transaction(bronze: BronzeTable) -> None:
    first = bronze.append(full(WardID=["a"], Beds=[1]), "run 1").batch
    second = bronze.append(replace(full(WardID=["a"], Beds=[2]), watermark_high="2024", file_sha256="f"), "run 2").batch

    assert bronze.batches() == [second, first]
    delta = bronze.open()
    assert delta is not None
    assert delta.transaction_version("rcm:emr.wards") == 2
    assert first is not None
    assert second is not None
    assert second.batch_id > first.batch_id
    assert (second.watermark_high, second.file_sha256, second.run_id) == ("2024", "f", "run 2")


def test_of_two_loads_at_once_one_wins_and_the_other_writes_nothing(bronze: BronzeTable) -> None:
    bronze.append(full(WardID=["a"], Beds=[1]), "run 1")

    def overtaken() -> Iterator[pa.RecordBatch]:
        bronze.append(full(WardID=["b"], Beds=[2]), "the winner")
        yield pa.record_batch({"WardID": ["c"], "Beds": [3]})

    with pytest.raises(LoadConflictError, match="another run committed"):
        bronze.append(Extraction(batches=overtaken(), load_type="full", drop_known=False), "the other")

    assert [batch.run_id for batch in bronze.batches()] == ["the winner", "run 1"]
    assert len(list(bronze.location.local.glob("*.parquet"))) == 2


def test_of_two_first_loads_at_once_one_wins(bronze: BronzeTable) -> None:
    def overtaken() -> Iterator[pa.RecordBatch]:
        bronze.append(full(WardID=["b"], Beds=[2]), "the winner")
        yield pa.record_batch({"WardID": ["c"], "Beds": [3]})

    with pytest.raises(LoadConflictError):
        bronze.append(Extraction(batches=overtaken(), load_type="full", drop_known=False), "the other")

    assert [batch.run_id for batch in bronze.batches()] == ["the winner"]
    assert len(list(bronze.location.local.glob("*.parquet"))) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_a_source_that_fails_midway_leaves_no_trace(bronze: BronzeTable, before: int) -> None:
    for _ in range(before):
        bronze.append(full(WardID=["a"], Beds=[1]), "run 1")

    def broken() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"WardID": ["b"] * 200_000, "Beds": [2] * 200_000})
        raise SourceUnavailableError("gone")

    with pytest.raises(SourceUnavailableError, match=r"^gone$"):
        bronze.append(Extraction(batches=broken(), load_type="full", drop_known=False), "run 2")

    assert len(bronze.batches()) == before
    assert len(list(bronze.location.local.glob("*.parquet"))) == before
    assert bronze.location.exists() == bool(before)


def test_a_column_declared_later_is_added(bronze: BronzeTable) -> None:
    bronze.append(full(WardID=["a"], Beds=[1]), "run 1")
    wider = TABLE.model_copy(update={"columns": (*TABLE.columns, ColumnSpec(name="Floor", data_type="date"))})
    grown = BronzeTable(bronze.location, wider)

    floor = pa.array([None], pa.date32())
    batch = pa.record_batch({"WardID": ["a"], "Beds": [1], "Floor": floor})
    grown.append(Extraction(batches=iter([batch]), load_type="full", drop_known=False), "run 2")

    with duckdb.connect() as engine:
        load_delta(engine)
        found = engine.execute(f"select WardID, Beds, Floor from delta_scan('{bronze.location}')").fetchall()
    assert found == [("a", 1, None), ("a", 1, None)]


def test_a_column_no_longer_declared_stays_in_the_table(bronze: BronzeTable) -> None:
    bronze.append(full(WardID=["a"], Beds=[1]), "run 1")
    narrow = BronzeTable(bronze.location, TABLE.model_copy(update={"columns": TABLE.columns[:1]}))

    narrow.append(full(WardID=["b"]), "run 2")

    with duckdb.connect() as engine:
        load_delta(engine)
        found = engine.execute(f"select WardID, Beds from delta_scan('{bronze.location}') order by all").fetchall()
    assert found == [("a", 1), ("b", None)]


def test_a_type_that_changed_is_refused(bronze: BronzeTable) -> None:
    bronze.append(full(WardID=["a"], Beds=[1]), "run 1")
    columns = (TABLE.columns[0], ColumnSpec(name="Beds", data_type="decimal(18,2)"))

    with pytest.raises(SchemaDriftError, match="column Beds is declared decimal"):
        BronzeTable(bronze.location, TABLE.model_copy(update={"columns": columns})).append(full(), "run 2")


def test_duckdb_reads_batches_by_id_and_times_without_zone(bronze: BronzeTable) -> None:
    bronze.append(full(WardID=["a"], Beds=[1]), "run 1")
    second = bronze.append(full(WardID=["b"], Beds=[2]), "run 2").batch
    assert second is not None

    with duckdb.connect() as engine:
        load_delta(engine)
        engine.execute("set TimeZone = 'America/New_York'")
        found = engine.execute(
            f"""
            select WardID, typeof(_ingested_at), strftime(_ingested_at, '%Y%m%dT%H%M%S%f')
            from delta_scan('{bronze.location}') where _batch_id >= '{second.batch_id}'
            """
        ).fetchall()
    assert found == [("b", "TIMESTAMP", second.batch_id.split("-")[0])]


def test_a_table_of_an_older_version_gets_the_lineage_columns_that_it_lacks_once(bronze: BronzeTable) -> None:
    older = pa.table({"WardID": ["a"], "Beds": [1], **{name: [None] for name in LINEAGE.names[:6]}})
    schema = pa.schema([("WardID", pa.string()), ("Beds", pa.int64()), *list(LINEAGE)[:6]])
    write_deltalake(bronze.location.url, older.cast(schema))

    bronze.add_lineage()
    bronze.add_lineage()

    delta = bronze.open()
    assert delta is not None
    assert [field.name for field in delta.schema().fields] == ["WardID", "Beds", *LINEAGE.names]
    assert delta.version() == 1
    with duckdb.connect(":memory:") as engine:
        load_delta(engine)
        [[columns, value]] = engine.execute(
            f"select _unread_columns, WardID from delta_scan('{bronze.location}')"
        ).fetchall()
    assert (columns, value) == (None, "a")
