"""A real PostgreSQL server in a temporary directory, by Debian's binaries."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.python.ingestion.certificates import self_signed

pyodbc = pytest.importorskip("pyodbc", reason="pyodbc or the driver manager is not installed", exc_type=ImportError)

USER = "rcm reader"
# Every character that ends a value in a URL or an ODBC string.
PASSWORD = "p;a}s{s=w@r/d+%41"  # pragma: allowlist secret
START_SECONDS = 30


@dataclass(frozen=True)
class PostgresServer:
    """A server that runs; ``certificate`` where it speaks TLS only, ``scheme`` is that of its URLs."""

    port: int
    certificate: Path | None = None
    scheme: str = "postgresql"

    @property
    def url(self) -> str:
        return self.url_of(PASSWORD)

    @property
    def odbc_string(self) -> str:
        password = PASSWORD.replace("}", "}}")
        place = f"Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={self.port};Database=postgres"
        tls = ";SSLmode=require" if self.certificate else ""
        return f"{place};UID={USER};PWD={{{password}}}{tls}"

    def url_of(self, password: str, database: str = "postgres") -> str:
        return f"{self.scheme}://{quote(USER)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, *rows: Sequence[object]) -> list[Any]:
        """Run a statement, once or for each row, and give back what it returns."""
        with closing(pyodbc.connect(self.odbc_string, autocommit=True)) as connection:
            cursor = connection.cursor()
            if rows:
                cursor.executemany(statement, rows)
                return []
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def missing_binaries() -> str | None:
    """Why no server can be started here."""
    if _binaries() is None:
        return "PostgreSQL's initdb and postgres are not installed (Debian: postgresql)"
    if "PostgreSQL Unicode" not in pyodbc.drivers():
        return "PostgreSQL's ODBC driver is not installed (Debian: odbc-postgresql)"
    return None


@contextmanager
def start_postgres(*, tls: bool = False) -> Iterator[PostgresServer]:
    """Serve until the context ends; its clock zone is not UTC, as in a hospital.

    Args:
        tls: Offer TLS with a certificate that nobody vouches for, and take no connection without it.
    """
    binaries = _binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    # Below /tmp and not below pytest's folder: the server's user must reach it, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="rcm-pg-"))
    password_file = folder / "password"
    password_file.write_text(PASSWORD, encoding="utf-8")
    certificate, key = self_signed(folder)
    as_user = _unprivileged(folder)
    server = PostgresServer(_free_port(), certificate if tls else None)
    initdb = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "scram-sha-256", "-N"]
    postgres = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(server.port), "-k", str(folder)]
    options = {
        "fsync": "off",
        "listen_addresses": "127.0.0.1",
        "timezone": "America/New_York",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    if tls:
        rules = folder / "hba"
        rules.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")
        options |= {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key), "hba_file": str(rules)}
    try:
        subprocess.run(
            [*as_user, *initdb, f"--pwfile={password_file}", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=120,
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*as_user, *postgres, *(f"--{name}={value}" for name, value in options.items())],
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        try:
            _wait_until_ready(server, process, folder / "log")
            yield server
        finally:
            # SIGINT is PostgreSQL's fast shutdown: sessions are ended, not waited for.
            process.send_signal(2)
            process.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _unprivileged(folder: Path) -> list[str]:
    """Command that runs another as a user who owns the folder: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.sql("select 1")
            return
        except pyodbc.Error as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(encoding='utf-8')}") from error
            time.sleep(0.05)
