"""Output on a terminal: colors, widths and progress; in a pipe: plain lines."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import yaml
from rich.cells import cell_len

from rcm.cli.progress import LINE_SECONDS, Bar, Pace, bar
from tests.python.cli.conftest import RCM, Project, in_terminal, rcm

STYLE = re.compile(r"\x1b\[([0-9;]*)m")
COLOUR = re.compile(r"(?:^|;)(?:3[0-7]|4[0-7]|9[0-7]|38|48)(?:;|$)")


def plain(shown: str) -> list[str]:
    """Lines without the terminal's codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()


def colours(shown: str) -> list[str]:
    return [codes for codes in STYLE.findall(shown) if COLOUR.search(codes)]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", ["plan", "status"])
def test_tables_fit_the_terminal(filled: Project, command: str, columns: int) -> None:
    filled.drop(f"claims/{'a_name_for_which_no_column_is_wide_enough_' * 3}.csv", "ClaimID\n1\n")
    code, shown = in_terminal([str(RCM), command], columns)
    assert code == 0
    lines = plain(shown)
    assert max(cell_len(line.rstrip()) for line in lines) <= columns
    assert any("emr.visits" in line for line in lines)
    assert bool(colours(shown)) == (command == "plan")


@pytest.mark.usefixtures("filled")
def test_no_color_leaves_the_colours_out() -> None:
    _, shown = in_terminal([str(RCM), "plan"], NO_COLOR="1")
    assert "emr.visits" in shown
    assert colours(shown) == []


def test_in_a_pipe_each_row_is_one_plain_line(filled: Project) -> None:
    name = f"claims/{'claims_' * 20}.csv"
    filled.drop(name, "ClaimID\n1\n")
    done = subprocess.run([RCM, "plan"], capture_output=True, text=True, timeout=120, check=True)
    (row,) = [line for line in done.stdout.splitlines() if name in line]
    assert row.startswith("payer.claims")
    assert row.endswith("new file, adds to the table")
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


def test_a_terminal_shows_steps_rows_rates_and_the_time_that_is_left(project: Project) -> None:
    script = project.write(
        "watched.py",
        "from rcm.cli.progress import bar\n"
        "from ingestion.base.settings import read_settings\n"
        "with bar('Loading', 'tables', read_settings({})) as shown:\n"
        "    shown.read(120_000)\n"
        "    for done in range(6):\n"
        "        shown.move(done, 16)\n"
        "    shown.say('emr.a_table_with_a_name_that_is_much_too_long_for_what_is_left_of_the_line')\n",
    )
    code, shown = in_terminal([sys.executable, str(script)])
    assert code == 0
    *_, last = [line for line in plain(shown.replace("\r", "\n")) if "Loading" in line]
    assert re.search(r"5/16 120,000 rows, [\d,]+ rows/s, \d+:\d\d, \d+:\d\d left", last)
    assert cell_len(last.rstrip()) <= 80


def test_in_a_pipe_a_long_command_says_now_and_then_how_far_it_is() -> None:
    now = [0.0]
    lines: list[str] = []
    shown = Bar("Loading", "tables", lines=lines.append, pace=Pace(lambda: now[0]))
    shown.move(0, 4)
    for second in range(1, 121):
        now[0] = float(second)
        shown.read(1_000)
        shown.move(second // 30, 4)
    assert lines == [
        "Loading: 0 of 4 tables, 30,000 rows, 1,000 rows/s, 0:30",
        "Loading: 1 of 4 tables, 60,000 rows, 1,000 rows/s, 1:00",
        "Loading: 2 of 4 tables, 90,000 rows, 1,000 rows/s, 1:30, 1:30 left",
        "Loading: 3 of 4 tables, 120,000 rows, 1,000 rows/s, 2:00, 0:40 left",
    ]
    assert LINE_SECONDS == 30


def test_what_has_no_number_of_steps_says_what_it_does() -> None:
    now = [0.0]
    lines: list[str] = []
    shown = Bar("Simulating", "steps", lines=lines.append, pace=Pace(lambda: now[0]))
    for second in range(61):
        now[0] = float(second)
        shown.say(f"month {second}")
    assert lines == ["Simulating: month 30, 0:30", "Simulating: month 60, 1:00"]


@pytest.mark.parametrize(("name", "value"), [("RCM_PROGRESS", "off"), ("RCM_LOG", "json")])
def test_who_wants_no_progress_gets_none(
    project: Project, name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = project.settings().with_values({"RCM_LOG": "", "RCM_PROGRESS": "", name: value})
    with bar("Loading", "tables", settings) as shown:
        shown.move(1, 1)
    assert capsys.readouterr().err == ""


def test_in_a_pipe_progress_goes_to_standard_error(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rcm.cli.progress.LINE_SECONDS", 0.0)
    with bar("Loading", "tables", project.settings()) as shown:
        shown.move(1, 4)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Loading: 1 of 4 tables, 0:00\n")


@pytest.mark.usefixtures("filled")
def test_errors_wrap_between_words_on_a_narrow_terminal() -> None:
    code, shown = in_terminal([str(RCM), "plan", "--source", "no_such_system_of_this_project_anywhere"], columns=60)
    lines = [line.rstrip() for line in plain(shown)]
    assert code == 2
    assert lines[0].startswith("error: --source no_such_system")
    assert "next: there are codes, emr, payer" in lines


def test_a_build_that_is_interrupted_says_so_and_ends_like_any_program_that_is(filled: Project) -> None:
    # A model that waits for its interruption, and would otherwise outlast the test's own limit.
    filled.write("models/waits.sql", "select sum(a.range * b.range % 7) from range(10000000) a, range(10000000) b")
    declared = yaml.safe_load((filled.root / "dbt_project.yml").read_text())
    place = str(filled.root / "lakehouse" / "warehouse.duckdb")
    filled.write("dbt_project.yml", yaml.safe_dump({**declared, "version": "1.0", "profile": "x"}))
    profile = {"x": {"target": "d", "outputs": {"d": {"type": "duckdb", "path": place}}}}
    filled.write("profiles/profiles.yml", yaml.safe_dump(profile))
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    # What runs these tests in the background may have them ignore interrupts, and a child inherits that.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        [RCM, "replay"], stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=listening
    ) as running:
        log = filled.root / "logs" / "dbt.log"
        deadline = time.monotonic() + 60
        while not (log.exists() and "range(10000000)" in log.read_text()):
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, shown = running.communicate(timeout=60)
    assert running.returncode == 130
    assert shown.endswith("error: interrupted, and what was finished stays\nnext: run it again to go on from there\n")
    assert "did not come to its end" in rcm("status").stdout


def test_a_note_that_several_files_share_is_printed_once(filled: Project) -> None:
    for name in ("a", "b", "c"):
        filled.drop(f"claims/{name}.csv", f"ClaimID,Amount,Extra\n{name},1.00,x\n")

    printed = rcm("ingest", "--source", "payer").stdout

    assert [line for line in printed.splitlines() if line.startswith("note: ")] == [
        "note: payer.claims: claims/a.csv: column Extra is not declared and was left out (and of 2 more files)"
    ]
