"""The record of the last build, kept beside the warehouse: how it ended, and what it was made from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.base.settings import Settings


@dataclass(frozen=True)
class Inputs:
    """What a build is made from; equal inputs make equal tables.

    Args:
        files: A digest of each file of the project that dbt reads, and of the code that it calls, by its path.
        settings: A digest of versions, variables and the key of keyed hashes.
        tables: Identity and version of each Delta table that is read, by ``system.table``; None where there is none.
        warehouse: When a command last wrote to the warehouse, as its build log says; None before the first.
    """

    files: Mapping[str, str]
    settings: str
    tables: Mapping[str, str | None]
    warehouse: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A system that a build did without, because its declaration is broken.

    Args:
        system: Its name.
        built_at: When it was last built, UTC without zone; None if it never was, or not by ``rcm``.
    """

    system: str
    built_at: datetime | None

    @property
    def shown(self) -> str:
        """In one line, for people."""
        since = f"are those of {self.built_at:%Y-%m-%d %H:%M} UTC" if self.built_at else "stay as they were last built"
        return f"{self.system} is left out of this build, because its declaration is broken; its numbers {since}"


@dataclass(frozen=True)
class LastBuild:
    """How the last build of a warehouse ended.

    Args:
        finished_at: When, UTC without zone.
        failures: One line per failed node.
        skipped: Nodes below them.
        warnings: One line per test that warned.
        left_out: Systems that it did without, and when they were last built.
        built_at: When each system was last built without a failure, UTC without zone.
        inputs: What it was made from; None where only a part was built, or it did not come to its end.
    """

    finished_at: datetime
    failures: tuple[str, ...]
    skipped: int
    warnings: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    built_at: Mapping[str, datetime] = field(default_factory=dict)
    inputs: Inputs | None = None


def last_build(settings: Settings) -> LastBuild | None:
    """The last build that ``rcm`` made of this warehouse; None before the first."""
    try:
        kept = json.loads(_record(settings).read_text(encoding="utf-8"))
        built_at = {name: datetime.fromisoformat(moment) for name, moment in kept.get("built_at", {}).items()}
        return LastBuild(
            finished_at=datetime.fromisoformat(kept["finished_at"]),
            failures=tuple(kept["failures"]),
            skipped=kept["skipped"],
            warnings=tuple(kept.get("warnings", ())),
            left_out=tuple(LeftOut(name, built_at.get(name)) for name in kept.get("left_out", [])),
            built_at=built_at,
            inputs=Inputs(**kept["inputs"]) if kept.get("inputs") else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(
    settings: Settings,
    *,
    failures: tuple[str, ...],
    skipped: int = 0,
    warnings: tuple[str, ...] = (),
    left_out: tuple[LeftOut, ...] = (),
    built_at: Mapping[str, datetime],
    inputs: Inputs | None = None,
) -> None:
    """Write down how a build ended; the arguments are those of :class:`LastBuild`."""
    kept: dict[str, Any] = {
        "finished_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "failures": failures,
        "skipped": skipped,
        "warnings": warnings,
        "left_out": [entry.system for entry in left_out],
        "built_at": {name: moment.isoformat() for name, moment in built_at.items()},
        "inputs": None if inputs is None else vars(inputs),
    }
    _record(settings).write_text(json.dumps(kept, indent=2), encoding="utf-8")


def _record(settings: Settings) -> Path:
    return settings.warehouse.with_name("last_build.json")
