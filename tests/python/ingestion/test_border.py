"""The border check over real Parquet files: as SQL, with the same result as Great Expectations."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.base.errors import BorderUnavailableError
from ingestion.bronze.border import BorderFailure, BorderResult, check_batch
from ingestion.bronze.border.expected import expected
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec

with pytest.MonkeyPatch.context() as patch:
    # Great Expectations imports PySpark where it is installed. PySpark takes a process without a main file, such as a
    # worker of pytest-xdist, for a run of its own doctests, and exits.
    patch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
    from ingestion.bronze.data_docs.validator import Validator

CANARY = "canary7391"


Judge = Callable[[TableSpec, Path, int, Sequence[int], str], BorderResult]


def table_of(
    columns: Sequence[dict[str, Any]], contract: dict[str, Any] | None = None, name: str = "visits"
) -> TableSpec:
    return TableSpec.model_validate(
        {
            "system": "emr",
            "name": name,
            "kind": "database",
            "load": {"object": name, "mode": "full", "key": [columns[0]["name"]]},
            "columns": columns,
            "contract": contract or {},
        }
    )


VISITS: list[dict[str, Any]] = [
    {"name": "VisitID", "data_type": "string", "required": True},
    {"name": "Amount", "data_type": "decimal(18,2)"},
    {"name": "Status", "data_type": "string", "allowed": ["open", "paid"]},
    {"name": "VisitDate", "data_type": "date"},
]
ROWS: dict[str, list[Any]] = {
    "VisitID": ["V1", "V2", "V3"],
    "Amount": [Decimal("1.10"), None, Decimal("-2.00")],
    "Status": ["open", None, "paid"],
    "VisitDate": [date(2024, 1, 31), None, date(2024, 2, 1)],
}


def write_part(folder: Path, table: TableSpec, rows: dict[str, list[Any]], schema: pa.Schema | None = None) -> Path:
    """A part file as bronze writes it: the columns, then lineage."""
    data = pa.table(rows, schema=schema or source_schema(table))
    lineage = pa.array([f"{number}" for number in range(data.num_rows)], pa.string())
    path = folder / f"part-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(data.append_column("_row_hash", lineage), path)
    return path


@pytest.fixture(scope="module")
def by_great_expectations(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    validator = Validator(tmp_path_factory.mktemp("border") / "data_docs")

    def judge(table: TableSpec, part: Path, rows: int, earlier_rows: Sequence[int], batch_id: str) -> BorderResult:
        return validator.validate(table, part, rows, earlier_rows, batch_id, datetime.now(UTC))

    return judge


@pytest.fixture(params=["sql", "great_expectations"])
def border(request: pytest.FixtureRequest, by_great_expectations: Judge) -> Judge:
    """What judges: the commit path's SQL, and what the Data Docs show."""
    return check_batch if request.param == "sql" else by_great_expectations


def failures(
    border: Judge, table: TableSpec, part: Path, rows: int = 3, earlier_rows: Sequence[int] = ()
) -> tuple[BorderFailure, ...]:
    return border(table, part, rows, earlier_rows, "batch-1").failures


def test_a_batch_that_keeps_its_contract_passes(border: Judge, tmp_path: Path) -> None:
    table = table_of(VISITS)
    result = border(table, write_part(tmp_path, table, ROWS), 3, [], "batch-1")
    assert (result.failures, result.rejects, result.lines) == ((), False, ())
    # Existence and type of four columns, their count, one required, one allowed, the count of rows.
    assert result.evaluated == 12


def test_an_empty_batch_is_judged_like_any_other(border: Judge, tmp_path: Path) -> None:
    table = table_of(VISITS)
    assert failures(border, table, write_part(tmp_path, table, {name: [] for name in ROWS}), rows=0) == ()


