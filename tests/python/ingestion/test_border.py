"""The border check with the real Great Expectations over real Parquet files."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.base.errors import BorderUnavailableError
from ingestion.bronze.border import BorderCheck, BorderFailure
from ingestion.bronze.border.expected import expected
from ingestion.bronze.border.process import WORKER
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec

CANARY = "canary7391"


@contextmanager
def own_worker(data_docs: Path, keep: int = 200, timeout: float = 300.0) -> Iterator[BorderCheck]:
    """Checks whose worker is started anew and goes with the context."""
    WORKER.stop()
    yield BorderCheck(data_docs, keep, timeout)
    WORKER.stop()


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
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the worker's home, its working folder and the Data Docs."""
    return tmp_path_factory.mktemp("border")


@pytest.fixture(scope="module")
def border(places: Path) -> Iterator[BorderCheck]:
    """One worker for the tests of this file, for it takes seconds to start; proxies lead it nowhere."""
    with pytest.MonkeyPatch.context() as patch, own_worker(places / "data_docs") as check:
        for folder in ("home", "working"):
            (places / folder).mkdir()
        patch.setenv("HOME", str(places / "home"))
        patch.chdir(places / "working")
        for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            # Nothing listens there.
            patch.setenv(variable, "http://127.0.0.1:9")
        check.start()
        yield check


def failures(
    border: BorderCheck, table: TableSpec, part: Path, rows: int = 3, earlier_rows: Sequence[int] = ()
) -> tuple[BorderFailure, ...]:
    return border.check(table, part, rows, earlier_rows, "batch-1").failures


def test_a_batch_that_keeps_its_contract_passes(border: BorderCheck, tmp_path: Path) -> None:
    table = table_of(VISITS)
    result = border.check(table, write_part(tmp_path, table, ROWS), 3, [], "batch-1")
    assert (result.failures, result.rejects, result.lines) == ((), False, ())
    # Existence and type of four columns, their count, one required, one allowed, the count of rows.
    assert result.evaluated == 12


def test_an_empty_batch_is_judged_like_any_other(border: BorderCheck, tmp_path: Path) -> None:
    table = table_of(VISITS)
    assert failures(border, table, write_part(tmp_path, table, {name: [] for name in ROWS}), rows=0) == ()


@pytest.mark.parametrize("severity", ["reject", "quarantine", "warn"])
def test_an_empty_required_column_fails_with_its_severity(border: BorderCheck, tmp_path: Path, severity: str) -> None:
    table = table_of(VISITS, {"severity": {"required": severity}})
    part = write_part(tmp_path, table, {**ROWS, "VisitID": ["V1", None, None]})
    result = border.check(table, part, 3, [], "batch-1")
    assert [(found.check, found.column, found.failed_rows, found.severity) for found in result.failures] == [
        ("required", "VisitID", 2, severity)
    ]
    assert result.lines == (f"{severity} (required): column VisitID is required and empty in 2 rows",)
    assert result.rejects == (severity == "reject")


@pytest.mark.parametrize("severity", ["reject", "quarantine", "warn"])
def test_a_value_that_is_not_allowed_fails_with_its_severity(
    border: BorderCheck, tmp_path: Path, severity: str
) -> None:
    table = table_of(VISITS, {"severity": {"allowed": severity}})
    part = write_part(tmp_path, table, {**ROWS, "Status": ["open", "void", None]})
    assert [
        (found.check, found.column, found.failed_rows, found.severity) for found in failures(border, table, part)
    ] == [("allowed", "Status", 1, severity)]


def test_nothing_declared_about_severity_means_quarantine(border: BorderCheck, tmp_path: Path) -> None:
    table = table_of(VISITS)
    part = write_part(tmp_path, table, {**ROWS, "VisitID": [None] * 3, "Status": ["void"] * 3})
    assert [found.severity for found in failures(border, table, part)] == ["quarantine", "quarantine"]


def test_a_declared_column_that_is_missing_rejects_and_its_values_are_not_judged(
    border: BorderCheck, tmp_path: Path
) -> None:
    table = table_of(VISITS, {"severity": {"required": "warn"}})
    part = tmp_path / "part.parquet"
    pq.write_table(pa.table({name: values for name, values in ROWS.items() if name != "VisitID"}), part)
    found = failures(border, table, part)
    assert [(failure.check, failure.column, failure.severity) for failure in found] == [
        ("columns", "VisitID", "reject"),
        ("types", "Amount", "reject"),
        ("columns", None, "reject"),
    ]


