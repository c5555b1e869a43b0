"""Interface of a connection to a database."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from ingestion.sources.database.dialects import Dialect, Parameter, SourceColumn


class Source(Protocol):
    """An open database.

    Its methods raise SourceUnavailableError where it cannot be read, with neither a value nor a secret in the message.
    """

    # Host and database, for messages.
    shown: str
    dialect: Dialect

    def columns(self, source_object: str) -> list[SourceColumn]:
        """Columns of a table or view in order, none where there is no such table."""

    def value(self, query: str, parameters: Sequence[Parameter] = ()) -> object:
        """The one value that a control query returns."""

    def batches(
        self, query: str, parameters: Sequence[Parameter], schema: pa.Schema
    ) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """Stream a query in bounded memory, in this schema."""
