"""The dashboard in a real browser: it shows gold, and is accessible."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.python.dashboard.conftest import PAGES, Theme, keep, settled, visit, window
from tests.python.lakehouses import Warehouse


def metric(page: Page, name: str) -> str:
    """The shown value of a KPI card."""
    return page.locator(f".st-key-kpi-{name} [data-testid=stMetricValue]").inner_text()


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list as a reader does who has no mouse."""
    box = page.get_by_role("combobox", name=re.compile(f"{re.escape(label)}"))
    box.focus()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).wait_for()
    page.keyboard.press("Enter")
    settled(page)


def exported(page: Page, name: str, kind: str) -> bytes:
    """The file behind an export button."""
    with page.expect_download() as download:
        page.locator(f".st-key-{kind}-{name} button").first.click()
    return Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_the_window_and_fails_nowhere(browser: Browser, url: str, width: int, theme: Theme) -> None:
    with window(browser, url, width, theme) as page:
        for title in PAGES:
            visit(page, title)
            expect(page.get_by_role("heading", level=1)).to_have_text(title)
            assert page.locator("[data-testid=stException]").count() == 0, title
            wide = page.evaluate(
                "Math.max(document.documentElement.scrollWidth - innerWidth, ...['stMain', 'stMainBlockContainer'].map("
                "id => document.querySelector(`[data-testid=${id}]`)).map(part => part.scrollWidth - part.clientWidth))"
            )
            assert wide <= 0, f"{title} scrolls sideways by {wide} pixels"
            assert keep(page, f"{title} {width} {theme}").stat().st_size > 20_000


def test_cards_show_the_headline_of_gold(page: Page, full: Warehouse) -> None:
    visit(page, "Overview")
    headline = full.query(
        "select kpi_name, kpi_value::double, unit from gold.kpi_headline "
        "inner join gold.kpi_contracts using (kpi_name, unit) "
        "where hospital_name = 'All hospitals' and split_by is null"
    )
    assert len(headline) >= 19
    for name, value, unit in headline:
        assert isinstance(value, float)
        number = f"${value:,.0f}" if unit == "$" else f"{value:,.1f}{'%' if unit == '%' else f' {unit}'}"
        assert metric(page, str(name)) == number, name
    (as_of,) = full.query("select max(as_of_date) from gold.kpi_headline")[0:1]
    expect(page.get_by_text(f"As of {as_of[0]:%d %B %Y}")).to_be_visible()


def test_the_address_keeps_the_filters_over_pages_and_reloads(page: Page, full: Warehouse) -> None:
    visit(page, "Overview")
    choose(page, "Hospital", "Hospital B")
    choose(page, "Month", "Nov 2024")
    choose(page, "Payer group", "Medicare")
    choose(page, "Ledger", "As known then")
    assert "hospital=Hospital+B" in page.url
    page.get_by_role("link", name="A/R aging").click()
    settled(page)
    page.wait_for_url("**/ar-aging?**")
    for part in ("hospital=", "month=", "payer_group=Medicare", "basis="):
        assert part in page.url
    page.reload()
    settled(page)
    rows = list(csv.DictReader(io.StringIO(exported(page, "aging_buckets", "CSV").decode())))
    expected = full.query(
        """
        select sum(b)::double from (
            select sum(ar_delta_amount) as b from gold.fct_ar_events inner join gold.dim_hospital using (hospital_key)
            where hospital_name = 'Hospital B' and payer_group = 'Medicare' and post_date <= '2024-11-30'
                and known_at::date <= '2024-11-30'
            group by account_key having b > 0)
        """
    )
    assert sum(float(row["Debit $"]) for row in rows) == pytest.approx(expected[0][0], abs=0.01)


def test_the_roll_forward_closes_to_the_cent_and_says_what_is_signed(page: Page, full: Warehouse) -> None:
    visit(page, "Roll-forward", "?month=Oct+2024&basis=As+known+then")
    expect(page.get_by_text("This month is closed")).to_be_visible()
    opening, closing = full.query(
        "select sum(opening_amount)::double, sum(closing_amount)::double from gold.fct_month_close "
        "where is_in_force and month_key = 202410"
    )[0]
    said = page.get_by_text(re.compile(r"= [\d,.]+ *closes")).first.inner_text()
    assert said.startswith(f"{opening:,.2f}")
    assert f"= {closing:,.2f}" in said
    keep(page, "a closed month")


def test_a_balance_is_followed_down_to_account_and_claim(page: Page, full: Warehouse) -> None:
    visit(page, "A/R aging", "?by=Department&month=Dec+2024")
    ((department, total),) = full.query(
        """
        with parts as (
            select account_key, payer_group, department_key, sum(ar_delta_amount) as part
            from gold.fct_ar_events where post_date <= '2024-12-31' group by all)
        select department_name, sum(part)::double as total
        from parts inner join gold.fct_ar_snapshot_monthly as s using (account_key, payer_group)
        inner join gold.dim_department as d on parts.department_key = d.department_key and d.is_current
        where month_key = 202412 and balance_amount > 0
        group by department_name order by total desc limit 1
        """
    )
    slices = list(csv.DictReader(io.StringIO(exported(page, "aging_by_slice", "CSV").decode())))
    assert slices[0]["Department"] == department
    assert float(slices[0]["Debit $"]) == pytest.approx(total, abs=0.01)
    choose(page, "Department", str(department))
    accounts = list(csv.DictReader(io.StringIO(exported(page, "aging_accounts", "CSV").decode())))
    account = accounts[0]["Account key"]
    choose(page, "Account", account)
    postings = list(csv.DictReader(io.StringIO(exported(page, "account_events", "CSV").decode())))
    ((posted, claims),) = full.query(
        f"""
        select (select sum(ar_delta_amount)::double from gold.fct_ar_events
                where account_key = '{account}' and post_date <= '2024-12-31'),
            (select count(*) from gold.fct_claims where encounter_key = '{account}' or transaction_key = '{account}')
        """
    )
    assert sum(float(row["A/R delta $"]) for row in postings) == pytest.approx(posted, abs=0.01)
    assert f"account={account}" in page.url
    if claims:
        found = list(csv.DictReader(io.StringIO(exported(page, "account_claims", "CSV").decode())))
        assert len(found) == claims
        choose(page, "Claim", found[0]["Claim key"])
        expect(page.get_by_role("heading", name="What became of the claim")).to_be_visible()
    keep(page, "an account")


