"""A person's decision about a batch that waits: accepted as it is, or refused.

Recorded append-only in ledger/batch_decision of the lakehouse; the next build follows it. See docs/operations.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ingestion.base.errors import BatchDecisionError, SpecError
from ingestion.base.settings import Settings
from ingestion.bronze.decisions import Decision
from ingestion.bronze.places import batch_decisions, bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from rcm.warehouse.reader import warehouse_rows


@dataclass(frozen=True)
class WaitingBatch:
    """A batch that the last build left out until somebody decides.

    Args:
        source_table: Its bronze table, system.table.
        batch_id: Its id.
        finding: Which limit it is above: what, how many, how many dollars.
    """

    source_table: str
    batch_id: str
    finding: str


@dataclass(frozen=True)
class Decided:
    """A decision about one batch.

    Args:
        source_table: Its bronze table, system.table.
        batch_id: Its id.
        decision: accepted or refused.
        decided_at: When, UTC without zone.
        decided_by: Who.
        reason: Why.
        finding: What the batch waited for; None where it was decided before a build.
        is_new: Whether this call made it.
    """

    source_table: str
    batch_id: str
    decision: str
    decided_at: datetime
    decided_by: str
    reason: str
    finding: str | None
    is_new: bool = False


def waiting_batches(settings: Settings) -> list[WaitingBatch]:
    """Batches that waited at the last build and are not decided yet; empty before it, and on other engines."""
    if not settings.uses_duckdb or not settings.warehouse.exists():
        return []
    rows = warehouse_rows(
        settings.warehouse, "select _source_table, _batch_id, finding from silver.dq_waiting_batches order by _batch_id"
    )
    decided = {row.batch_id for row in decisions(settings)} if rows else set()
    return [WaitingBatch(*row) for row in rows if row[1] not in decided]


def decisions(settings: Settings) -> list[Decided]:
    """Every decision so far, the newest first."""
    return [Decided(**row) for row in batch_decisions(settings).all()]


def decide(
    settings: Settings, systems: Sequence[SystemSpec], batch_id: str, decision: Decision, who: str, reason: str
) -> Decided:
    """Record that a batch is accepted or refused; the same decision again changes nothing.

    Args:
        settings: The lakehouse and its warehouse.
        systems: The control table, to find the batch.
        batch_id: The batch.
        decision: accepted or refused.
        who: Who decides.
        reason: Why.

    Raises:
        SpecError: No such batch.
        BatchDecisionError: It was decided otherwise before, or is in gold already.
        LoadConflictError: Somebody else decides at this moment.
    """
    table = _table_of(settings, systems, batch_id)
    books = batch_decisions(settings)
    with (books.folder / ".decisions.lock").exclusive():
        known = next((row for row in decisions(settings) if row.batch_id == batch_id), None)
        if known is not None and known.decision == decision:
            return known
        if known is not None:
            raise BatchDecisionError(
                f"batch {batch_id} was {known.decision} by {known.decided_by} on {known.decided_at:%Y-%m-%d}; "
                f"a batch is decided once, load {table.label} again for another outcome"
            )
        finding = _finding(settings, table, batch_id, decision)
        row = {
            "batch_id": batch_id,
            "source_table": table.label,
            "decision": decision,
            "decided_at": datetime.now(UTC).replace(tzinfo=None),
            "decided_by": who,
            "reason": reason,
            "finding": finding,
        }
        books.add(row)
    return Decided(**row, is_new=True)  # type: ignore[arg-type]


def _table_of(settings: Settings, systems: Sequence[SystemSpec], batch_id: str) -> TableSpec:
    """The table that holds the batch: ids end with its name."""
    label = batch_id.partition("-")[2]
    table = next((table for system in systems for table in system.tables if table.label == label), None)
    if table is None or all(batch.batch_id != batch_id for batch in bronze_table(settings, table).batches()):
        raise SpecError([f"{batch_id}: there is no such batch; rcm status lists those that wait"])
    return table


def _finding(settings: Settings, table: TableSpec, batch_id: str, decision: Decision) -> str | None:
    """What the batch waits for; None where the last build did not see it."""
    if not settings.uses_duckdb or not settings.warehouse.exists():
        return None
    query = """
        select breaker.is_waiting, waiting.finding
        from silver.dq_circuit_breaker as breaker
        left join silver.dq_waiting_batches as waiting on breaker._batch_id = waiting._batch_id
        where breaker._batch_id = $batch
        """
    rows = warehouse_rows(settings.warehouse, query, {"batch": batch_id})
    if rows and not rows[0][0]:
        remedy = (
            f"correct {table.label} at its source and load it again"
            if decision == "refused"
            else "nothing has to be done"
        )
        raise BatchDecisionError(f"batch {batch_id} does not wait: it is in history and gold since a build; {remedy}")
    return str(rows[0][1]) if rows and rows[0][1] is not None else None
