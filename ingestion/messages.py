"""Errors as the one line that terminal, log and alert show."""

import re
from pathlib import Path
from traceback import extract_tb

from ingestion.errors import IngestionError, SpecError
from ingestion.secret_store import masked

# What DuckDB says of these quotes the project's SQL and its files, never a value.
_OF_THE_PROJECT = (
    "Binder Error",
    "Catalog Error",
    "Parser Error",
    "Dependency Error",
    "TransactionContext Error",
    "IO Error",
)


def without_values(message: str) -> str:
    """What DuckDB says of a failure, without what it quotes of the data, which may be a patient's."""
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
    place = extract_tb(error.__traceback__)[-1]
    subject = f"{file}: " if file else ""
    return (
        f"{subject}unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}; "
        "nothing was written, please report it"
    )
