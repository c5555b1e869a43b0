"""The amounts of a batch before its commit: their sums, what rounding takes from them, and whether they are clear."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from ingestion.base.errors import AmbiguousAmountsError
from ingestion.bronze.part import quoted
from ingestion.declared.amounts import exact_amount, has_decimal_comma, is_ambiguous, trimmed
from ingestion.declared.arrow_types import MONEY_DIGITS, NOISE, plain, rounding_warning
from ingestion.declared.specs import TableSpec

# What a country with a decimal comma parts the fields of its files with.
_COMMA_COUNTRY = ";"


@dataclass(frozen=True)
class Money:
    """Exact sum of each money column, as text; warnings of what is rounded to cents later."""

    sums: dict[str, str]
    warnings: tuple[str, ...]


def money_of(engine: duckdb.DuckDBPyConnection, part: Path, table: TableSpec, delimiter: str | None) -> Money:
    """Sum the money columns of a part; text that is not an amount counts as 0.

    Args:
        engine: Reads the part.
        part: Parquet file of the batch.
        table: Its declaration, whose dialect says how amounts are written.
        delimiter: What parts the fields of a file.

    Raises:
        AmbiguousAmountsError: The source declares no number format, and an amount such as 1.234 is a thousand or more
            for whoever writes the rest of the batch with a decimal comma.
    """
    columns = table.money_columns
    if not columns:
        return Money({}, ())
    types = {column.name: column.data_type for column in table.columns}
    texts = [name for name in columns if types[name] == "string"]
    _refuse_ambiguous(engine, part, table, texts, delimiter)
    # In steps: an expression that is repeated is compiled again each time, which takes longer than a small file.
    trimmed_texts = ", ".join(
        f"{trimmed(quoted(name)) if name in texts else quoted(name)} as {quoted(name)}" for name in columns
    )
    number_format = table.dialect.number_format
    amounts = ", ".join(
        f"{exact_amount(quoted(name), number_format) if name in texts else quoted(name)} as {quoted(name)}"
        for name in columns
    )
    figures = ", ".join(_figures(quoted(name)) for name in columns)
    [row] = engine.execute(
        f"select {figures} from (select {amounts} from (select {trimmed_texts} from read_parquet(?)))", [str(part)]
    ).fetchall()
    found = list(zip(columns, zip(*[iter(row)] * 4, strict=True), strict=True))
    sums = {name: plain(total) for name, (total, *_) in found}
    return Money(sums, tuple(_warnings(table, found)))


def _figures(exact: str) -> str:
    """SQL of a column's sum; then count, sum and rounded sum of the amounts that have more than two decimals."""
    kept = f"round({exact}, 2)"
    # Not what binary numbers add: macros/staging/mapped_source.sql has the same test.
    as_float = f"abs(cast({exact} as double) - cast(cast({kept} as float) as double)) < {NOISE}"
    longer = f"abs({exact} - {kept}) >= 0.000001 and not ({exact} <> round({exact}, {MONEY_DIGITS}) and {as_float})"
    return (
        f"coalesce(sum({exact}), 0), count(*) filter ({longer}), coalesce(sum({exact}) filter ({longer}), 0), "
        f"coalesce(sum({kept}) filter ({longer}), 0)"
    )


def _warnings(table: TableSpec, found: list[tuple[str, tuple[Decimal, int, Decimal, Decimal]]]) -> Iterator[str]:
    mapped = {expression for name, expression in table.column_map.items() if name.endswith("_amount")}
    for name, (_, count, came, kept) in found:
        if count and name in mapped:
            yield rounding_warning(name, count, came, kept)


def _refuse_ambiguous(
    engine: duckdb.DuckDBPyConnection, part: Path, table: TableSpec, columns: list[str], delimiter: str | None
) -> None:
    if table.dialect.number_format is not None or not columns:
        return
    texts = ", ".join(f"{trimmed(quoted(name))} as {quoted(name)}" for name in columns)
    counts = ", ".join(
        f"count(*) filter ({is_ambiguous(quoted(name))}), count(*) filter ({has_decimal_comma(quoted(name))})"
        for name in columns
    )
    [row] = engine.execute(f"select {counts} from (select {texts} from read_parquet(?))", [str(part)]).fetchall()
    doubtful = [(name, count) for name, count in zip(columns, row[::2], strict=True) if count]
    commas = sum(row[1::2])
    if not doubtful or not (commas or delimiter == _COMMA_COUNTRY):
        return
    named = ", ".join(f"{count} in column {name}" for name, count in doubtful)
    why = f"{commas} others have a decimal comma" if commas else "the file is parted by semicolons"
    raise AmbiguousAmountsError(
        f"amounts such as 1.234 can be read in two ways ({named}), and {why}: nothing was committed; "
        "declare dialect.number_format of the source"
    )
