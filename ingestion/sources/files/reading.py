"""Kind ``files``: landing CSV read as text, so that no bad value can fail a load.

Arrow's reader takes complete records, some megabytes at a time. If it, or the check of the quotes, finds an error, only
that piece is parsed record by record: bad records become rejects (dead letters), and Arrow reads the others.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NoReturn

import pyarrow as pa

from ingestion.base.errors import UnreadableFileError
from ingestion.base.limits import Limits
from ingestion.bronze.extraction import Extraction, Reject
from ingestion.declared.specs import TableSpec
from ingestion.sources.files.header import HEAD_BYTES, Columns, Header, match_columns, read_header
from ingestion.sources.files.reader import RecordReader
from ingestion.sources.files.records import MAX_RECORD_BYTES, Chunk, Grammar
from ingestion.sources.files.text import utf8_blocks
from ingestion.sources.landing import LandingFile

# With more bad lines than this the complete file is considered wrong.
MAX_REJECTS = 1000
_LINES_NAMED = 3


@contextmanager
def extract(table: TableSpec, file: LandingFile, limits: Limits | None = None) -> Iterator[Extraction]:
    """Open one CSV file, plain or gzip, with a header in any order; the file closes with the context.

    Every column is text; an empty field is null, a quoted empty one is not. Lines that cannot be read are skipped
    and listed in the extraction's rejects; the effect of the table's contract is in its warnings.

    Raises:
        UnreadableFileError: Empty, no text, cut off in its compressed data, a header that the table's contract
            refuses, more than ``MAX_REJECTS`` bad lines, any where the file is the whole table, no good line among
            bad ones, or written to while it was read. The message names the file, and the line where there is one.
    """
    with utf8_blocks(file, limits) as blocks:
        header, records = _opened(table, file, blocks)
        columns = match_columns(table, file.name, header)
        extraction = Extraction(
            batches=iter(()),
            load_type=table.load.mode,
            drop_known=False,
            source_file=file.name,
            source_path=file.path if file.path != file.name else None,
            file_sha256=file.sha256,
            delimiter=header.grammar.delimiter,
            extra_columns=tuple(pa.field(name, pa.string()) for name in columns.extra),
            warnings=list(columns.warnings),
        )
        extraction.batches = _batches(table, file, header.grammar, columns, records, extraction.rejects)
        yield extraction


def records_at(table: TableSpec, file: LandingFile, lines: Collection[int]) -> Iterator[bytes]:
    """The header and the records that start in these lines, in UTF-8, piece by piece: a file for a steward to correct.

    Bytes that are not text stay as they are, so that a record is rejected again until it is corrected. A record without
    an end may be all of a file, so the pieces are never held together.

    Raises:
        UnreadableFileError: As ``extract``, where the file cannot be read or has no header.
    """
    with utf8_blocks(file) as blocks:
        header, chunks = _opened(table, file, blocks)
        yield _ended(header.raw)
        for chunk in chunks:
            if chunk.is_rest:
                if chunk.line in lines:
                    yield chunk.text
            elif any(chunk.line <= line <= chunk.line + chunk.lines for line in lines):
                found = [record for record in header.grammar.records(chunk) if record.line in lines]
                yield from (_ended(chunk.text[record.start : record.end]) for record in found)


def _ended(raw: bytes) -> bytes:
    return raw if raw.endswith((b"\n", b"\r")) else raw + b"\n"


def _opened(table: TableSpec, file: LandingFile, blocks: Iterator[bytes]) -> tuple[Header, Iterator[Chunk]]:
    head = b""
    while len(head) < HEAD_BYTES and (block := next(blocks, b"")):
        head += block
    header = read_header(table, file.name, head)
    return header, header.grammar.chunks(chain([head[header.length :]], blocks), header.line)


def _batches(
    table: TableSpec,
    file: LandingFile,
    grammar: Grammar,
    columns: Columns,
    chunks: Iterator[Chunk],
    rejects: list[Reject],
) -> Iterator[pa.RecordBatch]:
    reader = RecordReader(table, grammar, columns)
    landed = 0
    for chunk in chunks:
        batch = reader.read(chunk.text) if chunk.spans is None else None
        if batch is None or reader.needs_a_closer_look(chunk, batch):
            bad, good = _judged(grammar, chunk)
            rejects += [reject for reject in bad if reject not in rejects[-1:]]
            _check_number(file, rejects)
            batch = reader.read(good)
        if batch is None:
            raise UnreadableFileError(f"{file.name}: cannot be read near line {chunk.line}; please report it")
        landed += batch.num_rows
        if batch.num_rows:
            yield batch
    if not file.is_still():
        raise UnreadableFileError(f"{file.name}: was written to while it was read; run again when it is complete")
    if rejects and (table.load.mode == "full" or not landed):
        _refuse(file, rejects, landed)


def _judged(grammar: Grammar, chunk: Chunk) -> tuple[list[Reject], bytes]:
    """What is wrong in a chunk, and its other records."""
    if chunk.is_rest:
        fault = f"it is longer than {MAX_RECORD_BYTES >> 20} MB, as where a quote is never closed"
        return [Reject(chunk.line, f"{fault}; everything from there to the end of the file is in it")], b""
    left_out = [record for record in grammar.records(chunk) if record.fault or record.is_blank]
    bounds = [0, *(place for record in left_out for place in (record.start, record.end)), len(chunk.text)]
    good = b"".join(chunk.text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True))
    return [Reject(record.line, record.fault) for record in left_out if record.fault], good


def _check_number(file: LandingFile, rejects: list[Reject]) -> None:
    if len(rejects) > MAX_REJECTS:
        raise UnreadableFileError(
            f"{file.name}: {len(rejects)} lines cannot be read so far, more than the {MAX_REJECTS} that are taken for "
            f"slips ({_first(rejects)}); nothing of the file was loaded, ask the sender for the file as agreed"
        )


def _refuse(file: LandingFile, rejects: list[Reject], landed: int) -> NoReturn:
    why = "the file is the whole table, and missing rows would read as deletions" if landed else "no line can be read"
    raise UnreadableFileError(
        f"{file.name}: {len(rejects)} lines cannot be read ({_first(rejects)}); {why}; nothing of the file was loaded, "
        "correct them and load the file again"
    )


def _first(rejects: list[Reject]) -> str:
    named = [f"line {reject.line}: {reject.reason}" for reject in rejects[:_LINES_NAMED]]
    return "; ".join([*named, "..."] if len(rejects) > len(named) else named)
