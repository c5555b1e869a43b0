"""Kind database against real SQLite files: types, watermark windows, deduplication, schema drift."""

import copy
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml

from ingestion.base.errors import SpecError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.watermark import Window
from ingestion.sources.control_table import load_systems
from ingestion.sources.database import reading
from tests.python.ingestion.conftest import VISITS, WARDS, Project, source

DAY_1, DAY_5, DAY_9 = "2024-01-01 08:00:00", "2024-01-05 08:00:00", "2024-01-09 08:00:00"


def declare_visits(
    project: Project, *, columns: str = "discard", watermark_type: str = "timestamp", **load: str
) -> None:
    """Declare the visits anew, with other load options, contract or watermark type."""
    visits: dict[str, Any] = copy.deepcopy(VISITS)
    visits["config"]["meta"]["load"].update(load)
    visits["config"]["meta"]["contract"] = {"columns": columns}
    visits["columns"][-1]["data_type"] = watermark_type
    if watermark_type == "bigint":
        del visits["config"]["meta"]["load"]["lag"]
    project.declare([source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [visits, WARDS])])


def read_visits(project: Project, window: Window) -> tuple[list[str], Extraction]:
    """The ids that one window reads, and what else the extraction says."""
    settings = project.settings()
    [table] = [
        table
        for system in load_systems(settings.project_dir, settings.bronze_dir)
        for table in system.tables
        if table.label == "emr.visits"
    ]
    with reading.extract(table, f"sqlite:///{project.database}", window) as extraction:
        return [name for batch in extraction.batches for name in batch.column(0).to_pylist()], extraction


def test_values_keep_their_types_exactly(project: Project) -> None:
    project.visit(("v1", 616.8699951171875, "2024-01-01", DAY_1), ("v2", None, None, "2024-01-01T08:00:00.250"))

    project.load("emr.visits")

    first, second = project.bronze("emr.visits")
    assert first["Amount"] == Decimal("616.87")
    assert first["VisitDate"] == date(2024, 1, 1)
    assert first["ModifiedDate"] == datetime(2024, 1, 1, 8)
    assert (second["Amount"], second["VisitDate"]) == (None, None)
    assert second["ModifiedDate"] == datetime(2024, 1, 1, 8, 0, 0, 250_000)


@pytest.mark.parametrize(
    ("stored", "landed"),
    [(0.005, "0.01"), (-0.005, "-0.01"), (2.675, "2.68"), (1.23456789012345e-05, "0.00"), ("12", "12.00"), ("", None)],
)
def test_money_is_rounded_half_up_to_cents(project: Project, stored: object, landed: str | None) -> None:
    project.visit(("v1", stored, None, DAY_1))

    project.load("emr.visits")

    assert project.bronze("emr.visits", ["Amount"]) == [{"Amount": None if landed is None else Decimal(landed)}]


def test_a_column_that_is_null_for_the_first_batch_and_text_afterwards(project: Project) -> None:
    nulls = [(f"w{number}", None) for number in range(20_000)]
    project.sql("insert into wards values (?, ?)", *nulls, ("last", "Cardiology"))

    assert project.load("emr.wards").rows_written == 20_001

    assert project.bronze("emr.wards")[-1]["Name"] == "Cardiology"


def test_lineage_columns(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_1), ("v2", 2, None, DAY_1))

    result = project.load("emr.visits")

    rows = project.bronze("emr.visits")
    assert list(rows[0])[-8:] == [
        "_batch_id",
        "_row_number",
        "_load_type",
        "_ingested_at",
        "_source_file",
        "_row_hash",
        "_unread_columns",
        "_unread",
    ]
    assert {row["_batch_id"] for row in rows} == {result.batch_id}
    assert [row["_row_number"] for row in rows] == [1, 2]
    assert rows[0]["_batch_id"].startswith(rows[0]["_ingested_at"].strftime("%Y%m%dT%H%M%S%f"))
    assert rows[0]["_batch_id"].endswith("-emr.visits")
    assert rows[0]["_row_hash"] != rows[1]["_row_hash"]


def test_null_and_empty_text_hash_differently(project: Project) -> None:
    project.sql("insert into wards values (?, ?)", ("w", None), ("w", ""), ("w", "null"))

    project.load("emr.wards")

    assert len({row["_row_hash"] for row in project.bronze("emr.wards")}) == 3


