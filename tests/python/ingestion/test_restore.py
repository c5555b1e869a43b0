"""Everything that is lost besides bronze is rebuilt from its commits, as docs/operations.md says about restoring."""

import shutil
from pathlib import Path

from ingestion.bronze.places import audit_log
from tests.python.ingestion.conftest import Project


def filled(project: Project) -> None:
    """Loads with a rejected line, with one that failed, and with one that found nothing new."""
    project.visit(("V1", "1.00", "2024-01-01", "2024-01-01"))
    project.sql("insert into wards values ('W1', 'North')")
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2\n")
    broken = project.drop("codes/a.csv", "x\n")
    project.ingest()
    broken.unlink()
    project.ingest()


def committed(project: Project) -> dict[str | None, tuple[str, int, int, str | None]]:
    return {
        result.batch_id: (result.label, result.rows_written, result.rows_rejected, result.watermark_high)
        for result in project.log()
        if result.status == "committed"
    }


def rejected(project: Project) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = audit_log(project.settings()).rejected_lines().to_pylist()
    return lines


def test_audit_tables_that_are_lost_are_written_again_from_the_commits(project: Project) -> None:
    filled(project)
    batches, lines = committed(project), rejected(project)
    assert (len(batches), len(lines)) == (3, 1)
    shutil.rmtree(project.root / "lakehouse" / "audit")

    summary = project.ingest()

    assert {result.status for result in summary.results} == {"unchanged", "nothing"}
    assert (committed(project), rejected(project)) == (batches, lines)
    assert {result.status for result in project.log()} == {"committed", "unchanged", "nothing"}


def test_bronze_and_landing_alone_are_a_lakehouse(project: Project) -> None:
    filled(project)
    before = [project.bronze(label) for label in ("emr.visits", "emr.wards", "payer.claims")]
    _keep_only(project.root / "lakehouse", "bronze", "landing")

    summary = project.ingest()

    assert {result.status for result in summary.results} == {"unchanged", "nothing"}
    assert [project.bronze(label) for label in ("emr.visits", "emr.wards", "payer.claims")] == before


def _keep_only(folder: Path, *names: str) -> None:
    for path in folder.iterdir():
        if path.name in names:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
