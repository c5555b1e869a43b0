"""A kind of source from an installed package: declared, planned, loaded and checked like the project's own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ingestion.sources.http
from ingestion.sources.http import Clock
from ingestion.sources.registry import ENTRY_POINTS, registry
from tests.python.cli.conftest import Project, rcm
from tests.python.ingestion.code_lists import pages
from tests.python.ingestion.conftest import source
from tests.python.ingestion.scripted_server import Answer, Request, serve

CODES = [{"code": f"Z{number:02}", "text": f"Invented code {number}"} for number in range(7)]
DEPARTMENTS: dict[str, Any] = {
    "name": "departments",
    "config": {
        "meta": {
            "load": {
                "extractor": "code_lists",
                "list": "departments",
                "page_rows": 3,
                "mode": "full",
                "key": ["code"],
            }
        }
    },
    "columns": [{"name": "code", "data_type": "string"}, {"name": "text", "data_type": "string"}],
}


def departments(**load: object) -> dict[str, Any]:
    """The table with other keys of its load; None takes one away."""
    table: dict[str, Any] = json.loads(json.dumps(DEPARTMENTS))
    keys = table["config"]["meta"]["load"] | load
    table["config"]["meta"]["load"] = {key: value for key, value in keys.items() if value is not None}
    return table


def install(folder: Path, module: str) -> None:
    """What an installer leaves of a package with one kind of source."""
    described = folder / "code_lists-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: code-lists\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\ncode_lists = {module}\n")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a module as a kind of source, for one test."""

    def installed(module: str) -> None:
        install(tmp_path / "packages", module)
        monkeypatch.syspath_prepend(str(tmp_path / "packages"))
        registry.cache_clear()

    yield installed
    monkeypatch.undo()
    registry.cache_clear()


