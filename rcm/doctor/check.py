"""What a check is, and how checks run: side by side, each within its time."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from ingestion.base.errors import IngestionError, SpecError, error_line
from ingestion.base.findings import Finding, State, problem
from ingestion.base.messages import one_line
from ingestion.base.secret_store import masked
from ingestion.base.settings import Settings
from ingestion.declared.control_table import ControlTable

# A host that does not answer is given up; a login over a slow line takes less.
CHECK_SECONDS = 10.0


@dataclass(frozen=True)
class Situation:
    """What checks look at.

    Args:
        folder: Folder of dbt_project.yml.
        environment: Environment variables by name; never shown.
        settings: Where everything is.
        control: The control table.
    """

    folder: Path
    environment: Mapping[str, str]
    settings: Settings
    control: ControlTable


@dataclass(frozen=True)
class Check:
    """One thing that is looked at, or one thing for each of several subjects.

    Args:
        name: How it is called in tables.
        looks_at: What it looks at, for the documentation.
        look: Looks at one subject; what it raises is a problem.
        subjects: What it is done for; by default once.
    """

    name: str
    looks_at: str
    look: Callable[[Situation, str], Iterable[Finding]]
    subjects: Callable[[Situation], Sequence[str]] = lambda _: ("",)


@dataclass(frozen=True)
class Result:
    """A finding and whose it is.

    Args:
        check: Name of the check.
        subject: What it was done for; empty where it is done once.
        seconds: How long the check took.
    """

    check: str
    subject: str
    state: State
    message: str
    next_step: str | None
    seconds: float


def run_checks(checks: Iterable[Check], situation: Situation, seconds: float = CHECK_SECONDS) -> Iterator[Result]:
    """Run checks, all at once, and yield what they found in their order.

    Args:
        checks: What is looked at.
        situation: Where.
        seconds: What takes longer is a problem. Its thread is left behind: nothing can stop a library that waits.
    """
    running = [
        (check, subject, _started(check, subject, situation))
        for check in checks
        for subject in _subjects(check, situation)
    ]
    begun = time.monotonic()
    for check, subject, answers in running:
        try:
            findings, took = answers.get(timeout=max(0.0, begun + seconds - time.monotonic()))
        except Empty:
            took = seconds
            findings = [
                problem(f"gave no answer in {seconds:g} s", "look at its host, network and firewall, then ask again")
            ]
        for finding in findings:
            yield Result(check.name, subject, finding.state, masked(finding.message), finding.next_step, round(took, 3))


def _subjects(check: Check, situation: Situation) -> Sequence[str]:
    return check.subjects(situation) or ("",)


def _started(check: Check, subject: str, situation: Situation) -> "SimpleQueue[tuple[list[Finding], float]]":
    answers: SimpleQueue[tuple[list[Finding], float]] = SimpleQueue()

    def look() -> None:
        begun = time.monotonic()
        try:
            findings = list(check.look(situation, subject))
        except Exception as error:  # noqa: BLE001 - one check that fails leaves the others
            findings = [found_by(error)]
        answers.put((findings, time.monotonic() - begun))

    Thread(target=look, name=f"check {check.name} {subject}", daemon=True).start()
    return answers


def found_by(error: Exception) -> Finding:
    """An error as a finding."""
    kind = type(error) if isinstance(error, (IngestionError, SpecError)) else IngestionError
    said = error_line(one_line(error), kind)
    return problem(said.what, said.next_step)
