"""Maintenance of the Delta tables of bronze and audit: compaction, vacuum, checkpoint; never drops a row or a batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deltalake.exceptions import DeltaError

from ingestion.base.errors import LoadConflictError
from ingestion.base.messages import fault_of_storage
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.declared.specs import SystemSpec
from ingestion.loads.verification import keep_checksums

# Readers of an older version need its files while their query runs; no query runs for a week.
SAFE_HOURS = 168


@dataclass(frozen=True)
class Maintained:
    """The maintenance of one table.

    Args:
        label: Its name.
        files_before: Parquet files the table consisted of.
        files_after: The same now.
        vacuumed: Files removed that no version within the horizon needs.
        orphans: Files removed that a killed run left without a commit.
        problem: Why nothing was done, None where it was.
    """

    label: str
    files_before: int = 0
    files_after: int = 0
    vacuumed: int = 0
    orphans: int = 0
    problem: str | None = None


def maintain(settings: Settings, systems: Sequence[SystemSpec], retain_hours: int = SAFE_HOURS) -> Iterator[Maintained]:
    """Compact, vacuum and checkpoint every table, one after the other; a table that is being loaded is skipped.

    Compaction moves rows between files and changes none; the log with every batch stays as it is. Vacuum removes only
    files that no version of the last ``retain_hours`` hours refers to, and what killed runs left that is older.
    """
    for system in systems:
        for table in system.tables:
            bronze = bronze_table(settings, table)
            lock = settings.lakehouse / "locks" / f"{table.label}.lock"
            try:
                with lock.exclusive() as alone:
                    yield _maintain(table.label, bronze.location, retain_hours, bronze.sweep(alone=alone))
            except LoadConflictError:
                yield Maintained(table.label, problem="is being loaded")
    log = audit_log(settings)
    for place in (log.loads, log.rejects):
        yield _maintain(f"audit.{place.name}", place, retain_hours, orphans=0)
    keep_checksums(settings)


def _maintain(label: str, place: Location, retain_hours: int, orphans: int) -> Maintained:
    delta = place.delta()
    if delta is None:
        return Maintained(label, orphans=orphans)
    before, version = len(delta.file_uris()), delta.version()
    try:
        if before > 1:
            delta.optimize.compact()
            # Vacuum must not remove the old files before the new ones are on the disk.
            place.sync_commits(version)
        # A full scan, because files that a killed run was writing are in no log.
        removed = delta.vacuum(retention_hours=retain_hours, dry_run=False, enforce_retention_duration=True, full=True)
        delta.create_checkpoint()
        place.sync_commits(delta.version())
    except DeltaError:
        return Maintained(
            label, before, before, orphans=orphans, problem="was written to meanwhile; run it again later"
        )
    except OSError as error:
        fault = fault_of_storage(error) or "its storage stopped answering"
        return Maintained(label, before, before, orphans=orphans, problem=f"{fault}; run it again later")
    return Maintained(label, before, len(delta.file_uris()), len(removed), orphans)