def test_a_second_run_commits_nothing(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_1), ("v2", 2, None, DAY_9))
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"))
    assert project.ingest(source="emr").changed

    again = project.ingest(source="emr")

    assert [result.status for result in again.results] == ["unchanged", "unchanged"]
    assert (project.commits("emr.visits"), project.commits("emr.wards")) == (1, 1)


def test_an_increment_brings_new_and_changed_rows_only(project: Project) -> None:
    project.visit(("old", 1, None, DAY_1), ("edge", 2, None, DAY_9))
    project.load("emr.visits")
    project.visit(("new", 3, None, "2024-01-10 00:00:00"))
    project.sql("update visits set Amount = 9, ModifiedDate = '2024-01-11' where VisitID = 'old'")

    result = project.load("emr.visits")

    assert (result.load_type, result.rows_read, result.rows_written, result.rows_duplicate) == ("incremental", 3, 2, 1)
    assert (result.watermark_low, result.watermark_high) == (DAY_9, "2024-01-11")
    assert {row["VisitID"] for row in project.bronze("emr.visits")[2:]} == {"old", "new"}


def test_rows_that_tie_with_the_last_watermark_are_not_missed(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_9))
    project.load("emr.visits")
    project.visit(("v2", 2, None, DAY_9))

    assert project.load("emr.visits").rows_written == 1


def test_dates_at_the_ends_of_time_are_dates(project: Project) -> None:
    project.visit(("first of all", 1, None, "0001-01-01"))
    project.load("emr.visits")
    project.visit(("last of all", 2, None, "9999-12-31 23:59:59.999999"))

    # The last watermark less the lag of two days would be a day before the first.
    assert project.load("emr.visits").rows_written == 1
    found, _ = read_visits(project, Window("backfill", "0001-01-01", "9999-12-31 23:59:59.999999"))
    assert found == ["first of all", "last of all"]


def test_rows_committed_late_within_the_lag_are_found(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_9))
    project.load("emr.visits")
    project.visit(("on the bound", 2, None, "2024-01-07 08:00:00"), ("before it", 3, None, "2024-01-07 07:59:59"))

    project.load("emr.visits")

    assert [row["VisitID"] for row in project.bronze("emr.visits")] == ["v1", "on the bound"]
    # What came later than the lag allows is found by reading everything again.
    project.load("emr.visits", full=True)
    assert "before it" in {row["VisitID"] for row in project.bronze("emr.visits")}


@pytest.mark.parametrize("moment", ["2024-01-07", "2024-01-07T00:00:00", "2024-01-07 00:00:00.000", "2024-01-07 00:00"])
def test_the_bound_holds_however_the_source_writes_a_moment(project: Project, moment: str) -> None:
    project.visit(("v1", 1, None, "2024-01-09"))
    project.load("emr.visits")
    project.visit(("v2", 2, None, moment))

    assert project.load("emr.visits").rows_written == 1


def test_rows_without_watermark_come_with_every_load_unless_they_are_known(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_1), ("none", 2, None, None))
    assert project.load("emr.visits").rows_written == 2
    project.visit(("none 2", 3, None, None))

    result = project.load("emr.visits")

    assert (result.load_type, result.rows_written, result.rows_duplicate) == ("incremental", 1, 2)
    assert project.load("emr.visits").status == "unchanged"


def test_rows_without_watermark_that_are_excluded_are_counted(project: Project) -> None:
    declare_visits(project, null_watermark="exclude")
    project.visit(("v1", 1, None, DAY_1), ("none", 2, None, None), ("none 2", 3, None, None))

    first = project.load("emr.visits")
    project.visit(("v2", 1, None, DAY_5))
    second = project.load("emr.visits")

    assert [(result.rows_written, result.rows_rejected) for result in (first, second)] == [(1, 2), (1, 2)]
    assert "2 rows have no ModifiedDate and were left out" in (first.message or "")
    assert [row["VisitID"] for row in project.bronze("emr.visits")] == ["v1", "v2"]


def test_rows_without_watermark_fail_the_load_where_the_control_table_says_so(project: Project) -> None:
    declare_visits(project, null_watermark="fail")
    project.visit(("v1", 1, None, DAY_1))
    assert project.load("emr.visits").status == "committed"
    project.visit(("none", 2, None, None))

    result = project.load("emr.visits")

    assert (result.status, result.error_class) == ("failed", "NullWatermarkError")
    assert "1 rows of visits have no ModifiedDate; correct them" in (result.message or "")