def test_a_column_of_another_type_or_another_scale_rejects(border: BorderCheck, tmp_path: Path) -> None:
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
    result = border.check(table, part, 3, [], "batch-1")
    assert result.rejects
    assert result.lines == (
        "reject (types): column Amount is no decimal(18,2)",
        "reject (types): column VisitDate is no date",
    )


@pytest.mark.parametrize(("columns", "passes"), [("evolve", True), ("discard", False), ("freeze", False)])
def test_a_column_that_is_not_declared_passes_under_evolve_only(
    border: BorderCheck, tmp_path: Path, columns: str, passes: bool
) -> None:
    table = table_of(VISITS, {"columns": columns})
    schema = source_schema(table).append(pa.field("Extra", pa.string()))
    part = write_part(tmp_path, table, {**ROWS, "Extra": ["x"] * 3}, schema)
    assert (failures(border, table, part) == ()) is passes


@pytest.mark.parametrize("severity", ["reject", "warn"])
def test_a_row_count_outside_its_band_fails_from_the_third_batch_on(
    border: BorderCheck, tmp_path: Path, severity: str
) -> None:
    table = table_of(VISITS, {"row_count": {"min": 0.5, "max": 2}, "severity": {"row_count": severity}})
    part = write_part(tmp_path, table, ROWS)
    assert failures(border, table, part, earlier_rows=[100]) == ()
    assert failures(border, table, part, earlier_rows=[2, 4, 5]) == ()
    for earlier_rows, suggested in (([100, 10, 9], "5 to 20"), ([1, 1], "1 to 2")):
        [failure] = failures(border, table, part, earlier_rows=earlier_rows)
        assert (failure.check, failure.severity, failure.failed_rows) == ("row_count", severity, None)
        assert failure.message == f"holds 3 rows, the last {len(earlier_rows)} batches suggest {suggested}"


def test_a_file_that_lost_rows_on_its_way_rejects(border: BorderCheck, tmp_path: Path) -> None:
    table = table_of(VISITS)
    [failure] = failures(border, table, write_part(tmp_path, table, ROWS), rows=4)
    assert (failure.check, failure.severity) == ("row_count", "reject")


def test_a_file_that_is_no_parquet_is_not_judged_and_the_next_one_is(border: BorderCheck, tmp_path: Path) -> None:
    table = table_of(VISITS)
    broken = tmp_path / "broken.parquet"
    broken.write_text(CANARY)
    with pytest.raises(BorderUnavailableError, match="batch-1: Great Expectations failed") as caught:
        failures(border, table, broken)
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert failures(border, table, write_part(tmp_path, table, ROWS)) == ()


def test_an_allowed_value_of_another_type_is_named_as_such(border: BorderCheck, tmp_path: Path) -> None:
    table = table_of([{"name": "Beds", "data_type": "bigint", "allowed": ["many"]}])
    part = write_part(tmp_path, table, {"Beds": [1, 2, 3]})
    with pytest.raises(BorderUnavailableError, match="expect_column_values_to_be_in_set of Beds was not evaluated"):
        failures(border, table, part)


def test_threads_take_turns_and_get_their_own_answers(border: BorderCheck, tmp_path: Path) -> None:
    empty_rows = range(4)
    asked = [
        (
            table_of(VISITS, name=f"visits_{count}"),
            write_part(tmp_path, table_of(VISITS), {**ROWS, "VisitID": [None] * count + ["V"] * (3 - count)}),
        )
        for count in empty_rows
    ]

    def check(number: int) -> int | None:
        found = failures(border, *asked[number])
        return found[0].failed_rows if found else 0

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(check, [*empty_rows] * 3)) == [*empty_rows] * 3


