"""The public APIs of the simulated group on a loopback port: NPPES 2.1, the WHO's ICD API and its token service.

The stub reproduces the pitfalls of the originals: NPPES answers errors with status 200, silently limits ``limit``
to 200 and counts a page, not the total, in ``result_count``; the ICD API wants a bearer token, ``API-Version: v2``
and ``Accept-Language``, and names its entities by ``http://id.who.int/...`` wherever it runs. Any non-empty client id
and secret gets a token. Connections are kept alive.

    with serve(lakehouse / "sources") as stub:
        requests.get(stub.npi_url, params={"version": "2.1", "number": "2000000004"}, timeout=5)
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from simulator.icd_service import IcdService
from simulator.npi_service import NpiService
from simulator.simulation import SimulationError

TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class ApiStub:
    """Where the stub listens: the values of RCM_NPI_URL, RCM_ICD_URL and RCM_ICD_TOKEN_URL."""

    npi_url: str
    icd_url: str
    icd_token_url: str


class Tokens:
    """Bearer tokens in use; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expiry: dict[str, float] = {}

    def issue(self) -> str:
        """A new token, valid for TOKEN_SECONDS."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._expiry[token] = time.monotonic() + TOKEN_SECONDS
        return token

    def accepts(self, header: str | None) -> bool:
        """Whether an Authorization header carries a valid token."""
        scheme, _, token = (header or "").partition(" ")
        with self._lock:
            return scheme.lower() == "bearer" and self._expiry.get(token, 0.0) > time.monotonic()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, npi: NpiService, icd: IcdService) -> None:
        self.npi, self.icd, self.tokens = npi, icd, Tokens()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet

    def do_GET(self) -> None:
        """Answer NPPES searches and ICD entities."""
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.rstrip("/") == "/api":
            self._answer(HTTPStatus.OK, self._stub.npi.search({k: v[0] for k, v in parse_qs(url.query).items()}))
        elif path.startswith("/icd/"):
            self._answer_icd(path)
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})

    def do_POST(self) -> None:
        """Issue tokens."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if urlsplit(self.path).path != "/connect/token":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})
            return
        form = {k: v[0] for k, v in parse_qs(body).items()}
        client, secret = self._credentials(form)
        if form.get("grant_type") != "client_credentials":
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"})
        elif not (client and secret):
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "invalid_client"})
        elif form.get("scope", "icdapi_access") != "icdapi_access":
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "invalid_scope"})
        else:
            token = {"access_token": self._stub.tokens.issue(), "expires_in": TOKEN_SECONDS}
            self._answer(HTTPStatus.OK, {**token, "token_type": "Bearer", "scope": "icdapi_access"})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the inherited name
        """Log nothing; requests are the caller's business."""

    @property
    def _stub(self) -> _Server:
        return cast("_Server", self.server)

    def _credentials(self, form: Mapping[str, str]) -> tuple[str, str]:
        scheme, _, encoded = (self.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client, _, secret = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return client, secret
        return form.get("client_id", ""), form.get("client_secret", "")

    def _answer_icd(self, path: str) -> None:
        if not self._stub.tokens.accepts(self.headers.get("Authorization")):
            self._answer(HTTPStatus.UNAUTHORIZED, None, {"WWW-Authenticate": "Bearer"})
        elif self.headers.get("API-Version") != "v2":
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "API-Version: v2 is required"})
        elif not self.headers.get("Accept-Language"):
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "Accept-Language is required"})
        else:
            entity = self._stub.icd.entity(path)
            self._answer(HTTPStatus.NOT_FOUND if entity is None else HTTPStatus.OK, entity)

    def _answer(
        self, status: HTTPStatus, content: Mapping[str, Any] | None, headers: Mapping[str, str] | None = None
    ) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve(sources: Path) -> Iterator[ApiStub]:
    """Serve the registry data of a simulation until the context ends.

    Args:
        sources: the simulation's folder, ``<lakehouse>/sources``.

    Raises:
        SimulationError: there is no simulation in ``sources``.
    """
    path = sources / "registry.json"
    if not path.exists():
        raise SimulationError(f"{path} is missing: run `rcm simulate` first.")
    data = json.loads(path.read_text(encoding="utf-8"))
    server = _Server(NpiService(data["npi"]), IcdService(data["icd"]))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        yield ApiStub(npi_url=f"{base}/api/", icd_url=base, icd_token_url=f"{base}/connect/token")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
