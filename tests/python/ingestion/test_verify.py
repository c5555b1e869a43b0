"""``rcm verify``: a missing, foreign or flipped file of bronze, audit or ledger is found and named, and no other."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from ingestion.bronze.set_aside import set_aside
from ingestion.loads.maintenance import maintain
from ingestion.loads.verification import keep_checksums, missing_data, verify
from ingestion.sources.control_table import load_systems
from tests.python.cli.conftest import rcm
from tests.python.ingestion.conftest import Project

SEED = 7


@pytest.fixture
def kept(project: Project) -> Project:
    """Three batches of claims, one compacted table, a ledger: everything with its checksum."""
    for number in range(3):
        project.drop(f"claims/{number}.csv", f"ClaimID,Amount\nC{number},1\nbad\n")
        project.ingest(source="payer")
    list(maintain(project.settings(), load_systems(project.root, project.root / "models" / "bronze")))
    project.drop("claims/9.csv", "ClaimID,Amount\nC9,1\n")
    write_deltalake(str(project.root / "lakehouse" / "ledger" / "month_close"), pa.table({"month": [202401]}))
    project.ingest(source="payer")
    return project


def found(project: Project) -> list[tuple[str, str]]:
    return [(flaw.fault, flaw.path) for flaw in verify(project.settings()).flaws]


def files(project: Project) -> list[Path]:
    lakehouse = project.root / "lakehouse"
    places = [path for top in ("bronze", "audit", "ledger") for path in (lakehouse / top).rglob("*") if path.is_file()]
    return sorted(places)


@contextmanager
def put_back(path: Path) -> Iterator[None]:
    content = path.read_bytes()
    yield
    path.write_bytes(content)


def test_what_is_as_it_was_written_is_told_so(kept: Project) -> None:
    verified = verify(kept.settings())
    assert verified.flaws == ()
    assert (verified.files, verified.unproven) == (len(files(kept)), 0)
    result = rcm("verify")
    assert (result.exit_code, result.stdout) == (0, f"All as they were written: {len(files(kept))} files compared\n")


def test_every_flipped_byte_is_found_in_its_file(kept: Project) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, nothing secret
    for path in files(kept):
        with put_back(path):
            content = bytearray(path.read_bytes())
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(content)
            name = str(path.relative_to(kept.root / "lakehouse"))
            assert ("changed", name) in found(kept), name
    assert found(kept) == []


def test_every_missing_file_is_found(kept: Project) -> None:
    for path in files(kept):
        name = str(path.relative_to(kept.root / "lakehouse"))
        is_needed = name in known(kept)
        with put_back(path):
            path.unlink()
            # An old version of a file that compaction replaced may go: vacuum removes it.
            flaws = found(kept)
            assert ("missing", name) in flaws or (is_needed and name not in named(kept)), name
    assert found(kept) == []


def known(project: Project) -> dict[str, list[object]]:
    text = (project.root / "lakehouse" / "checksums.json").read_text()
    content: dict[str, list[object]] = json.loads(text.partition("\n")[2])
    return content


def named(project: Project) -> set[str]:
    """Files that must be there: those of newest versions, and logs."""
    from ingestion.bronze.delta_files import delta_files, read_log

    lakehouse = project.settings().lakehouse
    tables, _ = delta_files(lakehouse)
    for table in tables:
        read_log(lakehouse, table)
    return {f"{table.folder}/{name}" for table in tables for name in table.held if not table.may_be_gone(name)}


def test_a_foreign_file_is_found_wherever_it_is(kept: Project) -> None:
    lakehouse = kept.root / "lakehouse"
    for name in ("bronze/payer/claims/part-x.parquet", "bronze/notes.txt", "audit/load_log/_delta_log/x.json"):
        path = lakehouse / name
        path.write_text("x")
        assert found(kept) == [("foreign", name)]
        keep_checksums(kept.settings())
        assert found(kept) == [("foreign", name)]
        path.unlink()


def test_a_table_that_is_gone_is_missed(kept: Project) -> None:
    shutil.rmtree(kept.root / "lakehouse" / "bronze" / "payer")
    faults = {fault for fault, path in found(kept) if path.startswith("bronze/payer/claims/_delta_log/")}
    assert faults == {"missing"}
    keep_checksums(kept.settings())
    assert found(kept)


def test_checksums_that_were_changed_are_named_and_the_commits_stand_in(kept: Project) -> None:
    place = kept.root / "lakehouse" / "checksums.json"
    place.write_bytes(place.read_bytes().replace(b"1", b"2", 5))
    assert ("changed", "checksums.json") in found(kept)
    place.unlink()
    newest = max((kept.root / "lakehouse" / "bronze" / "payer" / "claims").glob("part-2*.parquet"))
    content = bytearray(newest.read_bytes())
    content[20] ^= 1
    newest.write_bytes(content)
    assert ("changed", str(newest.relative_to(kept.root / "lakehouse"))) in found(kept)


def test_status_and_doctor_name_data_that_a_log_names_and_storage_lacks(kept: Project) -> None:
    [newest] = [path for path in files(kept) if path.name.startswith("part-2") and path.name in str(named(kept))][-1:]
    newest.write_bytes(newest.read_bytes()[:-1])
    assert [flaw.fault for flaw in missing_data(kept.settings())] == ["changed"]
    newest.unlink()
    name = str(newest.relative_to(kept.root / "lakehouse"))

    status = rcm("status")
    assert status.exit_code == 1
    assert f"{name}: missing, the log names it; restore it from the backup" in status.stdout.replace("\n", " ")
    assert json.loads(rcm("status", "--json").stdout)["damaged_files"][0]["path"] == name
    doctor = json.loads(rcm("doctor", "--json").stdout)
    assert [(entry["state"], entry["message"]) for entry in doctor if entry["check"] == "files"] == [
        ("problem", f"{name}: missing, the log names it")
    ]
    assert rcm("verify").exit_code == 1


def test_a_table_that_was_set_aside_is_compared_where_it_is(kept: Project) -> None:
    set_aside(kept.settings(), "payer", ["claims"], status="restarted", who="A. Steward", reason="wrong type")
    assert found(kept) == []
    kept.ingest(source="payer")
    assert found(kept) == []
    [part] = list((kept.root / "lakehouse" / "set_aside").glob("*/table/part-2*.parquet"))[:1]
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    assert [fault for fault, _ in found(kept)] == ["changed"]