def test_selecting_a_row_opens_the_account(page: Page) -> None:
    visit(page, "A/R aging")
    grid = page.locator(".st-key-table-aging_accounts canvas").first
    grid.scroll_into_view_if_needed()
    # Its scroller lies over the canvas that draws the rows.
    grid.click(position={"x": 20, "y": 55}, force=True)
    expect(page.get_by_role("heading", name="What was posted")).to_be_visible()
    assert "account=" in page.url


def test_exports_hold_what_gold_has(page: Page, full: Warehouse) -> None:
    from zipfile import ZipFile

    visit(page, "Denials", "?by=Payer&month=Dec+2024")
    rows = list(csv.DictReader(io.StringIO(exported(page, "denial_pareto", "CSV").decode())))
    ((claims, amount),) = full.query(
        """
        select sum(denied_claims)::bigint, sum(denied_amount)::double from gold.kpi_denial_rate
        where claim_month_key between 202401 and 202412
        """
    )
    assert sum(int(float(row["Denied claims"])) for row in rows) == claims
    assert sum(float(row["Denied $"]) for row in rows) == pytest.approx(amount, abs=0.01)
    with ZipFile(io.BytesIO(exported(page, "denial_pareto", "Excel"))) as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
        texts = workbook.read("xl/sharedStrings.xml").decode()
    assert sheet.count("<row ") == len(rows) + 1
    assert f"<v>{float(rows[0]['Denied $']):g}" in sheet or rows[0]["Denied $"] in sheet
    assert "How to read it" in texts
    assert rows[0]["Payer"] in texts


def test_tables_show_what_gold_has(page: Page, full: Warehouse) -> None:
    visit(page, "Overview")
    page.locator(".st-key-table-volumes").scroll_into_view_if_needed()
    # The rows as screen readers have them; what is seen is painted.
    shown = page.locator(".st-key-table-volumes canvas table").text_content() or ""
    for (*counts,) in full.query(
        """
        select hospital_name, (select count(*) from gold.dim_patient as p where p.hospital_key = h.hospital_key
            and is_current), (select count(*) from gold.fct_encounters as e where e.hospital_key = h.hospital_key),
            (select count(*) from gold.fct_claims as c where c.hospital_key = h.hospital_key)
        from gold.dim_hospital as h where hospital_key not in ('-1', '-2')
        """
    ):
        for value in counts:
            assert (f"{value:,}" if isinstance(value, int) else str(value)) in shown


def test_a_contract_is_one_click_away(page: Page) -> None:
    visit(page, "Overview")
    page.locator(".st-key-kpi-gross_days_in_ar").get_by_role("button", name="Contract").click()
    opened = page.locator("[data-testid=stPopoverBody]")
    for words in ("Formula", "Numerator", "HFMA P&P Board Statement 16", "Kodiak 2024", "gold.kpi_days_in_ar"):
        expect(opened).to_contain_text(words)
    keep(page, "a contract")
    page.keyboard.press("Escape")
    page.locator(".st-key-heading-charges_and_payments").get_by_role("button").click()
    expect(page.locator("[data-testid=stPopoverBody]")).to_contain_text("by post date")


def test_filters_are_reached_and_used_by_keyboard_alone(page: Page) -> None:
    visit(page, "Overview")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            str(page.evaluate("document.activeElement.role === 'combobox' ? document.activeElement.ariaLabel : ''"))
        )
        if "Payer group" in reached[-1]:
            break
    assert any("Hospital" in name for name in reached), reached
    assert "Payer group" in reached[-1], reached
    page.keyboard.type("Medicaid")
    page.get_by_role("option", name="Medicaid", exact=True).wait_for()
    page.keyboard.press("Enter")
    settled(page)
    page.wait_for_url("**payer_group=Medicaid**")


def test_a_new_build_shows_without_a_restart(browser: Browser, full: Warehouse, tmp_path: Path) -> None:
    import duckdb

    from tests.python.dashboard.conftest import served

    file = tmp_path / "warehouse.duckdb"
    file.write_bytes((full.lakehouse / "warehouse.duckdb").read_bytes())
    with served(tmp_path) as address, window(browser, address) as page:
        visit(page, "Overview")
        before = metric(page, "ar_balance")
        with duckdb.connect(str(file)) as connection:
            connection.execute("update gold.kpi_values set kpi_value = kpi_value + 1000000")
        page.reload()
        settled(page)
        assert metric(page, "ar_balance") != before
