"""Bounds on what a source can make this program hold, expand or wait for; declared as settings, with defaults."""

from collections.abc import Iterator
from dataclasses import dataclass

GIB = 1 << 30
MIB = 1 << 20
# Short files may be of one repeated line.
FREE_BYTES = 64 * MIB


class ExpansionError(Exception):
    """Data is longer than its limit once it is decompressed; its text says which limit."""


@dataclass(frozen=True)
class Limits:
    """Bounds on data that comes in.

    Args:
        file_bytes: Longest file, decompressed.
        expansion: How many times longer than its compressed bytes a file may be, beyond its first ``FREE_BYTES``.
        answer_bytes: Longest answer of an API, decompressed.
    """

    file_bytes: int = 64 * GIB
    expansion: int = 200
    answer_bytes: int = 64 * MIB

    def bounded(self, blocks: Iterator[bytes], compressed_bytes: int | None) -> Iterator[bytes]:
        """The blocks of a file, until it is too long.

        Args:
            blocks: Decompressed.
            compressed_bytes: Bytes of the file, None where it is not compressed.

        Raises:
            ExpansionError: It is.
        """
        total = 0
        for block in blocks:
            total += len(block)
            if total > self.file_bytes:
                raise ExpansionError(f"longer than {self.file_bytes / GIB:g} GiB (RCM_MAX_FILE_GB)")
            if compressed_bytes is not None and total > max(FREE_BYTES, compressed_bytes * self.expansion):
                raise ExpansionError(
                    f"more than {self.expansion} times longer than its compressed data (RCM_MAX_EXPANSION)"
                )
            yield block
