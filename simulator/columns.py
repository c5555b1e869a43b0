"""From numbers to the text the sources hold: ids, dates, timestamps and money, whole Arrow columns at a time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulator.parameters import DAY_ZERO, NEVER

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_FIRST_DAY = -45_000  # 1901: nobody is born earlier, except in planted defects, which are literal text
_LAST_DAY = 5_000


@cache
def _date_texts() -> pa.Array:
    days = np.datetime64(DAY_ZERO.isoformat()) + np.arange(_FIRST_DAY, _LAST_DAY)
    return pa.array(np.datetime_as_string(days))


@cache
def _time_texts() -> pa.Array:
    return pa.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)])


def date_text(days: Ints, known: Bools | None = None) -> pa.Array:
    """ISO dates of simulated days; null where ``known`` is false or the day is NEVER."""
    absent = days >= NEVER
    if known is not None:
        absent = absent | ~known
    positions = np.where(absent, 0, days - _FIRST_DAY)
    return pc.take(_date_texts(), pa.array(positions, mask=absent))


def timestamp_text(days: Ints, seconds: Ints) -> pa.Array:
    """``yyyy-mm-dd hh:mm:ss`` of simulated days and seconds since midnight."""
    return pc.binary_join_element_wise(date_text(days), pc.take(_time_texts(), pa.array(seconds)), " ")


def id_text(prefix: str, numbers: Ints, width: int = 6) -> pa.Array:
    """Ids such as TRANS000001: a prefix and a number padded to at least ``width`` digits."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width=width, padding="0")
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")


def words(vocabulary: Sequence[str | None], codes: Ints) -> pa.Array:
    """The words behind integer codes."""
    return pc.take(pa.array(list(vocabulary), pa.string()), pa.array(codes))


def join_text(*parts: pa.Array | str) -> pa.Array:
    """Concatenate text columns and constants row by row."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in parts), "")


def blank(column: pa.Array, where: Bools) -> pa.Array:
    """The column with null where ``where`` is true."""
    return pc.if_else(pa.array(where), pa.scalar(None, column.type), column)


def money(cents: Ints, known: Bools | None = None) -> pa.Array:
    """Cents as dollars in float64, the form in which SQLite keeps a DECIMAL; exact to the cent below 2**46 dollars."""
    return pa.array(cents / 100.0, mask=None if known is None else ~known)


def seconds_of_day(rng: np.random.Generator, size: int) -> Ints:
    """Times of day between 07:00 and 19:59:59."""
    return rng.integers(7 * 3600, 20 * 3600, size)


def stream(seed: int, *key: int) -> np.random.Generator:
    """The random stream of one part of the world; equal keys give equal numbers on every machine and in any order."""
    return np.random.default_rng([seed, *(k + 1_000_000 for k in key)])


def replace_rows(column: pa.Array, rows: Ints, values: Sequence[object] | pa.Array) -> pa.Array:
    """The column with ``values`` (one per row) at the positions ``rows``."""
    if len(rows) == 0:
        return column
    order = np.argsort(rows)
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    replacement = pa.array(values, column.type).take(pa.array(order))
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.replace_with_mask(column, pa.array(mask), replacement)


def money_text(cents: Ints) -> pa.Array:
    """Cents as text with two decimals."""
    exact = pc.multiply(pa.array(cents).cast(pa.decimal128(19, 0)), pa.scalar(Decimal("0.01")))
    return exact.cast(pa.string())
