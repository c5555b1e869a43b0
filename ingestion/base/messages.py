"""Errors as the one line that terminal, log and alert show."""

import errno
import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from traceback import extract_tb

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.secret_store import masked
from ingestion.base.storage.access import fault_of_connection

# What DuckDB says of these quotes the project's SQL and its files, never a value.
_OF_THE_PROJECT = (
    "Binder Error",
    "Catalog Error",
    "Parser Error",
    "Dependency Error",
    "TransactionContext Error",
    "IO Error",
)


# Errors of a disk, not of this program.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


def without_values(message: str) -> str:
    """DuckDB's message of a failure without the data that it quotes, which may be a patient's."""
    if message.startswith(_OF_THE_PROJECT):
        return message
    unquoted = re.sub(r"""['"].*['"]""", "'...'", message, flags=re.DOTALL)
    return re.sub(r"\d+", "#", unquoted.split("\n", 1)[0])


def one_line(error: Exception, file: str | None = None) -> str:
    """An error for people: our own as they are, others by class and place, for their text may hold values.

    Args:
        error: What was raised.
        file: The landing file it is about.
    """
    if isinstance(error, (IngestionError, SpecError)):
        text = masked(str(error))
        return text if file is None or file in text else f"{file}: {text}"
    subject = f"{file}: " if file else ""
    if (fault := fault_of_storage(error)) is not None:
        return f"{subject}the lakehouse cannot be written to ({fault}); nothing was written, check its storage"
    if (fault := fault_of_connection(error)) is not None:
        return f"{subject}{fault}"
    place = extract_tb(error.__traceback__)[-1]
    return (
        f"{subject}unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}; "
        "nothing was written, please report it"
    )


def fault_of_storage(error: Exception) -> str | None:
    """The operating system's message if a disk is full, read-only or broken; None for any other error.

    Delta and DuckDB tell it in their text only, Python where no temporary folder takes a file.
    """
    if "No usable temporary directory" in str(error):
        return "no temporary folder takes a file"
    found = re.search(r"\bos error (\d+)|\[?errno (\d+)", str(error), re.IGNORECASE)
    number = error.errno if isinstance(error, OSError) and error.errno else int((found[1] or found[2]) if found else 0)
    return os.strerror(number) if number in _OF_THE_DISK else None


def age(moment: datetime, now: datetime) -> str:
    """Time since a moment in its largest unit: 40 s, 12 min, 3 h, 9 d."""
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def named(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
