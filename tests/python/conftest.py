"""Fixtures of several folders: simulated lakehouses, and a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.python.lakehouses import SimulatedDays

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How fast this machine is must not show in what commands print.
os.environ["RCM_PROGRESS"] = "off"

# Folders and modules by what their tests need; all other tests are quick.
MARKED = {
    # The long ones start first, so that no worker is left with one of them at the end.
    "long": (
        "engines/test_parity.py",
        "project/test_onboarding.py",
        "pipeline/test_orders.py",
        "independent_ledger",
        "faults",
        "pipeline/test_quality.py",
        "pipeline/test_month_close.py",
    ),
    "build": (
        "pipeline",
        "independent_ledger",
        "dashboard",
        "engines/test_parity.py",
        "project/test_dbt_docs.py",
        "project/test_dbt_utils.py",
        "project/test_onboarding.py",
        "project/test_phi_lineage.py",
        "databricks",
    ),
    "server": (
        "ingestion/test_azure.py",
        "ingestion/test_azure_identity.py",
        "ingestion/test_data_docs.py",
        "ingestion/test_postgresql.py",
        "ingestion/test_sql_server.py",
        "ingestion/test_storage.py",
        "project/test_site.py",
        "project/test_wheel.py",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its place, and put the long ones first."""
    here = Path(__file__).parent
    places = {item: {item.path, *item.path.parents} for item in items}
    for item in items:
        marks = [mark for mark, names in MARKED.items() if any(here / name in places[item] for name in names)]
        for mark in marks or ["quick"]:
            item.add_marker(mark)
    order = [here / name for name in MARKED["long"]]
    items.sort(key=lambda item: next((rank for rank, place in enumerate(order) if place in places[item]), len(order)))


@pytest.fixture(scope="session")
def simulated_days(tmp_path_factory: pytest.TempPathFactory) -> SimulatedDays:
    """The simulated days; a worker that wants one waits while another makes it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / "simulated_days"
    folder.mkdir(exist_ok=True)
    return SimulatedDays(folder)


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Chromium without a window; it asks no host on its own."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=quiet)
        yield chromium
        chromium.close()
