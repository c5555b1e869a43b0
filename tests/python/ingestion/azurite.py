"""Azurite, Microsoft's emulator of Azure Blob storage, as a process of its own on a free port, in memory."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerSasPermissions, generate_container_sas

MAIN = Path(__file__).resolve().parents[3] / "requirements/azurite/node_modules/azurite/dist/src/blob/main.js"
# DuckDB's delta extension finds an emulator only under this name.
ACCOUNT = "devstoreaccount1"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Azurite:
    """One running emulator with one account, whose key nobody else knows."""

    endpoint: str
    key: str
    certificate: Path | None = None

    def container(self, name: str) -> str:
        """A new container; its abfss:// URL."""
        self.client(name).create_container()
        return self.url(name)

    def url(self, container: str) -> str:
        return f"abfss://{container}@{ACCOUNT}.dfs.core.windows.net"

    @property
    def with_key(self) -> str:
        """Connection string with the account's key."""
        return f"AccountName={ACCOUNT};AccountKey={self.key};BlobEndpoint={self.endpoint}"

    def with_sas(self, container: str, permission: str = "racwdl", hours: int = 1) -> str:
        """Connection string with a signature for one container, as the Azure portal writes it."""
        signature = generate_container_sas(
            ACCOUNT,
            container,
            account_key=self.key,
            permission=ContainerSasPermissions.from_string(permission),
            expiry=datetime.now(UTC) + timedelta(hours=hours),
        )
        return f"BlobEndpoint={self.endpoint};SharedAccessSignature={signature}"

    def client(self, container: str) -> ContainerClient:
        sign_in = {"account_name": ACCOUNT, "account_key": self.key}
        verify = str(self.certificate) if self.certificate else True
        service = BlobServiceClient(self.endpoint, sign_in, connection_verify=verify)
        return service.get_container_client(container)

    def names(self, container: str, prefix: str = "") -> list[str]:
        """Names of the blobs below a folder, sorted."""
        return sorted(self.client(container).list_blob_names(name_starts_with=prefix))


@contextmanager
def running(certificate: Path | None = None) -> Iterator[Azurite]:
    """Start the emulator, wait until it listens, and stop it at the end.

    Args:
        certificate: With it, and its key in ``key.pem`` beside it, the emulator speaks TLS and takes bearer tokens.
    """
    node = shutil.which("node")
    if node is None or not MAIN.is_file():
        pytest.skip("Azurite is not installed: make test installs it where node and npm are")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = b64encode(secrets.token_bytes(64)).decode()
    command = [node, str(MAIN), "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    if certificate is not None:
        command += ["--cert", str(certificate), "--key", str(certificate.with_name("key.pem")), "--oauth", "basic"]
    process = subprocess.Popen(
        command, env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}, stdout=subprocess.DEVNULL
    )
    try:
        _wait(process, port)
        scheme = "https" if certificate else "http"
        yield Azurite(f"{scheme}://127.0.0.1:{port}/{ACCOUNT}", key, certificate)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"Azurite ended with status {process.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"Azurite does not listen after {START_SECONDS:g} seconds")
