"""The results of two engines are compared row for row, and a difference is reported with its rows."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from rcm.warehouse.parity.comparison import compare, compare_tables
from rcm.warehouse.parity.engines import Built

ENGINES = ("duckdb", "sail")


def claims(**changed: object) -> pa.Table:
    columns: dict[str, object] = {
        "claim_key": ["a", "b", "c"],
        "paid_amount": pa.array([Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(18, 2)),
        "paid_date": [date(2024, 1, 1), None, date(2024, 1, 2)],
    }
    return pa.table({**columns, **changed})


def test_order_of_rows_and_columns_does_not_matter() -> None:
    rows = claims()
    other = rows.take([2, 0, 1]).select(["paid_date", "claim_key", "paid_amount"])
    compared = compare_tables("gold.t", ENGINES, rows, other)
    assert compared.differences == ()
    assert compared.hashes[0] == compared.hashes[1]
    assert compared.rows == 3


def test_an_instant_with_and_without_its_zone_is_one() -> None:
    moment = datetime(2024, 3, 1, 23, 30)
    bare = pa.table({"k": ["a"], "at": pa.array([moment], pa.timestamp("us"))})
    zoned = pa.table({"k": ["a"], "at": pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", "UTC"))})
    assert compare_tables("gold.t", ENGINES, bare, zoned).differences == ()


def test_a_cent_is_told_with_its_row_and_column() -> None:
    other = claims(paid_amount=pa.array([Decimal("1.51"), None, Decimal("2.00")], pa.decimal128(18, 2)))
    compared = compare_tables("gold.t", ENGINES, claims(), other)
    assert compared.differences == ("claim_key a: paid_amount: duckdb 1.50, sail 1.51",)
    assert compared.hashes[0] != compared.hashes[1]


def test_a_row_more_counts_even_if_it_repeats_one() -> None:
    rows = claims()
    compared = compare_tables("gold.t", ENGINES, rows, pa.concat_tables([rows, rows.slice(0, 1)]))
    (reported,) = compared.differences
    assert reported == "claim_key a, paid_amount 1.50, paid_date 2024-01-01: only in sail"


@pytest.mark.parametrize("wider", [pa.decimal128(38, 2), pa.decimal128(18, 4), pa.float64()])
def test_money_of_another_type_is_a_difference(wider: pa.DataType) -> None:
    other = claims(paid_amount=claims()["paid_amount"].cast(wider))
    (reported,) = compare_tables("gold.t", ENGINES, claims(), other).differences
    assert reported.startswith("paid_amount: duckdb has DECIMAL(18,2), sail ")


def test_null_is_not_the_empty_text() -> None:
    empty, null = pa.table({"k": ["a"], "text": [""]}), pa.table({"k": ["a"], "text": pa.array([None], pa.string())})
    assert len(compare_tables("gold.t", ENGINES, empty, null).differences) == 1


def test_a_table_that_one_engine_lacks_is_told() -> None:
    left = Built(frozenset({"gold.a", "gold.b"}), lambda _: claims())
    right = Built(frozenset({"gold.b", "gold.c"}), lambda _: claims())
    reported = {compared.table: compared.differences for compared in compare(ENGINES, left, right)}
    assert reported == {"gold.a": ("sail has no such table",), "gold.b": (), "gold.c": ("duckdb has no such table",)}
