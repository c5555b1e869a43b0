"""When the warehouse already holds what bronze has, and when it does not."""

import pytest

from ingestion.build_record import is_current, note_build
from ingestion.control_table import load_systems
from tests.python.ingestion.conftest import Project


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RCM_BRONZE", "RCM_LAKEHOUSE"):
        monkeypatch.delenv(name, raising=False)


def test_a_build_is_current_until_bronze_or_the_project_changes(project: Project) -> None:
    settings = project.settings()
    systems = load_systems(settings.project_dir, settings.bronze_dir)
    project.visit(("v1", 1, None, "2024-01-01"))
    project.ingest()
    assert not is_current(settings, systems)
    settings.warehouse.touch()

    note_build(settings, systems, succeeded=True)
    assert is_current(settings, systems)

    project.visit(("v2", 2, None, "2024-01-02"))
    project.ingest()
    assert not is_current(settings, systems)

    note_build(settings, systems, succeeded=True)
    project.write("models/gold/new.sql", "select 1")
    assert not is_current(settings, systems)

    note_build(settings, systems, succeeded=False)
    assert not is_current(settings, systems)
