"""The Data Docs: committed batches validated by Great Expectations on request, without a value or a network."""

import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

from ingestion.bronze.data_docs.__main__ import newest_batches
from ingestion.declared.control_table import load_systems
from tests.python.ingestion.conftest import CLAIMS, Project, source

CANARY = "canary7391"
CHECKOUT = Path(__file__).parents[3]


def run(*command: str, cwd: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **values}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)


def declare(project: Project) -> None:
    """Claims with a set of numbers and amounts that are required; neither rejects."""
    claims = deepcopy(CLAIMS)
    claims["columns"][0]["config"] = {"meta": {"allowed": ["C1", "C2"]}}
    claims["columns"][1]["config"] = {"meta": {"required": True}}
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [claims])])


def test_committed_batches_get_their_pages_and_no_value_is_in_one(project: Project, tmp_path: Path) -> None:
    declare(project)
    project.drop("claims/a.csv", f"ClaimID,Amount\n{CANARY},\nC2,2.00\n")
    loaded = project.load("payer.claims")
    assert loaded.status == "committed"
    assert loaded.checks_failed == "allowed:ClaimID, required:Amount"
    docs = project.settings().warehouse.parent / "audit" / "data_docs"
    assert not docs.exists()
    home = tmp_path / "home"
    home.mkdir()

    # Nothing listens at the proxy.
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    before = set(project.root.rglob("*"))
    made = run("-m", "ingestion.bronze.data_docs", cwd=project.root, HOME=str(home), **proxies)

    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == f"{docs / 'index.html'} (1 batches)\n"
    assert loaded.batch_id is not None
    assert loaded.batch_id in (docs / "index.html").read_text()
    assert loaded.batch_id in (docs / "site" / "index.html").read_text()
    [page] = (docs / "site" / "validations" / "payer" / "claims").rglob("*.html")
    assert "must never be null" in page.read_text()
    files = [path for path in docs.rglob("*") if path.is_file()]
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert list(home.iterdir()) == []
    assert {path for path in set(project.root.rglob("*")) - before if docs.parent not in (path, *path.parents)} == set()


def test_a_batch_that_great_expectations_cannot_judge_is_named_and_the_others_get_their_pages(project: Project) -> None:
    wards: dict[str, Any] = {
        "name": "wards",
        "config": {"meta": {"load": {"files": "wards/*.csv", "mode": "full", "key": ["Share %("]}}},
        "columns": [{"name": "Share %(", "data_type": "string", "config": {"meta": {"allowed": ["1"]}}}],
    }
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [CLAIMS, wards])])
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1.00\n")
    project.drop("wards/a.csv", "Share %(\n1\n")
    assert [project.load(label).status for label in ("payer.claims", "payer.wards")] == ["committed"] * 2

    made = run("-m", "ingestion.bronze.data_docs", cwd=project.root)

    assert made.returncode == 1
    assert made.stdout.endswith("(1 batches)\n")
    [problem] = made.stderr.splitlines()
    assert "of Share %( was not evaluated" in problem


def test_only_the_newest_batches_are_taken_and_a_compacted_one_is_left_out(project: Project) -> None:
    declare(project)
    loaded = []
    for number in (1, 2, 3):
        project.drop("claims/a.csv", f"ClaimID,Amount\nC{number},1.00\n")
        loaded.append(project.load("payer.claims").batch_id)
    settings = project.settings()
    systems = load_systems(settings.project_dir, settings.bronze_dir)

    def found(count: int) -> list[tuple[str, tuple[int, ...]]]:
        return [(one.batch.batch_id, one.earlier_rows) for one in newest_batches(settings, systems, count)]

    assert found(2) == [(loaded[2], (1, 1)), (loaded[1], (1,))]
    newest_batches(settings, systems)[0].part.delete()
    assert found(3) == [(loaded[1], (1,)), (loaded[0], ())]


def test_the_process_is_forbidden_to_reach_a_host() -> None:
    script = (
        "import socket\nfrom ingestion.bronze.data_docs.__main__ import forbid_network\nforbid_network()\n"
        "for attempt in (socket.create_connection, lambda address: socket.getaddrinfo(*address)):\n"
        "    try:\n        attempt(('127.0.0.1', 9))\n    except PermissionError:\n        print('refused')\n"
    )
    answered = run("-c", script, cwd=CHECKOUT)
    assert answered.stdout.split() == ["refused", "refused"]


def test_a_load_does_not_import_great_expectations() -> None:
    script = "import ingestion.loads.load, rcm.cli, sys\nprint('great_expectations' in sys.modules)"
    assert run("-c", script, cwd=CHECKOUT).stdout == "False\n"
