"""Errors of a load, each as one line that names the source and the remedy, never a data value or a secret.

A message says what is wrong and where, then, after its last semicolon, what to do next. The terminal shows the two on
two lines (``error_line``); logs, alerts and JSON keep one line. If a message has no remedy, its class has one.
"""

from dataclasses import dataclass
from typing import ClassVar


class IngestionError(Exception):
    """One source, file or table could not be loaded; the others go on."""

    # What to do if the message does not say it.
    next_step: ClassVar[str] = "run it again; where it stays, rcm doctor looks at what it needs"
    # Whether what follows the last semicolon of a message is what to do.
    says_what_to_do: ClassVar[bool] = True


class SpecError(Exception):
    """The control table or the settings contradict themselves; nothing is loaded.

    Args:
        problems: One line per problem: file, system, table and key, what is wrong, what to do.
    """

    next_step: ClassVar[str] = "correct what the line names; rcm doctor checks the whole set-up"
    says_what_to_do: ClassVar[bool] = True

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceUnavailableError(IngestionError):
    """No connection to the source, or it stopped answering after every retry."""

    next_step: ClassVar[str] = "look at its address, login and network with rcm doctor, then run again"


class SchemaDriftError(IngestionError):
    """The source no longer has the declared columns or types."""

    next_step: ClassVar[str] = "restore the column in the source, or declare it as it is now"


class NullWatermarkError(IngestionError):
    """Rows without a watermark, in a table whose load.null_watermark is fail."""

    next_step: ClassVar[str] = "have the rows dated, or set load.null_watermark to include or exclude"


class UnreadableFileError(IngestionError):
    """A landing file cannot be read as the declared table."""

    next_step: ClassVar[str] = "ask the sender for the file as agreed"


class UnlistedHospitalError(IngestionError):
    """A landing file names a hospital that is not in the list of systems; it stays where it is."""

    next_step: ClassVar[str] = "rename the file, or add the hospital: docs/onboarding-a-hospital.md"


class EmptyFullLoadError(IngestionError):
    """A full load without rows would mean the deletion of everything."""

    next_step: ClassVar[str] = "check the source, or set active: false"


class BorderRejectedError(IngestionError):
    """A batch violates the contract of its declaration; it was not committed."""

    next_step: ClassVar[str] = "have the source corrected, or its contract in the control table; docs/data-quality.md"
    # Its list of broken checks is parted by semicolons.
    says_what_to_do: ClassVar[bool] = False


class AmbiguousAmountsError(IngestionError):
    """Amounts that are one number with a decimal point and another with a decimal comma; nothing was committed."""

    next_step: ClassVar[str] = "declare number_format in the dialect, see docs/onboarding-a-hospital.md"


class LoadConflictError(IngestionError):
    """Another run committed to the same table meanwhile; this run wrote nothing."""

    next_step: ClassVar[str] = "run it again when the other run is done; rcm doctor names it"


class WarehouseBusyError(IngestionError):
    """Another process is building the warehouse, which DuckDB gives to one writer and no reader beside it."""

    next_step: ClassVar[str] = "run it again when the other process is done; rcm doctor names it"


class UnknownOutcomeError(IngestionError):
    """A commit was sent and its answer did not come: it may be in the log now, later or never; its data was kept."""

    next_step: ClassVar[str] = "run it again, which asks the log; nothing is loaded twice or lost"


class DamagedTableError(IngestionError):
    """The log of a Delta table names a file that its storage lacks, or that has another size or content."""

    next_step: ClassVar[str] = "run rcm verify, and restore what it names from the backup; docs/operations.md"


class SecretError(IngestionError):
    """A ``secret://NAME`` cannot be revealed; names the secret and the store, never another secret."""

    next_step: ClassVar[str] = "see docs/security.md; rcm doctor asks for every secret by its name"


class BorderUnavailableError(IngestionError):
    """The border check failed to evaluate a batch; nothing was committed."""

    next_step: ClassVar[str] = "run it again; where it stays, report it"


class MonthCloseError(IngestionError):
    """A month cannot be closed or reopened now; nothing was written."""

    next_step: ClassVar[str] = "see which months are closed: rcm close --help, docs/month-close.md"


class BatchDecisionError(IngestionError):
    """A batch cannot be accepted or refused now; nothing was written."""

    next_step: ClassVar[str] = "rcm status lists the batches that wait; docs/operations.md"


@dataclass(frozen=True)
class ErrorLine:
    """An error as the terminal shows it.

    Args:
        what: What is wrong, and where.
        next_step: What to do.
    """

    what: str
    next_step: str


def error_line(message: str, kind: "type[IngestionError | SpecError]" = IngestionError) -> ErrorLine:
    """An error's message, split into what is wrong and what to do; without a remedy of its own it has its class's."""
    what, parted, remedy = message.rpartition("; ")
    if parted and kind.says_what_to_do:
        return ErrorLine(what, remedy)
    return ErrorLine(message, kind.next_step)


def kind_named(name: str | None) -> "type[IngestionError | SpecError]":
    """The class of an error that a log names; IngestionError for any other."""
    kinds: dict[str, type[IngestionError | SpecError]] = {kind.__name__: kind for kind in _below(IngestionError)}
    kinds[SpecError.__name__] = SpecError
    return kinds.get(name or "", IngestionError)


def _below(kind: type[IngestionError]) -> "list[type[IngestionError]]":
    return [found for below in kind.__subclasses__() for found in (below, *_below(below))]
