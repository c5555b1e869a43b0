"""Kind database by Microsoft's ODBC driver, against a server that speaks its protocol; see docs/sources.md."""

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest

from ingestion.base.errors import NullWatermarkError, SchemaDriftError, SourceUnavailableError
from ingestion.declared.specs import TableSpec
from ingestion.declared.watermark import Window
from ingestion.sources.database import reading
from ingestion.sources.database.address import microsoft_driver, parse_address
from ingestion.sources.database.retry import ATTEMPTS
from tests.python.ingestion.conftest import Project, source
from tests.python.ingestion.tds_stub.server import PASSWORD, USER, Statement, TdsServer, start_tds_server

pytest.importorskip("pyodbc", reason="pyodbc or the driver manager is not installed", exc_type=ImportError)
pytest.importorskip("mssql_python_odbc", reason="Microsoft's driver is not installed")

FULL = Window("full")
TYPES = {
    "VisitID": "bigint",
    "Patient Name": "string",
    "Amount": "decimal(18,2)",
    "Paid": "boolean",
    "VisitDate": "date",
    "ModifiedAt": "timestamp",
}
TABLE = (
    'create table dbo.visits ("VisitID" bigint, "Patient Name" varchar, "Amount" decimal(18,2), "Paid" boolean, '
    '"VisitDate" date, "ModifiedAt" timestamp)'
)
COLUMNS = "[VisitID], [Patient Name], [Amount], [Paid], [VisitDate], cast([ModifiedAt] as datetime2(6))"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TdsServer]:
    with start_tds_server(tmp_path) as started:
        started.engine.execute("create schema dbo")
        started.engine.execute(TABLE)
        yield started
        assert started.failures == []


def url(server: TdsServer, password: str = PASSWORD, **options: str) -> str:
    settings = {"TrustServerCertificate": "yes", **options}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in settings.items() if value)
    return f"mssql://{quote(USER)}:{quote(password, safe='')}@127.0.0.1:{server.port}/emr?{query}"


def insert(server: TdsServer, *rows: tuple[int, str | None]) -> None:
    """Visits as (VisitID, ModifiedAt)."""
    server.engine.executemany('insert into dbo.visits ("VisitID", "ModifiedAt") values (?, ?)', rows)


def declared(
    types: dict[str, str] = TYPES,
    *,
    source_object: str = "dbo.visits",
    watermark: str | None = "ModifiedAt",
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
        }
    )


def rows(
    table: TableSpec, address: str, window: Window = FULL, *, first_wait: float = 0.001
) -> list[dict[str, object]]:
    with reading.extract(table, address, window, first_wait=first_wait) as extraction:
        found = [row for batch in extraction.batches for row in batch.to_pylist()]
        # What fits has no text beside it.
        return [{k: v for k, v in row.items() if v is not None or not k.startswith("_unread")} for row in found]


def ids(table: TableSpec, address: str, window: Window) -> set[object]:
    return {row["VisitID"] for row in rows(table, address, window)}


def test_values_keep_their_types_exactly(server: TdsServer) -> None:
    long_name = "☃" * 20_000
    server.engine.execute(
        """
        insert into dbo.visits values
        (9223372036854775807, ?, 9999999999999999.99, true, '2024-02-29', '2024-01-01 08:00:00.123456'),
        (-1, '', -0.01, false, '0001-01-01', '9999-12-31 23:59:59.999999'),
        (null, null, null, null, null, null)
        """,
        [long_name],
    )

    found = rows(declared(), url(server))

    assert [tuple(row.values()) for row in found] == [
        (
            9223372036854775807,
            long_name,
            Decimal("9999999999999999.99"),
            True,
            date(2024, 2, 29),
            datetime(2024, 1, 1, 8, 0, 0, 123456),
        ),
        (-1, "", Decimal("-0.01"), False, date(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)),
        (None,) * 6,
    ]


@pytest.mark.parametrize(
    ("kept", "data_type", "read"),
    [
        ("1.005::decimal(18,4)", "decimal(18,2)", Decimal("1.01")),
        ("12345678901234567890.123456789::decimal(38,9)", "decimal(38,9)", Decimal("12345678901234567890.123456789")),
        ("7::integer", "decimal(18,2)", Decimal("7.00")),
        ("'12.50'", "decimal(18,2)", Decimal("12.50")),
        ("'2024-01-05 00:00:00'::timestamp", "date", date(2024, 1, 5)),
        ("'2024-01-05'::date", "timestamp", datetime(2024, 1, 5)),
        ("'2024-07-01 20:00:00-04'::timestamptz", "timestamp", datetime(2024, 7, 2)),
        ("'2024-07-01 20:00:00-04'::timestamptz", "date", date(2024, 7, 2)),
    ],
)
def test_a_value_of_another_type_is_cast_without_loss(
    server: TdsServer, kept: str, data_type: str, read: object
) -> None:
    server.engine.execute(f"create view dbo.kept as select {kept} as value")

    assert rows(declared({"value": data_type}, source_object="dbo.kept", watermark=None), url(server)) == [
        {"value": read}
    ]


