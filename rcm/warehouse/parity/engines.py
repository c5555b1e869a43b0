"""The engines a build can run on, each with a way to read what it built."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from ingestion.base.errors import IngestionError
from ingestion.base.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The layers whose tables must not differ. silver_deid is left out: its ids are drawn at random on each engine.
LAYERS = ("silver", "history", "gold")


@dataclass(frozen=True)
class Built:
    """What an engine built of a lakehouse.

    Args:
        tables: Tables and views of all layers, ``schema.name``.
        rows: Gives the rows of one.
    """

    tables: frozenset[str]
    rows: Callable[[str], pa.Table]


@dataclass(frozen=True)
class Engine:
    """One engine, ready to build.

    Args:
        name: As it is called on the command line.
        settings: What makes dbt build on it.
        read: Opens what it built.
    """

    name: str
    settings: Settings
    read: Callable[[], AbstractContextManager[Built]]


@contextmanager
def duckdb_engine(settings: Settings) -> Iterator[Engine]:
    """DuckDB, in this process."""
    settings = _apart(settings, "duckdb")

    @contextmanager
    def read() -> Iterator[Built]:
        from rcm.warehouse.duckdb_plugin import load_delta

        with closing(duckdb.connect(str(settings.warehouse), read_only=True)) as connection:
            load_delta(connection, settings.lakehouse)
            names = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables where table_schema in ?",
                [list(LAYERS)],
            ).fetchall()
            yield Built(
                frozenset(name for (name,) in names), lambda name: connection.sql(f"from {name}").to_arrow_table()
            )

    yield Engine("duckdb", settings, read)


@contextmanager
def sail_engine(settings: Settings) -> Iterator[Engine]:
    """Spark without a JVM: a server of Sail in this process, which ends with it."""
    try:
        from pysail.spark import SparkConnectServer
    except ImportError:
        raise _not_installed("sail") from None
    server = SparkConnectServer("127.0.0.1", 0)
    server.start()
    try:
        address, port = server.listening_address
        with _spark("sail", settings.with_values({"SPARK_REMOTE": f"sc://{address}:{port}"})) as engine:
            yield engine
    finally:
        server.stop()


@contextmanager
def spark_engine(settings: Settings) -> Iterator[Engine]:
    """Apache Spark with Delta Lake: on this machine, or the cluster of SPARK_REMOTE."""
    with _spark("spark", settings) as engine:
        yield engine


@contextmanager
def _spark(name: str, settings: Settings) -> Iterator[Engine]:
    from rcm.warehouse.spark_session import open_spark_session

    settings = _apart(settings, "spark")
    try:
        session = open_spark_session(settings)
    except ImportError:
        raise _not_installed(name) from None

    @contextmanager
    def read() -> Iterator[Built]:
        names = frozenset(f"{layer}.{table}" for layer in LAYERS for table in _tables(session, layer))
        yield Built(names, lambda name: session.table(name).toArrow())

    try:
        yield Engine(name, settings, read)
    finally:
        session.stop()


ENGINES: Mapping[str, Callable[[Settings], AbstractContextManager[Engine]]] = {
    "duckdb": duckdb_engine,
    "sail": sail_engine,
    "spark": spark_engine,
}


def _tables(session: "SparkSession", layer: str) -> list[str]:
    # Temporary views are listed with every schema.
    return [row.tableName for row in session.sql(f"show tables in {layer}").collect() if not row.isTemporary]


def _apart(settings: Settings, target: str) -> Settings:
    """Dbt's target folder is one engine's: what it parsed for another it would parse again at each build."""
    beside = settings.warehouse.parent
    folders = {"DBT_TARGET_PATH": str(beside / "target" / target), "DBT_LOG_PATH": str(beside / "logs" / target)}
    return settings.with_values({"RCM_TARGET": target, **folders})


def _not_installed(engine: str) -> IngestionError:
    return IngestionError(f"{engine} is not installed; pip install 'rcm-lakehouse[{engine}]'")
