"""Does every declared source answer and let us in."""

from collections.abc import Iterator, Sequence

from ingestion.base.findings import Finding, ok, problem
from ingestion.sources.registry import kind_of
from rcm.doctor.check import Situation
from rcm.simulation import SERVICES, answers_are_simulated


def systems(situation: Situation) -> Sequence[str]:
    """Every sound system of the control table."""
    return [system.name for system in situation.control.systems]


def connection(situation: Situation, name: str) -> Iterator[Finding]:
    """One system: its address is set, it answers, the login works, what is declared is there."""
    settings, declared = situation.settings, situation.control.systems
    system = next((system for system in declared if system.name == name), None)
    if system is None:
        yield problem("no system is declared", "add one: docs/onboarding-a-hospital.md")
        return
    active = [table for table in system.tables if table.load.active]
    if not active:
        yield ok("not asked: every table has active: false")
    elif system.connection.env in SERVICES and answers_are_simulated(settings, declared):
        yield ok("answered by a stub, as the sources are simulated")
    else:
        for kind in dict.fromkeys(map(kind_of, active)):
            yield from kind.check(settings, system, [table for table in active if kind_of(table) is kind])


def lakehouse(situation: Situation, _: str) -> Iterator[Finding]:
    """The place of landing, bronze and audit answers."""
    place = situation.settings.lakehouse
    place.check()
    if not place.is_local:
        yield ok(f"{place}: storage answers and takes the sign-in")
    elif place.local.is_dir():
        yield ok(f"{place}")
    else:
        yield ok(f"{place} is not there yet: the first load makes it")
