"""Planned loads of a table of a database: a first load, an increment, a reconciling full read, or a range."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ingestion.base.settings import Settings
from ingestion.bronze import Batch
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.declared.watermark import lower_bound
from ingestion.sources.planned import PlannedLoad, Request, last_watermark, plan_whole


def plan(settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> PlannedLoad:
    """The one load of a table."""
    if request.is_backfill:
        return _plan_backfill(system, table, request)
    batches = bronze_table(settings, table).counted_batches()
    planned = _plan_load(system, table, batches, full=request.full)
    if table.load.full_every is None or planned.load_type == "full":
        return planned
    return _reconciled(settings, planned, table.load.full_every)


def _plan_backfill(system: SystemSpec, table: TableSpec, request: Request) -> PlannedLoad:
    reason = f"{table.load.watermark} from {request.since or 'the beginning'} to {request.until or 'the end'}"
    reason += "; known rows are dropped, the watermark stays"
    return PlannedLoad(system, table, "load", "backfill", reason, request.since, watermark_until=request.until)


def _plan_load(system: SystemSpec, table: TableSpec, batches: list[Batch], *, full: bool) -> PlannedLoad:
    if not batches:
        return PlannedLoad(system, table, "load", "full", "first load: bronze holds no batch of it")
    watermark = last_watermark(batches)
    if full:
        return plan_whole(system, table, asked=True, watermark_low=watermark)
    if table.load.mode == "full":
        return plan_whole(system, table, asked=False)
    if watermark is None:
        return PlannedLoad(system, table, "load", "full", "no batch so far had a watermark")
    lag = f", less a lag of {_words(table.load.lag)} for late-arriving rows" if table.load.lag else ""
    bound = _bound(table, watermark)
    reason = f"{table.load.watermark} from {bound or watermark} on: the last batch reached {watermark}{lag}"
    reason += "; rows that bronze has are dropped (deduplicated)"
    return PlannedLoad(system, table, "load", "incremental", reason, watermark, reads_from=bound)


def _reconciled(settings: Settings, planned: PlannedLoad, full_every: timedelta) -> PlannedLoad:
    """An increment, or the full read that is due, which finds deletions and late-arriving rows."""
    # A full read that found no difference has no commit, only a line in the log.
    last = audit_log(settings).last_full_read(planned.table.system, planned.table.name)
    if last is not None and last + full_every > datetime.now(UTC).replace(tzinfo=None):
        due = f"{last + full_every:%Y-%m-%d %H:%M}"
        return replace(planned, reason=f"{planned.reason}; reads all to reconcile from {due} on")
    before = f"the last time was {last:%Y-%m-%d %H:%M}" if last is not None else "it never was so far"
    reason = f"reads all to reconcile, which is due every {_words(full_every)} and {before}"
    return replace(planned, load_type="full", reason=f"{reason}; commits it if anything differs", reads_from=None)


def _bound(table: TableSpec, watermark: str) -> str | None:
    """The least watermark that is read; None where the last is no value of its type, which the load then reports."""
    try:
        return str(lower_bound(watermark, table.watermark_type or "", table.load.lag, table.time_zone))
    except ValueError:
        return None


def _words(duration: timedelta) -> str:
    """A duration for people: 2 days, 6 hours."""
    units = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))
    name, unit = next(((name, unit) for name, unit in units if duration >= unit), ("second", timedelta(seconds=1)))
    count = duration / unit
    return f"{count:g} {name}{'' if count == 1 else 's'}"
