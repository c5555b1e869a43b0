"""Planned loads of one table: full or incremental, from which watermark, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingestion.base.messages import one_line
from ingestion.bronze import Batch
from ingestion.bronze.extraction import LoadType
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.declared.watermark import Window
from ingestion.sources.landing import LandingFile

# Loads that move the watermark: a backfill does not.
WATERMARKED = ("full", "incremental")


Action = Literal["load", "archive", "nothing", "inactive", "blocked"]


@dataclass(frozen=True)
class PlannedLoad:
    """One load that a run would do, or the reason why it would not.

    Args:
        action: ``archive`` is a file that was loaded before; ``blocked`` a table that cannot be planned.
        load_type: ``full`` reads the whole source, ``incremental`` what is new, ``backfill`` a range of the past.
        watermark_low: Watermark of the last committed batch, before the lag; first watermark of a backfill.
        watermark_until: Last watermark of a backfill.
        reads_from: Least watermark that an increment reads: that of the last batch, less the lag.
        reason: Why, for people.
        redrive_of: Batch whose rejected lines the file holds.
        error: What blocks the table.
        is_early: Whether it was planned by no schedule, so that its reason is a note of the run.
        is_current: Whether there is nothing to do because bronze is up to date, not because there was nothing to read.
    """

    system: SystemSpec
    table: TableSpec
    action: Action
    load_type: LoadType
    reason: str
    watermark_low: str | None = None
    watermark_until: str | None = None
    reads_from: str | None = None
    file: LandingFile | None = None
    redrive_of: Batch | None = None
    error: Exception | None = None
    is_early: bool = False
    is_current: bool = False

    @property
    def problem(self) -> str | None:
        """What blocks the table, in one line."""
        return one_line(self.error, self.file.name if self.file else None) if self.error else None

    @property
    def explanation(self) -> str:
        """The decision and its reason, for people, in one line."""
        if self.problem is not None:
            return self.problem
        return f"{self.file.name}: {self.reason}" if self.file is not None else self.reason

    @property
    def window(self) -> Window:
        """What a load of a watermarked table reads."""
        if self.load_type == "redrive":
            raise AssertionError("a redrive reads a file")
        return Window(self.load_type, self.watermark_low, self.watermark_until)


@dataclass(frozen=True)
class Request:
    """What a run was asked for.

    Args:
        full: Read everything again.
        since: First watermark of a backfill; None where it has no beginning.
        until: Last watermark of a backfill; None where it has no end.
    """

    full: bool = False
    since: str | None = None
    until: str | None = None

    @property
    def is_backfill(self) -> bool:
        """Whether a range was asked for."""
        return self.since is not None or self.until is not None


WHAT_IS_NEW = Request()


def plan_whole(system: SystemSpec, table: TableSpec, *, asked: bool, watermark_low: str | None = None) -> PlannedLoad:
    """A read of the whole source, whose batch is committed if anything differs.

    Args:
        system: The system.
        table: Its table.
        asked: Whether --full asks for it, and not the table's mode.
        watermark_low: Watermark of the last committed batch.
    """
    why = "as --full asks" if asked else "as its mode is full"
    reason = f"reads all, {why}; commits it if anything differs"
    return PlannedLoad(system, table, "load", "full", reason, watermark_low)


def plan_known_file(
    system: SystemSpec, table: TableSpec, file: LandingFile, batches: Sequence[Batch], load_type: LoadType
) -> PlannedLoad:
    """A file whose bytes were loaded before and are not loaded again, with that load."""
    batch = next((batch for batch in batches if batch.file_sha256 == file.sha256), None)
    if batch is None:
        reason = "skipped: its bytes wait in another file, too, which is loaded; the file is archived"
    else:
        day, batch_id = batch.started_at[:10], batch.batch_id
        reason = f"skipped: its bytes were loaded on {day} as batch {batch_id}; the file is archived"
    return PlannedLoad(system, table, "archive", load_type, reason, file=file)


def last_watermark(batches: Sequence[Batch]) -> str | None:
    """Watermark that the last load reached; a backfill moves none."""
    found = (batch.watermark_high for batch in batches if batch.watermark_high and batch.load_type in WATERMARKED)
    return next(found, None)