@pytest.fixture
def code_lists(package: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    package("tests.python.ingestion.code_lists")
    monkeypatch.setattr(ingestion.sources.http, "FIRST_WAIT_SECONDS", 0.01)


def page(request: Request) -> Answer:
    number, rows = int(request.form.get("page", 1)), int(request.form.get("rows", 1))
    below = CODES[number * rows - rows : number * rows]
    return Answer(content={"codes": below, "next": number + 1 if number * rows < len(CODES) else None})


def declare(project: Project, url: str, *tables: dict[str, Any]) -> None:
    project.declare([source("lists", "api", "TEST_LISTS_URL", url, tables or [DEPARTMENTS])])


def loaded(*options: str) -> dict[str, Any]:
    result = rcm("ingest", "--json", *options)
    load: dict[str, Any]
    [load] = json.loads(result.stdout)["results"]
    return load | {"exit_code": result.exit_code}


@pytest.mark.usefixtures("code_lists")
def test_it_is_planned_loaded_and_checked(project: Project) -> None:
    with serve(page) as server:
        declare(project, server.url)
        [planned] = json.loads(rcm("plan", "--json").stdout)
        assert (planned["system"], planned["table"], planned["action"]) == ("lists", "departments", "load")
        assert planned["reason"] == "reads all, as its mode is full; commits it if anything differs"
        assert server.requests == []

        assert (loaded()["status"], loaded()["status"]) == ("committed", "unchanged")
        assert project.bronze("lists.departments", ["code", "text"]) == CODES
        assert [request.form["page"] for request in server.requests[:3]] == ["1", "2", "3"]

        findings = json.loads(rcm("doctor", "--json").stdout)
        [found] = [finding for finding in findings if finding["check"] == "connection"]
        assert (found["subject"], found["state"]) == ("lists", "ok")
        assert found["message"] == f"{server.url} answers"
    [refused] = [finding for finding in json.loads(rcm("doctor", "--json").stdout) if finding["check"] == "connection"]
    assert (refused["state"], "does not answer" in refused["message"]) == ("problem", True)


@pytest.mark.usefixtures("code_lists")
def test_pages_are_retried_with_backoff(project: Project) -> None:
    failures = iter([Answer(status=503), Answer(status=429, headers={"Retry-After": "0"})])

    def respond(request: Request) -> Answer:
        return next(failures, None) or page(request) if request.form.get("page") == "2" else page(request)

    with serve(respond) as server:
        declare(project, server.url)
        assert loaded()["status"] == "committed"
    assert [request.form["page"] for request in server.requests] == ["1", "2", "2", "2", "3"]
    assert project.bronze("lists.departments", ["code", "text"]) == CODES


@pytest.mark.usefixtures("code_lists")
def test_a_list_that_breaks_off_is_not_loaded(project: Project) -> None:
    def respond(request: Request) -> Answer:
        return Answer(content={"error": "gone"}) if request.form["page"] == "3" else page(request)

    with serve(respond) as server:
        declare(project, server.url)
        load = loaded()
    assert (load["status"], load["error_class"], load["exit_code"]) == ("failed", "SchemaDriftError", 1)
    assert project.bronze("lists.departments") == []


@pytest.mark.usefixtures("code_lists")
def test_requests_keep_to_the_rate_limit(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    # Requests to this machine are not limited otherwise.
    monkeypatch.setattr(ingestion.sources.http, "LOOPBACK", frozenset())
    moments = [0.0]
    standing = Clock(lambda: moments[-1], lambda seconds: moments.append(moments[-1] + seconds))
    monkeypatch.setattr(ingestion.sources.http, "Clock", lambda: standing)

    with serve(page) as server:
        declare(project, server.url, departments(page_rows=1))
        assert loaded()["status"] == "committed"
    assert len(server.requests) == len(CODES)
    assert moments == pytest.approx([number / pages.REQUESTS_PER_SECOND for number in range(len(CODES))])


@pytest.mark.usefixtures("code_lists")
@pytest.mark.parametrize(
    ("load", "says"),
    [
        ({"extractor": "code_list"}, "load.extractor: is none of 'code_lists', 'icd', 'icd10_cm' or 'npi_registry'"),
        ({"extractor": None}, "load.extractor: is missing; a source of kind api needs it"),
        ({"list": None}, "load.list: is missing; extractor code_lists needs it"),
        ({"lists": "wards"}, "load.lists: is no key of the control table; check its spelling"),
        ({"list": 7}, "load.list: is not text; quote it"),
        ({"release": "2019"}, "load.release: belongs to extractor icd; remove it"),
        ({"object": "wards"}, "load.object: belongs to kind database, this source is of kind api; remove it"),
    ],
)
def test_a_declaration_that_it_does_not_understand_is_one_line(
    project: Project, load: dict[str, object], says: str
) -> None:
    declare(project, "http://127.0.0.1:1", departments(**load))
    result = rcm("plan")
    assert result.exit_code == 2
    assert " ".join(result.stderr.split()).count("sources.yml") == 1
    assert f"sources.yml: lists.departments: {says.partition('; ')[0]}" in " ".join(result.stderr.split())


def test_without_its_package_the_word_is_not_known(project: Project) -> None:
    declare(project, "http://127.0.0.1:1")
    result = rcm("plan")
    assert result.exit_code == 2
    assert "lists.departments: load.extractor: is none of 'icd', 'icd10_cm' or 'npi_registry'" in result.stderr


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("no_such_module", "kind of source code_lists: no_such_module cannot be imported"),
        ("ingestion.sources.planned", "kind of source code_lists: ingestion.sources.planned cannot be imported"),
        ("ingestion.sources.icd", "kind of source code_lists: icd is taken"),
    ],
)
def test_a_package_that_cannot_be_used_is_one_line(
    project: Project, package: Callable[[str], None], module: str, says: str
) -> None:
    package(module)
    declare(project, "http://127.0.0.1:1")
    result = rcm("plan")
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output
