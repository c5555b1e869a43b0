"""Kind database against a real PostgreSQL server, over ODBC and over ADBC."""

import json
import logging
import re
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from ingestion.base.errors import IngestionError, NullWatermarkError, SchemaDriftError, SourceUnavailableError
from ingestion.declared.specs import TableSpec
from ingestion.declared.watermark import Window
from ingestion.sources.database import reading
from ingestion.sources.database.address import parse_address, parse_libpq_address
from ingestion.sources.database.dialects import PostgresByCopy, SourceColumn
from tests.python.ingestion.conftest import Project, source
from tests.python.ingestion.postgres_server import PASSWORD, USER, PostgresServer, missing_binaries, start_postgres

FULL = Window("full")
TYPES = {
    "VisitID": "bigint",
    "Patient Name": "string",
    "Amount": "decimal(18,2)",
    "Paid": "boolean",
    "VisitDate": "date",
    "ModifiedAt": "timestamp",
}
COLUMNS = (
    '"VisitID" bigint, "Patient Name" varchar(40), "Amount" numeric(18,2), "Paid" boolean, "VisitDate" date, '
    '"ModifiedAt" timestamptz'
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    missing = missing_binaries()
    if missing:
        pytest.skip(missing)
    with start_postgres() as server:
        yield server


SCHEMES = ("postgresql", "postgresql+adbc")


@pytest.fixture(params=SCHEMES)
def visits(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A schema ``Ward 7`` with an empty table ``visits``, read by each driver."""
    postgres.sql('create schema "Ward 7"')
    postgres.sql(f'create table "Ward 7".visits ({COLUMNS})')
    yield replace(postgres, scheme=request.param)
    postgres.sql('drop schema "Ward 7" cascade')


def insert(server: PostgresServer, *rows: tuple[int, str | None]) -> None:
    """Visits as (VisitID, ModifiedAt in UTC)."""
    values = ", ".join(f"({key}, {'null' if at is None else repr(at + '+00')}::timestamptz)" for key, at in rows)
    server.sql(f'insert into "Ward 7".visits ("VisitID", "ModifiedAt") values {values}')


def declared(
    types: dict[str, str] = TYPES,
    *,
    source_object: str = "Ward 7.visits",
    watermark: str | None = "ModifiedAt",
    columns: str = "discard",
    **load: object,
) -> TableSpec:
    mode = {"mode": "full"} if watermark is None else {"mode": "incremental", "watermark": watermark}
    return TableSpec.model_validate(
        {
            "system": "emr",
            "name": "visits",
            "kind": "database",
            "load": {"object": source_object, "key": [next(iter(types))], **mode, **load},
            "columns": [{"name": name, "data_type": data_type} for name, data_type in types.items()],
            "contract": {"columns": columns},
        }
    )


def rows(table: TableSpec, address: str, window: Window = FULL) -> list[dict[str, Any]]:
    with reading.extract(table, address, window, first_wait=0.001) as extraction:
        found = [row for batch in extraction.batches for row in batch.to_pylist()]
        # What fits has no text beside it.
        return [{k: v for k, v in row.items() if v is not None or not k.startswith("_unread")} for row in found]


def ids(table: TableSpec, address: str, window: Window) -> set[int]:
    return {row["VisitID"] for row in rows(table, address, window)}


def newest(table: TableSpec, address: str, window: Window = FULL) -> str | None:
    with reading.extract(table, address, window) as extraction:
        return extraction.watermark_high


@pytest.mark.parametrize("kind", ["url", "odbc string"])
def test_values_keep_their_types_exactly(visits: PostgresServer, kind: str) -> None:
    visits.sql(
        """
        insert into "Ward 7".visits values
        (9223372036854775807, 'Zoë ☃ O''Neil', 9999999999999999.99, true, '2024-02-29', '2024-01-01 08:00:00.123456+2'),
        (-1, '', -0.01, false, '0001-01-01', '1969-12-31 23:59:59.999999+00'),
        (null, null, null, null, null, null)
        """
    )

    found = rows(declared(), visits.url if kind == "url" else visits.odbc_string)

    assert [tuple(row.values()) for row in found] == [
        (
            9223372036854775807,
            "Zoë ☃ O'Neil",
            Decimal("9999999999999999.99"),
            True,
            date(2024, 2, 29),
            datetime(2024, 1, 1, 6, 0, 0, 123456),
        ),
        (-1, "", Decimal("-0.01"), False, date(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999)),
        (None,) * 6,
    ]


@pytest.mark.parametrize(
    ("kept", "data_type", "read"),
    [
        ("1.005::numeric", "decimal(18,2)", Decimal("1.01")),
        ("12345678901234567890.123456789::numeric", "decimal(38,9)", Decimal("12345678901234567890.123456789")),
        ("616.8699951171875::float8", "decimal(18,2)", Decimal("616.87")),
        ("2.675::float8", "decimal(18,2)", Decimal("2.68")),
        ("'12.50'::text", "decimal(18,2)", Decimal("12.50")),
        ("7::smallint", "decimal(18,2)", Decimal("7.00")),
        ("15::numeric", "bigint", 15),
        ("0::int", "boolean", False),
        ("'2024-01-05 00:00:00'::timestamp", "date", date(2024, 1, 5)),
        ("'2024-01-05'::date", "timestamp", datetime(2024, 1, 5)),
        ("'2024-01-05 08:00'::timestamp", "timestamp", datetime(2024, 1, 5, 8)),
        ("'2024-07-01 20:00-04'::timestamptz", "date", date(2024, 7, 2)),
        ("'2024-07-01 20:00-04'::timestamptz", "string", "2024-07-02 00:00:00"),
        ("true", "string", "true"),
        ("'6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid", "string", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ("'{\"a\": 1}'::jsonb", "string", '{"a": 1}'),
        ("repeat('é', 30000)", "string", "é" * 30000),
    ],
)
def test_a_value_of_another_type_is_cast_without_loss(
    visits: PostgresServer, kept: str, data_type: str, read: object
) -> None:
    visits.sql(f'create view "Ward 7".kept as select {kept} as value')

    assert rows(declared({"value": data_type}, source_object="Ward 7.kept", watermark=None), visits.url) == [
        {"value": read}
    ]


@pytest.mark.parametrize(
    ("kept", "data_type"),
    [
        ("'SECRET'::text", "decimal(18,2)"),
        ("1e30::numeric", "decimal(18,2)"),
        ("'NaN'::numeric", "decimal(18,2)"),
        ("1.5::numeric", "bigint"),
        ("'SECRET'::text", "date"),
        ("'2024-01-05 23:59'::timestamp", "date"),
        ("'SECRET'::text", "timestamp"),
        ("7", "boolean"),
    ],
)
def test_a_value_that_does_not_fit_lands_as_text(visits: PostgresServer, kept: str, data_type: str) -> None:
    visits.sql(f'create view "Ward 7".kept as select {kept} as value')

    [row] = rows(declared({"value": data_type}, source_object="Ward 7.kept", watermark=None), visits.url)

    assert (row["value"], row["_unread_columns"]) == (None, "value")
    assert list(json.loads(row["_unread"])) == ["value"]


def test_a_text_that_is_too_long_for_odbc_is_refused_and_never_cut(visits: PostgresServer) -> None:
    visits.sql("""create view "Ward 7".kept as select repeat('x', 70000) as value""")
    table = declared({"value": "string"}, source_object="Ward 7.kept", watermark=None)

    if visits.scheme == "postgresql+adbc":
        assert rows(table, visits.url) == [{"value": "x" * 70000}]
        return
    with pytest.raises(SchemaDriftError, match=r"text of more than 65536 bytes"):
        rows(table, visits.url)


@pytest.mark.parametrize(
    "kept", ["'infinity'::timestamp", "'-infinity'::date", "'0044-03-15 BC'::date", "'10000-01-01'::date"]
)
def test_a_moment_that_no_calendar_of_ours_has_lands_as_text_by_adbc(visits: PostgresServer, kept: str) -> None:
    visits.sql(f'create view "Ward 7".kept as select {kept} as value union all select null')
    url = replace(visits, scheme="postgresql+adbc").url
    data_type = "timestamp" if "timestamp" in kept else "date"

    bad, null = rows(declared({"value": data_type}, source_object="Ward 7.kept", watermark=None), url)

    assert (bad["value"], bad["_unread_columns"]) == (None, "value")
    assert json.loads(bad["_unread"])["value"].startswith("\x1aunreadable: ")
    assert null == {"value": None}


@pytest.mark.parametrize("kept", ["12.5::money", "'08:00'::time", "'2 days'::interval", "array[1, 2]"])
def test_a_type_without_a_counterpart_is_read_as_the_text_of_the_server(visits: PostgresServer, kept: str) -> None:
    visits.sql(f'create view "Ward 7".kept as select {kept} as value')
    [[text]] = visits.sql('select cast(value as text) from "Ward 7".kept')

    assert rows(declared({"value": "string"}, source_object="Ward 7.kept", watermark=None), visits.url) == [
        {"value": text}
    ]


def test_a_bound_cannot_end_its_literal() -> None:
    column = SourceColumn("ModifiedAt", "moment")
    bound = PostgresByCopy().compared(column, ">=", "2024'); drop table visits; --\\'")
    assert bound.parameters == ()
    assert bound.sql == """"ModifiedAt" >= cast(E'2024\'\'); drop table visits; --\\\\\'\'' as timestamp)"""


def test_an_increment_is_closed_below_and_fixed_above(visits: PostgresServer) -> None:
    insert(
        visits, (1, "2024-01-05 08:00"), (2, "2024-01-05 08:00:00.000001"), (3, "2024-01-04 08:00"), (4, "2024-01-03")
    )
    table = declared(lag="P1D")
    assert newest(table, visits.url) == "2024-01-05 08:00:00.000001"

    with reading.extract(table, visits.url, Window("incremental", "2024-01-05 08:00")) as extraction:
        insert(visits, (5, "2024-01-06"), (6, "2024-01-05 08:00:00.000001"))
        found = {row["VisitID"] for batch in extraction.batches for row in batch.to_pylist()}
        assert (extraction.watermark_low, extraction.watermark_high) == (
            "2024-01-05 08:00",
            "2024-01-05 08:00:00.000001",
        )

    # What was written meanwhile comes with the next load, ties with the bound among it.
    assert found <= {1, 2, 3, 6}
    assert {1, 2, 3} <= found
    assert ids(declared(), visits.url, Window("incremental", "2024-01-05 08:00:00.000001")) == {2, 5, 6}


@pytest.mark.parametrize("kept", ["timestamptz", "timestamp"])
def test_the_database_clock_says_what_is_the_future(visits: PostgresServer, kept: str) -> None:
    visits.sql(f"""alter table "Ward 7".visits alter "ModifiedAt" type {kept} using "ModifiedAt" at time zone 'UTC'""")
    # PostgreSQL writes no zeros at the end of a fraction: a fixed one keeps the text equal at every clock reading.
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=1)
    moments = {1: now - timedelta(days=1), 2: now + timedelta(hours=1), 3: now - timedelta(minutes=1)}
    zone = "+00" if kept == "timestamptz" else ""
    for key, moment in moments.items():
        visits.sql(f'insert into "Ward 7".visits ("VisitID", "ModifiedAt") values ({key}, \'{moment}{zone}\')')

    # New York, where the server's clock stands, is hours behind UTC: its wall clock would hide the last row.
    assert newest(declared(), visits.url) == str(moments[3])
    assert ids(declared(), visits.url, Window("incremental", str(moments[3]))) == {2, 3}


def test_an_increment_without_rows_so_far(visits: PostgresServer) -> None:
    table = declared()
    assert newest(table, visits.url) is None

    with reading.extract(table, visits.url, Window("incremental", "2024-01-01")) as extraction:
        assert list(extraction.batches) == []
        assert extraction.watermark_high == "2024-01-01"


@pytest.mark.parametrize(("policy", "read"), [("include", {2, 3}), ("exclude", {2})])
def test_rows_without_watermark(visits: PostgresServer, policy: str, read: set[int]) -> None:
    insert(visits, (1, "2024-01-01"), (2, "2024-01-02"), (3, None))
    table = declared(null_watermark=policy)

    assert ids(table, visits.url, Window("incremental", "2024-01-02")) == read
    assert ids(table, visits.url, FULL) == read | {1}
    assert ids(table, visits.url, Window("backfill", "2024-01-01", None)) == {1, 2}


def test_rows_without_watermark_are_counted(visits: PostgresServer) -> None:
    insert(visits, (1, "2024-01-01"), (2, None), (3, None))

    with reading.extract(declared(null_watermark="exclude"), visits.url, FULL) as extraction:
        assert extraction.rows_rejected == 2
        assert extraction.warnings == ["2 rows have no ModifiedAt and were left out"]
    with (
        pytest.raises(NullWatermarkError, match=r"2 rows of Ward 7.visits have no ModifiedAt"),
        reading.extract(declared(null_watermark="fail"), visits.url, FULL),
    ):
        pass


@pytest.mark.parametrize(
    ("low", "high", "read"),
    [("2024-01-02", "2024-01-03", {2, 3}), ("2024-01-03", None, {3, 4}), (None, "2024-01-02", {1, 2})],
)
def test_a_backfill_reads_its_closed_range(
    visits: PostgresServer, low: str | None, high: str | None, read: set[int]
) -> None:
    insert(visits, (1, "2024-01-01"), (2, "2024-01-02"), (3, "2024-01-03"), (4, "2999-01-01"), (5, None))
    window = Window("backfill", low, high)

    with reading.extract(declared(lag="P9D"), visits.url, window) as extraction:
        assert {row["VisitID"] for batch in extraction.batches for row in batch.to_pylist()} == read
        assert (extraction.load_type, extraction.drop_known) == ("backfill", True)


def test_a_number_as_watermark(visits: PostgresServer) -> None:
    insert(visits, *((number, "2024-01-01") for number in (2, 9, 10, 11)))
    table = declared(watermark="VisitID")

    assert newest(table, visits.url) == "11"
    assert ids(table, visits.url, Window("incremental", "10")) == {10, 11}
    assert ids(table, visits.url, Window("backfill", "9", "10")) == {9, 10}


def test_a_date_as_watermark(visits: PostgresServer) -> None:
    visits.sql("""insert into "Ward 7".visits ("VisitID", "VisitDate") values (1, '2024-01-01'), (2, '2024-01-02')""")
    table = declared(watermark="VisitDate")

    assert newest(table, visits.url) == "2024-01-02"
    assert ids(table, visits.url, Window("incremental", "2024-01-02")) == {2}
    assert ids(table, visits.url, Window("backfill", None, "2024-01-01")) == {1}


def test_a_text_as_watermark_is_refused(visits: PostgresServer) -> None:
    visits.sql('alter table "Ward 7".visits alter "ModifiedAt" type text')

    with pytest.raises(SchemaDriftError, match=r"ModifiedAt is declared timestamp, but the database keeps it as text"):
        rows(declared(), visits.url)


def test_an_index_serves_the_window(visits: PostgresServer) -> None:
    visits.sql(
        """
        insert into "Ward 7".visits
        select n, n::text, 0, true, null, timestamptz '2020-01-01' + n * interval '1 h'
        from generate_series(1, 9000) as n
        """
    )
    visits.sql('create index on "Ward 7".visits ("ModifiedAt")')
    visits.sql('analyze "Ward 7".visits')
    table = declared()
    low = newest(table, visits.url)
    visits.sql("select pg_stat_reset()")

    assert len(ids(table, visits.url, Window("incremental", low))) == 1

    def scans() -> tuple[int, int]:
        [[table_scans, index_scans]] = visits.sql(
            "select seq_scan, idx_scan from pg_stat_user_tables where relname = 'visits'"
        )
        return table_scans, index_scans

    assert scans()[0] == 0


def test_names_are_quoted(visits: PostgresServer) -> None:
    visits.sql("""create table "Ward 7"."odd "" table" ("a ""b"" c]?" text, "select" bigint)""")
    visits.sql("""insert into "Ward 7"."odd "" table" values ('x''; drop table "Ward 7".visits; --', 7)""")
    table = declared({'a "b" c]?': "string", "select": "bigint"}, source_object='Ward 7.odd " table', watermark=None)

    assert [row["select"] for row in rows(table, visits.url)] == [7]


def test_capitals_of_columns_do_not_count(visits: PostgresServer) -> None:
    visits.sql('create table "Ward 7".plain (visitid bigint, modifiedat timestamp)')
    visits.sql("""insert into "Ward 7".plain values (1, '2024-01-01')""")
    table = declared({"VisitID": "bigint", "ModifiedAt": "timestamp"}, source_object="Ward 7.plain")

    assert rows(table, visits.url) == [{"VisitID": 1, "ModifiedAt": datetime(2024, 1, 1)}]


def test_missing_tables_and_columns_are_named(visits: PostgresServer) -> None:
    with pytest.raises(SchemaDriftError, match=r"no table Ward 7.nothing"):
        rows(declared(source_object="Ward 7.nothing"), visits.url)
    visits.sql('alter table "Ward 7".visits drop column "Paid"')
    with pytest.raises(SchemaDriftError, match=r"table Ward 7.visits has no column Paid"):
        rows(declared(), visits.url)


def test_undeclared_columns_are_judged_by_the_contract(visits: PostgresServer) -> None:
    visits.sql('alter table "Ward 7".visits add column "New" text')

    with pytest.raises(SchemaDriftError, match=r"undeclared columns New, and contract.columns is freeze"):
        rows(declared(columns="freeze"), visits.url)
    with reading.extract(declared(columns="evolve"), visits.url, FULL) as extraction:
        assert extraction.warnings == ["undeclared columns New were not read; declare them to land them"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("password", ["hunter2", "SECRET;}"])
def test_a_refused_login_is_not_tried_again_and_shows_no_secret(
    postgres: PostgresServer, password: str, scheme: str
) -> None:
    url = replace(postgres, scheme=scheme).url_of(password)

    with pytest.raises(SourceUnavailableError, match=r"the server refused the login") as raised:
        rows_with_waits_of_a_minute(declared(), url)

    assert f"{scheme}://127.0.0.1:{postgres.port}/postgres cannot be read (SQLSTATE 08001" in str(raised.value)
    assert password not in str(raised.value)
    assert "rcm reader" not in str(raised.value)


def rows_with_waits_of_a_minute(table: TableSpec, address: str) -> None:
    """A retry would run into the time limit of the test."""
    with reading.extract(table, address, FULL, first_wait=3600):
        pass


@pytest.fixture(scope="module")
def postgres_with_tls() -> Iterator[PostgresServer]:
    missing = missing_binaries()
    if missing:
        pytest.skip(missing)
    with start_postgres(tls=True) as server:
        yield server


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("postgresql", "SSLmode=require"),
        ("postgresql", "SSLmode=verify-full&pqopt=sslrootcert%3D{certificate}"),
        ("postgresql+adbc", "sslmode=require"),
        ("postgresql+adbc", "SSLmode=verify-full&sslrootcert={certificate}"),
    ],
)
def test_rows_come_over_tls(postgres_with_tls: PostgresServer, scheme: str, options: str) -> None:
    postgres_with_tls.sql(
        "create or replace view mine as select ssl::text as encrypted from pg_stat_ssl where pid = pg_backend_pid()"
    )
    table = declared({"encrypted": "string"}, source_object="public.mine", watermark=None)
    query = options.format(certificate=postgres_with_tls.certificate)

    assert rows(table, f"{replace(postgres_with_tls, scheme=scheme).url}?{query}") == [{"encrypted": "true"}]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_a_server_without_tls_is_refused_where_it_is_asked_for(
    postgres: PostgresServer, mode: str, scheme: str
) -> None:
    with pytest.raises(SourceUnavailableError, match=r"SQLSTATE 08001.*its TLS is refused"):
        rows_with_waits_of_a_minute(declared(), f"{replace(postgres, scheme=scheme).url}?SSLmode={mode}")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_certificate_that_nobody_vouches_for_is_refused(postgres_with_tls: PostgresServer, scheme: str) -> None:
    with pytest.raises(SourceUnavailableError, match=r"SQLSTATE 08001.*its TLS is refused"):
        rows_with_waits_of_a_minute(declared(), f"{replace(postgres_with_tls, scheme=scheme).url}?SSLmode=verify-full")


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("emr.hospital.example", "SSLmode=require"),
        ("10.0.0.7:5433", "SSLmode=require"),
        ("127.0.0.1", None),
        ("localhost:5432", None),
    ],
)
def test_tls_is_asked_for_wherever_a_network_lies_between(host: str, mode: str | None) -> None:
    text = parse_address(f"postgresql://me@{host}/emr").connection_string
    assert [part for part in text.split(";") if part.startswith("SSLmode")] == ([mode] if mode else [])

    given = parse_address(f"postgresql://me@{host}/emr?sslmode=disable").connection_string
    assert [part for part in given.split(";") if part.lower().startswith("sslmode")] == ["sslmode=disable"]

    by_adbc = f"postgresql+adbc://me@{host}/emr"
    assert ("sslmode=require" in parse_libpq_address(by_adbc).uri) == (mode is not None)
    assert "sslmode=disable" in parse_libpq_address(f"{by_adbc}?SSLmode=disable").uri
    assert "require" not in parse_libpq_address(f"{by_adbc}?SSLmode=disable").uri


def test_a_login_that_may_not_read_the_table(visits: PostgresServer) -> None:
    visits.sql("create role visitor login password 'visitor'")
    visits.sql('grant usage on schema "Ward 7" to visitor')
    try:
        with pytest.raises(SourceUnavailableError, match=r"SQLSTATE 42501.*may read the table"):
            # pragma: allowlist nextline secret
            rows(declared(), f"{visits.scheme}://visitor:visitor@127.0.0.1:{visits.port}/postgres")
    finally:
        visits.sql('revoke usage on schema "Ward 7" from visitor')
        visits.sql("drop role visitor")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_server_says_so_after_every_attempt(scheme: str) -> None:
    # Port 1 of the loopback is nobody's.
    wanted = re.escape(f"{scheme}://127.0.0.1:1/emr cannot be read")
    with pytest.raises(SourceUnavailableError, match=wanted) as raised:
        rows(declared(), f"{scheme}://me:hunter2@127.0.0.1:1/emr")  # pragma: allowlist secret

    assert "hunter2" not in str(raised.value)


def test_a_connection_lost_while_rows_are_read_fails_and_delivers_nothing_twice(visits: PostgresServer) -> None:
    # More than the buffers between server and driver hold.
    visits.sql('insert into "Ward 7".visits ("VisitID") select generate_series(1, 1000000)')
    table = declared(watermark=None)

    seen: list[int] = []

    def read_and_break() -> None:
        with reading.extract(table, visits.url, FULL, first_wait=0.001) as extraction:
            for batch in extraction.batches:
                seen.extend(batch.column(0).to_pylist())
                visits.sql(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where pid <> pg_backend_pid() and backend_type = 'client backend'"
                )

    with pytest.raises(SourceUnavailableError, match=r"while rows were read .*nothing was written, run again"):
        read_and_break()

    assert 0 < len(seen) < 1_000_000
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("row", [1, 900, 8_191, 8_192, 8_193, 10_000, 10_001, 16_384, 16_385, 20_000])
def test_a_server_that_breaks_off_at_any_row_fails_the_load(visits: PostgresServer, row: int) -> None:
    visits.sql(
        f"""
        create view "Ward 7".breaking as
        select n as "VisitID", case when n = {row} then pg_terminate_backend(pg_backend_pid()) end as "Ended"
        from generate_series(1, 20000) as n
        """
    )
    table = declared({"VisitID": "bigint", "Ended": "string"}, source_object="Ward 7.breaking", watermark=None)

    with pytest.raises(SourceUnavailableError):
        rows(table, visits.url)


def test_rows_flow_in_bounded_memory(visits: PostgresServer) -> None:
    texts = ", ".join(f"'a text of no declared length ' || n as t{number}" for number in range(10))
    money = ", ".join(f"(n * 1.37)::numeric(18,2) as m{number}" for number in range(10))
    visits.sql(f'create view "Ward 7".wide as select n as key, {texts}, {money} from generate_series(1, 200000) as n')
    names = {f"t{number}": "string" for number in range(10)} | {f"m{number}": "decimal(18,2)" for number in range(10)}
    table = declared({"key": "bigint", **names}, source_object="Ward 7.wide", watermark=None)

    # A process of its own, for the peak of this one is another test's.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        count, grown = pool.submit(rows_and_memory, table, visits.url).result()

    # Held at once, the rows are 150 MiB of Arrow and more in the driver.
    assert count == 200_000
    assert grown < 120 * 2**20


def rows_and_memory(table: TableSpec, address: str) -> tuple[int, int]:
    """Rows of a full load, and the bytes by which it raised the peak of the process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with reading.extract(table, address, FULL) as extraction:
        count = sum(batch.num_rows for batch in extraction.batches)
    return count, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def test_a_load_whose_connection_is_lost_leaves_nothing_behind(
    visits: PostgresServer, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    visits.sql('insert into "Ward 7".visits ("VisitID") select generate_series(1, 1000)')
    # The server itself breaks off, at a row in the middle.
    visits.sql(
        """create view "Ward 7".breaking as select "VisitID",
        case when "VisitID" = 900 then pg_terminate_backend(pg_backend_pid())::text end as ended from "Ward 7".visits"""
    )
    table = {
        "name": "visits",
        "config": {"meta": {"load": {"object": "Ward 7.breaking", "mode": "full", "key": ["VisitID"]}}},
        "columns": [{"name": "VisitID", "data_type": "bigint"}, {"name": "ended", "data_type": "string"}],
    }
    project.declare([source("emr", "database", "TEST_EMR_URL", visits.url, [table])])

    with caplog.at_level(logging.DEBUG):
        result = project.load("emr.visits")

    assert (result.status, result.error_class) == ("failed", "SourceUnavailableError")
    assert project.bronze("emr.visits") == []
    assert not list(project.root.glob("lakehouse/bronze/**/*.parquet"))
    assert PASSWORD not in caplog.text
    visits.sql(
        """create or replace view "Ward 7".breaking as select "VisitID", null::text as ended from "Ward 7".visits"""
    )
    assert project.load("emr.visits").rows_written == 1000


def test_one_flow_into_bronze_and_back_again(visits: PostgresServer, project: Project) -> None:
    table = {
        "name": "visits",
        "config": {
            "meta": {
                "load": {
                    "object": "Ward 7.visits",
                    "mode": "incremental",
                    "watermark": "ModifiedAt",
                    "lag": "PT1H",
                    "key": ["VisitID"],
                }
            }
        },
        "columns": [{"name": name, "data_type": data_type} for name, data_type in TYPES.items()],
    }
    project.declare([source("emr", "database", "TEST_EMR_URL", visits.url, [table])])
    insert(visits, (1, "2024-01-01 08:00"), (2, "2024-01-01 09:00"), (3, None))
    assert project.load("emr.visits").rows_written == 3
    # One tie with the last watermark, one committed late within the lag, one too late for it.
    insert(visits, (4, "2024-01-01 09:00"), (5, "2024-01-01 08:00"), (6, "2024-01-01 07:59"))

    result = project.load("emr.visits")

    assert (result.load_type, result.rows_written, result.rows_duplicate) == ("incremental", 2, 3)
    assert project.load("emr.visits").status == "unchanged"
    assert project.load("emr.visits", full=True).rows_written == 6


def test_a_data_source_by_name_is_asked_for_its_engine(
    visits: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(visits, (1, "2024-01-01"))
    settings = f"Driver=PostgreSQL Unicode\nServername=127.0.0.1\nPort={visits.port}\nDatabase=postgres\n"
    (tmp_path / "odbc.ini").write_text(f"[hospital]\n{settings}", encoding="utf-8")
    monkeypatch.setenv("ODBCINI", str(tmp_path / "odbc.ini"))
    password = PASSWORD.replace("}", "}}")

    assert ids(declared(), f"DSN=hospital;UID={USER};PWD={{{password}}}", Window("incremental", "2024-01-01")) == {1}


@pytest.mark.parametrize(
    "address",
    [
        "Driver={No such driver};Server=h;UID=me;PWD=hunter2",
        "DSN=nowhere;PWD=hunter2",
        "postgresql://u:hunter2/x@h/db",
        "postgresql+adbc://u:hunter2/x@h/db",
    ],
)
def test_an_address_that_leads_nowhere_shows_no_secret(address: str) -> None:
    with pytest.raises(IngestionError) as raised:
        rows(declared(), address)

    assert "hunter2" not in str(raised.value)
