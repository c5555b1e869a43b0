"""The bytes of a landing file as UTF-8 text: decompressed, in the encodings that can be distinguished safely."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import IO, cast

from ingestion.base.errors import UnreadableFileError
from ingestion.base.limits import ExpansionError, Limits
from ingestion.sources.landing import LandingFile

BLOCK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# No byte of UTF-8 text: it stands where a file breaks off in the middle of a character.
_NO_CHARACTER = b"\xff"


@contextmanager
def utf8_blocks(file: LandingFile, limits: Limits | None = None) -> Iterator[Iterator[bytes]]:
    """Blocks of a file's text without its byte order mark; what is no text in its encoding comes as invalid UTF-8.

    Args:
        file: The file.
        limits: Its bounds; None for the defaults.

    Raises:
        UnreadableFileError: The file cannot be opened, breaks off in its compressed data, or expands beyond its limits;
            also while it is read.
    """
    with ExitStack() as stack:
        with _faults_named(file):
            with file.open() as head:
                is_compressed = head.read(len(_GZIP)) == _GZIP
            stream: IO[bytes] = stack.enter_context(file.open())
        if is_compressed:
            stream = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=stream)))
        compressed = file.stamp[0] if is_compressed else None
        yield _as_utf8(_within_limits(file, _blocks(file, stream), limits or Limits(), compressed))


def _within_limits(
    file: LandingFile, blocks: Iterator[bytes], limits: Limits, compressed: int | None
) -> Iterator[bytes]:
    try:
        yield from limits.bounded(blocks, compressed)
    except ExpansionError as error:
        raise UnreadableFileError(
            f"{file.name}: is {error}; nothing of the file was loaded, ask the sender what it is, or raise the limit"
        ) from None


def _blocks(file: LandingFile, stream: IO[bytes]) -> Iterator[bytes]:
    while True:
        with _faults_named(file):
            block = stream.read(BLOCK_BYTES)
        if not block:
            return
        yield block


def _as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    encoding = _utf16(first)
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from blocks
        return
    mark = next((mark for mark in _UTF16_MARKS if first.startswith(mark)), b"")
    # Half a pair of code units passes here and is no UTF-8 there, so that one check finds every fault.
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in chain([first.removeprefix(mark)], blocks):
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield _NO_CHARACTER


def _utf16(start: bytes) -> str | None:
    """Byte order of UTF-16: by its mark, or by two characters below 256, where UTF-8 text would have zero bytes."""
    for mark, encoding in _UTF16_MARKS.items():
        # The same bytes and two zeros begin UTF-32.
        if start.startswith(mark) and start[2:4] != b"\0\0":
            return encoding
    zeros = [byte == 0 for byte in start[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else None


@contextmanager
def _faults_named(file: LandingFile) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UnreadableFileError(
            f"{file.name}: its compressed data is truncated or damaged; nothing of the file was loaded, send it again"
        ) from None
    except OSError as error:
        raise UnreadableFileError(
            f"{file.name}: cannot be read ({type(error).__name__}); check its permissions and that it arrived whole"
        ) from None
