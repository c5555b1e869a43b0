"""The order in which a load gets onto the disk: part, log, then the move of the landing file."""

import os
from pathlib import Path

import pytest

from ingestion.loads.load import ingest
from ingestion.sources.control_table import load_systems
from tests.python.ingestion.conftest import Project


def test_part_and_log_are_on_the_disk_before_the_landing_file_is_moved(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    table = project.root / "lakehouse" / "bronze" / "payer" / "claims"
    synced: list[tuple[str, bool, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        is_committed = any((table / "_delta_log").glob("*.json"))
        synced.append((str(path.relative_to(project.root / "lakehouse")), is_committed, file.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    settings = project.settings()
    ingest(settings, load_systems(settings.project_dir, settings.bronze_dir), source="payer")

    names = [(name.replace(part.name, "part"), *rest) for part in table.glob("*.parquet") for name, *rest in synced]
    part, log = "bronze/payer/claims/part", "bronze/payer/claims/_delta_log"
    # Before the commit: the part and its name.
    assert [entry for entry in names if not entry[1]][-2:] == [
        (part, False, True),
        ("bronze/payer/claims", False, True),
    ]
    # After it, and before the file is moved: the log, and every folder that has a new name.
    expected = [f"{log}/00000000000000000000.json", log, "bronze/payer/claims", "bronze/payer", "bronze"]
    assert set(expected) <= {name for name, committed, waits in names if committed and waits}
    # The file itself, in its new folder before it leaves the old one.
    moved = [name for name, _, waits in names if not waits]
    assert moved[:2] == ["landing/archive/payer/claims", "landing/claims"]
