"""What more than one folder of tests starts with: simulated lakehouses, and a browser to look at what they show."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.python.lakehouses import SimulatedDays

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How fast this machine is must not show in what commands print.
os.environ["RCM_PROGRESS"] = "off"


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
