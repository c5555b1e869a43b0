"""NPPES lookups: the registry's own answers, its errors that come with status 200, and the simulator's stub."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import ingestion.sources.http
from ingestion.base.errors import IngestionError, SchemaDriftError, SourceUnavailableError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.control_table import load_systems
from ingestion.sources.http import Clock
from ingestion.sources.npi_registry import lookups
from ingestion.sources.npi_registry.numbers import Known, valid_numbers
from simulator import simulate
from simulator.api_stub import serve as serve_simulated
from simulator.npi_service import NpiService
from tests.python.ingestion.conftest import Project, source
from tests.python.ingestion.scripted_server import Answer, Request, serve

PROJECT = Path(__file__).parents[3]
PERSON, ORGANIZATION, UNKNOWN = "1234567893", "1245319599", "2000000004"

REGISTRY: Mapping[str, Mapping[str, object]] = {
    PERSON: {
        "number": PERSON,
        "enumeration_type": "NPI-1",
        "basic": {
            "first_name": "ANA",
            "last_name": "PRUEBA",
            "credential": "M.D.",
            "status": "A",
            "enumeration_date": "2006-05-23",
            "last_updated": "2020-02-29",
        },
        "taxonomies": [
            {"code": "174400000X", "desc": "Specialist", "primary": False},
            {"code": "207R00000X", "desc": "Internal Medicine", "primary": True},
        ],
        "addresses": [
            {"address_purpose": "MAILING", "state": "CA", "country_code": "US"},
            {"address_purpose": "LOCATION", "state": "NY", "country_code": "US"},
        ],
    },
    ORGANIZATION: {
        "number": ORGANIZATION,
        "enumeration_type": "NPI-2",
        "basic": {"organization_name": "CLINIC", "enumeration_date": "2010-01-02", "last_updated": "2011-03-04"},
        "taxonomies": [],
        "addresses": [],
    },
}
REFUSAL = Answer(content={"Errors": [{"description": "NPI is not valid", "field": "number", "number": "06"}]})


@pytest.fixture
def table() -> TableSpec:
    systems = load_systems(PROJECT, Path("models/bronze"))
    return next(table for system in systems for table in system.tables if table.load.extractor == "npi_registry")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "FIRST_WAIT_SECONDS", 0.01)


def registry(request: Request) -> Answer:
    found = REGISTRY.get(request.form["number"])
    return Answer(content={"result_count": int(found is not None), "results": [found] if found else []})


def look_up(
    table: TableSpec,
    respond: Callable[[Request], Answer],
    *numbers: str,
    cache: Path | None = None,
    clock: Clock | None = None,
) -> tuple[pa.Table, Extraction]:
    with (
        serve(respond) as server,
        lookups.extract(
            table, f"{server.url}/api/", numbers, "incremental", cache, clock=clock, today=dt.date(2024, 1, 2)
        ) as found,
    ):
        return pa.Table.from_batches(found.batches, schema=source_schema(table)), found


def test_people_and_organizations_become_flat_rows(table: TableSpec) -> None:
    rows, extraction = look_up(table, registry, PERSON, ORGANIZATION, UNKNOWN)
    assert rows.to_pylist() == [
        {
            "npi": PERSON,
            "enumeration_type": "NPI-1",
            "first_name": "ANA",
            "last_name": "PRUEBA",
            "organization_name": None,
            "credential": "M.D.",
            "status": "A",
            "enumeration_date": dt.date(2006, 5, 23),
            "last_updated_date": dt.date(2020, 2, 29),
            "taxonomy_code": "207R00000X",
            "taxonomy_description": "Internal Medicine",
            "state": "NY",
            "country": "US",
            "asked_date": dt.date(2024, 1, 2),
        },
        dict.fromkeys(table.column_names)
        | {
            "npi": ORGANIZATION,
            "enumeration_type": "NPI-2",
            "organization_name": "CLINIC",
            "enumeration_date": dt.date(2010, 1, 2),
            "last_updated_date": dt.date(2011, 3, 4),
            "asked_date": dt.date(2024, 1, 2),
        },
    ]
    assert extraction.drop_known
    assert extraction.rows_rejected == 0
    assert extraction.warnings == ["1 numbers are not in the registry"]


def test_an_error_with_status_200_costs_one_number_and_is_not_asked_again(table: TableSpec) -> None:
    asked: list[str] = []

    def respond(request: Request) -> Answer:
        asked.append(request.form["number"])
        assert request.form["version"] == "2.1"
        return REFUSAL if request.form["number"] == ORGANIZATION else registry(request)

    rows, extraction = look_up(table, respond, PERSON, ORGANIZATION)
    assert rows.column("npi").to_pylist() == [PERSON]
    assert sorted(asked) == [PERSON, ORGANIZATION]
    assert extraction.rows_rejected == 1
    assert extraction.warnings == ["the registry refused 1 lookups"]


def test_passing_trouble_loses_no_number(table: TableSpec) -> None:
    failed: set[str] = set()

    def respond(request: Request) -> Answer:
        number = request.form["number"]
        if number in failed:
            return registry(request)
        failed.add(number)
        return Answer(429, headers={"Retry-After": "0"}) if number == PERSON else Answer(raw=b'{"result_co')

    rows, _ = look_up(table, respond, PERSON, ORGANIZATION)
    assert rows.column("npi").to_pylist() == [PERSON, ORGANIZATION]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (REFUSAL, SourceUnavailableError, "refused every lookup"),
        (Answer(500), SourceUnavailableError, "status 500"),
        (Answer(401), SourceUnavailableError, "answered 401"),
        (Answer(content=["no object"]), SchemaDriftError, "no JSON object"),
        (Answer(content={"results": [{"basic": {}}]}), SchemaDriftError, "without its number"),
        (
            Answer(content={"results": [{"number": PERSON, "basic": {"last_updated": "29/02/2020"}}]}),
            SchemaDriftError,
            "a date that is none",
        ),
    ],
)
def test_a_registry_that_cannot_be_read_is_one_line(
    table: TableSpec, answer: Answer, error: type[IngestionError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        look_up(table, lambda _: answer, PERSON)
    assert "\n" not in str(caught.value)
    assert PERSON not in str(caught.value)


def test_only_numbers_with_their_check_digit_are_asked_for() -> None:
    candidates = pa.array(
        [ORGANIZATION, PERSON, PERSON, "1234567890", "3234567890", "123456789", "NPI1234567893", None]
    )
    assert valid_numbers(candidates) == [PERSON, ORGANIZATION]
    assert valid_numbers(pa.array([], pa.string())) == []


@pytest.mark.parametrize(
    "written",
    [f" {PERSON}", f"{PERSON}\t", f"\u00a0{PERSON}\u2009", f"\ufeff{PERSON}\u200b", f'="{PERSON}"', f"'{PERSON}"],
)
def test_a_number_is_asked_for_however_it_is_spaced(written: str) -> None:
    assert valid_numbers(pa.array([written])) == [PERSON]


def test_a_number_with_white_space_within_is_none() -> None:
    assert valid_numbers(pa.array([f"{PERSON[:5]} {PERSON[5:]}"])) == []


def test_the_simulated_registry_is_read_whole(table: TableSpec, tmp_path: Path) -> None:
    simulate(tmp_path, patients=100)
    with serve_simulated(tmp_path / "sources") as stub:
        numbers = [f"2{middle:08d}" for middle in range(4)]
        valid = valid_numbers(pa.array([base + str(digit) for base in numbers for digit in range(10)]))
        with lookups.extract(table, stub.npi_url, valid, "full") as extraction:
            rows = pa.Table.from_batches(extraction.batches)
    assert len(valid) == 4
    assert set(rows.column("npi").to_pylist()) <= set(valid)
    assert rows.schema == source_schema(table)


def searching(table: TableSpec, *searches: dict[str, str]) -> TableSpec:
    return table.model_copy(update={"load": table.load.model_copy(update={"search": searches})})


def specialists(count: int) -> dict[str, dict[str, str]]:
    """Entries of the registry, all of one state and specialty."""
    numbers = [f"{1_000_000_000 + at}" for at in range(count)]
    shared = {
        "first_name": "ANA",
        "last_name": "PRUEBA",
        "credential": "MD",
        "enumeration_day": "2006-05-23",
        "updated_day": "2020-02-29",
        "taxonomy_code": "207RC0000X",
        "taxonomy_description": "Cardiology",
        "state": "TX",
    }
    return {number: {"number": number, **shared} for number in numbers}


class Pages:
    """The registry as the simulator keeps its contract, over the network, with faults in between."""

    def __init__(self, count: int, clamp: int = 200, faults: Mapping[int, Answer] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._service = NpiService(specialists(count))
        self._clamp = clamp
        self._faults = dict(faults or {})

    def __call__(self, request: Request) -> Answer:
        self.asked.append((request.form.get("skip", ""), request.form.get("limit", "")))
        fault = self._faults.pop(len(self.asked), None)
        if fault is not None:
            return fault
        limit = min(int(request.form.get("limit", "10")), self._clamp)
        return Answer(content=self._service.search({**request.form, "limit": str(limit)}))


CARDIOLOGY = {"state": "TX", "taxonomy_description": "Cardiology"}


def test_a_search_is_read_page_by_page_to_its_end(table: TableSpec) -> None:
    pages = Pages(450)
    rows, extraction = look_up(searching(table, CARDIOLOGY), pages)
    assert rows.column("npi").to_pylist() == list(specialists(450))
    assert pages.asked == [("0", "200"), ("200", "200"), ("400", "200"), ("450", "200")]
    assert extraction.warnings == []
    assert extraction.rows_rejected == 0


def test_a_search_with_more_than_the_registry_gives_says_so(table: TableSpec) -> None:
    pages = Pages(1500)
    rows, extraction = look_up(searching(table, CARDIOLOGY), pages)
    assert rows.num_rows == 1200
    assert pages.asked[-1] == ("1000", "200")
    assert extraction.warnings == [
        "load.search[0] is cut: the registry gives the first 1200 providers only; narrow it",
    ]


def test_a_search_that_ends_within_the_last_page_is_whole(table: TableSpec) -> None:
    rows, extraction = look_up(searching(table, CARDIOLOGY), Pages(1100))
    assert rows.num_rows == 1100
    assert extraction.warnings == []


@pytest.mark.parametrize("count", [330, 1000])
def test_pages_that_the_registry_makes_smaller_lose_nothing(table: TableSpec, count: int) -> None:
    rows, extraction = look_up(searching(table, CARDIOLOGY), Pages(count, clamp=70))
    assert rows.column("npi").to_pylist() == list(specialists(count))
    assert extraction.warnings == []


def test_a_provider_found_twice_lands_once(table: TableSpec) -> None:
    first = next(iter(specialists(1)))
    again = {"state": "TX", "last_name": "PRU*"}
    rows, _ = look_up(searching(table, CARDIOLOGY, again), Pages(250), first)
    assert rows.column("npi").to_pylist() == list(specialists(250))


def test_passing_trouble_between_pages_loses_nothing(table: TableSpec) -> None:
    faults = {2: Answer(429, headers={"Retry-After": "0"}), 4: Answer(502), 5: Answer(raw=b'{"result_co')}
    pages = Pages(450, faults=faults)
    rows, extraction = look_up(searching(table, CARDIOLOGY), pages)
    assert rows.num_rows == 450
    assert len(pages.asked) == 4 + len(faults)
    assert extraction.warnings == []


def test_a_refused_search_is_named_and_not_asked_again(table: TableSpec) -> None:
    pages = Pages(10)
    rows, extraction = look_up(searching(table, {"state": "TX"}, CARDIOLOGY), pages)
    assert rows.num_rows == 10
    assert extraction.warnings == ["the registry refused load.search[0] from row 0; correct its parameters"]
    assert len(pages.asked) == 3


def test_what_was_answered_is_not_asked_for_again_known_or_not(table: TableSpec, tmp_path: Path) -> None:
    asked: list[str] = []

    def respond(request: Request) -> Answer:
        asked.append(request.form["number"])
        return REFUSAL if request.form["number"] == ORGANIZATION else registry(request)

    with serve(respond) as server:
        for _ in range(2):
            numbers = [PERSON, ORGANIZATION, UNKNOWN]
            with lookups.extract(table, server.url, numbers, "full", tmp_path / "npi.sqlite") as extraction:
                assert sum(batch.num_rows for batch in extraction.batches) == 1
            assert extraction.warnings == [
                "the registry refused 1 lookups",
                "1 numbers are not in the registry",
            ]
    # The refusal may have been the registry's mistake.
    assert sorted(asked) == sorted([PERSON, ORGANIZATION, UNKNOWN, ORGANIZATION])


def test_a_cache_that_cannot_be_used_fails_no_load(table: TableSpec, tmp_path: Path) -> None:
    rows, extraction = look_up(table, registry, PERSON, cache=tmp_path)
    assert rows.num_rows == 1
    assert len(extraction.warnings) == 1


def test_five_lookups_a_second_leave_over_all_threads(table: TableSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "LOOPBACK", frozenset())
    moments: list[float] = []
    numbers = list(specialists(41))
    look_up(table, Pages(41), *numbers, clock=Clock(lambda: 0.0, moments.append))
    assert sorted(moments) == pytest.approx([turn / 5 for turn in range(1, 41)])


def test_no_more_lookups_are_in_hand_than_workers(table: TableSpec) -> None:
    all_there = threading.Event()

    def respond(request: Request) -> Answer:
        if server.in_hand == lookups.WORKERS:
            all_there.set()
        assert all_there.wait(30)
        return registry(request)

    with serve(respond) as server:
        numbers = list(specialists(30))
        with lookups.extract(table, server.url, numbers, "incremental") as extraction:
            assert sum(batch.num_rows for batch in extraction.batches) == 0
    assert server.peak == lookups.WORKERS


GONE = Answer(content={"result_count": 0, "results": []})
DAY = dt.date(2026, 11, 28)
LAST_UPDATE = dt.date(2020, 2, 29)


def known(*, is_active: bool, updated: dt.date | None = LAST_UPDATE) -> Known:
    return Known(is_active, updated, DAY - dt.timedelta(days=31))


def asked_again(table: TableSpec, respond: Callable[[Request], Answer], **numbers: Known) -> pa.Table:
    held = {number.removeprefix("n"): entry for number, entry in numbers.items()}
    with (
        serve(respond) as server,
        lookups.extract(table, f"{server.url}/api/", list(held), "incremental", known=held, today=DAY) as found,
    ):
        return pa.Table.from_batches(found.batches, schema=source_schema(table))


def test_a_number_without_an_answer_is_inactive_since_that_day(table: TableSpec) -> None:
    rows = asked_again(table, lambda _: GONE, **{f"n{PERSON}": known(is_active=True)}).to_pylist()
    assert rows == [
        dict.fromkeys(table.column_names) | {"npi": PERSON, "status": "D", "last_updated_date": DAY, "asked_date": DAY},
    ]


def test_a_number_that_stays_away_keeps_its_day(table: TableSpec) -> None:
    since = dt.date(2026, 10, 1)
    rows = asked_again(table, lambda _: GONE, **{f"n{PERSON}": known(is_active=False, updated=since)}).to_pylist()
    assert [(row["status"], row["last_updated_date"], row["asked_date"]) for row in rows] == [("D", since, DAY)]


def test_a_number_that_comes_back_is_active_since_that_day(table: TableSpec) -> None:
    gone_since = known(is_active=False, updated=dt.date(2026, 10, 1))
    rows = asked_again(table, registry, **{f"n{PERSON}": gone_since}).to_pylist()
    assert [(row["status"], row["last_updated_date"]) for row in rows] == [("A", DAY)]


def test_a_refused_lookup_says_nothing_about_the_number(table: TableSpec) -> None:
    def respond(request: Request) -> Answer:
        return REFUSAL if request.form["number"] == PERSON else registry(request)

    numbers = {f"n{PERSON}": known(is_active=True), f"n{ORGANIZATION}": known(is_active=True)}
    assert asked_again(table, respond, **numbers).column("npi").to_pylist() == [ORGANIZATION]


def test_a_registry_that_has_lost_its_numbers_is_not_believed(table: TableSpec) -> None:
    numbers = {f"n{number}": known(is_active=True) for number in specialists(20)}
    assert asked_again(table, lambda _: GONE, **numbers).num_rows == 0
    few = dict(list(numbers.items())[:19])
    assert asked_again(table, lambda _: GONE, **few).num_rows == 19


def test_numbers_are_asked_for_again_after_the_declared_time(project: Project) -> None:
    registry_table: dict[str, Any] = {
        "name": "npi",
        "config": {"meta": {"load": {"extractor": "npi_registry", "mode": "incremental", "key": ["npi"]}}},
        "columns": [
            {"name": "npi", "data_type": "string"},
            {"name": "status", "data_type": "string"},
            {"name": "last_updated_date", "data_type": "date"},
            {"name": "asked_date", "data_type": "date"},
        ],
    }
    providers: dict[str, Any] = {
        "name": "providers",
        "config": {"meta": {"load": {"object": "providers", "mode": "full", "key": ["id"]}, "map": {"npi": "npi"}}},
        "columns": [{"name": "id", "data_type": "string"}, {"name": "npi", "data_type": "string"}],
    }
    project.sql("create table providers (id text, npi text)")
    never_known = "1000000004"
    project.sql("insert into providers values (?, ?)", ("1", PERSON), ("2", never_known))
    asked: list[str] = []
    answers: list[Callable[[Request], Answer]] = [registry]

    def respond(request: Request) -> Answer:
        asked.append(request.form["number"])
        return answers[0](request)

    def asked_by_a_run(after: str | None) -> list[str]:
        load = registry_table["config"]["meta"]["load"]
        registry_table["config"]["meta"]["load"] = load | ({"ask_again_after": after} if after else {})
        project.declare(
            [
                source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [providers]),
                source("registry", "api", "TEST_NPI_URL", f"{server.url}/api/", [registry_table]),
            ]
        )
        asked.clear()
        assert not project.ingest().failed
        return sorted(asked)

    with serve(respond) as server:
        assert asked_by_a_run(None) == [never_known, PERSON]
        assert asked_by_a_run("P30D") == [never_known]
        answers[0] = lambda _: GONE
        assert asked_by_a_run("PT0S") == [never_known, PERSON]
    rows = project.bronze("registry.npi", ["npi", "status"])
    assert [tuple(row.values()) for row in rows] == [(PERSON, "A"), (PERSON, "D")]
