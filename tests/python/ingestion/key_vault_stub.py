"""An HTTPS server on loopback that speaks Key Vault's protocol for secrets: challenge, bearer token, JSON errors."""

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from tests.python.ingestion.certificates import self_signed

TENANT = "11111111-2222-3333-4444-555555555555"
CHALLENGE = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="https://vault.azure.net"'


@dataclass(frozen=True)
class Fault:
    """An answer instead of the secret: a status, or a body that is not the promised JSON."""

    status: int
    body: bytes = b""


@dataclass
class KeyVault:
    """One vault; ``faults`` are given one after the other, each once, to authorized requests.

    ``requests`` holds method, path and whether there was a token, in their order.
    """

    port: int
    certificate: Path
    secrets: dict[str, str]
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, bool]] = field(default_factory=list)

    def reads(self, name: str) -> int:
        """Authorized requests for a secret."""
        return sum(authorized and path.split("/")[2] == name for _, path, authorized in self.requests)

    def transport(self) -> RequestsTransport:
        """The real transport, whose connections to any vault end here."""
        session = requests.Session()
        session.mount("https://", _Redirect(self))
        return RequestsTransport(session=session, session_owner=False)


class StubCredential:
    """Hands out a token for the vaults of the tenant of the challenge."""

    token = "stub-token"

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], str | None]] = []

    def get_token(self, *scopes: str, tenant_id: str | None = None, **_: object) -> AccessToken:
        self.asked.append((scopes, tenant_id))
        return AccessToken(self.token, int(time.time()) + 3600)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        self.asked.append((scopes, (options or {}).get("tenant_id")))
        return AccessTokenInfo(self.token, int(time.time()) + 3600)


class _Redirect(HTTPAdapter):
    """Sends what is meant for NAME.vault.azure.net to the stub, over TLS that is checked."""

    def __init__(self, vault: KeyVault) -> None:
        super().__init__()
        self._vault = vault

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        parts = urlsplit(str(request.url))
        assert (parts.hostname or "").endswith(".vault.azure.net")
        request.url = parts._replace(netloc=f"127.0.0.1:{self._vault.port}").geturl()
        return super().send(request, *args, **{**options, "verify": str(self._vault.certificate)})


@contextmanager
def key_vault(folder: Path, secrets: Mapping[str, str]) -> Iterator[KeyVault]:
    """Serve a vault until the context ends; its certificate is written to the folder."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            authorization = self.headers.get("Authorization")
            vault.requests.append(("GET", parts.path, authorization is not None))
            assert "api-version" in parse_qs(parts.query)
            if authorization != f"Bearer {StubCredential.token}":
                headers = {"WWW-Authenticate": CHALLENGE}
                return self._error(401, "Unauthorized", "AKV10000: Request is missing a Bearer token.", headers)
            if vault.faults:
                fault = vault.faults.pop(0)
                return self._send(fault.status, fault.body)
            name = parts.path.split("/")[2]
            if name not in vault.secrets:
                return self._error(404, "SecretNotFound", f"A secret with (name/id) {name} was not found.")
            value = vault.secrets[name]
            identifier = f"https://stub.vault.azure.net/secrets/{name}/0123456789"
            attributes = {"enabled": True, "created": 1700000000, "updated": 1700000000}
            body = {"value": value, "id": identifier, "attributes": attributes}
            return self._send(200, json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            pass

        def _error(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
            self._send(status, json.dumps({"error": {"code": code, "message": message}}).encode(), headers)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for header, value in (headers or {}).items():
                self.send_header(header, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    certificate, key = self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    vault = KeyVault(listener.server_address[1], certificate, dict(secrets))
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
