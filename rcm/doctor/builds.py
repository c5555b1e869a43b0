"""How the last loads and the last build ended."""

from collections.abc import Iterator
from datetime import UTC, datetime

from ingestion.base.findings import Finding, ok, problem
from ingestion.base.messages import age
from ingestion.bronze.places import audit_log
from ingestion.loads.states import table_states
from ingestion.loads.verification import missing_data
from rcm.doctor.check import Situation
from rcm.warehouse.last_build import last_build

_FLAWS_NAMED = 5


def loads(situation: Situation, _: str) -> Iterator[Finding]:
    """The last load of each table."""
    states = table_states(audit_log(situation.settings), situation.control.systems)
    failed = [f"{state.system}.{state.table}" for state in states if state.failures]
    moments = [state.checked_at for state in states if state.checked_at is not None]
    if failed:
        yield problem(f"the last load failed of {', '.join(failed)}", "see why with rcm status")
    elif not moments:
        yield ok("nothing was loaded yet: rcm run")
    else:
        yield ok(f"the last one {age(max(moments), _now())} ago, none failed")


def build(situation: Situation, _: str) -> Iterator[Finding]:
    """The last build of the warehouse."""
    built = last_build(situation.settings)
    if built is None:
        yield ok("nothing was built yet: rcm run")
    elif built.failures:
        more = f" and {len(built.failures) - 1} more" if len(built.failures) > 1 else ""
        yield problem(
            f"{age(built.finished_at, _now())} ago it failed: {built.failures[0].partition('; ')[0]}{more}",
            "see rcm status and logs/dbt.log, fix it, then rcm run",
        )
    elif built.left_out:
        for entry in built.left_out:
            yield problem(entry.shown, "correct its declaration, which rcm plan names, then rcm run")
    else:
        yield ok(f"{age(built.finished_at, _now())} ago, without a failure")


def files(situation: Situation, _: str) -> Iterator[Finding]:
    """The data files that the logs of bronze, audit and ledger name."""
    flaws = missing_data(situation.settings)
    for flaw in flaws[:_FLAWS_NAMED]:
        yield problem(str(flaw), f"{flaw.next_step}; rcm verify compares all files")
    if not flaws:
        yield ok("every data file that a log names is there; rcm verify also compares their bytes")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
