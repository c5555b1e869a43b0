"""A proxy on loopback before a storage emulator that loses answers, and executes requests after the client gave up."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

# What happens to a request: it passes; it is executed and its answer is lost; or it is kept and executed later.
Fate = Literal["pass", "lose the answer", "keep"]
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True)
class Kept:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class LateProxy:
    """Where it listens, what is done with each request, and what it kept."""

    url: str
    target: str
    fate: Callable[[str, str], Fate] = lambda _method, _path: "pass"
    kept: list[Kept] = field(default_factory=list)

    def execute_kept(self) -> list[int]:
        """Execute the first of the requests that were kept for each path, as storage does late; their statuses."""
        first = {request.path: request for request in reversed(self.kept)}
        self.kept.clear()
        return [self._forwarded(request)[0] for request in first.values()]

    def _forwarded(self, request: Kept) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=30)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


@contextmanager
def late_proxy(target: str) -> Iterator[LateProxy]:
    """Listen before an emulator until the context ends.

    Args:
        target: URL of the emulator.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            request = Kept(self.command, self.path, headers, body)
            fate = proxy.fate(self.command, urlsplit(self.path).path)
            self.close_connection = fate != "pass"
            if fate == "keep":
                proxy.kept.append(request)
                return
            status, answered, content = proxy._forwarded(request)
            if fate == "lose the answer":
                return
            self.send_response_only(status)
            length = next((value for name, value in answered if name.lower() == "content-length"), None)
            for name, value in answered:
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815 - the inherited names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    proxy = LateProxy(f"http://127.0.0.1:{listener.server_address[1]}", target)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
