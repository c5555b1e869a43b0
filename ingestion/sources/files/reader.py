"""Whole records to Arrow batches in the columns that land."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from ingestion.declared.specs import TableSpec
from ingestion.sources.files.header import Columns
from ingestion.sources.files.records import Chunk, Grammar, is_text

_NO_LINES = re.compile(rb"[\r\n]*")


class RecordReader:
    """Arrow's CSV reader for the lines of one file.

    Args:
        table: Its declaration.
        grammar: How its lines are cut.
        columns: What of them lands.
    """

    def __init__(self, table: TableSpec, grammar: Grammar, columns: Columns) -> None:
        self._grammar = grammar
        self._declared = table.column_names
        self._names = [*table.column_names, *columns.extra]
        self._padding = [str(place) for place in range(grammar.names, grammar.width)]
        # Places stand for names: a header may repeat a name that nobody declared. A missing column has a place that
        # no line has, and comes as null.
        landed = [
            f"missing {index}" if place is None else str(place)
            for index, place in enumerate([*columns.declared, *columns.extra.values()])
        ]
        self._parse = pa_csv.ParseOptions(delimiter=grammar.delimiter, newlines_in_values=True)
        self._places = [str(place) for place in range(grammar.width)]
        self._convert = pa_csv.ConvertOptions(
            # The whole text is looked at, columns that do not land among it.
            check_utf8=False,
            column_types=dict.fromkeys([*landed, *self._padding], pa.string()),
            include_columns=[*landed, *self._padding],
            include_missing_columns=True,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        self._empty = pa.RecordBatch.from_arrays([pa.nulls(0, pa.string()) for _ in self._names], self._names)

    def read(self, text: bytes) -> pa.RecordBatch | None:
        """All records of a text as one batch, None where one of them cannot be read."""
        if b"\0" in text or not is_text(text):
            return None
        if _NO_LINES.fullmatch(text):
            return self._empty
        # The text is one block: blocks would be cut, and their rows converted, one by one.
        options = pa_csv.ReadOptions(column_names=self._places, block_size=len(text) + 1)
        try:
            rows = pa_csv.read_csv(pa.BufferReader(text), options, self._parse, self._convert)
        except pa.ArrowInvalid:
            return None
        if any(rows[place].null_count < rows.num_rows for place in self._padding):
            return None
        [batch] = rows.select(range(len(self._names))).combine_chunks().to_batches()
        return batch.rename_columns(self._names)

    def needs_a_closer_look(self, chunk: Chunk, batch: pa.RecordBatch) -> bool:
        """Whether records of a batch may be the header again, or several records that two quotes join."""
        first = next((name for name in self._declared if batch[name].null_count < batch.num_rows), None)
        if first is not None and pc.any(pc.equal(pc.utf8_lower(batch[first]), first.lower())).as_py():
            return True
        # Each record ends a line; more lines are in values.
        if b'"' not in chunk.text or chunk.lines <= batch.num_rows:
            return False
        for values in batch.columns:
            several = values.filter(pc.match_substring_regex(values, r"[\r\n]"))
            if any(self._grammar.may_join_records(value) for value in several.to_pylist()):
                return True
        return False
