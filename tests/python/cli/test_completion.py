"""What a real shell offers after TAB."""

import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.python.cli.conftest import RCM, Project

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="component bash is not installed")

KPI = {
    "models": [
        {"name": name, "columns": [{"name": "n", "data_type": "bigint", "config": {"meta": {"cell_count": counts}}}]}
        for name, counts in (("kpi_ar_aging", True), ("kpi_denial_rate", True), ("kpi_uncounted", False))
    ]
}


def offered(line: str) -> list[str]:
    """Words that bash offers at the end of a line, through the function that rcm installs into it."""
    script = f"""
        export PATH={RCM.parent}:$PATH
        eval "$(_RCM_COMPLETE=source_bash rcm)"
        COMP_LINE='{line}'
        COMP_POINT=${{#COMP_LINE}}
        read -r -a COMP_WORDS <<< "$COMP_LINE"
        [[ "$COMP_LINE" == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        # Called as bash calls it: with the command whose words are completed.
        $(complete -p rcm | sed 's/.*-F \\([^ ]*\\).*/\\1/') rcm
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run([str(BASH), "--norc", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    return [word for word in done.stdout.split("\n") if word]


@pytest.mark.usefixtures("project")
def test_systems_and_their_tables() -> None:
    assert offered("rcm ingest --source ") == ["emr", "payer", "codes"]
    assert offered("rcm plan -s p") == ["payer"]
    assert offered("rcm plan -s emr -t ") == ["visits", "wards"]
    assert offered("rcm run --table c") == ["claims", "codes"]


def test_months_kpis_and_hospitals(project: Project) -> None:
    project.write("models/gold/kpis/x/_x__models.yml", yaml.safe_dump(KPI))
    declared = yaml.safe_load((project.root / "dbt_project.yml").read_text())
    declared["vars"]["systems"]["models/bronze"] = {"a": ["transactions", "patients"], "b": ["claims"]}
    project.write("dbt_project.yml", yaml.safe_dump(declared, sort_keys=False))
    place = project.root / "lakehouse" / "warehouse.duckdb"
    place.parent.mkdir(parents=True)
    with duckdb.connect(str(place)) as connection:
        connection.execute(
            """
            create schema gold;
            create table gold.dim_hospital as select 'k' as hospital_key, 'a' as hospital_code;
            create table gold.fct_ar_rollforward_monthly as
            select 'k' as hospital_key, * from (values (202309, true), (202310, true), (202311, false), (299901, false))
                as t (month_key, is_closed);
            """
        )
        assert offered("rcm reopen ") == [], "while the warehouse is taken nothing is offered, and nothing said"
    assert offered("rcm close ") == ["2023-11"]
    assert offered("rcm reopen ") == ["2023-10", "2023-09"]
    assert offered("rcm export kpi_") == ["kpi_ar_aging", "kpi_denial_rate"]
    assert offered("rcm close --hospital ") == ["a"]


def test_outside_of_a_project_nothing_is_offered_and_nothing_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert offered("rcm ingest --source ") == []
    assert "doctor" in offered("rcm d")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_has_a_script_that_asks_rcm(shell: str) -> None:
    done = subprocess.run(
        [RCM], env={"_RCM_COMPLETE": f"source_{shell}"}, capture_output=True, text=True, timeout=60, check=True
    )
    assert "_RCM_COMPLETE" in done.stdout
