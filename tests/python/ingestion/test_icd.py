"""Reading a release of the ICD API: the classification, its token, its addresses and its failures."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

import ingestion.sources.http
from ingestion.base.errors import IngestionError, SchemaDriftError, SourceUnavailableError
from ingestion.base.storage import Location
from ingestion.bronze import BronzeTable
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.control_table import load_systems
from ingestion.sources.icd import who
from ingestion.sources.icd.access import Access
from simulator import simulate
from simulator.api_stub import serve as serve_simulated
from simulator.icd_service import IcdService
from simulator.registry_data import icd_nodes
from tests.python.ingestion.scripted_server import Answer, Request, Server, serve

PROJECT = Path(__file__).parents[3]
RIGHT = "the right secret"
ROOT = "/icd/release/10/2019"


def entry(code: str, kind: str, *children: str) -> Mapping[str, object]:
    content: dict[str, object] = {
        "code": code,
        "classKind": kind,
        "title": {"@language": "en", "@value": f"Title {code}"},
    }
    return content | ({"child": [f"http://id.who.int{ROOT}/{child}" for child in children]} if children else {})


RELEASE: Mapping[str, Mapping[str, object]] = {
    ROOT: {"title": {"@value": "ICD-10"}, "child": [f"http://id.who.int{ROOT}/IV"]},
    f"{ROOT}/IV": entry("IV", "chapter", "E10-E14"),
    f"{ROOT}/E10-E14": entry("E10-E14", "block", "E10", "E11"),
    f"{ROOT}/E10": entry("E10", "category"),
    f"{ROOT}/E11": entry("E11", "category", "E11.9"),
    f"{ROOT}/E11.9": entry("E11.9", "category"),
}


class Api:
    """The API with tokens that expire after so many uses: over six entries, or over the simulator's service."""

    def __init__(
        self,
        uses: int = 10_000,
        trouble: Mapping[str, Answer] | None = None,
        service: IcdService | None = None,
    ) -> None:
        self.tokens = 0
        self._service = service
        self._uses = uses
        self._left: dict[str, int] = {}
        self._trouble = dict(trouble or {})
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            return self._token(request) if request.method == "POST" else self._entry(request)

    def _token(self, request: Request) -> Answer:
        assert request.form["grant_type"] == "client_credentials"
        assert request.form["scope"] == "icdapi_access"
        if request.form["client_secret"] != RIGHT:
            return Answer(400, {"error": "invalid_client"})
        self.tokens += 1
        self._left[f"Bearer token-{self.tokens}"] = self._uses
        return Answer(content={"access_token": f"token-{self.tokens}", "expires_in": 3600})

    def _entry(self, request: Request) -> Answer:
        token = request.headers["Authorization"]
        if self._left[token] == 0:
            return Answer(401)
        self._left[token] -= 1
        assert request.headers["API-Version"] == "v2"
        assert request.headers["Accept-Language"] == "en"
        assert request.headers["Accept"] == "application/json"
        trouble = self._trouble.pop(request.path, None)
        if trouble is not None:
            return trouble
        if self._service is None:
            return Answer(content=RELEASE[request.path])
        entity = self._service.entity(request.path)
        return Answer(404) if entity is None else Answer(content=entity)


@pytest.fixture
def table() -> TableSpec:
    systems = load_systems(PROJECT, Path("models/bronze"))
    return next(table for system in systems for table in system.tables if table.load.extractor == "icd")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "FIRST_WAIT_SECONDS", 0.01)


def access_to(server: Server, secret: str = RIGHT) -> Access:
    return Access(server.url, f"{server.url}/connect/token", "somebody", secret)


def walk(table: TableSpec, api: Api, secret: str = RIGHT) -> pa.Table:
    with serve(api) as server, who.extract(table, access_to(server, secret)) as extraction:
        return pa.Table.from_batches(extraction.batches, schema=source_schema(table))