def test_data_docs_hold_every_validation_and_no_value(border: BorderCheck, places: Path, tmp_path: Path) -> None:
    docs = places / "data_docs"
    table = table_of(VISITS, name="canaries")
    rows: dict[str, list[Any]] = {"VisitID": [CANARY, None, CANARY], "Status": [CANARY, f"{CANARY}x", "open"]}
    part = write_part(tmp_path, table, {**ROWS, **rows})
    result = border.check(table, part, 3, [], "batch-of-canaries")
    assert [found.check for found in result.failures] == ["required", "allowed"]
    assert CANARY not in repr(result)

    listed = border.finish()

    assert listed == docs / "index.html"
    assert "batch-of-canaries" in listed.read_text()
    assert "batch-of-canaries" in (docs / "site" / "index.html").read_text()
    [page] = (docs / "site" / "validations" / "emr" / "canaries").rglob("*.html")
    assert "must never be null" in page.read_text()
    files = [path for path in docs.rglob("*") if path.is_file()]
    assert len([path for path in files if path.suffix == ".json"]) == len(
        [path for path in files if "validations" in path.parts]
    )
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_only_the_newest_validations_are_kept_and_a_half_written_one_is_dropped(tmp_path: Path) -> None:
    table = table_of(VISITS)
    part = write_part(tmp_path, table, ROWS)
    docs = tmp_path / "data_docs"
    with own_worker(docs, keep=2) as border:
        assert border.finish() is None
        for batch in ("batch-1", "batch-2"):
            border.check(table, part, 3, [], batch)
        border.finish()
        border.check(table, part, 3, [], "batch-3")
        [half] = (docs / "results" / "emr" / "visits" / "batch-2").rglob("*.json")
        half.write_text(half.read_text()[:100])
        listed = border.finish()
    assert listed is not None
    assert [batch in listed.read_text() for batch in ("batch-1", "batch-2", "batch-3")] == [False, False, True]
    pages = (docs / "site" / "validations").rglob("*.html")
    assert [page.relative_to(docs / "site" / "validations").parts[2] for page in pages] == ["batch-3"]


def test_a_worker_that_was_killed_fails_the_check_and_the_next_check_has_a_new_one(tmp_path: Path) -> None:
    table = table_of(VISITS)
    part = write_part(tmp_path, table, ROWS)
    with own_worker(tmp_path / "data_docs") as border:
        border.start()
        killed = WORKER.process_id
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(BorderUnavailableError, match="ended or did not answer") as caught:
            border.check(table, part, 3, [], "batch-1")
        assert "\n" not in str(caught.value)
        assert border.check(table, part, 3, [], "batch-1").failures == ()
        assert WORKER.process_id != killed


def test_a_worker_that_hangs_fails_the_check_in_time(tmp_path: Path) -> None:
    table = table_of(VISITS)
    part = write_part(tmp_path, table, ROWS)
    with own_worker(tmp_path / "data_docs", timeout=1) as border:
        border.start()
        hanging = WORKER.process_id
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        with pytest.raises(BorderUnavailableError, match="did not answer within 1 s"):
            border.check(table, part, 3, [], "batch-1")
        assert not is_alive(hanging)


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom ingestion.bronze.border import BorderCheck\n"
        "from ingestion.bronze.border.process import WORKER\n"
        "border = BorderCheck(Path(sys.argv[1]))\nborder.start()\n"
        "print(WORKER.process_id, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        text=True,
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert is_alive(worker)
        parent.kill()
    deadline = time.monotonic() + 60
    while is_alive(worker):
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_is_written_elsewhere_and_no_host_is_needed(border: BorderCheck, places: Path, tmp_path: Path) -> None:
    table = table_of(VISITS)
    assert failures(border, table, write_part(tmp_path, table, ROWS)) == ()
    assert border.finish() is not None
    assert list((places / "home").iterdir()) == []
    assert list((places / "working").iterdir()) == []


def test_the_worker_is_forbidden_to_reach_a_host() -> None:
    script = (
        "import socket\nfrom ingestion.bronze.border.worker import forbid_network\nforbid_network()\n"
        "for attempt in (socket.create_connection, lambda address: socket.getaddrinfo(*address)):\n"
        "    try:\n        attempt(('127.0.0.1', 9))\n    except PermissionError:\n        print('refused')\n"
    )
    answered = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert answered.stdout.split() == ["refused", "refused"]


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
def test_whatever_the_columns_are_called_every_failing_row_is_counted(
    border: BorderCheck, tmp_path: Path, table: TableSpec, data: st.DataObject
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
    found = failures(border, table, write_part(tmp_path, table, rows), rows=6)
    assert [(failure.check, failure.column, failure.failed_rows) for failure in found] == wanted
