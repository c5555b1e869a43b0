"""What a border check found, without a value of the data."""

from dataclasses import dataclass

from ingestion.bronze.border.expected import Check
from ingestion.declared.specs import BorderSeverity


@dataclass(frozen=True)
class BorderFailure:
    """One expectation that a batch does not meet.

    Args:
        check: Part of the contract.
        severity: What it does to the batch.
        message: One line that names columns and counts, never a value.
        column: Column at fault, None for the table.
        failed_rows: Rows at fault, None where rows cannot be told apart.
    """

    check: Check
    severity: BorderSeverity
    message: str
    column: str | None = None
    failed_rows: int | None = None


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
