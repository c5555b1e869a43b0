"""Sign-in by azure-identity: the emulator over TLS with bearer tokens from a stub of ``az``."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.storage import Location
from ingestion.base.storage.access import credential, token
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.places import bronze_table
from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.faults.lakehouse import Lakehouse
from tests.python.ingestion.azurite import ACCOUNT, Azurite, running
from tests.python.ingestion.certificates import self_signed

PROJECT = Path(__file__).resolve().parents[3]
# What the emulator checks of a token: issuer, audience and times, not who signed it.
AZ = """#!{python}
import base64, datetime, json, pathlib, time
calls = pathlib.Path(__file__).with_name("calls")
calls.write_text(calls.read_text() + "." if calls.exists() else ".")
now = int(time.time())
claims = {{
    "aud": "https://storage.azure.com", "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
    "iat": now - 60, "nbf": now - 60, "exp": now + {seconds}, "jti": str(len(calls.read_text())),
}}
parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({{"alg": "none"}}, claims)]
access = ".".join([part.rstrip("=") for part in parts] + ["c2ln"])
print(json.dumps({{"accessToken": access, "expires_on": claims["exp"]}}))
"""


@dataclass(frozen=True)
class SignedIn:
    """The environment of an operator who is signed in by ``az login``."""

    folder: Path

    @property
    def calls(self) -> int:
        """How often a token was asked for."""
        path = self.folder / "calls"
        return len(path.read_text()) if path.exists() else 0

    def lasting(self, seconds: int) -> "SignedIn":
        script = self.folder / "az"
        script.write_text(AZ.format(python=sys.executable, seconds=seconds))
        script.chmod(0o755)
        return self

    @property
    def values(self) -> dict[str, str]:
        # Only one way of the many that azure-identity tries, so that the test asks no network.
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}


@pytest.fixture
def signed_in(tmp_path: Path) -> SignedIn:
    folder = tmp_path / "bin"
    folder.mkdir()
    return SignedIn(folder).lasting(3600)


@pytest.fixture
def here(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[SignedIn]:
    """This process signed in; forgotten afterwards."""
    for name, value in signed_in.values.items():
        monkeypatch.setenv(name, value)
    credential.cache_clear()
    yield signed_in
    credential.cache_clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    return self_signed(folder)[0]


@pytest.fixture(scope="module")
def azurite(certificate: Path) -> Iterator[Azurite]:
    with running(certificate) as emulator:
        yield emulator


def test_a_run_without_a_key_signs_in_by_azure_identity(
    azurite: Azurite, certificate: Path, signed_in: SignedIn, tmp_path: Path
) -> None:
    project = Lakehouse.create(tmp_path)
    project.visit(("V1", "10.50", "2024-01-01 08:00:00"))
    project.ward(("W1", "North"))
    url = azurite.container("identity")
    azurite.client("identity").upload_blob("landing/claims/a.csv", b"ClaimID,Amount\nC1,1\n")
    values = {
        **signed_in.values,
        "RCM_LAKEHOUSE": url,
        # Another program's, and none of ours.
        "AZURE_STORAGE_CONNECTION_STRING": "AccountName=other;AccountKey=b3RoZXI=",
        # An endpoint, and neither key nor signature.
        "RCM_STORAGE_CONNECTION": f"BlobEndpoint={azurite.endpoint}",
        "SSL_CERT_FILE": str(certificate),
    }

    done = subprocess.run(
        [Path(sys.executable).parent / "rcm", "ingest"],
        cwd=tmp_path,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert signed_in.calls > 0
    names = azurite.names("identity")
    tables = ("audit/load_log", "bronze/emr/visits", "bronze/emr/wards", "bronze/payer/claims")
    for table in tables:
        assert f"{table}/_delta_log/00000000000000000000.json" in names
    assert [name.rpartition("_")[2] for name in names if name.startswith("landing/")] == ["a.csv"]


def loads_that_outlast_their_token(root: str) -> None:
    """A quick batch of wards, then an increment and a full load that read on after their first token has expired."""
    project = Lakehouse(Path(root))
    [spec] = [spec for system in project.systems() for spec in system.tables if spec.name == "wards"]
    bronze = bronze_table(project.settings(**os.environ), spec)

    def wards(name: str, until: float = 0.0) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pydict({"WardID": [name], "Name": [name]})
        while time.time() < until:
            time.sleep(0.1)

    bronze.append(Extraction(wards("W1"), "incremental", drop_known=True), "run")
    bronze.append(Extraction(wards("W2", token().expires_on + 2), "incremental", drop_known=True), "run")
    bronze.append(Extraction(wards("W3", token().expires_on + 2), "full", drop_known=False), "run")


def test_a_load_that_outlasts_its_token_is_committed(
    azurite: Azurite, certificate: Path, signed_in: SignedIn, tmp_path: Path
) -> None:
    signed_in.lasting(6)
    Lakehouse.create(tmp_path)
    values = {
        **signed_in.values,
        "RCM_LAKEHOUSE": azurite.container("outlasts"),
        "RCM_STORAGE_CONNECTION": f"BlobEndpoint={azurite.endpoint}",
        "SSL_CERT_FILE": str(certificate),
    }

    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import *; loads_that_outlast_their_token({str(tmp_path)!r})"],
        cwd=PROJECT,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert len([name for name in azurite.names("outlasts") if name.endswith(".json")]) == 3


def test_one_credential_hands_out_a_token_for_each_operation(here: SignedIn) -> None:
    place = Location(f"abfss://lake@{ACCOUNT}.dfs.core.windows.net")

    first, second = (place.delta_options["azure_storage_token"] for _ in range(2))

    assert credential() is credential()
    # The stand-in for az keeps no token, so each is another one: none is held back here.
    assert first != second
    assert here.calls == 2


@pytest.mark.usefixtures("here")
def test_duckdb_gets_the_token() -> None:
    place = Location(f"abfss://lake@{ACCOUNT}.dfs.core.windows.net")
    with duckdb.connect(":memory:") as engine:
        load_delta(engine, place)
        [(provider, shown)] = engine.execute("select provider, secret_string from duckdb_secrets()").fetchall()

    assert provider == "access_token"
    assert f"account_name={ACCOUNT}" in shown
    assert token().token.split(".")[1][:20] not in shown


def test_nobody_signed_in_is_told_in_one_line(here: SignedIn) -> None:
    (here.folder / "az").write_text("#!/bin/sh\necho 'ERROR: Please run az login' >&2\nexit 1\n")

    with pytest.raises(SourceUnavailableError) as raised:
        Location("abfss://lake@account.dfs.core.windows.net").check()

    assert str(raised.value) == (
        "abfss://lake@account.dfs.core.windows.net: azure-identity cannot sign in; run az login, "
        "give this machine a managed identity, or set RCM_STORAGE_CONNECTION"
    )