@pytest.mark.parametrize(
    ("kept", "data_type"),
    [("'SECRET'", "decimal(18,2)"), ("'SECRET'", "timestamp"), ("'2024-01-05 23:59'::timestamp", "date")],
)
def test_a_value_that_does_not_fit_lands_as_text(server: TdsServer, kept: str, data_type: str) -> None:
    server.engine.execute(f"create view dbo.kept as select {kept} as value")

    [row] = rows(declared({"value": data_type}, source_object="dbo.kept", watermark=None), url(server))

    assert (row["value"], row["_unread_columns"]) == (None, "value")


def test_a_full_load_asks_this(server: TdsServer) -> None:
    insert(server, (1, "2024-01-05"))

    rows(declared(), url(server))

    columns, newest, data = server.asked()
    assert columns == Statement("", "select * from [dbo].[visits] where 1 = 0", ())
    assert newest.text == (
        "select convert(varchar(33), cast(max([ModifiedAt]) as datetime2(7)), 121) from [dbo].[visits] "
        "where [ModifiedAt] <= cast(@P1 as datetime2(7))"
    )
    [clock] = newest.parameters
    assert abs(datetime.fromisoformat(str(clock)) - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)
    assert data == Statement("", f"select {COLUMNS} from [dbo].[visits]; select rowcount_big() as [rows]", ())


def test_an_increment_binds_its_bounds_and_writes_none_into_the_text(server: TdsServer) -> None:
    insert(server, (1, "2024-01-05 08:00"), (2, "2024-01-09 08:00:00.5"), (3, "2024-01-03"), (4, None))
    table = declared(lag="P2D")

    assert ids(table, url(server), Window("incremental", "2024-01-06 08:00")) == {1, 2, 4}

    newest, data = server.asked()[-2:]
    assert data.procedure == "sp_executesql"
    assert data.text == (
        f"select {COLUMNS} from [dbo].[visits] where (([ModifiedAt] >= cast(@P1 as datetime2(7)) and "
        "[ModifiedAt] <= cast(@P2 as datetime2(7))) or [ModifiedAt] > cast(@P3 as datetime2(7)) "
        "or [ModifiedAt] is null); select rowcount_big() as [rows]"
    )
    assert data.parameters == ("2024-01-04 08:00", "2024-01-09 08:00:00.5", *newest.parameters)
    assert not any("2024" in statement.text for statement in server.statements)


def test_instants_are_compared_and_read_in_utc(server: TdsServer) -> None:
    server.engine.execute('create table dbo.zoned ("VisitID" bigint, "ModifiedAt" timestamptz)')
    server.engine.execute("insert into dbo.zoned values (1, '2024-07-01 20:00:00-04')")
    table = declared({"VisitID": "bigint", "ModifiedAt": "timestamp"}, source_object="dbo.zoned")

    with reading.extract(table, url(server), Window("incremental", "2024-07-02")) as extraction:
        assert [row["ModifiedAt"] for batch in extraction.batches for row in batch.to_pylist()] == [
            datetime(2024, 7, 2)
        ]
        assert extraction.watermark_high == "2024-07-02 00:00:00"

    newest, data = server.asked()[-2:]
    assert "switchoffset(max([ModifiedAt]), '+00:00')" in newest.text
    assert "[ModifiedAt] >= cast(@P1 as datetimeoffset(7))" in data.text
    assert "cast(switchoffset([ModifiedAt], '+00:00') as datetime2(6))" in data.text


def test_ties_and_late_commits_within_the_lag_are_found(server: TdsServer) -> None:
    insert(server, (1, "2024-01-05 08:00"), (2, "2024-01-05 07:00"), (3, "2024-01-05 06:59"))

    assert ids(declared(lag="PT1H"), url(server), Window("incremental", "2024-01-05 08:00")) == {1, 2}


def test_a_row_from_the_future_does_not_move_the_watermark(server: TdsServer) -> None:
    insert(server, (1, "2024-01-05"), (2, "2999-01-01"))

    with reading.extract(declared(), url(server), Window("incremental", "2024-01-05")) as extraction:
        assert {row["VisitID"] for batch in extraction.batches for row in batch.to_pylist()} == {1, 2}
        assert extraction.watermark_high == "2024-01-05 00:00:00"


