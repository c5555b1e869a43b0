"""What a build has to do: nothing, what changed tables feed, or everything.

A build is a function of its inputs, so one with the inputs of the last good build would change nothing, and a model
that reads no changed table would be the same. Where that is not certain, everything is built.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deltalake import DeltaTable

import ingestion
import rcm.warehouse
from ingestion.base.messages import named
from ingestion.base.settings import Settings
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.declared.control_table import ControlTable
from rcm.warehouse.freshness import says_what_is_out
from rcm.warehouse.last_build import Inputs, LastBuild
from rcm.warehouse.phi_key import key_fingerprint
from rcm.warehouse.reader import warehouse_rows

# What dbt reads of the project. tests/python is no part of a build.
_FOLDERS = ("models", "macros", "seeds", "snapshots", "tests", "profiles", "dbt_packages")
_FILES = ("dbt_project.yml", "packages.yml", "dependencies.yml")
_KINDS = (".sql", ".yml", ".yaml", ".csv", ".md", ".py")
_CODE = (ingestion, rcm.warehouse)
_PACKAGES = ("rcm-lakehouse", "dbt-core", "dbt-duckdb", "duckdb")
_DECISIONS = ("batch_decision", "month_close", "month_reopen")
_VARIABLE = re.compile(rb"env_var\(\s*['\"](\w+)['\"]")
# dbt's own variables that say where it writes, not what.
_PLACES = ("DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_PROFILES_DIR", "DBT_PROJECT_DIR")


@dataclass(frozen=True)
class Scope:
    """What a build has to do.

    Args:
        tables: The changed tables (``system.table``) whose models are built; None for everything.
        reason: Why everything is built, in words; empty otherwise.
    """

    tables: tuple[str, ...] | None
    reason: str = ""

    @property
    def is_nothing(self) -> bool:
        """Whether the warehouse is as a build would leave it."""
        return self.tables == ()

    @property
    def select(self) -> str | None:
        """The nodes as dbt selects them; None for everything."""
        return None if self.tables is None else " ".join(f"source:{label}+" for label in self.tables)


def scope_of(last: LastBuild | None, inputs: Inputs) -> Scope:
    """What has to be built, given the last build and today's inputs."""
    if last is None:
        return Scope(None, "nothing was built yet")
    if not all(says_what_is_out(line) for line in last.failures):
        return Scope(None, "the last build failed")
    before = last.inputs
    if before is None or inputs.warehouse is None or before.warehouse != inputs.warehouse:
        return Scope(None, "another command built a part since")
    if before.settings != inputs.settings:
        return Scope(None, "a setting, a key or a version changed")
    if before.files != inputs.files:
        return Scope(None, f"{named(_differences(before.files, inputs.files))} changed")
    if before.tables.keys() != inputs.tables.keys():
        return Scope(None, "the list of tables changed")
    return Scope(tuple(_differences(before.tables, inputs.tables)))


def read_inputs(settings: Settings, control: ControlTable) -> Inputs:
    """What a build would be made from now, on the embedded warehouse.

    Raises:
        SourceUnavailableError: The lakehouse cannot be reached.
        WarehouseBusyError: Another process writes to the warehouse.
    """
    files: dict[str, str] = {}
    variables: set[str] = set()
    for path, name in _project_files(settings):
        content = path.read_bytes()
        files[name] = sha256(content).hexdigest()[:32]
        variables |= {found.decode() for found in _VARIABLE.findall(content)}
    return Inputs(files, _settings(settings, control, variables), _tables(settings, control), written_at(settings))


def written_at(settings: Settings) -> str | None:
    """When a command last wrote to the warehouse, as its build log says; None if it never did, or did not end."""
    query = "select recorded_at from audit.build_log where node_id = 'build' and status = 'success'"
    return next((str(moment) for (moment,) in warehouse_rows(settings.warehouse, query)), None)


def _project_files(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Files, and their paths as they are shown; those of the control table may be anywhere."""
    root = settings.project_dir
    paths = {root / name for name in _FILES if (root / name).is_file()}
    for folder in {*(root / name for name in _FOLDERS), settings.bronze_dir}:
        paths.update(path for path in folder.rglob("*") if path.suffix in _KINDS and path.is_file())
    python_tests = root / "tests" / "python"
    for path in sorted(paths):
        if not path.is_relative_to(python_tests):
            yield path, str(path.relative_to(root) if path.is_relative_to(root) else path)
    plugin = Path(ingestion.__path__[0]).with_name("dbt_rcm.py")
    yield plugin, plugin.name
    for package in _CODE:
        for folder in map(Path, package.__path__):
            for path in sorted(folder.rglob("*.py")):
                yield path, f"{package.__name__}/{path.relative_to(folder)}"


def _settings(settings: Settings, control: ControlTable, variables: set[str]) -> str:
    read = {name for name in settings.values if name in variables or name.startswith("DBT_")}
    lines = [f"{name}={settings.values[name]}" for name in sorted(read.difference(_PLACES))]
    lines += [f"{package} {_version(package)}" for package in _PACKAGES]
    lines += [f"left out {name}" for name in control.not_built]
    return sha256("\n".join([*lines, key_fingerprint(settings)]).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _tables(settings: Settings, control: ControlTable) -> dict[str, str | None]:
    tables = {
        table.label: bronze_table(settings, table).open() for system in control.systems for table in system.tables
    }
    tables |= {f"ledger.{name}": (settings.lakehouse / "ledger" / name).delta() for name in _DECISIONS}
    states = {label: None if delta is None else _state(delta) for label, delta in tables.items()}
    # The log grows with every run; a build only asks who was ever asked for data.
    return states | {"audit.load_log": ",".join(audit_log(settings).tables_asked())}


def _state(delta: DeltaTable) -> str:
    """A version, and which: a table that was started again or restored has the numbers of another one."""
    last = delta.history(1)[0]
    return f"{delta.metadata().id} {delta.version()} {last.get('timestamp')}"


def _differences(before: Mapping[str, str | None], now: Mapping[str, str | None]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
