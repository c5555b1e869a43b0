"""A real HTTP server on loopback that answers as a test's function says."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


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
    """What the server says; ``promised`` bytes more than it sends are a body that was cut off."""

    status: int = 200
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    promised: int = 0

    @property
    def body(self) -> bytes:
        return json.dumps(self.content).encode() if self.raw is None else self.raw


@dataclass
class Server:
    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serve(respond: Callable[[Request], Answer]) -> Iterator[Server]:
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
            answer = respond(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.promised))
            self.end_headers()
            self.wfile.write(answer.body)

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def in_turn(*answers: Answer) -> Callable[[Request], Answer]:
    """One answer after the other, the last one ever after."""
    waiting = list(answers)

    def respond(_: Request) -> Answer:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return respond
