"""A real HTTP server on loopback that answers as a test's function says."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TRICKLE_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    """What the client sent; ``form`` holds query or form fields, ``body`` the text of a POST."""

    method: str
    path: str
    form: Mapping[str, str]
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True)
class Answer:
    """What the server says.

    ``promised`` bytes more than it sends are a body that was cut off; one that trickles comes byte by byte, with
    ``slow_headers`` the headers do, too, and never end.
    """

    status: int = 200
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    promised: int = 0
    trickles: bool = False
    slow_headers: bool = False

    @property
    def body(self) -> bytes:
        return json.dumps(self.content).encode() if self.raw is None else self.raw


@dataclass
class Server:
    """Its address, what it was asked, and the most requests it had in hand at once."""

    url: str
    requests: list[Request] = field(default_factory=list)
    in_hand: int = 0
    peak: int = 0


@contextmanager
def serve(respond: Callable[[Request], Answer]) -> Iterator[Server]:  # noqa: C901 - a class with its small methods
    """Serve until the context ends; ``respond`` is called from several threads."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(body, body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            pass

        def _answer(self, fields: str, body: str = "") -> None:
            form = {name: values[0] for name, values in parse_qs(fields).items()}
            request = Request(self.command, urlsplit(self.path).path, form, dict(self.headers.items()), body)
            server.requests.append(request)
            with counting:
                server.in_hand += 1
                server.peak = max(server.peak, server.in_hand)
            try:
                answer = respond(request)
            finally:
                # Before the answer leaves: the client may ask again as soon as it has it.
                with counting:
                    server.in_hand -= 1
            self._send(answer)

        def _trickle(self) -> None:
            """A header without an end."""
            self.flush_headers()
            with suppress(ConnectionError):
                while not closing.wait(TRICKLE_SECONDS):
                    self.wfile.write(b"x")

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            if answer.slow_headers:
                self._trickle()
                return
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.promised))
            self.end_headers()
            pieces = [answer.body]
            if answer.trickles:
                pieces = [answer.body[at : at + 1] for at in range(len(answer.body))]
            with suppress(ConnectionError):
                for piece in pieces:
                    self.wfile.write(piece)
                    if answer.trickles and closing.wait(TRICKLE_SECONDS):
                        return

    counting, closing = threading.Lock(), threading.Event()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        closing.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


def in_turn(*answers: Answer) -> Callable[[Request], Answer]:
    """One answer after the other, the last one ever after."""
    waiting = list(answers)

    def respond(_: Request) -> Answer:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return respond
