r"""Splits CSV text into records: their bytes and lines, and which of them cannot be read.

The grammar is that of pyarrow's reader: a quote opens a field only at its start, a doubled one stands for a quote, and
``\n``, ``\r\n`` and ``\r`` end a record outside quotes. Text whose quotes are regular is cut without a look at each
record; any other is walked record by record.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# A record is held in memory, and a quote that is never closed makes one of all the rest of a file.
MAX_RECORD_BYTES = 4 << 20
CUT_OFF = "the last line is cut off"
_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\r|\n|\Z)")

# Two quotes at the edges of fields swallow all between them: from so many columns, or lines, it shows.
_PROVING_WIDTH, _PROVING_LINES, _PROVING_SHARE = 3, 4, 0.8
REPEATED_HEADER = "it is the header again, as where files were joined"

Positions = npt.NDArray[np.intp]


class Span(NamedTuple):
    """One record by its quotes and delimiters: bytes, first line, fields, empty ones at its end, quoted ones."""

    start: int
    end: int
    line: int
    fields: int
    trailing: int
    quoted: int
    fault: str | None
    is_ended: bool


class Record(NamedTuple):
    """One record: its bytes in the text of its chunk, its first line in the file, and why it cannot be read."""

    start: int
    end: int
    line: int
    fault: str | None
    is_blank: bool


@dataclass(frozen=True)
class Chunk:
    """Whole records of a file, in order.

    Args:
        text: UTF-8, save for what is no text.
        line: Number of its first line in the file.
        lines: Line ends in it.
        spans: Its records where its quotes are irregular; None where each opens or closes a field, or is doubled.
        is_rest: A part of the rest of the file, all of it one record that is too long.
    """

    text: bytes
    line: int
    lines: int
    spans: tuple[Span, ...] | None
    is_rest: bool = False


class Grammar:
    """How the lines of one file are split into records and fields.

    Args:
        delimiter: One ASCII character.
        names: Columns of the header.
        width: Fields of a line; those after the columns are empty, for the lines end in delimiters.
        header: The header line; where it comes again, files were joined.
    """

    def __init__(self, delimiter: str, names: int, width: int, header: bytes = b"") -> None:
        self.delimiter = delimiter
        self.names = names
        self.width = width
        self._delimiter = delimiter.encode()
        self._header = _folded(header)
        self._opening = self._delimiter + b'"'
        separator = re.escape(self._delimiter)
        self._field = re.compile(
            rb'("(?:[^"]++|"")*+("?)([^%b\r\n]*+)|[^%b\r\n]*+)(%b|\r\n|\r|\n|\Z)' % (separator, separator, separator)
        )

    def chunks(self, blocks: Iterable[bytes], line: int) -> Iterator[Chunk]:
        """Cut text that begins with a record, in this line, into whole records."""
        rest = b""
        blocks = iter(blocks)
        for block in blocks:
            text = rest + block
            quotes = _quotes(text)
            spans = None
            if self._are_regular(text, quotes):
                end = _last_line_end(text, quotes)
            else:
                spans = tuple(self.spans(text, line, is_whole=False))
                end = spans[-1].end if spans else 0
            rest = text[end:]
            if end:
                text = text[:end]
                lines = _count_lines(text)
                yield Chunk(text, line, lines, spans)
                line += lines
            if len(rest) > MAX_RECORD_BYTES:
                for part in chain([rest], blocks):
                    yield Chunk(part, line, _count_lines(part), (), is_rest=True)
                return
        if rest:
            quotes = _quotes(rest)
            is_regular = quotes.size % 2 == 0 and self._are_regular(rest, quotes)
            spans = None if is_regular else tuple(self.spans(rest, line, is_whole=True))
            yield Chunk(rest, line, _count_lines(rest), spans)

    def records(self, chunk: Chunk) -> Iterator[Record]:
        """Walk the records of a chunk that is not the rest of a file."""
        all_text = is_text(chunk.text)
        spans = self.spans(chunk.text, chunk.line, is_whole=True) if chunk.spans is None else chunk.spans
        for span in spans:
            raw = chunk.text[span.start : span.end]
            is_blank = span.fields != self.width and not raw.strip(b" \t\r\n")
            fault = None if is_blank else self._fault(span, raw, all_text or is_text(raw))
            yield Record(span.start, span.end, span.line, fault, is_blank)

    def spans(self, text: bytes, line: int, *, is_whole: bool) -> Iterator[Span]:
        """Walk the records that hold a byte; the last one may go on after the text, and is left, unless it is whole."""
        start = 0
        while start < len(text):
            body, closing = _LINE.match(text, start).groups()  # type: ignore[union-attr]
            span = Span(
                start,
                start + len(body) + len(closing),
                line,
                body.count(self._delimiter) + 1,
                len(body) - len(body.rstrip(self._delimiter)),
                0,
                None,
                bool(closing),
            )
            # Elsewhere a quote is a character like any other.
            if body.startswith(b'"') or self._opening in body:
                span = self._quoted_span(text, start, line)
            # A carriage return may be half of a line end.
            goes_on = not span.is_ended or (span.end == len(text) and text.endswith(b"\r"))
            if goes_on and not is_whole:
                return
            if body:
                yield span
            line += 1 if span.end == start + len(body) + len(closing) else _count_lines(text[start : span.end])
            start = span.end

    def _quoted_span(self, text: bytes, start: int, line: int) -> Span:
        fields = trailing = quoted = 0
        fault = None
        position = start
        closing: bytes = self._delimiter
        while closing == self._delimiter:
            match = self._field.match(text, position)
            if match is None:
                raise AssertionError("a field can be empty")
            value, quote, more, closing = match.groups()
            fields += 1
            trailing = 0 if value.strip(b'"') else trailing + 1
            quoted += value.startswith(b'"')
            if quote == b"":
                fault = "it opens a quote that is never closed"
            elif quote and more.strip(b" \t") and fault is None:
                fault = "a field goes on after its closing quote"
            position = match.end()
        return Span(start, position, line, fields, trailing, quoted, fault, bool(closing))

    def _fault(self, span: Span, raw: bytes, all_text: bool) -> str | None:
        lines = _count_lines(raw) + (0 if span.is_ended else 1)
        if not all_text:
            fault = "it is not text in the encoding of the file"
        elif b"\0" in raw:
            fault = "it holds a zero byte"
        elif not span.is_ended and lines == 1 and (span.fields < self.width or span.fault is not None):
            return CUT_OFF
        elif span.fault is not None:
            fault = span.fault
        elif span.fields != self.width:
            fault = f"it has {span.fields} fields instead of {self.width}"
        elif span.trailing < self.width - self.names:
            fault = "it has a value after the last column"
        elif self._header and _folded(raw) == self._header:
            return REPEATED_HEADER
        elif lines > 1 and span.quoted < span.fields and self._holds_records(raw, lines):
            fault = f"two quotes join {lines} lines, which are whole records, into one value"
        else:
            return None
        if lines == 1:
            return fault
        end = "the end of the file" if not span.is_ended else f"line {span.line + lines - 1}"
        return f"{fault}; everything from there to {end} is in it"

    def _holds_records(self, raw: bytes, lines: int) -> bool:
        """Whether a record of several lines is several records: nearly every line has the separators of one.

        Lines of an address or a note seldom have as many; of two columns, one comma in each line is no proof. A
        record whose fields are all in quotes is not asked: its writer quotes, and a stray quote would break the pairs.
        """
        if self.width < _PROVING_WIDTH and lines < _PROVING_LINES:
            return False
        separators = [line.count(self._delimiter) for line in raw.splitlines()]
        return separators.count(self.width - 1) >= max(2, _PROVING_SHARE * lines)

    def may_join_records(self, value: str) -> bool:
        """Whether a value has line ends and, for them, so many separators that whole records may be in it."""
        return value.count(self.delimiter) >= _PROVING_SHARE * (self.width - 1) * (len(value.splitlines()) - 1)

    def _are_regular(self, text: bytes, quotes: Positions) -> bool:
        """Whether every quote opens a field at its start, closes one at its end, or is doubled."""
        if not quotes.size:
            return True
        content = np.frombuffer(text, dtype=np.uint8)
        opening, closing = quotes[0::2], quotes[1::2]
        before = content[opening[1:] - 1] if opening[0] == 0 else content[opening - 1]
        after = content[closing[closing < len(text) - 1] + 1]
        return self._are_borders(before) and self._are_borders(after)

    def _are_borders(self, content: npt.NDArray[np.uint8]) -> bool:
        borders = sum(np.count_nonzero(content == ord(character)) for character in f'{self.delimiter}"\n\r')
        return bool(borders == content.size)


def _folded(raw: bytes) -> bytes:
    """A header line without what may differ where it comes again: quotes, spaces, capitals, its end."""
    return raw.strip().replace(b'"', b"").replace(b" ", b"").lower()


def is_text(text: bytes) -> bool:
    """Whether bytes are UTF-8."""
    if text.isascii():
        return True
    bounds = pa.py_buffer(np.array([0, len(text)], dtype=np.int32))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, bounds, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _quotes(text: bytes) -> Positions:
    if b'"' not in text:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord('"'))


def _last_line_end(text: bytes, quotes: Positions) -> int:
    """End of the last whole record; a carriage return ends one only where the text has no line feed to end it."""
    return _last_outside(text, b"\n", len(text), quotes) or _last_outside(text, b"\r", len(text) - 1, quotes)


def _last_outside(text: bytes, line_end: bytes, end: int, quotes: Positions) -> int:
    while (position := text.rfind(line_end, 0, end)) >= 0:
        before = int(np.searchsorted(quotes, position))
        if before % 2 == 0:
            return position + 1
        end = int(quotes[before - 1])
    return 0


def _count_lines(text: bytes) -> int:
    """Line ends, as editors count them."""
    feeds = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")))
    returns = text.count(b"\r")
    return feeds + returns - (text.count(b"\r\n") if returns else 0)
