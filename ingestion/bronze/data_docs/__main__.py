"""Builds the Data Docs of the newest batches in bronze: ``python -m ingestion.bronze.data_docs``."""

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from ingestion.base.errors import BorderUnavailableError, IngestionError, SpecError
from ingestion.base.settings import Settings, read_settings
from ingestion.base.storage import Location
from ingestion.bronze import Batch
from ingestion.bronze.batch import earlier_rows
from ingestion.bronze.places import bronze_table
from ingestion.declared.control_table import load_systems
from ingestion.declared.specs import SystemSpec, TableSpec

NEWEST = 200


@dataclass(frozen=True)
class Committed:
    """A batch of bronze, with what its row count is compared with and its file, None where it was compacted."""

    table: TableSpec
    batch: Batch
    earlier_rows: tuple[int, ...]
    part: Location


def newest_batches(settings: Settings, systems: Sequence[SystemSpec], count: int = NEWEST) -> list[Committed]:
    """The newest batches of all tables whose own file is still there, the newest first."""
    found = []
    for table in (table for system in systems for table in system.tables):
        bronze = bronze_table(settings, table)
        history = bronze.batches()
        found += [
            Committed(table, batch, earlier_rows(history[age + 1 :], batch.load_type), bronze.part(batch.batch_id))
            for age, batch in enumerate(history)
        ]
    found.sort(key=lambda committed: committed.batch.started_at, reverse=True)
    return [committed for committed in found[:count] if committed.part.exists()]


def build(folder: Path, committed: Sequence[Committed]) -> tuple[Path, list[str]]:
    """Validate batches and build their pages in place of the last ones.

    Parts in Azure are downloaded first: Great Expectations is imported when no host can be reached any more.

    Returns:
        The list of pages, and why a batch has none.

    Raises:
        IngestionError: A part cannot be read, or the extra is not installed.
    """
    if find_spec("great_expectations") is None:
        raise IngestionError("the Data Docs need Great Expectations; pip install 'rcm-lakehouse[quality]'")
    with tempfile.TemporaryDirectory(prefix="rcm-scratch-") as scratch:
        parts = [_on_this_machine(one.part, Path(scratch)) for one in committed]
        forbid_network()
        from ingestion.bronze.data_docs.validator import Validator

        shutil.rmtree(folder, ignore_errors=True)
        validator, problems = Validator(folder), []
        for one, part in zip(committed, parts, strict=True):
            batch = one.batch
            at = datetime.fromisoformat(batch.started_at)
            try:
                validator.validate(one.table, part, batch.rows_written, one.earlier_rows, batch.batch_id, at)
            except BorderUnavailableError as error:
                problems.append(str(error))
        return validator.build_data_docs(), problems


def forbid_network() -> None:
    """Make every attempt to reach a host an error, for the rest of this process."""

    def refuse(event: str, _arguments: object) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
            raise PermissionError("the Data Docs are built without a network")

    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    sys.addaudithook(refuse)


def _on_this_machine(part: Location, scratch: Path) -> Path:
    if part.is_local:
        return part.local
    copy = scratch / part.name
    with part.open_input() as remote, copy.open("wb") as local:
        shutil.copyfileobj(remote, local)
    return copy


def main() -> int:
    """Build the pages beside the warehouse and print where they are."""
    warnings.simplefilter("ignore")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    try:
        settings = read_settings()
        systems = load_systems(settings.project_dir, settings.bronze_dir)
        committed = newest_batches(settings, systems)
        listed, problems = build(settings.warehouse.parent / "audit" / "data_docs", committed)
    except (IngestionError, SpecError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{listed} ({len(committed) - len(problems)} batches)\n")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