@pytest.mark.parametrize("severity", ["reject", "quarantine", "warn"])
def test_an_empty_required_column_fails_with_its_severity(border: Judge, tmp_path: Path, severity: str) -> None:
    table = table_of(VISITS, {"severity": {"required": severity}})
    part = write_part(tmp_path, table, {**ROWS, "VisitID": ["V1", None, None]})
    result = border(table, part, 3, [], "batch-1")
    assert [(found.check, found.column, found.failed_rows, found.severity) for found in result.failures] == [
        ("required", "VisitID", 2, severity)
    ]
    assert result.lines == (f"{severity} (required): column VisitID is required and empty in 2 rows",)
    assert result.rejects == (severity == "reject")


@pytest.mark.parametrize("severity", ["reject", "quarantine", "warn"])
def test_a_value_that_is_not_allowed_fails_with_its_severity(border: Judge, tmp_path: Path, severity: str) -> None:
    table = table_of(VISITS, {"severity": {"allowed": severity}})
    part = write_part(tmp_path, table, {**ROWS, "Status": ["open", "void", None]})
    assert [
        (found.check, found.column, found.failed_rows, found.severity) for found in failures(border, table, part)
    ] == [("allowed", "Status", 1, severity)]


def test_nothing_declared_about_severity_means_quarantine(border: Judge, tmp_path: Path) -> None:
    table = table_of(VISITS)
    part = write_part(tmp_path, table, {**ROWS, "VisitID": [None] * 3, "Status": ["void"] * 3})
    assert [found.severity for found in failures(border, table, part)] == ["quarantine", "quarantine"]


def test_a_declared_column_that_is_missing_rejects_and_its_values_are_not_judged(border: Judge, tmp_path: Path) -> None:
    table = table_of(VISITS, {"severity": {"required": "warn"}})
    part = tmp_path / "part.parquet"
    pq.write_table(pa.table({name: values for name, values in ROWS.items() if name != "VisitID"}), part)
    found = failures(border, table, part)
    assert [(failure.check, failure.column, failure.severity) for failure in found] == [
        ("columns", "VisitID", "reject"),
        ("types", "Amount", "reject"),
        ("columns", None, "reject"),
    ]


def test_a_column_of_another_type_or_another_scale_rejects(border: Judge, tmp_path: Path) -> None:
    table = table_of(VISITS)
    schema = pa.schema(
        [
            ("VisitID", pa.string()),
            ("Amount", pa.decimal128(18, 4)),
            ("Status", pa.string()),
            ("VisitDate", pa.timestamp("us")),
        ]
    )
    part = write_part(tmp_path, table, {**ROWS, "VisitDate": [datetime(2024, 1, 31)] * 3}, schema)
    result = border(table, part, 3, [], "batch-1")
    assert result.rejects
    assert result.lines == (
        "reject (types): column Amount is no decimal(18,2)",
        "reject (types): column VisitDate is no date",
    )


@pytest.mark.parametrize(("columns", "passes"), [("evolve", True), ("discard", False), ("freeze", False)])
def test_a_column_that_is_not_declared_passes_under_evolve_only(
    border: Judge, tmp_path: Path, columns: str, passes: bool
) -> None:
    table = table_of(VISITS, {"columns": columns})
    schema = source_schema(table).append(pa.field("Extra", pa.string()))
    part = write_part(tmp_path, table, {**ROWS, "Extra": ["x"] * 3}, schema)
    assert (failures(border, table, part) == ()) is passes


@pytest.mark.parametrize("severity", ["reject", "warn"])
def test_a_row_count_outside_its_band_fails_from_the_third_batch_on(
    border: Judge, tmp_path: Path, severity: str
) -> None:
    table = table_of(VISITS, {"row_count": {"min": 0.5, "max": 2}, "severity": {"row_count": severity}})
    part = write_part(tmp_path, table, ROWS)
    assert failures(border, table, part, earlier_rows=[100]) == ()
    assert failures(border, table, part, earlier_rows=[2, 4, 5]) == ()
    for earlier_rows, suggested in (([100, 10, 9], "5 to 20"), ([1, 1], "1 to 2")):
        [failure] = failures(border, table, part, earlier_rows=earlier_rows)
        assert (failure.check, failure.severity, failure.failed_rows) == ("row_count", severity, None)
        assert failure.message == f"holds 3 rows, the last {len(earlier_rows)} batches suggest {suggested}"


