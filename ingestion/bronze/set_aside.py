"""Starts a table again: what was loaded under a wrong declaration is set aside, never deleted, and is loaded anew.

Bronze is append-only, and a column keeps its type for good; so a table whose first load was declared wrong cannot be
corrected in place. Its folder moves to set_aside/<moment>-<system>.<table>/, with a note of who, when and why. The load
log has a row of it, by which dbt takes the old rows out of silver and gold once new ones are there
(macros/bronze/forget_set_aside.sql).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze import BATCH_TIME
from ingestion.bronze.audit import AuditLog, LoadResult
from ingestion.bronze.batch import batches_of
from ingestion.bronze.places import audit_log

FOLDER = "set_aside"
NOTE = "note.json"
TABLE = "table"


@dataclass(frozen=True)
class SetAside:
    """A table that was set aside.

    Args:
        system: Its system.
        table: Its name.
        status: ``restarted`` is loaded again, files from the archive; ``removed`` is not.
        moment: When, as batches write it, UTC.
        who: Who did it.
        reason: Why.
        last_batch_id: Its newest batch: dbt takes rows up to it out of silver.
        batches: How many there are.
        rows: Rows in them.
    """

    system: str
    table: str
    status: Literal["restarted", "removed"]
    moment: str
    who: str
    reason: str
    last_batch_id: str
    batches: int
    rows: int

    @property
    def label(self) -> str:
        """``system.table``."""
        return f"{self.system}.{self.table}"

    @property
    def result(self) -> LoadResult:
        """The load log's row of it."""
        return LoadResult(
            run_id=f"{self.moment}-{self.status}",
            system=self.system,
            table=self.table,
            status=self.status,
            started_at=datetime.strptime(self.moment, BATCH_TIME),  # noqa: DTZ007 - UTC, as all times of the log
            # The batch itself has a row already.
            batch_id=f"{self.last_batch_id}/{self.status}",
            message=f"{self.who}: {self.reason}",
        )


def set_aside(
    settings: Settings,
    system: str,
    tables: Sequence[str] | None,
    *,
    status: Literal["restarted", "removed"],
    who: str,
    reason: str,
) -> list[SetAside]:
    """Move the bronze tables of a system out of the way; on this machine each is one rename, so that no kill halves it.

    Args:
        settings: Where bronze is.
        system: The system; whether it is declared, and without a fault, does not matter.
        tables: Only these; None for all.
        status: What is to become of it.
        who: Who does it.
        reason: Why.

    Raises:
        SpecError: Nothing of it was ever loaded.
        LoadConflictError: A table is being loaded; nothing of it was moved.
        IngestionError: The clock is behind the newest batch.
    """
    bronze = settings.lakehouse / "bronze" / system
    found = {name.split("/")[0] for name in bronze.find("*/_delta_log/*.json")}
    unknown = sorted(set(tables or ()) - found)
    if unknown or not found:
        named = [f"{system}.{table}" for table in unknown] or [system]
        raise SpecError([f"{name}: bronze holds nothing of it; rcm run loads what there is" for name in named])
    log = audit_log(settings)
    done = []
    for table in sorted(set(tables) if tables else found):
        with (settings.lakehouse / "locks" / f"{system}.{table}.lock").exclusive():
            done.append(_set_one_aside(settings, bronze / table, log, system, table, status, who, reason))
    log.append(entry.result for entry in done)
    return done


def _set_one_aside(
    settings: Settings,
    place: Location,
    log: AuditLog,
    system: str,
    table: str,
    status: Literal["restarted", "removed"],
    who: str,
    reason: str,
) -> SetAside:
    batches = batches_of(place.delta())
    log.catch_up(batches)
    moment = datetime.now(UTC).strftime(BATCH_TIME)
    last = batches[0].batch_id if batches else ""
    if last >= moment:
        raise IngestionError(f"{system}.{table}: this machine's clock is behind its newest batch; correct the clock")
    rows = sum(batch.rows_written for batch in batches)
    entry = SetAside(system, table, status, moment, who, reason, last, len(batches), rows)
    target = settings.lakehouse / FOLDER / f"{moment}-{entry.label}"
    # The note goes first: a table without one would be nobody's. A note without a table is of a run that was killed.
    (target / NOTE).write(json.dumps(asdict(entry), indent=2).encode())
    place.move_folder(target / TABLE)
    return entry


def tables_set_aside(settings: Settings, label: str = "*") -> Iterator[tuple[SetAside, Location]]:
    """What was set aside, of one table or of all, the oldest first, each with the folder of its table."""
    for note in (settings.lakehouse / FOLDER).find(f"*-{label}/{NOTE}").values():
        folder = Location(note.url.rpartition("/")[0], note.connection)
        if (folder / TABLE).exists():
            with note.open_input() as stream:
                yield SetAside(**json.load(stream)), folder / TABLE