def test_a_row_from_the_future_does_not_shut_out_the_rows_before_it(project: Project) -> None:
    future = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%d %H:%M:%S")
    project.visit(("v1", 1, None, DAY_1), ("future", 2, None, future))
    assert project.load("emr.visits").watermark_high == DAY_1
    project.visit(("v2", 3, None, DAY_5))

    result = project.load("emr.visits")

    assert (result.rows_written, result.watermark_high) == (1, DAY_5)


@pytest.mark.parametrize(
    ("low", "high", "read"),
    [
        ("2024-01-05", "2024-01-09", ["on the first", "between", "on the last"]),
        ("2024-01-05", None, ["on the first", "between", "on the last", "after", "future"]),
        (None, "2024-01-05", ["before", "on the first"]),
        (None, None, ["before", "on the first", "between", "on the last", "after", "future"]),
        ("2024-01-09", "2024-01-05", []),
    ],
)
def test_a_backfill_reads_its_closed_range_without_lag(
    project: Project, low: str | None, high: str | None, read: list[str]
) -> None:
    project.visit(
        ("before", 1, None, "2024-01-04 23:59:59.999"),
        ("on the first", 1, None, "2024-01-05T00:00:00.000"),
        ("between", 1, None, "2024-01-07"),
        ("on the last", 1, None, "2024-01-09T00:00:00"),
        ("after", 1, None, "2024-01-09 00:00:01"),
        ("future", 1, None, "2999-01-01"),
        ("none", 1, None, None),
    )

    found, extraction = read_visits(project, Window("backfill", low, high))

    assert found == read
    assert (extraction.load_type, extraction.drop_known, extraction.rows_rejected) == ("backfill", True, 0)


def test_a_backfill_by_number(project: Project) -> None:
    declare_visits(project, watermark_type="bigint")
    project.sql("insert into visits values (?, 1, null, ?)", *[(f"v{number}", number) for number in (2, 9, 10, 11)])

    assert read_visits(project, Window("backfill", "9", "10"))[0] == ["v9", "v10"]


@pytest.mark.parametrize("bound", ["SECRET", "5"])
def test_a_backfill_by_what_is_no_moment(project: Project, bound: str) -> None:
    with pytest.raises(SpecError, match="visits: a bound of the range is no timestamp") as raised:
        read_visits(project, Window("backfill", None, bound))

    assert bound not in str(raised.value).replace("2024-12-31", "")


def test_an_increment_by_number_compares_numbers(project: Project) -> None:
    declare_visits(project, watermark_type="bigint")
    project.sql("insert into visits values (?, 1, null, ?)", ("v2", 2), ("v10", 10))
    assert project.load("emr.visits").watermark_high == "10"
    project.sql("insert into visits values (?, 1, null, ?)", ("v9", 9), ("tie", 10), ("v11", 11))

    assert project.load("emr.visits").rows_written == 2
    assert {row["VisitID"] for row in project.bronze("emr.visits")} == {"v2", "v10", "tie", "v11"}


@pytest.mark.parametrize(
    ("contract", "status", "said"),
    [
        ("discard", "committed", ""),
        ("evolve", "committed", "undeclared columns Extra, Other were not read"),
        ("freeze", "failed", "table visits has undeclared columns Extra, Other"),
    ],
)
def test_undeclared_columns_are_judged_by_the_contract(project: Project, contract: str, status: str, said: str) -> None:
    declare_visits(project, columns=contract)
    project.sql("alter table visits add column Extra text")
    project.sql("alter table visits add column Other text")
    project.sql("insert into visits (VisitID, ModifiedDate) values ('v1', '2024-01-01')")

    result = project.load("emr.visits")

    assert (result.status, bool(result.message)) == (status, bool(said))
    assert said in (result.message or "")


def test_a_key_that_came_twice_in_one_batch_stays_settled(project: Project) -> None:
    project.visit(("twice", 1, None, DAY_9), ("twice", 2, None, DAY_9))
    project.load("emr.visits")

    assert project.load("emr.visits").status == "unchanged"
    assert project.load("emr.visits", full=True).status == "unchanged"


def test_a_row_that_returns_to_earlier_content_is_a_change(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_9))
    project.load("emr.visits")
    project.sql("update visits set Amount = 2")
    project.load("emr.visits")
    project.sql("update visits set Amount = 1")

    assert project.load("emr.visits").rows_written == 1
    assert [row["Amount"] for row in project.bronze("emr.visits")] == [1, 2, 1]


