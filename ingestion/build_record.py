"""Remembers what the last good build was made from, so that nothing is built twice from the same."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingestion.plan import bronze_table
from ingestion.settings import Settings
from ingestion.specs import SystemSpec

# What dbt reads besides bronze; tests belong to a build, as they do to its result.
_PROJECT = ("dbt_project.yml", "profiles", "models", "macros", "snapshots", "seeds", "tests", "examples")
_SUFFIXES = frozenset({".sql", ".yml", ".yaml", ".csv", ".md"})


def is_current(settings: Settings, systems: Sequence[SystemSpec]) -> bool:
    """Whether the embedded warehouse was built, without a failure, from the present bronze by the present project."""
    record = _location(settings)
    if not settings.uses_duckdb or not settings.warehouse.is_file() or not record.is_file():
        return False
    return record.read_text(encoding="utf-8") == _fingerprint(settings, systems)


def note_build(settings: Settings, systems: Sequence[SystemSpec], *, succeeded: bool) -> None:
    """Remember a good build; forget the last one after a bad one."""
    record = _location(settings)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(_fingerprint(settings, systems) if succeeded else "", encoding="utf-8")


def _location(settings: Settings) -> Path:
    return settings.lakehouse / "audit" / "last_build.sha256"


def _fingerprint(settings: Settings, systems: Sequence[SystemSpec]) -> str:
    batches = [bronze_table(settings, table).batches()[:1] for system in systems for table in system.tables]
    newest = [batch.batch_id for held in batches for batch in held]
    files = {path.relative_to(settings.project_dir).as_posix(): _sha256(path) for path in _project_files(settings)}
    return hashlib.sha256(json.dumps([settings.control_table, newest, files]).encode()).hexdigest()


def _project_files(settings: Settings) -> Iterator[Path]:
    for name in _PROJECT:
        place = settings.project_dir / name
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        yield from (path for path in found if path.suffix in _SUFFIXES and path.is_file())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
