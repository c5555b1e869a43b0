"""Clocks and moments on every engine: the macros of macros/cross_db/clocks.sql, and the load's own arithmetic."""

from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import jinja2
import pyarrow as pa
import pytest

from ingestion.base.pandas_import import allow_pandas_import
from ingestion.declared.clocks import local_clock, utc_of_clocks
from tests.python.lakehouses import PROJECT

NEW_YORK, KOLKATA, LORD_HOWE = "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"
# Around both changes of a year, and far from them.
CLOCKS = [
    (zone, clock)
    for zone, clocks in {
        NEW_YORK: (
            "11-01 00:59:59",
            "11-01 01:10:00",
            "11-01 01:59:59",
            "11-01 02:00:00",
            "03-08 02:30:00",
            "07-04 12:00:00",
        ),
        KOLKATA: ("11-01 01:10:00", "10-31 23:59:59"),
        LORD_HOWE: ("04-05 01:20:00", "04-05 01:40:00", "04-05 02:00:00", "10-04 02:10:00"),
        "Pacific/Honolulu": ("10-31 22:30:00",),
        "America/St_Johns": ("11-01 01:40:00",),
    }.items()
    for clock in clocks
]
Query = Callable[[str], list[datetime]]


class Adapter:
    """dbt's dispatch of macros, for one engine."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.macros: dict[str, Callable[..., str]] = {}

    def dispatch(self, name: str) -> Callable[..., str]:
        return self.macros.get(f"{self.engine}__{name}") or self.macros[f"default__{name}"]


def macros(engine: str) -> dict[str, Callable[..., str]]:
    """The macros as SQL of an engine."""
    adapter = Adapter(engine)
    text = (PROJECT / "macros" / "cross_db" / "clocks.sql").read_text()
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - SQL
    template = environment.from_string(text)
    module = template.make_module({"adapter": adapter, "return": lambda value: value})
    adapter.macros = {name: macro for name, macro in vars(module).items() if callable(macro)}
    return adapter.macros


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Query]:
    with duckdb.connect() as engine:
        engine.execute("set TimeZone = 'UTC'")
        yield lambda sql: [row[0] for row in engine.execute(sql).fetchall()]


@pytest.fixture(scope="module")
def on_sail() -> Iterator[Query]:
    sail = pytest.importorskip("pysail.spark")
    allow_pandas_import()
    from pyspark.sql import SparkSession

    server = sail.SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield lambda sql: [row[0] for row in session.sql(sql).collect()]
    session.stop()
    server.stop()


def judged(engine: str, query: Query) -> None:
    to_utc, to_local = macros(engine)["to_utc"], macros(engine)["to_local"]
    for zone, clock in CLOCKS:
        shown = datetime.fromisoformat(f"2026-{clock}")
        [expected] = utc_of_clocks(pa.array([shown], pa.timestamp("us")), zone).to_pylist()
        table = f"(select cast('2026-{clock}' as timestamp) as moment) as clocks"
        assert query(f"select {to_utc('moment', zone)} from {table}") == [expected], (zone, clock)
        local = local_clock(shown, zone)
        assert query(f"select {to_local('moment', zone)} from {table}") == [local], (zone, clock)
        assert query(f"select cast({to_local('moment', zone)} as date) from {table}") == [local.date()], (zone, clock)


def test_duckdb_reads_clocks_as_the_load_does(on_duckdb: Query) -> None:
    judged("duckdb", on_duckdb)


def test_sail_reads_clocks_as_the_load_does(on_sail: Query) -> None:
    judged("spark", on_sail)