def test_categories_carry_what_is_above_them(table: TableSpec) -> None:
    rows = walk(table, Api()).to_pylist()
    shared = {
        "class_kind": "category",
        "chapter": "IV Title IV",
        "block": "E10-E14 Title E10-E14",
        "release": "2019",
        "valid_from": None,
        "valid_to": None,
    }
    assert rows == [
        {"code": "E10", "title": "Title E10", "parent_code": "E10-E14", "is_leaf": True, **shared},
        {"code": "E11", "title": "Title E11", "parent_code": "E10-E14", "is_leaf": False, **shared},
        {"code": "E11.9", "title": "Title E11.9", "parent_code": "E11", "is_leaf": True, **shared},
    ]


def test_a_token_that_expires_on_the_way_is_renewed(table: TableSpec) -> None:
    api = Api(uses=2)
    assert walk(table, api).num_rows == 3
    assert api.tokens == 3


def test_a_whole_release_survives_one_token_after_the_other(table: TableSpec) -> None:
    nodes = icd_nodes()
    categories = [node["code"] for node in nodes if node["class_kind"] == "category"]
    api = Api(uses=40, service=IcdService(nodes))
    rows = walk(table, api)
    assert sorted(rows.column("code").to_pylist()) == sorted(categories)
    # Threads that are refused together ask for one token.
    assert len(nodes) // 40 < api.tokens <= len(nodes) // 30


@pytest.mark.parametrize(
    "trouble",
    [Answer(429, headers={"Retry-After": "0"}), Answer(500), Answer(raw=b'{"code": "E1')],
    ids=["429", "500", "cut off"],
)
def test_passing_trouble_loses_nothing(table: TableSpec, trouble: Answer) -> None:
    assert walk(table, Api(trouble={f"{ROOT}/E11": trouble})).column("code").to_pylist() == ["E10", "E11", "E11.9"]