def test_a_file_that_lost_rows_on_its_way_rejects(border: Judge, tmp_path: Path) -> None:
    table = table_of(VISITS)
    [failure] = failures(border, table, write_part(tmp_path, table, ROWS), rows=4)
    assert (failure.check, failure.severity) == ("row_count", "reject")


def test_a_file_that_is_no_parquet_is_not_judged_and_the_next_one_is(tmp_path: Path) -> None:
    table = table_of(VISITS)
    broken = tmp_path / "broken.parquet"
    broken.write_text(CANARY)
    with pytest.raises(BorderUnavailableError, match="batch-1: its file cannot be checked") as caught:
        failures(check_batch, table, broken)
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert failures(check_batch, table, write_part(tmp_path, table, ROWS)) == ()


def test_a_missing_file_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(BorderUnavailableError, match="batch-1"):
        failures(check_batch, table_of(VISITS), tmp_path / "missing.parquet")


def test_an_allowed_value_of_another_type_is_named_as_such(border: Judge, tmp_path: Path) -> None:
    table = table_of([{"name": "Beds", "data_type": "bigint", "allowed": ["many"]}])
    part = write_part(tmp_path, table, {"Beds": [1, 2, 3]})
    wanted = "expect_column_values_to_be_in_set of Beds was not evaluated"
    with pytest.raises(BorderUnavailableError, match=wanted):
        failures(border, table, part)


def test_threads_get_their_own_answers(tmp_path: Path) -> None:
    empty_rows = range(4)
    asked = [
        (
            table_of(VISITS, name=f"visits_{count}"),
            write_part(tmp_path, table_of(VISITS), {**ROWS, "VisitID": [None] * count + ["V"] * (3 - count)}),
        )
        for count in empty_rows
    ]

    def check(number: int) -> int | None:
        found = failures(check_batch, *asked[number])
        return found[0].failed_rows if found else 0

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(check, [*empty_rows] * 3)) == [*empty_rows] * 3


def test_a_name_that_great_expectations_cannot_take_is_judged(tmp_path: Path) -> None:
    table = table_of([{"name": "Share %(", "data_type": "bigint", "required": True, "allowed": ["1"]}])
    found = failures(check_batch, table, write_part(tmp_path, table, {"Share %(": [1, 2, None]}))
    assert [(failure.check, failure.failed_rows) for failure in found] == [("required", 1), ("allowed", 1)]


POOLS: dict[str, list[tuple[Any, str]]] = {
    "string": [("a", "a"), ("", ""), ("it's", "it's"), ("é%:", "é%:")],
    "bigint": [(0, "0"), (-5, "-5"), (2**62, str(2**62))],
    "boolean": [(True, "true"), (False, "false")],
    "date": [(date(1900, 2, 28), "1900-02-28"), (date(2024, 2, 29), "2024-02-29")],
    "timestamp": [
        (datetime(2024, 1, 1), "2024-01-01 00:00:00"),
        (datetime(2024, 1, 1, 0, 0, 0, 1), "2024-01-01 00:00:00.000001"),
    ],
    "decimal(18,2)": [(Decimal("0.10"), "0.1"), (Decimal("-7.00"), "-7")],
}
# Between %( and a parameter behind it, SQLAlchemy mistakes the text for the name of a parameter.
NAMES = st.text("aBz9 é.%:\"'{}$?[]()\\;-_", min_size=1, max_size=8).filter(
    lambda name: not name.startswith("_") and "%(" not in name
)