@pytest.mark.parametrize(
    ("low", "high", "read"),
    [("2024-01-02", "2024-01-03", {2, 3}), ("2024-01-03", None, {3, 4}), (None, "2024-01-02", {1, 2})],
)
def test_a_backfill_reads_its_closed_range(
    server: TdsServer, low: str | None, high: str | None, read: set[object]
) -> None:
    insert(server, (1, "2024-01-01"), (2, "2024-01-02"), (3, "2024-01-03"), (4, "2999-01-01"), (5, None))

    assert ids(declared(lag="P9D"), url(server), Window("backfill", low, high)) == read


def test_rows_without_watermark(server: TdsServer) -> None:
    insert(server, (1, "2024-01-01"), (2, None))

    with reading.extract(declared(null_watermark="exclude"), url(server), FULL) as extraction:
        assert [row["VisitID"] for batch in extraction.batches for row in batch.to_pylist()] == [1]
        assert (extraction.rows_rejected, len(extraction.warnings)) == (1, 1)
    with pytest.raises(NullWatermarkError, match=r"1 rows of dbo.visits have no ModifiedAt"):
        rows(declared(null_watermark="fail"), url(server))


def test_names_are_quoted(server: TdsServer) -> None:
    server.engine.execute("""create table dbo."odd ] table" ("a ]b[ c" varchar, "select" bigint)""")
    server.engine.execute("""insert into dbo."odd ] table" values ('x''; drop table dbo.visits; --', 7)""")
    table = declared({"a ]b[ c": "string", "select": "bigint"}, source_object="dbo.odd ] table", watermark=None)

    assert [row["select"] for row in rows(table, url(server))] == [7]

    assert server.asked()[-1].text.startswith("select [a ]]b[ c], [select] from [dbo].[odd ]] table];")


def test_missing_tables_are_named(server: TdsServer) -> None:
    with pytest.raises(SchemaDriftError, match=r"no table dbo\.nothing"):
        rows(declared(source_object="dbo.nothing"), url(server))


def test_a_refused_login_is_not_tried_again_and_shows_no_secret(
    server: TdsServer, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(SourceUnavailableError, match=r"SQLSTATE 28000.*the server refused the login") as raised,
    ):
        rows(declared(), url(server, "hunter2"), first_wait=3600)

    assert f"mssql://127.0.0.1:{server.port}/emr cannot be read" in str(raised.value)
    assert server.logins == [USER]
    for secret in ("hunter2", USER):
        assert secret not in str(raised.value) + caplog.text


def test_a_server_that_hangs_up_is_asked_again(server: TdsServer) -> None:
    insert(server, (1, "2024-01-01"))
    server.hang_ups = ATTEMPTS - 1

    assert ids(declared(), url(server), FULL) == {1}

    # One connection for control queries after those that were refused, and one for the rows.
    assert server.connections == ATTEMPTS + 1


def test_a_database_that_wakes_up_is_asked_again(server: TdsServer) -> None:
    insert(server, (1, "2024-01-01"))
    server.busy_logins = 2

    assert ids(declared(), url(server), FULL) == {1}

    assert len(server.logins) == 4


def test_a_server_that_never_takes_us_is_given_up(server: TdsServer) -> None:
    server.hang_ups = 100

    with pytest.raises(SourceUnavailableError, match=r"check that the server is up"):
        rows(declared(), url(server))

    assert server.connections == ATTEMPTS


def test_the_connection_for_rows_is_tried_again_and_delivers_each_row_once(server: TdsServer) -> None:
    insert_many(server, 20_000)
    server.hang_up_on = frozenset((2, 3))

    found = [row["VisitID"] for row in rows(declared(watermark=None), url(server))]

    assert sorted(map(int, map(str, found))) == list(range(20_000))
    assert server.connections == 4


