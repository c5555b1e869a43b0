"""A run as a service: what it returns, and when the simulator answers for the NPI and ICD services."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings, read_settings
from ingestion.declared.control_table import ControlTable
from rcm import service
from rcm.doctor.check import Situation
from rcm.doctor.connections import connection
from rcm.simulation import answers_are_simulated, simulated_apis
from simulator import simulate

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(PROJECT)
    return read_settings({"RCM_LAKEHOUSE": str(tmp_path / "lakehouse")})


@pytest.fixture
def control(settings: Settings) -> ControlTable:
    return service.read_control(settings)


@pytest.fixture
def simulated(settings: Settings) -> Settings:
    simulate(settings.warehouse.parent, patients=100)
    return settings


def test_loads_are_returned_logged_and_nothing_is_printed(
    simulated: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged_to = replace(simulated, project_dir=tmp_path)
    control = service.read_control(simulated)
    first = service.load(logged_to, control=control, source="hospital_a")
    assert not first.failed
    assert first.summary.changed
    again = service.load(logged_to, control=control, source="hospital_a")
    assert not again.summary.changed
    events = [json.loads(line)["event"] for line in (tmp_path / "logs/rcm.jsonl").read_text().splitlines()]
    assert events.count("run_finished") == 2
    assert capsys.readouterr() == ("", "")


def test_a_system_that_is_left_out_fails_the_run_and_the_others_load(simulated: Settings, tmp_path: Path) -> None:
    whole = service.read_control(simulated)
    control = replace(whole, problems=("hospital_b.yml: broken",))
    outcome = service.load(replace(simulated, project_dir=tmp_path), control=control, source="hospital_a")
    assert outcome.failed
    assert not outcome.summary.failed
    assert outcome.summary.changed


def test_an_unknown_source_is_refused(settings: Settings, control: ControlTable) -> None:
    with pytest.raises(SpecError, match="--source hospital_x: no such system"):
        service.load(settings, control=control, source="hospital_x")


def test_a_lakehouse_without_a_simulation_asks_the_real_services(settings: Settings, control: ControlTable) -> None:
    assert not answers_are_simulated(settings, control.systems)
    with simulated_apis(settings, control.systems) as reached:
        assert reached is settings


@pytest.mark.parametrize("address", ["RCM_HOSPITAL_A_URL", "RCM_NPI_URL", "RCM_ICD_URL"])
def test_an_address_of_ones_own_ends_the_simulated_answers(
    simulated: Settings, control: ControlTable, address: str
) -> None:
    assert answers_are_simulated(simulated, control.systems)
    own = simulated.with_values({address: "https://example.org"})
    assert not answers_are_simulated(own, control.systems)
    assert answers_are_simulated(own.with_values({"RCM_SIMULATED_APIS": "true"}), control.systems)


def test_answers_that_nobody_can_simulate_are_an_error_of_the_run_and_the_doctor(
    settings: Settings, control: ControlTable
) -> None:
    wanted = settings.with_values({"RCM_SIMULATED_APIS": "true"})
    with pytest.raises(SpecError, match=r"RCM_SIMULATED_APIS is true, but .*registry\.json is missing"):
        service.load(wanted, control=control, source="npi_registry")
    with pytest.raises(SpecError, match=r"RCM_SIMULATED_APIS is true, but .*registry\.json is missing"):
        list(connection(Situation(wanted.project_dir, {}, wanted, control), "npi_registry"))


def test_the_setting_refuses_simulated_answers(simulated: Settings, control: ControlTable) -> None:
    assert not answers_are_simulated(simulated.with_values({"RCM_SIMULATED_APIS": "false"}), control.systems)
    with pytest.raises(SpecError, match="RCM_SIMULATED_APIS is neither true nor false"):
        answers_are_simulated(simulated.with_values({"RCM_SIMULATED_APIS": "perhaps"}), control.systems)
