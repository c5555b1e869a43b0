"""Outcome of a border check, without a value of the data."""

from dataclasses import dataclass

from ingestion.bronze.border.expected import Check, Expected
from ingestion.declared.specs import BorderSeverity


@dataclass(frozen=True)
class BorderFailure:
    """One expectation that a batch does not meet.

    Args:
        check: Part of the contract.
        severity: What it does to the batch.
        message: One line that names columns and counts, never a value.
        column: Column at fault, None for the table.
        failed_rows: Rows at fault, None where the batch as a whole is.
    """

    check: Check
    severity: BorderSeverity
    message: str
    column: str | None = None
    failed_rows: int | None = None

    @classmethod
    def of(cls, expectation: Expected, failed_rows: int | None) -> "BorderFailure":
        """The failure of an expectation, with the count of its rows where they were counted."""
        message = expectation.failure if failed_rows is None else f"{expectation.failure} in {failed_rows} rows"
        return cls(expectation.check, expectation.severity, message, expectation.column, failed_rows)


@dataclass(frozen=True)
class BorderResult:
    """Outcome of one check: how many expectations were evaluated, which failed, how many seconds it took."""

    evaluated: int
    failures: tuple[BorderFailure, ...]
    seconds: float

    @property
    def rejects(self) -> bool:
        """Whether the batch must not be committed."""
        return any(failure.severity == "reject" for failure in self.failures)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line per failure for the log."""
        return tuple(f"{failure.severity} ({failure.check}): {failure.message}" for failure in self.failures)
