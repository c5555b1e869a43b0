"""Is everything installed: Python, the project, dbt's profile, and packages in the versions that are pinned."""

import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ingestion.base.findings import Finding, ok, problem, warning
from ingestion.base.variables import misspelt_variables
from ingestion.sources.registry import kind_of
from rcm.doctor.check import Situation

DISTRIBUTION = "rcm-lakehouse"
PROFILE = "rcm"


def python(_: Situation, __: str) -> Iterator[Finding]:
    """The interpreter's version against what the package asks for."""
    wanted, here = metadata(DISTRIBUTION)["Requires-Python"], platform.python_version()
    if SpecifierSet(wanted).contains(here, prereleases=True):
        yield ok(f"{here} on {platform.system()} {platform.machine()}")
    else:
        yield problem(f"{here}, but rcm needs {wanted}", "make a virtual environment with such a Python: make setup")


def project(situation: Situation, _: str) -> Iterator[Finding]:
    """The folder and its control table."""
    control = situation.control
    tables = sum(len(system.tables) for system in control.systems)
    for line in control.problems:
        what, _, remedy = line.rpartition("; ")
        yield problem(what or line, remedy if what else "correct the control table; docs/onboarding-a-hospital.md")
    if control.systems:
        yield ok(f"{situation.folder}: {len(control.systems)} systems with {tables} tables")


def variables(situation: Situation, _: str) -> Iterator[Finding]:
    """No RCM_ variable is misspelt."""
    misspelt = list(
        misspelt_variables(situation.environment, [one.connection.env for one in situation.control.systems])
    )
    for line in misspelt:
        what, _, remedy = line.rpartition("; ")
        yield warning(what, remedy)
    if not misspelt:
        yield ok("no RCM_ variable is misspelt")


def profile(situation: Situation, _: str) -> Iterator[Finding]:
    """Dbt's profile has the target."""
    place = situation.folder / "profiles" / "profiles.yml"
    target = situation.settings.variables.target
    restore = "restore profiles/profiles.yml from the repository"
    try:
        document = yaml.safe_load(place.read_text(encoding="utf-8"))
        outputs = document[PROFILE]["outputs"]
        kind = outputs[target]["type"] if target in outputs else None
    except OSError:
        yield warning("profiles/profiles.yml is not there, so dbt cannot build; rcm ingest needs none", restore)
        return
    except (yaml.YAMLError, KeyError, TypeError):
        yield problem(f"profiles/profiles.yml has no profile {PROFILE} with outputs", restore)
        return
    if kind is None:
        yield problem(f"RCM_TARGET is {target}, which is no target", f"set it to one of {', '.join(sorted(outputs))}")
    else:
        yield ok(f"target {target} ({kind})")


def packages(situation: Situation, _: str) -> Iterator[Finding]:
    """What is installed against what is pinned: always needed, needed by the target, by sources, by the lakehouse."""
    target = situation.settings.variables.target
    needed = {"": "every command", **_needed_extras(situation)}
    wrong = False
    for extra, reason in needed.items():
        lacking = _lacking(extra)
        if lacking:
            wrong = True
            name = f"{DISTRIBUTION}[{extra}]" if extra else DISTRIBUTION
            yield problem(f"{', '.join(lacking)}; needed by {reason}", f"pip install '{name}'")
    # Spark runs without a JVM where Sail is installed in its place.
    extra = "sail" if target == "spark" and find_spec("pysail") and not find_spec("delta") else target
    lacking = _lacking(extra) if extra in _extras() else []
    if lacking:
        wrong = True
        yield warning(
            f"{', '.join(lacking)}: needed to build on {target}; rcm ingest works without",
            f"pip install '{DISTRIBUTION}[{extra}]'",
        )
    if not wrong:
        yield ok(f"{DISTRIBUTION} {version(DISTRIBUTION)}, all packages as pinned")


def _needed_extras(situation: Situation) -> dict[str, str]:
    """Extras that this project's sources and places need, each with what needs it."""
    needed: dict[str, str] = {}
    for system in situation.control.systems:
        kinds = {kind_of(table) for table in system.tables if table.load.active}
        # What cannot be resolved is reported by the check of connections; a vault may fail in any way.
        with suppress(Exception):
            for kind in kinds:
                for extra in kind.extras(situation.settings, system):
                    needed.setdefault(extra, system.name)
    if not situation.settings.lakehouse.is_local or ".vault.azure.net" in situation.settings.variables.secrets:
        needed["azure"] = "Azure, where the lakehouse or its secrets are"
    return needed


def _extras() -> list[str]:
    return metadata(DISTRIBUTION).get_all("Provides-Extra") or []


def _lacking(extra: str) -> list[str]:
    """Packages of an extra (empty: of the package itself) that are missing or in another version than pinned."""
    found = []
    for text in requires(DISTRIBUTION) or []:
        wanted = Requirement(text)
        is_base = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if is_base != (extra == "") or not (is_base or (wanted.marker and wanted.marker.evaluate({"extra": extra}))):
            continue
        try:
            here = version(wanted.name)
        except PackageNotFoundError:
            # pyspark-client brings what pyspark brings.
            if find_spec(wanted.name.replace("-", "_")) is None:
                found.append(f"{wanted.name} is not installed")
            continue
        if not wanted.specifier.contains(here, prereleases=True):
            found.append(f"{wanted.name} is {here}, not {wanted.specifier}")
    return found
