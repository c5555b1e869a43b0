"""Time until the dashboard's first numbers are on screen: a real browser, a server just started, a built lakehouse.

    rcm demo --patients 145000      # about a million charge lines
    python benchmarks/dashboard_start.py lakehouse

Prints, in seconds: from the start of the command until it answers, then from opening a page until its first number and
until all of it is there, first with nothing kept and once more with kept answers.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from playwright.sync_api import Browser, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
PAGES = ("", "ar-aging", "roll-forward", "collections", "denials", "payers", "charges-and-departments")


@contextmanager
def dashboard(lakehouse: Path) -> Iterator[tuple[str, float]]:
    """The dashboard's address and the seconds until it answered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    streamlit = Path(sys.executable).parent / "streamlit"
    address = f"http://127.0.0.1:{port}"
    begun = time.perf_counter()
    server = subprocess.Popen(  # noqa: S603 - our own command
        [streamlit, "run", "dashboard/app.py", "--server.address", "127.0.0.1", "--server.port", str(port)],
        cwd=PROJECT,
        env={**os.environ, "RCM_LAKEHOUSE": str(lakehouse)},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not answers(address):
            time.sleep(0.05)
        yield address, time.perf_counter() - begun
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    """True once the server is up."""
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):  # noqa: S310 - loopback
            return True
    except (urllib.error.URLError, OSError):
        return False


def opened(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds until the first number and until the whole page, in a window of its own."""
    page = browser.new_page()
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("[data-testid=stMetricValue], [data-testid=stDataFrame]", timeout=120_000)
    first = time.perf_counter() - begun
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'", timeout=120_000
    )
    whole = time.perf_counter() - begun
    page.close()
    return first, whole


def main() -> int:
    """Measure one lakehouse and print a line per page."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("lakehouse", type=Path, help="folder of a built lakehouse")
    lakehouse = arguments.parse_args().lakehouse.resolve()
    with duckdb.connect(str(lakehouse / "warehouse.duckdb"), read_only=True) as connection:
        counts = "select (select count(*) from gold.fct_transactions), (select count(*) from gold.fct_ar_events)"
        lines, events = connection.execute(counts).fetchall()[0]
    load, cores = os.getloadavg()[0], os.cpu_count()
    sys.stdout.write(f"{lines:,} charge lines, {events:,} ledger events; {cores} cores, load {load:.1f}\n")
    with sync_playwright() as playwright, dashboard(lakehouse) as (address, started):
        sys.stdout.write(f"server answers after {started:.1f} s\n")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for path in PAGES:
            for state in ("first", "again"):
                first, whole = opened(browser, f"{address}/{path}")
                sys.stdout.write(f"{path or 'overview':24} {state:6} first number {first:5.1f} s, all {whole:5.1f} s\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
