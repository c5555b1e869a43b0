"""A commit whose answer is lost, or that storage executes after the client gave up: its data is never deleted."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.bronze.places import bronze_table
from ingestion.loads.load import IngestSummary
from tests.python.faults.lakehouse import Lakehouse, ingest_here
from tests.python.faults.processes import run
from tests.python.ingestion.azurite import Azurite, running
from tests.python.ingestion.late_proxy import Fate, LateProxy, late_proxy

_COMMIT = re.compile(r"/bronze/payer/claims/_delta_log/\d{20}\.json$")


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with running() as emulator:
        yield emulator


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[LateProxy]:
    with late_proxy(azurite.endpoint) as made:
        yield made


def commits(fate: Fate) -> Callable[[str, str], Fate]:
    """A fate for the commits of one table."""
    return lambda method, path: fate if method == "PUT" and _COMMIT.search(path) else "pass"


class Far:
    """A project here, whose lakehouse is reached through the proxy."""

    def __init__(self, root: Path, azurite: Azurite, proxy: LateProxy) -> None:
        self.here = Lakehouse.create(root)
        self.container = root.name.replace("_", "-").strip("-")
        azurite.container(self.container)
        self.azurite = azurite
        endpoint = f"{proxy.url}/{azurite.endpoint.rpartition('/')[2]}"
        self.values = {
            "RCM_LAKEHOUSE": azurite.url(self.container),
            "RCM_STORAGE_CONNECTION": replace(azurite, endpoint=endpoint).with_key,
        }

    def names(self, folder: str) -> list[str]:
        return self.azurite.names(self.container, folder)

    def parts(self) -> list[str]:
        return [name for name in self.names("bronze") if name.endswith(".parquet")]

    def rows(self) -> list[str]:
        """Claims that bronze holds, read around the proxy."""
        values = {**self.values, "RCM_STORAGE_CONNECTION": self.azurite.with_key}
        [spec] = [spec for system in self.here.systems() for spec in system.tables if spec.label == "payer.claims"]
        delta = bronze_table(self.here.settings(**values), spec).open()
        return [] if delta is None else sorted(pa.table(delta.scan(["ClaimID"])).column(0).to_pylist())

    def drop(self, name: str, content: str) -> None:
        self.azurite.client(self.container).upload_blob(f"landing/{name}", content.encode())

    def load(self) -> list[tuple[str, str]]:
        """Outcomes of a run, in a process of its own: while deltalake waits, no thread of its process runs."""
        task: Callable[..., IngestSummary] = ingest_here
        summary = run(self.here.root, partial(task, source="payer", **self.values)).value
        return [(result.status, result.message or "") for result in summary.results]


@pytest.fixture
def far(tmp_path: Path, azurite: Azurite, proxy: LateProxy, monkeypatch: pytest.MonkeyPatch) -> Far:
    monkeypatch.chdir(tmp_path)
    return Far(tmp_path, azurite, proxy)


@pytest.mark.parametrize("is_first", [True, False], ids=["first commit", "later commit"])
def test_a_commit_that_storage_executes_late_finds_its_data(far: Far, proxy: LateProxy, is_first: bool) -> None:
    if not is_first:
        far.drop("claims/0.csv", "ClaimID,Amount\nC0,1\n")
        far.load()
    far.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    proxy.fate = commits("keep")

    [(status, message)] = far.load()
    waiting, held = far.names("landing/claims"), far.names("bronze")
    proxy.fate = commits("pass")
    executed = proxy.execute_kept()

    assert status == "failed"
    assert message.endswith("run rcm ingest again, which asks the log and loads nothing twice")
    assert "did not answer the commit of batch" in message
    assert waiting == ["landing/claims/a.csv"]
    assert executed == [201]
    assert [name for name in held if name.endswith(".parquet")] == far.parts()
    assert far.load()[0][0] == "duplicate_file"
    assert far.rows() == (["C1"] if is_first else ["C0", "C1"])


def test_a_commit_that_comes_after_the_next_run_s_is_refused_and_its_data_swept_once_it_is_old(
    far: Far, proxy: LateProxy
) -> None:
    far.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    proxy.fate = commits("keep")
    far.load()
    proxy.fate = commits("pass")

    assert far.load()[0][0] == "committed"
    assert proxy.execute_kept() == [409]

    assert far.rows() == ["C1"]
    assert len(far.parts()) == 2
    far.load()
    assert len(far.parts()) == 2


def test_a_commit_whose_answer_is_lost_is_found_in_the_log(far: Far, proxy: LateProxy) -> None:
    far.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    proxy.fate = commits("lose the answer")

    assert far.load()[0][0] == "committed"

    assert far.rows() == ["C1"]
    assert far.names("landing/claims") == []


def test_a_known_file_whose_data_is_gone_stays_in_landing(far: Far) -> None:
    far.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    far.load()
    [part] = far.parts()
    far.azurite.client(far.container).delete_blob(part)
    far.drop("claims/b.csv", "ClaimID,Amount\nC1,1\n")

    [(status, message)] = far.load()

    assert status == "failed"
    assert message.startswith("claims/b.csv: bronze holds it as batch ")
    assert f"{part.rpartition('/')[2]} is missing; restore that file from the backup" in message
    assert far.names("landing/claims") == ["landing/claims/b.csv"]
