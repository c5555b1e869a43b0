"""dbt's unit tests judge the code, whatever the data: they run once, on a warehouse that has the tables they name."""

from pathlib import Path

import yaml

from tests.python.lakehouses import PROJECT, SimulatedDays


def test_every_unit_test_of_the_models_passes(simulated_days: SimulatedDays, tmp_path: Path) -> None:
    declared = sum(
        len(yaml.safe_load(path.read_text()).get("unit_tests", ())) for path in PROJECT.glob("models/**/*.yml")
    )
    warehouse = simulated_days.copy(0, tmp_path / "lakehouse")
    printed = warehouse.run("dbt", "test", "--select", "test_type:unit", "--exclude-resource-type", "test")
    assert declared > 0
    assert f" {declared} unit tests in " in printed
    assert "WARN=0 ERROR=0 SKIP=0" in printed


def test_every_test_of_the_macros_passes(simulated_days: SimulatedDays, tmp_path: Path) -> None:
    declared = len(list(PROJECT.glob("tests/macros/*.sql")))
    printed = simulated_days.copy(0, tmp_path / "lakehouse").run(
        "dbt", "test", "--select", "path:tests/macros", tests=True
    )
    assert declared > 0
    assert f" {declared} data tests in " in printed
    assert "WARN=0 ERROR=0 SKIP=0" in printed
