"""Lakehouses in the states a reader can meet, and the dashboard over them as `make dashboard` starts it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

import duckdb
import pytest
from playwright.sync_api import Browser, Page
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.python.lakehouses import PROJECT, SimulatedDays, Warehouse

Theme = Literal["light", "dark"]
APP = PROJECT / "dashboard/app.py"
SCREENSHOTS = PROJECT / "target/screenshots"
PAGES = {
    "Overview": "",
    "A/R aging": "ar-aging",
    "Roll-forward": "roll-forward",
    "Collections": "collections",
    "Denials": "denials",
    "Payers": "payers",
    "Charges and departments": "charges-and-departments",
    "Providers and procedures": "providers-and-procedures",
    "Data quality": "data-quality",
    "Pipeline": "pipeline",
}


@pytest.fixture(scope="session")
def plain(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The first day: no adjustments feed, no closed month."""
    return simulated_days.copy(0, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """With the adjustments feed; December was signed on the first day, and on the next came more of it."""
    warehouse = Warehouse(tmp_path_factory.mktemp("full"))
    warehouse.run("rcm", "demo", "--patients", "200", "--remittance")
    warehouse.run("rcm", "close", "2024-12", "--by", "a test")
    warehouse.run("rcm", "simulate", "--day", "1")
    warehouse.run("rcm", "run")
    return warehouse


@pytest.fixture(scope="session")
def empty(full: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that was built before anything arrived: every table and view, no row, and the contracts."""
    warehouse = Warehouse(tmp_path_factory.mktemp("empty"))
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{full.lakehouse}/warehouse.duckdb' as built (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'built' and schema_name in "
            "('gold', 'silver') union all select schema_name, view_name from duckdb_views() "
            "where database_name = 'built' and schema_name = 'gold'"
        ).fetchall()
        for schema, table in tables:
            kept = "" if table in {"kpi_contracts", "dim_aging_bucket"} else " limit 0"
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{table} as from built.{schema}.{table}{kept}")
    return warehouse


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Runs the dashboard without a browser: over a lakehouse, at a page, with an address's query."""

    def run(lakehouse: Path, title: str = "Overview", **query: str) -> AppTest:
        monkeypatch.setenv("RCM_LAKEHOUSE", str(lakehouse))
        monkeypatch.chdir(PROJECT)
        test = AppTest.from_file(str(APP), default_timeout=60)
        # switch_page knows pages that are files; these are functions, told apart by the hash of their address.
        test._page_hash = calc_hash(PAGES[title])
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    return run


@contextmanager
def served(lakehouse: Path) -> Iterator[str]:
    """The dashboard on a free port, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "streamlit"), "run", str(APP), "--server.address", "127.0.0.1"]
    server = subprocess.Popen(
        [*command, "--server.port", str(port)],
        cwd=PROJECT,
        env={**os.environ, "RCM_LAKEHOUSE": str(lakehouse)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = monotonic() + 60
        while not _answers(f"{url}/_stcore/health"):
            assert server.poll() is None, "the dashboard ended"
            assert monotonic() < deadline, "the dashboard did not start"
            sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def url(full: Warehouse) -> Iterator[str]:
    """Where the dashboard over the full lakehouse is."""
    with served(full.lakehouse) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A window of 1280 pixels; what it asked elsewhere than the dashboard fails the test."""
    with window(browser, url) as opened:
        yield opened


@contextmanager
def window(browser: Browser, url: str, width: int = 1280, theme: Theme = "light") -> Iterator[Page]:
    """A browser window of its own; nothing it shows may come from another host."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, accept_downloads=True, base_url=url
    )
    elsewhere: list[str] = []
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    opened.on(
        "request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else elsewhere.append(asked.url)
    )
    try:
        yield opened
        assert elsewhere == []
    finally:
        context.close()


def visit(page: Page, title: str, query: str = "") -> None:
    """Open a page and wait until its last part is there."""
    page.goto(f"/{PAGES[title]}{query}")
    settled(page)


def settled(page: Page) -> None:
    """Wait until the dashboard has nothing more to show."""
    page.wait_for_selector("h1")
    page.wait_for_selector("[data-testid=stSubheader], h3, [data-testid=stAlert]")
    page.wait_for_function(
        "!document.querySelector('[data-testid=stStatusWidget]') && !document.querySelector('[data-stale=true]')"
        " && document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'"
    )


def keep(page: Page, name: str) -> Path:
    """A screenshot of the whole page, kept under target/screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    viewport = page.viewport_size
    assert viewport is not None
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": viewport["width"], "height": min(height + 20, 8000)})
    page.wait_for_function("document.fonts.status === 'loaded'")
    file = SCREENSHOTS / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.png"
    page.screenshot(path=file)
    page.set_viewport_size(viewport)
    return file


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session", autouse=True)
def fresh_screenshots() -> None:
    """Screenshots of this session only."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
