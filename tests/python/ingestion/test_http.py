"""The HTTP client against a server that fails in the ways servers do."""

import socket
import threading
import time
from email.utils import formatdate

import pytest

import ingestion.http
from ingestion.errors import SourceUnavailableError
from ingestion.http import ATTEMPTS, JsonClient, UnauthorizedError
from tests.python.ingestion.scripted_server import Answer, in_turn, serve

GOOD = Answer(content={"ok": True})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.http, "FIRST_WAIT_SECONDS", 0.01)


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


def test_retry_after_is_waited_for() -> None:
    with serve(in_turn(Answer(429, headers={"Retry-After": "1"}), GOOD)) as server, JsonClient() as client:
        begun = time.monotonic()
        client.get(server.url)
    assert time.monotonic() - begun >= 1


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


def test_requests_keep_their_distance_across_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.http, "LOOPBACK", frozenset())
    with serve(in_turn(GOOD)) as server, JsonClient(per_second=20) as client:
        begun = time.monotonic()
        threads = [threading.Thread(target=client.get, args=(server.url,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - begun >= 5 / 20


def test_this_machine_is_not_spared() -> None:
    with serve(in_turn(GOOD)) as server, JsonClient(per_second=1) as client:
        begun = time.monotonic()
        for _ in range(4):
            client.get(server.url)
        assert time.monotonic() - begun < 2
