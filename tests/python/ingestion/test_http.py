"""The HTTP client against a failing server: retries with backoff and jitter, rate limit, timeouts, cache."""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path

import pytest

import ingestion.sources.http
import ingestion.sources.http_cache
from ingestion.base.errors import SourceUnavailableError
from ingestion.sources.http import ATTEMPTS, Clock, JsonClient, RefusedError, UnauthorizedError
from tests.python.ingestion.scripted_server import Answer, in_turn, serve

GOOD = Answer(content={"ok": True})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "FIRST_WAIT_SECONDS", 0.01)


@pytest.mark.parametrize(
    "bad",
    [
        Answer(500),
        Answer(503),
        Answer(429, headers={"Retry-After": "0"}),
        Answer(429, headers={"Retry-After": formatdate(usegmt=True)}),
        Answer(429, headers={"Retry-After": "soon"}),
        Answer(raw=b'{"ok": tr'),
        Answer(raw=b'{"ok": true}', promised=10),
    ],
    ids=["500", "503", "429 now", "429 until a date", "429 nonsense", "invalid JSON", "body cut off"],
)
def test_passing_trouble_is_retried(bad: Answer) -> None:
    with serve(in_turn(bad, bad, GOOD)) as server, JsonClient() as client:
        assert client.get(server.url) == {"ok": True}
    assert len(server.requests) == 3


class FakeTime:
    """A clock that moves on only where somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep)


def test_retry_after_is_waited_for() -> None:
    fake = FakeTime()
    with (
        serve(in_turn(Answer(429, headers={"Retry-After": "30"}), GOOD)) as server,
        JsonClient(clock=fake.clock) as client,
    ):
        assert client.get(server.url) == {"ok": True}
    assert len(fake.waits) == 1
    assert 30 <= fake.waits[0] < 31


def test_waits_are_drawn_from_the_whole_of_a_bound_that_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "FIRST_WAIT_SECONDS", 0.5)
    fake = FakeTime()
    with serve(in_turn(Answer(503))) as server, JsonClient(clock=fake.clock) as client:
        for _ in range(10):
            with pytest.raises(SourceUnavailableError):
                client.get(server.url)
    for attempt in range(ATTEMPTS - 1):
        waits = fake.waits[attempt :: ATTEMPTS - 1]
        assert all(0 <= wait <= 0.5 * 2**attempt for wait in waits)
        assert len(set(waits)) == 10


def test_a_body_that_trickles_is_given_up_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "TOTAL_SECONDS", 0.1)
    slow = Answer(content={"ok": "x" * 1000}, trickles=True)
    with serve(in_turn(slow, GOOD)) as server, JsonClient() as client:
        begun = time.monotonic()
        assert client.get(server.url) == {"ok": True}
        # The whole body would take 20 seconds, and never so long between two bytes that a read times out.
        assert time.monotonic() - begun < 5


def test_a_server_that_only_trickles_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "TOTAL_SECONDS", 0.05)
    with (
        serve(lambda _: Answer(content={"ok": "x" * 1000}, trickles=True)) as server,
        JsonClient() as client,
        pytest.raises(SourceUnavailableError, match=r"6 attempts \(ReadTimeout\); run again later"),
    ):
        client.get(server.url)


def test_a_server_that_asks_for_an_hour_is_left_alone() -> None:
    with (
        serve(in_turn(Answer(429, headers={"Retry-After": "3600"}))) as server,
        JsonClient() as client,
        pytest.raises(SourceUnavailableError, match=r"1 attempts \(status 429\); run again later"),
    ):
        client.get(server.url)
    assert len(server.requests) == 1


def test_lasting_trouble_ends_in_one_line_without_the_query() -> None:
    with (
        serve(in_turn(Answer(500))) as server,
        JsonClient() as client,
        pytest.raises(SourceUnavailableError, match="gave no usable answer in 6 attempts") as caught,
    ):
        client.get(f"{server.url}/api", {"number": "1234567893"})
    assert len(server.requests) == ATTEMPTS
    assert "1234567893" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nobody_listening_is_one_line_too() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with JsonClient() as client, pytest.raises(SourceUnavailableError, match="ConnectionError"):
        client.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("status", [400, 403, 404])
def test_our_own_mistakes_are_not_retried(status: int) -> None:
    with (
        serve(in_turn(Answer(status))) as server,
        JsonClient() as client,
        pytest.raises(SourceUnavailableError, match=f"answered {status}"),
    ):
        client.get(server.url)
    assert len(server.requests) == 1


def test_a_refused_token_is_told_apart() -> None:
    with serve(in_turn(Answer(401))) as server, JsonClient() as client, pytest.raises(UnauthorizedError):
        client.get(server.url)


class Pace:
    """Moments at which requests may leave, in a time that stands still: each is asked to wait for its own."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    @property
    def clock(self) -> Clock:
        return Clock(lambda: 0.0, self.moments.append)


def test_requests_keep_their_distance_across_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "LOOPBACK", frozenset())
    pace = Pace()
    with (
        serve(in_turn(GOOD)) as server,
        JsonClient(per_second=5, clock=pace.clock) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(lambda _: client.get(server.url), range(31)))
    # The first leaves at once, the last after six seconds: no second has more than five.
    assert sorted(pace.moments) == pytest.approx([turn / 5 for turn in range(1, 31)])


def test_another_try_waits_for_its_turn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "LOOPBACK", frozenset())
    fake = FakeTime()
    with serve(in_turn(Answer(500), GOOD)) as server, JsonClient(per_second=0.1, clock=fake.clock) as client:
        client.get(server.url)
    assert fake.now >= 1010