@pytest.mark.parametrize(
    ("api", "secret", "error", "says"),
    [
        (Api(), "a wrong secret", SourceUnavailableError, "check RCM_ICD_CLIENT_ID and RCM_ICD_CLIENT_SECRET"),
        (Api(uses=0), RIGHT, SourceUnavailableError, "refuses its own token"),
        (Api(trouble={f"{ROOT}/E11": Answer(404)}), RIGHT, SourceUnavailableError, "answered 404"),
        (Api(trouble={f"{ROOT}/E11": Answer(content=[])}), RIGHT, SchemaDriftError, "other than an entry"),
        (Api(trouble={f"{ROOT}/E11": Answer(content={"message": "busy"})}), RIGHT, SchemaDriftError, "an entry"),
    ],
    ids=["wrong secret", "tokens never taken", "missing entry", "no entry", "a message with status 200"],
)
def test_a_walk_that_cannot_go_on_is_one_line(
    table: TableSpec, api: Api, secret: str, error: type[IngestionError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        walk(table, api, secret)
    assert "\n" not in str(caught.value)
    assert secret not in str(caught.value)


def test_an_api_that_takes_no_token_is_not_asked_for_ever(table: TableSpec) -> None:
    with serve(Api(uses=0)) as server:
        with who.extract(table, access_to(server)) as extraction, pytest.raises(SourceUnavailableError):
            list(extraction.batches)
        assert len(server.requests) == 2 * who.TOKENS_PER_ENTRY


def test_the_walk_goes_depth_first_with_so_many_entries_in_hand_as_workers(table: TableSpec) -> None:
    api, all_there = Api(service=IcdService(icd_nodes())), threading.Event()

    def respond(request: Request) -> Answer:
        if server.in_hand == who.WORKERS:
            all_there.set()
        # Below the release there are more chapters than workers: they meet here, or not at all.
        assert request.method == "POST" or request.path == ROOT or all_there.wait(30)
        return api(request)

    with serve(respond) as server, who.extract(table, access_to(server)) as extraction:
        rows = pa.Table.from_batches(extraction.batches)
    assert server.peak == who.WORKERS
    codes = rows.column("code").to_pylist()
    # In the order of the classification, each code before those below it.
    assert codes == [node["code"] for node in depth_first(icd_nodes()) if node["class_kind"] == "category"]
    # A level-by-level walk would have read every chapter before the first code.
    entries = [request.path.rsplit("/", 1)[1] for request in server.requests if request.method == "GET"]
    chapters = [node["code"] for node in icd_nodes() if node["class_kind"] == "chapter"]
    assert entries.index(codes[0]) < entries.index(chapters[-1])


def depth_first(nodes: Sequence[Mapping[str, str]], parent: str = "") -> Iterator[Mapping[str, str]]:
    for node in nodes:
        if node["parent_code"] == parent:
            yield node
            yield from depth_first(nodes, node["code"])


def test_a_classification_that_loops_is_walked_once(table: TableSpec) -> None:
    api = Api(trouble={f"{ROOT}/E11.9": Answer(content=entry("E11.9", "category", "E11"))})
    assert walk(table, api).column("code").to_pylist() == ["E10", "E11", "E11.9"]


def test_a_release_that_was_walked_is_not_asked_for_again(table: TableSpec, tmp_path: Path) -> None:
    cache = tmp_path / "icd.sqlite"
    api = Api(service=IcdService(icd_nodes()))
    later = table.model_copy(update={"load": table.load.model_copy(update={"release": "2016"})})
    asked = []
    with serve(api) as server:
        for spec in (table, later, table):
            with who.extract(spec, access_to(server), cache) as extraction:
                rows = pa.Table.from_batches(extraction.batches)
            assert rows.column("release").unique().to_pylist() == [extraction.watermark_high]
            asked.append(len(server.requests))
    # Entries belong to their release; a walk out of the cache needs not even a token.
    assert asked == [asked[0], 2 * asked[0], 2 * asked[0]]
    assert RIGHT.encode() not in cache.read_bytes()
    assert b"token-1" not in cache.read_bytes()


def test_what_is_no_entry_is_not_kept(table: TableSpec, tmp_path: Path) -> None:
    api = Api(trouble={f"{ROOT}/E11": Answer(content={"message": "busy"})})
    with serve(api) as server:
        with (
            who.extract(table, access_to(server), tmp_path / "icd.sqlite") as extraction,
            pytest.raises(SchemaDriftError),
        ):
            list(extraction.batches)
        with who.extract(table, access_to(server), tmp_path / "icd.sqlite") as extraction:
            assert sum(batch.num_rows for batch in extraction.batches) == 3


def test_two_releases_stay_in_bronze_as_two_batches(table: TableSpec, tmp_path: Path) -> None:
    bronze = BronzeTable(Location(str(tmp_path / "bronze")), table)
    with serve(Api(service=IcdService(icd_nodes()))) as server:
        for release in ("2016", "2019"):
            spec = table.model_copy(update={"load": table.load.model_copy(update={"release": release})})
            with who.extract(spec, access_to(server)) as extraction:
                bronze.append(extraction, f"run-{release}")
    assert [batch.watermark_high for batch in bronze.batches()] == ["2019", "2016"]
    delta = bronze.open()
    assert delta is not None
    rows = pa.table(delta.scan()).group_by(["_batch_id", "release"]).aggregate([("code", "count")]).to_pylist()
    assert sorted(row["release"] for row in rows) == ["2016", "2019"]
    assert len({row["code_count"] for row in rows}) == 1


def test_access_hides_its_secret() -> None:
    assert "hidden" not in repr(Access("http://127.0.0.1", "http://127.0.0.1/token", "id", "hidden"))


def test_the_simulated_release_is_walked_whole(table: TableSpec, tmp_path: Path) -> None:
    simulate(tmp_path, patients=100)
    with (
        serve_simulated(tmp_path / "sources") as stub,
        who.extract(table, Access(stub.icd_url, stub.icd_token_url, "id", "secret")) as extraction,
    ):
        rows = pa.Table.from_batches(extraction.batches)
    assert rows.num_rows > 400
    assert rows.column("chapter").null_count == rows.column("block").null_count == 0
    assert extraction.watermark_high == "2019"
