"""What every page shows in every state of the warehouse, without a browser."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import pages, queries, views
from dashboard.cards import meets, shown
from dashboard.contracts import Contract
from dashboard.tables import label
from tests.python.dashboard.conftest import PAGES
from tests.python.lakehouses import Warehouse

Run = Callable[..., AppTest]


def words(app: AppTest) -> str:
    """All that the page says outside of charts and tables."""
    assert [error.value for error in app.exception] == []
    said = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success]
    return "\n".join(str(element.value) for element in said)


@pytest.mark.parametrize("title", PAGES)
def test_every_page_shows_the_full_lakehouse(app: Run, full: Warehouse, title: str) -> None:
    page = app(full.lakehouse, title)
    assert title in words(page)
    assert page.dataframe, "no table"
    assert not page.error


def test_the_registered_pages_are_the_ones_of_the_navigation() -> None:
    assert {page.title: "" if number == 0 else page.path for number, page in enumerate(pages.pages())} == PAGES


def test_a_folder_is_a_page(app: Run, full: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else changes: no list of pages, of queries or of cards."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "my_hospitals.sql").write_text(
        "-- Question: Which hospitals are mine?\n-- Reading: All of them.\nselect hospital_name from gold.dim_hospital"
    )
    (folder / "__init__.py").write_text(
        "from dashboard.cards import cards_of_page\n"
        "from dashboard.pages import Page\n"
        "from dashboard.sections import answered_by_table\n"
        "def show(context):\n"
        "    cards_of_page(context)\n"
        "    answered_by_table(context, 'my_hospitals', 'Mine')\n"
        "PAGE = Page('My page', 'home', 35, show)\n"
    )
    monkeypatch.setattr(views, "__path__", [*views.__path__, str(tmp_path)])
    monkeypatch.setitem(PAGES, "My page", "my-page")
    monkeypatch.setattr("tests.python.dashboard.conftest.PAGES", PAGES)
    pages.pages.cache_clear()
    queries._files.cache_clear()
    try:
        shown = app(full.lakehouse, "My page")
        assert "Which hospitals are mine?" in words(shown)
        assert len(shown.dataframe) == 1
        titles = [page.title for page in pages.pages()]
        assert titles.index("My page") == titles.index("Roll-forward") + 1
    finally:
        pages.pages.cache_clear()
        queries._files.cache_clear()


@pytest.mark.parametrize("title", PAGES)
def test_every_page_says_what_to_do_before_anything_arrived(app: Run, empty: Warehouse, title: str) -> None:
    said = words(app(empty.lakehouse, title))
    assert "rcm run" in said or title in {"Data quality", "Pipeline"}
    assert "Nothing here for" in said or "The ledger is empty" in said


@pytest.mark.parametrize("title", ["Overview", "Data quality", "Pipeline"])
def test_no_warehouse_names_the_command_that_makes_one(app: Run, tmp_path: Path, title: str) -> None:
    said = words(app(tmp_path, title))
    assert "There is no warehouse yet" in said
    assert "make demo" in said


def test_a_warehouse_without_gold_names_what_is_missing(app: Run, tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    said = words(app(tmp_path))
    assert "not built to the end" in said
    assert "rcm run" in said


def test_a_warehouse_of_an_earlier_version_names_the_column(app: Run, empty: Warehouse, tmp_path: Path) -> None:
    older = tmp_path / "warehouse.duckdb"
    older.write_bytes((empty.lakehouse / "warehouse.duckdb").read_bytes())
    with duckdb.connect(str(older)) as connection:
        connection.execute("alter table gold.kpi_contracts drop column kpi_window")
    assert "column kpi_window is missing" in words(app(tmp_path, "Data quality"))


def test_a_file_that_is_no_warehouse_is_said_to_be_none(app: Run, tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(b"something else" * 1000)
    assert "cannot be read" in words(app(tmp_path))


def test_a_running_build_is_waited_for(app: Run, full: Warehouse, tmp_path: Path) -> None:
    held = tmp_path / "warehouse.duckdb"
    held.write_bytes((full.lakehouse / "warehouse.duckdb").read_bytes())
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb, sys; c = duckdb.connect({str(held)!r}); print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert "is being built" in words(app(tmp_path))
    finally:
        holder.communicate("over\n", timeout=20)
    assert "Receivables" in words(app(tmp_path))


def test_another_target_is_refused_in_words(app: Run, full: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCM_TARGET", "spark")
    assert "RCM_TARGET" in words(app(full.lakehouse))


def test_what_needs_a_feed_names_it_until_it_arrives(app: Run, plain: Warehouse, full: Warehouse) -> None:
    without, with_feed = words(app(plain.lakehouse)), app(full.lakehouse)
    assert "optional feed *adjustments*" in without
    assert "optional feed" not in words(with_feed)
    assert {"Bad debt", "Charity care", "Denial write-offs"} <= {metric.label for metric in with_feed.metric}
    assert "needs adjustments.reason_code" in words(app(plain.lakehouse, "Denials", by="Reason"))
    reasons = app(full.lakehouse, "Denials", by="Reason")
    assert "Denials by reason" in words(reasons)
    assert len(reasons.dataframe) == 2


def test_what_no_source_has_is_named_and_not_estimated(app: Run, full: Warehouse) -> None:
    page = app(full.lakehouse)
    assert "Case mix index" in words(page)
    assert "Case mix index" not in {metric.label for metric in page.metric}


def test_a_filter_without_rows_says_so(app: Run, plain: Warehouse) -> None:
    page = app(plain.lakehouse, "Payers", payer_group="Self-pay")
    assert "Nothing here for All hospitals" in words(page)


def test_filters_come_from_the_address(app: Run, full: Warehouse) -> None:
    page = app(full.lakehouse, "Roll-forward", hospital="Hospital A", month="Oct 2024", basis="As known then")
    assert [box.value for box in page.selectbox][:4] == ["Hospital A", "202410", "All payer groups", "known"]
    assert "Oct 2024, from opening to closing" in words(page)
    assert "closes" in words(page)
    assert "This month is closed" in words(page)
    assert "This month is open" in words(app(full.lakehouse, "Roll-forward", month="Jan 2025"))


def test_nonsense_in_the_address_is_ignored(app: Run, full: Warehouse) -> None:
    page = app(full.lakehouse, "A/R aging", hospital="' or 1=1 --", month="never", account="x")
    assert page.selectbox[0].value == "All hospitals"
    assert "By age" in words(page)


def test_every_number_of_a_page_has_its_contract_beside_it(app: Run, full: Warehouse) -> None:
    page = app(full.lakehouse, "Denials")
    said = words(page)
    assert "##### Denial rate, currently denied (proxy)" in said
    assert "Numerator" in said
    assert "`gold.kpi_denial_rate`" in said
    assert "**HFMA MAP Key**: AR-5" in said
    assert "**Differs from it**: claims denied by now" in said
    assert any("from gold.kpi_denial_rate" in block.value for block in page.code)


@pytest.mark.parametrize(
    ("target", "value", "kept"),
    [("<= 45", 45.0, True), ("< 20", 20.0, False), (">= 95", 94.9, False), ("5-7", 7.1, False), ("5-7", 6.0, True)],
)
def test_a_target_is_met_or_not(target: str, value: float, kept: bool) -> None:
    assert meets(target, value) is kept


def test_a_target_in_words_is_not_judged() -> None:
    assert meets("as low as can be", 3.0) is None
    assert meets("<= 45", None) is None


def test_values_and_headings_carry_their_unit() -> None:
    assert [shown(1234.5, "$"), shown(-12_345_678.0, "$"), shown(12.34, "%"), shown(5.0, "days"), shown(None, "%")] == [
        "$1,234",
        "-$12.3M",
        "12.3%",
        "5.0 days",
        "-",
    ]
    headings = [label(name) for name in ("charge_amount", "denial_rate_pct", "open_days", "known_at", "is_npi_valid")]
    assert headings == ["Charge $", "Denial rate %", "Open (days)", "Known (UTC)", "NPI valid"]


def test_a_contract_has_a_place_for_every_column_of_gold(full: Warehouse) -> None:
    columns = full.query(
        "select column_name from duckdb_columns() where schema_name = 'gold' and table_name = 'kpi_contracts'"
    )
    assert {str(name) for (name,) in columns} == set(Contract.__dataclass_fields__)
