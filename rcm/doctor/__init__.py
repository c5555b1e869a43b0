"""``rcm doctor``: what a run needs, looked at one by one, each with its remedy. A check is declared once, here."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.findings import Finding
from ingestion.base.settings import read_settings
from ingestion.sources.control_table import read_control_table
from rcm.doctor import (
    builds,
    connections,
    disk,
    environment,
    locks,
    permissions,
    secrets,
    versions,
)
from rcm.doctor.check import CHECK_SECONDS, Check, Result, Situation, found_by, run_checks

CHECKS = (
    Check("python", "the interpreter's version", environment.python),
    Check("project", "the folder and its control table", environment.project),
    Check("variables", "that no `RCM_` variable is misspelt", environment.variables),
    Check("profile", "that `profiles/profiles.yml` has the target", environment.profile),
    Check(
        "packages",
        "what is installed against what is pinned, for the target, the sources and Azure",
        environment.packages,
    ),
    Check("engines", "that DuckDB loads the Delta extension of its own version, and deltalake", versions.engines),
    Check("dbt", "dbt and the adapter of the target", versions.dbt),
    Check("lakehouse", "that its place answers and takes the sign-in", connections.lakehouse),
    Check(
        "connection",
        "each source: address, answer, login, declared tables",
        connections.connection,
        connections.systems,
    ),
    Check("secret", "each `secret://NAME`: whether it can be had, and from which store", secrets.secret, secrets.named),
    Check("disk", "free space against the size of the lakehouse", disk.room),
    Check("warehouse", "that nobody holds the warehouse, else who", locks.warehouse),
    Check("table locks", "which tables are being loaded, by whom, and whether that hangs", locks.tables),
    Check("files", "that storage has every data file that a log names, in its size", builds.files),
    Check("permissions", "that only its owner reads the lakehouse, and we may write", permissions.lakehouse),
    Check("phi key", "that the key of keyed hashes is there, long enough and closed to others", permissions.phi_key),
    Check("last loads", "whether the last load of a table failed", builds.loads),
    Check("last build", "whether the last build failed", builds.build),
)


def diagnose(folder: Path, variables: Mapping[str, str], seconds: float = CHECK_SECONDS) -> Iterator[Result]:
    """Run every check in a project's folder, which is the working directory, and yield what they found.

    Args:
        folder: Folder of dbt_project.yml.
        variables: Environment variables by name.
        seconds: Time for each check.
    """
    try:
        settings = read_settings(variables)
        control = read_control_table(settings.project_dir, settings.bronze_dir, variables)
    except (IngestionError, SpecError) as error:
        # Without settings there is nothing to look at.
        finding = found_by(error)
        yield Result("settings", "", finding.state, finding.message, finding.next_step, 0.0)
        return
    yield from run_checks(CHECKS, Situation(folder, variables, settings, control), seconds)


__all__ = ["CHECKS", "CHECK_SECONDS", "Check", "Finding", "Result", "Situation", "diagnose", "run_checks"]
