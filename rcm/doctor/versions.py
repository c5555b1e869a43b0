"""Do the versions fit each other: DuckDB and its Delta extension, deltalake, dbt and its adapter."""

from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from itertools import chain

import duckdb
import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ingestion.base.findings import Finding, ok, problem, warning
from rcm.doctor.check import Situation

# Distribution of the adapter by target.
ADAPTERS = {"duckdb": "dbt-duckdb", "spark": "dbt-spark", "databricks": "dbt-databricks"}


def engines(situation: Situation, _: str) -> Iterator[Finding]:
    """DuckDB loads the Delta extension of its own version; deltalake writes what it reads."""
    names = ["delta"] if situation.settings.lakehouse.is_local else ["delta", "azure"]
    findings = list(chain.from_iterable(map(_extension, names)))
    yield from findings
    if not findings:
        loaded = " and ".join(names)
        yield ok(f"DuckDB {duckdb.__version__} loads its {loaded} extension, deltalake {version('deltalake')}")


def _extension(name: str) -> Iterator[Finding]:
    package = f"duckdb-extension-{name}"
    pinned = f"pip install '{package}=={duckdb.__version__}'"
    try:
        held = version(package)
        binary = files(package.replace("-", "_")) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    except (PackageNotFoundError, ModuleNotFoundError):
        yield warning(f"{package} is not installed: DuckDB fetches it over the network to build", pinned)
        return
    if not binary.is_file():
        yield problem(f"{package} is {held}, which holds none for DuckDB {duckdb.__version__}", pinned)
        return
    try:
        with closing(duckdb.connect(":memory:")) as connection:
            connection.execute(f"LOAD '{binary}'")
    except duckdb.Error:
        yield problem(f"DuckDB {duckdb.__version__} does not load {package} {held}", f"{pinned} --force-reinstall")


def dbt(situation: Situation, _: str) -> Iterator[Finding]:
    """Dbt in the version that dbt_project.yml asks for, with the adapter of the target."""
    target = situation.settings.variables.target
    adapter = ADAPTERS.get(target)
    install = f"pip install 'rcm-lakehouse[{target}]'"
    if adapter is None:
        yield problem(f"RCM_TARGET is {target}, which has no adapter", f"set it to one of {', '.join(ADAPTERS)}")
        return
    try:
        core, held = version("dbt-core"), version(adapter)
    except PackageNotFoundError as error:
        yield warning(f"{error.name} is not installed: rcm ingest works, building on {target} does not", install)
        return
    try:
        document = yaml.safe_load((situation.folder / "dbt_project.yml").read_text(encoding="utf-8")) or {}
        asked = document.get("require-dbt-version", "")
        wanted = SpecifierSet(",".join(asked) if isinstance(asked, list) else str(asked))
    except (OSError, yaml.YAMLError, InvalidSpecifier):
        yield problem("dbt_project.yml cannot be read", "restore it from the repository")
        return
    if wanted.contains(core, prereleases=True):
        yield ok(f"dbt-core {core}, {adapter} {held}")
    else:
        yield problem(f"dbt-core is {core}, but dbt_project.yml asks for {wanted}", install)