@pytest.mark.parametrize("package", ["pyodbc", "arrow_odbc"])
def test_a_missing_package_says_what_to_install(
    server: TdsServer, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(
        SourceUnavailableError, match=rf"{package} cannot be loaded; pip install 'rcm-lakehouse\[odbc\]'"
    ):
        rows(declared(), url(server))


def test_a_server_without_tls_is_refused_before_the_password_is_sent(server: TdsServer) -> None:
    server.offers_tls = False

    with pytest.raises(SourceUnavailableError, match=r"SQLSTATE 08001.*its TLS is refused"):
        rows(declared(), url(server), first_wait=3600)

    assert server.logins == []


def test_a_certificate_that_nobody_vouches_for_is_refused(server: TdsServer) -> None:
    with pytest.raises(SourceUnavailableError, match=r"SQLSTATE 08001.*its TLS is refused"):
        rows(declared(), url(server, TrustServerCertificate=""), first_wait=3600)

    assert server.logins == []


@pytest.mark.parametrize("count", [100, 8_200, 20_000])
def test_a_connection_lost_while_rows_are_read_fails_the_load(server: TdsServer, count: int) -> None:
    insert_many(server, 30_000)
    server.break_after_rows = count
    table = declared(watermark=None)

    with pytest.raises(SourceUnavailableError, match=r"the connection was lost while rows were read"):
        rows(table, url(server))

    assert len([statement for statement in server.asked() if "1 = 0" not in statement.text]) == 1


def test_a_query_that_fails_after_its_first_rows_fails_the_load(server: TdsServer) -> None:
    insert_many(server, 30_000)
    server.fail_after_rows = 8_200

    with pytest.raises(SourceUnavailableError, match=r"while rows were read") as raised:
        rows(declared(watermark=None), url(server))

    assert "SECRET" not in str(raised.value)


def test_a_load_whose_connection_is_lost_leaves_nothing_behind(server: TdsServer, project: Project) -> None:
    insert_many(server, 20_000)
    server.break_after_rows = 10_000
    table = {
        "name": "visits",
        "config": {"meta": {"load": {"object": "dbo.visits", "mode": "full", "key": ["VisitID"]}}},
        "columns": [{"name": "VisitID", "data_type": "bigint"}],
    }
    project.declare([source("emr", "database", "TEST_EMR_URL", url(server), [table])])

    result = project.load("emr.visits")

    assert (result.status, result.error_class) == ("failed", "SourceUnavailableError")
    assert project.bronze("emr.visits") == []
    server.break_after_rows = None
    assert project.load("emr.visits").rows_written == 20_000


def insert_many(server: TdsServer, count: int) -> None:
    server.engine.execute(f'insert into dbo.visits ("VisitID") select range from range({count})')


def test_a_raw_odbc_string_is_taken_as_it_is(server: TdsServer) -> None:
    insert(server, (1, "2024-01-01"))
    password = PASSWORD.replace("}", "}}")
    text = (
        f"Driver={{{microsoft_driver()}}};Server=127.0.0.1,{server.port};Database=emr;UID={USER};PWD={{{password}}};"
        "Encrypt=yes;TrustServerCertificate=yes"
    )

    assert parse_address(text).connection_string == text
    assert ids(declared(), text, FULL) == {1}


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        ("Authentication=ActiveDirectoryMsi", "Authentication=ActiveDirectoryMsi"),
        ("Authentication=ActiveDirectoryMsi&UID=11111111-2222", "Authentication=ActiveDirectoryMsi;UID=11111111-2222"),
        (
            "Authentication=ActiveDirectoryServicePrincipal&Encrypt=strict",
            "ActiveDirectoryServicePrincipal;Encrypt=strict",
        ),
    ],
)
def test_azure_identities_pass_through(options: str, attributes: str) -> None:
    address = parse_address(f"mssql://rcm.database.windows.net/emr?{options}")

    assert address.connection_string.endswith(attributes)
    assert "Server=rcm.database.windows.net,1433;Database=emr;" in address.connection_string
    assert "PWD" not in address.connection_string


@pytest.mark.parametrize(
    "text",
    [
        "Driver={ODBC Driver 18 for SQL Server};Server=tcp:h.database.windows.net;Authentication=ActiveDirectoryMsi",
        "DSN=hospital;UID=me;PWD={hunter2;x}",
    ],
)
def test_odbc_strings_pass_through_and_are_never_shown(text: str) -> None:
    address = parse_address(text)

    assert address.connection_string == text
    assert "hunter2" not in repr(address)
    assert text not in repr(address)


@pytest.mark.parametrize(
    "bad",
    [
        "mssql://me:hunter2/x@host/emr",
        "mssql://me:hunter2@host:port/emr",  # pragma: allowlist secret
        "mssql:///emr?PWD=hunter2",
        "mssql://host/emr?PWD;UID=hunter2",
        "postgresql://me:hunter2@host/emr%3BServer=elsewhere",  # pragma: allowlist secret
    ],
)
def test_a_url_that_cannot_be_read_shows_nothing_of_itself(bad: str) -> None:
    with pytest.raises(SourceUnavailableError, match=r"URL cannot be read; write") as raised:
        parse_address(bad)

    assert "hunter2" not in str(raised.value)
    assert "emr" not in str(raised.value)


def test_an_option_cannot_add_another(server: TdsServer) -> None:
    address = parse_address("mssql://host/emr?ApplicationIntent=ReadOnly%3BEncrypt%3Dno")

    assert address.connection_string.endswith("ApplicationIntent={ReadOnly;Encrypt=no}")
    assert server.connections == 0