def test_a_full_load_with_a_difference_lands_whole(project: Project) -> None:
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"), ("w2", "ER"))
    project.load("emr.wards")
    project.sql("delete from wards where WardID = 'w2'")

    result = project.load("emr.wards")

    assert (result.status, result.rows_written) == ("committed", 1)
    assert {row["_load_type"] for row in project.bronze("emr.wards")} == {"full"}


def test_a_full_load_with_one_changed_value_lands(project: Project) -> None:
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"), ("w2", "ER"))
    project.load("emr.wards")
    project.sql("update wards set Name = 'Emergency' where WardID = 'w2'")

    assert project.load("emr.wards").rows_written == 2


def test_an_emptied_source_is_an_error_and_no_mass_deletion(project: Project) -> None:
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"))
    project.load("emr.wards")
    project.sql("delete from wards")

    result = project.load("emr.wards")

    assert (result.status, result.error_class) == ("failed", "EmptyFullLoadError")
    assert project.commits("emr.wards") == 1


def test_an_empty_source_before_the_first_batch_is_nothing_new(project: Project) -> None:
    assert project.load("emr.wards").status == "unchanged"
    assert project.commits("emr.wards") == 0


def test_a_full_load_of_an_incremental_table_compares_with_its_current_content(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_1), ("v2", 2, None, DAY_5))
    project.load("emr.visits")
    project.sql("update visits set Amount = 9, ModifiedDate = '2024-01-09' where VisitID = 'v1'")
    assert project.load("emr.visits").load_type == "incremental"

    assert project.load("emr.visits", full=True).status == "unchanged"


def test_a_missing_column_is_named(project: Project) -> None:
    project.sql("alter table wards drop column Name")

    result = project.load("emr.wards")

    assert (result.status, result.error_class) == ("failed", "SchemaDriftError")
    assert "wards has no column Name" in (result.message or "")


def test_a_missing_table_is_named(project: Project) -> None:
    project.sql("drop table wards")

    assert "no table wards" in (project.load("emr.wards").message or "")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (("v1", "SECRET", None, DAY_1), "Amount"),
        (("v1", 1, "SECRET", DAY_1), "VisitDate"),
        (("v1", 1, "2024-01-01 23:59:59", DAY_1), "VisitDate"),
        (("v1", 1, None, "SECRET"), "ModifiedDate"),
        (("v1", 1e30, None, DAY_1), "Amount"),
    ],
)
def test_a_value_of_a_wrong_type_lands_as_text_beside_the_other_rows(
    project: Project, row: tuple[str, object, str | None, str | None], column: str
) -> None:
    project.visit(("v0", 5, "2024-01-01", DAY_1), row, ("v2", 7, None, DAY_5))

    result = project.load("emr.visits")

    assert result.status == "committed"
    assert f"1 rows hold values that do not fit: {column} (1 not " in (result.message or "")
    assert (result.message or "").endswith("silver rejects the rows as value_unparseable; _row_number 2")
    assert "SECRET" not in (result.message or "")
    good, bad, last = project.bronze("emr.visits")
    assert (good["Amount"], last["Amount"]) == (Decimal(5), Decimal(7))
    assert (good["_unread_columns"], good["_unread"]) == (None, None)
    assert bad[column] is None
    # The map reads the visit's number only: silver need not reject a row for what it does not read.
    assert bad["_unread_columns"] is None
    index = ["VisitID", "Amount", "VisitDate", "ModifiedDate"].index(column)
    assert list(json.loads(bad["_unread"])) == [column]
    assert float(json.loads(bad["_unread"])[column]) == row[index] if isinstance(row[index], float) else True

    assert project.load("emr.visits").status == "unchanged"
    project.sql(f"update visits set {column} = ? where VisitID = 'v1'", ("'OTHER",))
    changed = project.load("emr.visits", full=True)
    assert (changed.status, project.commits("emr.visits")) == ("committed", 2)


@pytest.mark.parametrize("value", [b"\xff", b"ab\xc3"])
def test_what_is_no_text_lands_in_hexadecimal(project: Project, value: bytes) -> None:
    project.sql("insert into wards values (?, cast(? as text))", ("w1", b"ICU"), ("w2", value))

    project.load("emr.wards")

    good, bad = project.bronze("emr.wards")
    assert (good["Name"], bad["Name"]) == ("ICU", None)
    assert json.loads(bad["_unread"]) == {"Name": f"\\x{value.hex()}"}
    assert bad["_unread_columns"] == "Name"


