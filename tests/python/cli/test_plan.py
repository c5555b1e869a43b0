"""``rcm plan`` explains each decision."""

import json
import time
from typing import Any

import pytest
import yaml

from tests.python.cli.conftest import Project, rcm


def planned(*options: str) -> dict[str, dict[str, Any]]:
    """The plan for a machine, by table."""
    result = rcm("plan", "--json", *options)
    assert result.exit_code == 0, result.output
    return {f"{load['system']}.{load['table']}": load for load in json.loads(result.stdout)}


@pytest.fixture
def loaded(filled: Project) -> Project:
    """A project after its first load."""
    assert rcm("ingest").exit_code == 0
    return filled


def test_an_increment_says_from_which_bound_and_why(loaded: Project) -> None:
    assert loaded.commits("emr.visits") == 1
    visits = planned()["emr.visits"]
    assert (visits["watermark"], visits["watermark_low"]) == ("ModifiedDate", "2024-01-01 08:00:00")
    assert (visits["reads_from"], visits["lag_seconds"]) == ("2023-12-30 08:00", 172_800)
    assert visits["reason"] == (
        "ModifiedDate from 2023-12-30 08:00 on: the last batch reached 2024-01-01 08:00:00, less a lag of 2 days for "
        "late-arriving rows; rows that bronze has are dropped (deduplicated)"
    )


@pytest.mark.usefixtures("loaded")
def test_a_full_read_says_who_wants_it() -> None:
    assert planned()["emr.wards"]["reason"] == "reads all, as its mode is full; commits it if anything differs"
    visits = planned("--full")["emr.visits"]
    assert (visits["load_type"], visits["reads_from"]) == ("full", None)
    assert visits["reason"] == "reads all, as --full asks; commits it if anything differs"


def test_files_that_wait_that_are_known_and_that_wait_twice(loaded: Project) -> None:
    (batch,) = [result.batch_id for result in loaded.log() if result.label == "payer.claims"]
    loaded.drop("claims/again.csv", "ClaimID,Amount\nc1,1.00\n")
    loaded.drop("claims/new.csv", "ClaimID,Amount\nc2,2.00\n")
    loaded.drop("claims/same_as_new.csv", "ClaimID,Amount\nc2,2.00\n")
    result = rcm("plan", "--source", "payer")
    again, new, twice = [line for line in result.stdout.splitlines() if line.startswith("payer.claims")]
    assert "   archive       claims/again.csv: skipped: its bytes were loaded on " in again
    assert again.endswith(f" as batch {batch}; the file is archived")
    assert new.endswith("claims/new.csv: new file, adds to the table")
    assert twice.endswith("its bytes wait in another file, too, which is loaded; the file is archived")
    assert result.stdout.splitlines()[-1] == "1 load (1 incremental), 2 known and archived"


def test_what_is_skipped_and_why(loaded: Project) -> None:
    declared = yaml.safe_load((loaded.root / "models/bronze/sources.yml").read_text())
    for table in declared["sources"][0]["tables"]:
        table["config"]["meta"]["load"]["active"] = table["name"] == "visits"
    loaded.write("models/bronze/sources.yml", yaml.safe_dump(declared))
    loads = planned()
    assert loads["emr.wards"]["action"] == "inactive"
    assert loads["emr.wards"]["reason"] == "skipped: load.active is false in the control table"
    assert loads["codes.codes"]["reason"] == "no file waits as codes/*.csv"
    assert rcm("plan").stdout.splitlines()[-1] == "1 load (1 incremental), 1 inactive, 2 with nothing to read"


def test_a_reconciling_read_says_when_it_is_due(loaded: Project) -> None:
    declared = yaml.safe_load((loaded.root / "models/bronze/sources.yml").read_text())
    load = declared["sources"][0]["tables"][0]["config"]["meta"]["load"]
    for every, expected in (
        ("P30D", "; reads all to reconcile from "),
        ("PT1S", "reads all to reconcile, which is due every 1 second and the last time was "),
    ):
        load["full_every"] = every
        loaded.write("models/bronze/sources.yml", yaml.safe_dump(declared))
        # The second since the load is soon over.
        deadline = time.monotonic() + 20
        while expected not in (reason := planned()["emr.visits"]["reason"]):
            assert time.monotonic() < deadline, reason


def test_a_table_that_cannot_be_planned_is_an_error_with_its_remedy(loaded: Project) -> None:
    log = loaded.root / "lakehouse" / "bronze" / "emr" / "wards" / "_delta_log"
    for file in log.glob("*.json"):
        file.write_text("broken")
    result = rcm("plan")
    assert result.exit_code == 1
    assert "error: emr.wards: " in result.stderr
    assert result.stderr.splitlines()[-1].startswith("next: ")
    assert "emr.visits" in result.stdout


@pytest.mark.usefixtures("filled")
def test_options_that_are_repeated_add_up() -> None:
    assert set(planned("-s", "emr", "-s", "codes")) == {"emr.visits", "emr.wards", "codes.codes"}
    assert set(planned("-s", "emr", "-s", "codes", "-t", "wards", "-t", "codes")) == {"emr.wards", "codes.codes"}
    ingested = json.loads(rcm("ingest", "-s", "payer", "-s", "codes", "--json").stdout)["results"]
    assert {result["system"] for result in ingested} == {"payer", "codes"}
    refused = rcm("plan", "-s", "emr", "-s", "paier")
    assert refused.exit_code == 2
    assert refused.stderr == "error: --source paier: no such system\nnext: did you mean payer?\n"


def test_a_system_that_is_left_out_is_named_once_and_not_called_unknown(filled: Project) -> None:
    listed = yaml.safe_load((filled.root / "dbt_project.yml").read_text())
    del listed["vars"]["systems"]["models/bronze"]["payer"]
    filled.write("dbt_project.yml", yaml.safe_dump(listed))
    said = (
        "error: dbt_project.yml: vars.systems: models/bronze: payer is missing, which sources.yml declares\n"
        "next: add the line 'payer: [claims]' there\n"
    )

    only = rcm("plan", "--source", "payer")
    both = rcm("plan", "--source", "payer", "--source", "emr")

    assert (only.exit_code, only.stderr, only.stdout) == (2, said, "")
    assert (both.exit_code, both.stderr) == (1, said)
    assert "emr.wards" in both.stdout