def test_this_machine_is_not_spared() -> None:
    with serve(in_turn(GOOD)) as server, JsonClient(per_second=1) as client:
        begun = time.monotonic()
        for _ in range(4):
            client.get(server.url)
        assert time.monotonic() - begun < 2


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "answers.sqlite"


def ask(url: str, cache: Path | None, *, keep: timedelta | None = None, **params: str) -> tuple[object, list[str]]:
    """The answer that one more run gets, and its warnings."""
    with JsonClient(cache=cache, keep=keep, is_good=lambda answer: answer == {"ok": True}) as client:
        return client.get(url, params, {"Authorization": "Bearer token-to-hide"}), client.warnings


def test_a_good_answer_is_asked_for_once(cache: Path) -> None:
    with serve(in_turn(GOOD)) as server:
        for _ in range(3):
            assert ask(server.url, cache, number="1") == ({"ok": True}, [])
        ask(server.url, cache, number="2")
    assert [request.form["number"] for request in server.requests] == ["1", "2"]


def test_answers_of_the_cache_do_not_count_against_the_pace(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "LOOPBACK", frozenset())
    pace = Pace()
    with serve(in_turn(GOOD)) as server, JsonClient(5, cache, clock=pace.clock) as client:
        for _ in range(20):
            client.get(server.url)
    assert pace.moments == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Answer(content={"Errors": ["no"]}), None),
        (Answer(404), RefusedError),
        (Answer(401), UnauthorizedError),
        (Answer(500), None),
        (Answer(raw=b'{"ok": tr'), None),
        (Answer(raw=b'{"ok": true}', promised=10), None),
    ],
    ids=["an error with status 200", "404", "401", "500", "invalid JSON", "body cut off"],
)
def test_no_other_answer_is_kept(cache: Path, bad: Answer, error: type[Exception] | None) -> None:
    with serve(in_turn(bad, GOOD)) as server:
        if error is None:
            ask(server.url, cache)
        else:
            with pytest.raises(error):
                ask(server.url, cache)
        assert ask(server.url, cache) == ({"ok": True}, [])
    assert len(server.requests) == 2


def test_an_answer_that_is_too_old_is_asked_for_again(cache: Path) -> None:
    with serve(in_turn(GOOD)) as server:
        for _ in range(3):
            ask(server.url, cache, keep=timedelta(microseconds=1))
    assert len(server.requests) == 3


def test_no_token_cookie_or_secret_gets_into_the_file(cache: Path) -> None:
    headers = {"Set-Cookie": "session=cookie-to-hide", "Vary": "Authorization, Cookie"}
    with serve(in_turn(Answer(content={"ok": True}, headers=headers))) as server:
        for token in ("token-to-hide", "another-to-hide"):
            with JsonClient(cache=cache) as client:
                client.post_form(server.url, {"client_id": "id-to-hide", "client_secret": "secret-to-hide"})
                client.get(server.url, headers={"Authorization": f"Bearer {token}"})
    written = b"".join(file.read_bytes() for file in cache.parent.iterdir())
    assert server.url.encode() in written
    assert b"to-hide" not in written
    # Another token gets the same answer.
    assert [request.method for request in server.requests] == ["POST", "GET", "POST"]
    assert "Cookie" not in server.requests[-1].headers


def test_a_damaged_cache_is_begun_anew(cache: Path) -> None:
    with serve(in_turn(GOOD)) as server:
        for sound_bytes in (0, 4096):
            ask(server.url, cache, number="1")
            whole = cache.read_bytes()
            cache.write_bytes(whole[:sound_bytes] + b"x" * (len(whole) - sound_bytes))
            asked = len(server.requests)
            for _ in range(2):
                assert ask(server.url, cache, number="1") == ({"ok": True}, [])
            assert len(server.requests) == asked + 1


def lock(cache: Path) -> sqlite3.Connection:
    cache.parent.mkdir()
    connection = sqlite3.connect(cache, isolation_level=None)
    connection.execute("begin exclusive")
    return connection


def folder_in_its_place(cache: Path) -> sqlite3.Connection:
    cache.mkdir(parents=True)
    return sqlite3.connect(":memory:")


@pytest.mark.parametrize("spoil", [lock, folder_in_its_place])
def test_a_cache_that_cannot_be_written_is_done_without(
    cache: Path, spoil: Callable[[Path], sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion.sources.http_cache, "LOCK_SECONDS", 0.05)
    with closing(spoil(cache)), serve(in_turn(GOOD)) as server:
        for _ in range(2):
            answer, warnings = ask(server.url, cache)
            assert answer == {"ok": True}
            assert [warning[:20] for warning in warnings] == ["the cache of answers"]
    assert len(server.requests) == 2


def test_a_cache_that_breaks_on_the_way_is_done_without(cache: Path) -> None:
    with serve(in_turn(GOOD)) as server, JsonClient(cache=cache) as client:
        client.get(server.url)
        with closing(sqlite3.connect(cache)) as other:
            other.execute("drop table responses")
        assert client.kept(server.url) is None
        assert client.get(server.url) == {"ok": True}
        assert len(client.warnings) == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("damage", ["x", "{}", '{"_content": "eyJv", "status_code": 200}'])
def test_a_kept_answer_that_is_damaged_is_asked_for_again(cache: Path, damage: str) -> None:
    with serve(in_turn(GOOD)) as server:
        ask(server.url, cache)
        with closing(sqlite3.connect(cache)) as other, other:
            other.execute("update responses set value = ?", (damage,))
        for _ in range(2):
            assert ask(server.url, cache) == ({"ok": True}, [])
    assert len(server.requests) == 2
