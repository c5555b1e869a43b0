"""Amounts at the load: read by the grammar of silver, summed exactly, rounded with a count, refused where unclear."""

import re
from copy import deepcopy
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from ingestion.declared.amounts import exact_amount, trimmed
from ingestion.declared.arrow_types import Rounding, cast_batch, plain
from ingestion.declared.specs import ColumnSpec, LoadSpec, TableSpec
from tests.python.ingestion.conftest import CLAIMS, Project, source
from tests.python.lakehouses import PROJECT

# The examples that macros/staging/read_amount.sql is tested with, on every engine.
EXAMPLES = (PROJECT / "tests" / "macros" / "assert_values_are_read_in_their_dialect.sql").read_text(encoding="utf-8")


def amounts_of_the_macro() -> dict[str, dict[str, str | None]]:
    """Texts and amounts by number format."""
    [written] = re.findall(r"set amounts = (\{.*?\n\})", EXAMPLES, re.DOTALL)
    examples: dict[str, dict[str, str | None]] = eval(written.replace("none", "None"))  # noqa: S307 - our own file
    return examples


def test_the_load_reads_amounts_as_silver_does() -> None:
    read = {}
    examples = amounts_of_the_macro()
    with duckdb.connect() as engine:
        for number_format, texts in examples.items():
            sql = f"select {exact_amount(trimmed('$1'), number_format)}"  # type: ignore[arg-type]
            read[number_format] = {text: engine.execute(sql, [text]).fetchall()[0][0] for text in texts}

    assert sum(map(len, read.values())) > 60
    assert read == {
        number_format: {text: Decimal(amount) if amount else None for text, amount in texts.items()}
        for number_format, texts in examples.items()
    }


def bill(project: Project, content: str, dialect: dict[str, Any] | None = None, file: str = "claims/c.csv") -> Any:  # noqa: ANN401
    """The load of one file of claims, whose amounts are mapped."""
    claims = deepcopy(CLAIMS)
    claims["config"]["meta"] |= {"map": {"claim_id": "ClaimID", "claim_amount": "Amount"}, "dialect": dialect or {}}
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [claims])])
    project.drop(file, content)
    return project.load("payer.claims")


def lines(*amounts: str, delimiter: str = ",") -> str:
    rows = [f"{number}{delimiter}{amount}" for number, amount in enumerate(amounts)]
    return "\n".join([f"ClaimID{delimiter}Amount", *rows]) + "\n"


COUNTRY = ("1.234", "12.500", "1.234.567", "45.678")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lines(*COUNTRY, delimiter=";"), "3 in column Amount), and 1 others have a decimal comma"),
        (lines("1.234", "12.500", delimiter=";"), "2 in column Amount), and the file is parted by semicolons"),
        (lines("1,234", delimiter=";"), "1 in column Amount), and the file is parted by semicolons"),
        (lines("-1.234", "EUR 45.678", delimiter=";"), "2 in column Amount), and the file is parted by semicolons"),
        (lines("1.234", '"12,50"'), "1 in column Amount), and 1 others have a decimal comma"),
        (lines("1.234", '"1.234,56"'), "1 in column Amount), and 1 others have a decimal comma"),
        (lines("1.234", '"12,5"', delimiter="\t"), "1 in column Amount), and 1 others have a decimal comma"),
    ],
)
def test_amounts_that_can_be_read_in_two_ways_are_refused_until_a_format_is_declared(
    project: Project, content: str, says: str
) -> None:
    refused = bill(project, content)

    assert (refused.status, refused.error_class) == ("failed", "AmbiguousAmountsError")
    assert says in refused.message
    assert refused.message.endswith("nothing was committed; declare dialect.number_format of the source")
    assert (project.landing / "claims" / "c.csv").exists()
    assert bill(project, content, {"number_format": "1.234,56"}).status == "committed"


@pytest.mark.parametrize(
    ("content", "total"),
    [
        (lines("10.005", "2.5"), "12.505"),
        (lines("10.05", "0.500", "1234.567", delimiter=";"), "1245.117"),
        (lines("12,50", "7,5", delimiter=";"), "0.00"),
        (lines('"1,234.50"', '"1,234"'), "2468.50"),
    ],
)
def test_amounts_that_are_clear_are_loaded_and_summed_exactly(project: Project, content: str, total: str) -> None:
    loaded = bill(project, content)

    assert (loaded.status, loaded.money_checksum) == ("committed", f"Amount={total}")


def test_sums_are_of_the_declared_format(project: Project) -> None:
    loaded = bill(project, lines(*COUNTRY, "12,5-", delimiter=";"), {"number_format": "1.234,56"})

    assert (loaded.money_checksum, loaded.message) == ("Amount=1293966.50", None)


def test_rounding_in_a_file_is_told_with_count_and_sums(project: Project) -> None:
    loaded = bill(project, lines(*["10.005"] * 10, "7.00", "616.8699951171875"))

    assert loaded.money_checksum == "Amount=723.919995"
    assert loaded.message == (
        "column Amount: 10 amounts have more decimals than are kept and are rounded half up; "
        "100.05 came, 100.10 is kept, -0.05 is rounded away"
    )


@pytest.mark.parametrize(
    ("written", "count", "came", "kept"),
    [
        (pa.array([Decimal("10.0049")] * 100), 100, "1000.49", "1000.00"),
        (pa.array([10.0049] * 100), 100, "1000.49", "1000.00"),
        (pa.array(["10.0049"] * 100), 100, "1000.49", "1000.00"),
        (pa.array([10.005, -10.005, 0.125]), 3, "0.125", "0.13"),
        (pa.array(["10.005", None, " "]), 1, "10.005", "10.01"),
        (pa.array(["131072.125", "10.0049999"]), 2, "131082.13", "131082.13"),
        # Not rounded: binary numbers that are written as money, in either width.
        (pa.array([616.87, 616.8699951171875, 98765.4296875, 0.1 + 0.2, None]), 0, "0.00", "0.00"),
        (pa.array([616.87, 98765.43], pa.float32()), 0, "0.00", "0.00"),
        (pa.array(["616.8699951171875", "98765.4296875", "616.87000000000003"]), 0, "0.00", "0.00"),
        (pa.array([5, 7]), 0, "0.00", "0.00"),
        (pa.array([Decimal("5.10"), None]), 0, "0.00", "0.00"),
    ],
)
def test_rounding_of_a_database_is_counted(written: pa.Array, count: int, came: str, kept: str) -> None:
    table = TableSpec(
        system="emr",
        name="charges",
        kind="database",
        load=LoadSpec(mode="full", key=("amount",)),
        columns=(ColumnSpec(name="amount", data_type="decimal(18,2)"),),
    )
    rounding = Rounding()
    for _ in range(2):
        cast_batch(table, pa.record_batch([written], names=["amount"]), rounding=rounding)

    found, before, after = rounding.columns.get("amount", (0, Decimal(0), Decimal(0)))
    assert (found, plain(before / 2), plain(after / 2)) == (2 * count, came, kept)
    assert len(rounding.warnings()) == (count > 0)