@st.composite
def tables(draw: st.DrawFn) -> TableSpec:
    columns = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower)):
        data_type = draw(st.sampled_from(sorted(POOLS)))
        allowed = draw(st.lists(st.sampled_from([text for _, text in POOLS[data_type]]), unique=True))
        columns.append({"name": name, "data_type": data_type, "required": draw(st.booleans()), "allowed": allowed})
    contract: dict[str, Any] = {"columns": draw(st.sampled_from(["evolve", "freeze", "discard"]))}
    if draw(st.booleans()):
        contract["row_count"] = {
            "min": draw(st.sampled_from([0, 0.1, 0.5])),
            "max": draw(st.sampled_from([None, 1.1, 3])),
        }
    return table_of(columns, contract)


@given(tables(), st.integers(0, 10**6), st.lists(st.integers(0, 10**6), max_size=5))
def test_the_generated_suite_is_the_declaration_and_nothing_else(
    table: TableSpec, rows: int, earlier_rows: list[int]
) -> None:
    generated = expected(table, rows, earlier_rows)

    def columns_of(check: str) -> list[str]:
        return [found.column for found in generated if found.check == check and found.column is not None]

    assert columns_of("columns") == columns_of("types") == list(table.column_names)
    assert columns_of("required") == [column.name for column in table.columns if column.required]
    assert {found.column: tuple(found.arguments["value_set"]) for found in generated if found.check == "allowed"} == {
        column.name: column.allowed for column in table.columns if column.allowed
    }
    has_band = table.contract.row_count is not None and len(earlier_rows) >= 2
    assert len([found for found in generated if found.check == "row_count"]) == 1 + has_band
    assert len([found for found in generated if found.check == "columns" and found.column is None]) == 1
    for found in generated:
        declared = found.check in ("required", "allowed", "row_count") and "to_equal" not in found.type
        severity = table.contract.severity_of(found.check) if declared else "reject"  # type: ignore[arg-type]
        assert found.severity == severity


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.data())
def test_whatever_the_columns_are_called_every_failing_row_is_counted_by_both(
    by_great_expectations: Judge, tmp_path: Path, table: TableSpec, data: st.DataObject
) -> None:
    rows: dict[str, list[Any]] = {}
    wanted = []
    for column in table.columns:
        drawn = data.draw(st.lists(st.sampled_from([*POOLS[column.data_type], (None, None)]), min_size=6, max_size=6))
        rows[column.name] = [value for value, _ in drawn]
        empty = sum(text is None for _, text in drawn)
        other = sum(text is not None and text not in column.allowed for _, text in drawn)
        if column.required and empty:
            wanted.append(("required", column.name, empty))
        if column.allowed and other:
            wanted.append(("allowed", column.name, other))
    part = write_part(tmp_path, table, rows)
    found = check_batch(table, part, 6, [], "batch-1")
    assert [(failure.check, failure.column, failure.failed_rows) for failure in found.failures] == wanted
    assert verdict(by_great_expectations(table, part, 6, [], "batch-1")) == verdict(found)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), tables(), st.integers(0, 8), st.lists(st.integers(0, 20), max_size=5))
def test_a_file_of_another_declaration_gets_one_verdict_by_both(
    by_great_expectations: Judge,
    tmp_path: Path,
    table: TableSpec,
    other: TableSpec,
    rows: int,
    earlier_rows: list[int],
) -> None:
    """Columns are missing, undeclared and of other types; the count of rows is anywhere."""
    # Shared columns come from the declaration, so that their values are judged as well.
    shared = {column.name.lower() for column in table.columns[::2]}
    kept = [column.model_dump() for column in table.columns[::2]]
    mixed = table_of([*kept, *(column.model_dump() for column in other.columns if column.name.lower() not in shared)])
    values = {column.name: [pool[0] for pool in POOLS[column.data_type]][:2] for column in mixed.columns}
    part = write_part(tmp_path, mixed, values)
    found = check_batch(table, part, rows, earlier_rows, "batch-1")
    assert verdict(by_great_expectations(table, part, rows, earlier_rows, "batch-1")) == verdict(found)


def verdict(result: BorderResult) -> tuple[int, tuple[BorderFailure, ...], bool]:
    return result.evaluated, result.failures, result.rejects
