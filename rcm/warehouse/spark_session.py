"""The Spark session that dbt works in: local with Delta Lake, or by Spark Connect on the cluster of SPARK_REMOTE."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ingestion.base.pandas_import import allow_pandas_import
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from rcm.warehouse.phi_key import phi_key_pads

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Where the Delta tables are that models read as sources.
_READ_BY_MODELS = ("bronze/*/*", "audit/*", "ledger/*")
_LOG = "/_delta_log/"
# Delta Lake's jars, put there by make test-spark.
_JARS = "requirements/spark/jars"

_GIB = 2**30
# What a container may use, in version 2 of Linux's control groups; "max" or no file without a limit.
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
# A build plans some 370 statements and runs each once, so the JVM's optimizing compiler costs more than it saves. With
# the first compiler alone the JVM reserves only 48 MiB for code, which Spark and its generated classes exceed.
_JVM = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseParallelGC"
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Tables of a few files on one machine: the time goes into planning, not into rows.
_SMALL_DATA = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    "spark.databricks.delta.stats.collect": "false",
}
# Spark keeps the plans, as text and as graph, of the last thousand statements for its web page, also where the page is
# off: gigabytes after one build.
_NO_HISTORY = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    "spark.ui.retainedTasks": "1",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.maxPlanStringLength": "1000",
}


def open_spark_session(settings: Settings) -> "SparkSession":
    """The session of this process, which dbt-spark finds and uses; made where there is none yet.

    It has two temporary views, which live as long as the session and are written nowhere: ``rcm_phi_pads`` with the
    two halves of the key of keyed hashes, and ``rcm_delta_tables`` with the folders of the lakehouse that hold a Delta
    table. Macros of ``macros/cross_db/`` read them.

    Raises:
        SpecError: The key of keyed hashes cannot serve.
        SecretError: It refers to a secret that cannot be had.
    """
    allow_pandas_import()
    from pyspark.sql import SparkSession

    remote = settings.values.get("SPARK_REMOTE")
    builder = SparkSession.builder.remote(remote) if remote else _configured(SparkSession.builder, settings)
    session = builder.getOrCreate()
    if not remote:
        # dbt reports failures; Hive's catalog logs an error whenever a Delta table is replaced.
        session.sparkContext.setLogLevel("FATAL")
    # Silver holds UTC without zone; a cast of text would else be read in the zone of the machine.
    session.conf.set("spark.sql.session.timeZone", "UTC")
    inner, outer = phi_key_pads(settings)
    _show(session, "rcm_phi_pads", "inner_pad binary, outer_pad binary", [(inner, outer)])
    _show(session, "rcm_delta_tables", "folder string", [(folder,) for folder in _delta_folders(settings.lakehouse)])
    return session


def _show(session: "SparkSession", name: str, schema: str, rows: list[tuple[Any, ...]]) -> None:
    session.createDataFrame(rows, schema).createOrReplaceTempView(name)


def _configured(builder: "SparkSession.Builder", settings: Settings) -> "SparkSession.Builder":
    """A session on this machine: with Delta Lake, and a catalogue and tables that outlive it, beside the warehouse."""
    # Spark's files contain patients' data: only their owner may read them.
    os.umask(0o077)
    beside = settings.warehouse.parent
    places = {
        "spark.sql.warehouse.dir": str(beside / "spark"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={beside}/spark_catalogue;create=true",
        "spark.driver.extraJavaOptions": f"{_JVM} -Dderby.stream.error.file={beside}/spark_catalogue.log",
        "spark.driver.memory": settings.values.get("SPARK_DRIVER_MEMORY") or driver_memory(_machine_memory()),
    }
    for name, value in {**_DELTA, **places, **_SMALL_DATA, **_NO_HISTORY}.items():
        builder = builder.config(name, value)
    jars = sorted(str(jar) for jar in (settings.project_dir / _JARS).glob("*.jar"))
    if jars:
        builder = builder.config("spark.jars", ",".join(jars))
    else:
        # Spark fetches them itself, of the version that the Python package names.
        from delta import configure_spark_with_delta_pip  # type: ignore[import-not-found,unused-ignore]

        builder = configure_spark_with_delta_pip(builder)
    return builder.enableHiveSupport()


def driver_memory(machine: int) -> str:
    """Heap of the driver: a quarter of the machine's bytes, at least 2 GiB and at most 8 GiB."""
    return f"{min(max(machine // 4, 2 * _GIB), 8 * _GIB) // 2**20}m"


def _machine_memory() -> int:
    """Bytes of memory that this process may use."""
    physical: int = psutil.virtual_memory().total
    limit = _CONTAINER_LIMIT.read_text(encoding="ascii").strip() if _CONTAINER_LIMIT.is_file() else "max"
    return min(physical, int(limit)) if limit.isdigit() else physical


def _delta_folders(lakehouse: Location) -> list[str]:
    commits = [file for pattern in _READ_BY_MODELS for file in lakehouse.find(f"{pattern}{_LOG}*.json")]
    return sorted({commit.partition(_LOG)[0] for commit in commits})