def test_a_word_for_nothing_is_null_and_no_bad_value(project: Project) -> None:
    text = (project.root / "models" / "bronze" / "sources.yml").read_text()
    declared = yaml.safe_load(text)
    declared["sources"][0]["config"]["meta"]["dialect"] = {"null_words": ["n/a"], "sentinel_dates": ["0000-00-00"]}
    (project.root / "models" / "bronze" / "sources.yml").write_text(yaml.safe_dump(declared))
    project.visit(("v1", " N/A ", "0000-00-00", DAY_1), ("v2", "x", None, DAY_1))

    result = project.load("emr.visits")

    nothing, bad = project.bronze("emr.visits")
    assert (nothing["Amount"], nothing["VisitDate"], nothing["_unread"]) == (None, None, None)
    assert list(json.loads(bad["_unread"])) == ["Amount"]
    assert "1 rows hold values" in (result.message or "")


def test_a_text_of_megabytes_is_cut_and_named(project: Project) -> None:
    project.sql("insert into wards values (?, ?)", ("w1", "x" * (1 << 20)), ("w2", "y" * ((1 << 20) + 1)))

    project.load("emr.wards")

    long, too_long = project.bronze("emr.wards")
    assert len(long["Name"]) == 1 << 20
    assert too_long["Name"] is None
    assert json.loads(too_long["_unread"])["Name"].startswith("\x1aunreadable: too long: yyy")
    assert len(too_long["_unread"]) < 200


def test_a_column_full_of_another_type_is_a_wrong_declaration(project: Project) -> None:
    project.visit(*[(f"v{number}", "SECRET", None, DAY_1) for number in range(150)])

    result = project.load("emr.visits")

    assert (result.status, result.error_class) == ("failed", "SchemaDriftError")
    assert "column Amount holds values that are not decimal(18,2) in most rows" in (result.message or "")
    assert not (project.root / "lakehouse" / "bronze" / "emr" / "visits").exists()


def test_a_failure_in_a_later_batch_leaves_nothing_behind(project: Project) -> None:
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"))
    project.load("emr.wards")
    project.sql("insert into wards values (?, cast(? as text))", *[(f"w{n}", "x") for n in range(40_000)])
    project.sql("update wards set Name = cast(x'ff' as text) where rowid > 36000")

    result = project.load("emr.wards")

    assert (result.status, result.error_class) == ("failed", "SchemaDriftError")
    folder = project.root / "lakehouse" / "bronze" / "emr" / "wards"
    assert len(list(folder.glob("*.parquet"))) == 1


def test_no_database_says_so(project: Project) -> None:
    project.database.unlink()

    result = project.load("emr.wards")

    assert (result.status, result.error_class) == ("failed", "SourceUnavailableError")
    assert "no database at sqlite:" in (result.message or "")


def test_an_unknown_kind_of_database_is_not_shown(project: Project) -> None:
    # pragma: allowlist nextline secret
    project.declare([source("emr", "database", "TEST_EMR_URL", "oracle://me:hunter2@host/emr?k=hunter3", [WARDS])])

    result = project.load("emr.wards")

    assert (result.status, result.error_class) == ("failed", "SourceUnavailableError")
    assert "give a URL of sqlite, postgresql or mssql" in (result.message or "")
    assert "hunter" not in (result.message or "")


def test_a_file_that_is_no_database(project: Project) -> None:
    project.database.write_bytes(b"this is not a database" * 100)

    result = project.load("emr.wards")

    assert (result.status, result.error_class) == ("failed", "SourceUnavailableError")


def test_names_are_quoted(project: Project) -> None:
    table = {
        "name": "odd",
        "config": {"meta": {"load": {"object": "main.odd table", "mode": "full", "key": ['a "b" c']}}},
        "columns": [{"name": 'a "b" c', "data_type": "string"}, {"name": "select", "data_type": "bigint"}],
    }
    project.declare([source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [table])])
    project.sql('create table "odd table" ("a ""b"" c" text, "select" integer)')
    project.sql('insert into "odd table" values (?, ?)', ("x'; drop table wards; --", 7))

    assert project.load("emr.odd").rows_written == 1
    assert project.bronze("emr.odd")[0]["select"] == 7
