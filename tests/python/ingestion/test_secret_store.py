"""References to secrets are revealed from every store, quoted for their place, and never shown."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
import traceback
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.identity import CredentialUnavailableError

from ingestion.base.errors import SecretError
from ingestion.base.secret_store import masked, reveal
from ingestion.base.secret_store.secrets import VARIABLE, Secrets
from ingestion.base.secret_store.stores import Answer as StoreAnswer
from ingestion.base.secret_store.stores import KeyVaultStore
from ingestion.base.settings import read_settings
from ingestion.sources.database.address import parse_address
from rcm.warehouse.build import needed_by_builds
from tests.python.ingestion.key_vault_stub import TENANT, Fault, KeyVault, StubCredential, key_vault
from tests.python.ingestion.scripted_server import Answer, Request, Server, serve

HARD = "p@ss/w}o{r;d#1?%&=+: é"
VAULT = "https://hospital-vault.vault.azure.net"
IN_VAULT = {VARIABLE: VAULT}


def environment(**secrets: str) -> dict[str, str]:
    return {f"RCM_SECRET_{name}": value for name, value in secrets.items()}


# ---------------------------------------------------------------------------------------------- place and quoting


def test_text_without_a_reference_comes_back_as_it_is() -> None:
    assert Secrets().reveal("postgresql://etl@host/db", {VARIABLE: "nonsense"}) == "postgresql://etl@host/db"


@pytest.mark.parametrize("store", [{}, {VARIABLE: "env"}])
def test_a_whole_value_is_the_secret_itself(store: dict[str, str]) -> None:
    assert Secrets().reveal("secret://emr-password", {**store, **environment(EMR_PASSWORD=HARD)}) == HARD


def test_every_reference_of_a_text_is_revealed_and_names_end_where_they_end() -> None:
    values = environment(A="1", A_B="2", A_B_3="3")
    assert Secrets().reveal("secret://a,secret://a-b;secret://A-B-3.secret://a", values) == "1,2;3.1"


def test_a_secret_that_holds_a_reference_is_not_revealed_again() -> None:
    assert Secrets().reveal("secret://a", environment(A="secret://b", B="no")) == "secret://b"


@pytest.mark.parametrize("scheme", ["postgresql", "mssql+pyodbc", "https"])
def test_user_and_password_of_a_url_are_percent_encoded(scheme: str) -> None:
    values = environment(EMR_USER="etl@tenant", EMR_PASSWORD=HARD)
    url = urlsplit(Secrets().reveal(f"{scheme}://secret://emr-user:secret://emr-password@host:5432/db?a=b", values))
    assert (url.hostname, url.port, url.path, url.query) == ("host", 5432, "/db", "a=b")
    assert (unquote(url.username or ""), unquote(url.password or "")) == ("etl@tenant", HARD)


def test_a_value_of_a_query_is_percent_encoded() -> None:
    url = urlsplit(Secrets().reveal("https://host/in/path?sv=1&sig=secret://sig&x=y", environment(SIG=HARD)))
    assert parse_qs(url.query) == {"sv": ["1"], "sig": [HARD], "x": ["y"]}


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("https://hooks.example.org/secret://hook", "T0/B0/x", "https://hooks.example.org/T0/B0/x"),
        ("https://host/container?secret://sas", "sv=1&sig=a%3D", "https://host/container?sv=1&sig=a%3D"),
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=secret://key;EndpointSuffix=core.windows.net",
            "a+/b==",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a+/b==;EndpointSuffix=core.windows.net",
        ),
        (
            "BlobEndpoint=https://a.blob.core.windows.net/?;SharedAccessSignature=secret://sas",
            "sv=1&sig=a%3D",
            "BlobEndpoint=https://a.blob.core.windows.net/?;SharedAccessSignature=sv=1&sig=a%3D",
        ),
        ("host=h user=u@h password=secret://x", "a b", "host=h user=u@h password=a b"),
    ],
    ids=["path", "whole query", "storage key", "storage signature", "pairs"],
)
def test_elsewhere_a_secret_is_put_as_it_is(text: str, value: str, expected: str) -> None:
    name = re.findall("secret://([a-z]+)", text)[0]
    assert Secrets().reveal(text, environment(**{name.upper(): value})) == expected


@pytest.mark.parametrize("text", ["Driver={D};UID=u@h;PWD={secret://p};X=1", "Driver={D};UID=u@h;PWD=secret://p;X=1"])
def test_an_odbc_value_is_braced_and_its_closing_braces_doubled(text: str) -> None:
    shown = Secrets().reveal(text, environment(P=HARD))
    assert shown == "Driver={D};UID=u@h;PWD={" + HARD.replace("}", "}}") + "};X=1"


def test_an_odbc_value_that_needs_no_braces_gets_none() -> None:
    text = "Server=tcp:h,1433;UID=u;PWD=secret://p"
    assert Secrets().reveal(text, environment(P="simple")) == "Server=tcp:h,1433;UID=u;PWD=simple"


def test_an_odbc_value_other_than_the_password_is_braced_only_where_it_would_be_cut() -> None:
    text = "DSN=emr;UID = secret://user ;PWD=secret://user;APP=secret://app"
    values = environment(USER="etl@tenant", APP="a;b")
    assert Secrets().reveal(text, values) == "DSN=emr;UID = etl@tenant ;PWD={etl@tenant};APP={a;b}"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://secret://user:secret://p@host/db?Application=secret://user",
        "mssql://secret://user:secret://p@host/db",
        "Driver={PostgreSQL Unicode};Server=host;UID=secret://user;PWD=secret://p",
        "Driver={PostgreSQL Unicode};Server=host;UID=secret://user;PWD={secret://p}",
    ],
)
def test_a_source_gets_the_password_whatever_is_in_it(text: str) -> None:
    address = parse_address(Secrets().reveal(text, environment(USER="etl@tenant", P=HARD)))
    assert "PWD={" + HARD.replace("}", "}}") + "}" in address.connection_string
    assert "UID=etl@tenant" in address.connection_string.replace("{etl@tenant}", "etl@tenant")
    assert HARD not in address.shown + repr(address)


def test_a_real_server_takes_the_password_however_the_setting_is_written() -> None:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    from tests.python.ingestion.postgres_server import PASSWORD, USER, missing_binaries, start_postgres

    if missing := missing_binaries():
        pytest.skip(missing)
    values = environment(USER=USER, P=PASSWORD)
    with start_postgres() as server:
        odbc = f"Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={server.port};Database=postgres;UID=secret://user"
        for text in (
            f"postgresql://secret://user:secret://p@127.0.0.1:{server.port}/postgres",
            f"{odbc};PWD={{secret://p}}",
            f"{odbc};PWD=secret://p",
        ):
            address = parse_address(Secrets().reveal(text, values))
            with closing(pyodbc.connect(address.connection_string)) as connection:
                assert connection.execute("select current_user").fetchone()[0] == USER


@pytest.mark.parametrize("text", ["secret://", "x:secret://-a@h", "secret://emr_login"])
def test_a_reference_without_a_proper_name_is_an_error(text: str) -> None:
    with pytest.raises(SecretError, match="letters, digits and hyphens"):
        Secrets().reveal(text, environment(EMR="neighbour", EMR_LOGIN="x"))


# -------------------------------------------------------------------------------------------------- nothing shows


def test_a_missing_secret_names_itself_and_the_store_and_no_neighbour() -> None:
    values = environment(EMR_PASSWORD=HARD, OTHER="hidden-value")
    with pytest.raises(SecretError) as caught:
        Secrets().reveal("a://secret://other:secret://emr-pasword@h", values)
    assert str(caught.value) == "secret://emr-pasword is not in the environment; set RCM_SECRET_EMR_PASWORD"
    assert_nothing_shows(caught.value, "hidden-value", HARD)


def test_a_store_that_is_none_is_named_by_its_variable_only() -> None:
    with pytest.raises(SecretError, match=r"^RCM_SECRETS names no store") as caught:
        Secrets().reveal("secret://a", {VARIABLE: "http://hidden-value.vault.azure.net"})
    assert "hidden-value" not in str(caught.value)


def test_what_was_revealed_is_masked_in_every_form_it_is_written_in() -> None:
    secrets = Secrets()
    values = environment(A="abc/", B="abc/def", C=HARD, D='quo"te\\n')
    for name in "abcd":
        secrets.reveal(f"secret://{name}", values)
    url = f"postgresql://u:{quote(HARD, safe='')}@h"
    text = f"1 abc/def 2 abc/ 3 {url} 4 {HARD.replace('}', '}}')} 5 {json.dumps(values['RCM_SECRET_D'])} 6 {HARD!r}"
    assert secrets.masked(text) == "1 *** 2 *** 3 postgresql://u:***@h 4 *** 5 \"***\" 6 '***'"


def test_before_anything_is_revealed_nothing_is_masked() -> None:
    assert Secrets().masked("a text") == "a text"


def test_the_process_has_one_memory_for_revealing_and_masking() -> None:
    assert reveal("secret://process-wide", environment(PROCESS_WIDE="of-this-process")) == "of-this-process"
    assert masked("it is of-this-process.") == "it is ***."


# ------------------------------------------------------------------------------------------------ Azure Key Vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVault]:
    with key_vault(tmp_path, {"emr-password": HARD, "other": "hidden-value", "empty": ""}) as stub:
        yield stub


def in_vault(stub: KeyVault, credential: StubCredential | None = None) -> Secrets:
    return Secrets(lambda place: KeyVaultStore(place, credential or StubCredential(), stub.transport()))


def test_a_vault_answers_after_its_challenge_and_is_asked_once(vault: KeyVault) -> None:
    credential = StubCredential()
    secrets = in_vault(vault, credential)
    for _ in range(3):
        assert secrets.reveal("secret://emr-password", IN_VAULT) == HARD
    assert [authorized for _, _, authorized in vault.requests] in ([False, True], [True])
    assert vault.requests[-1][:2] == ("GET", "/secrets/emr-password/")
    assert credential.asked == [(("https://vault.azure.net/.default",), TENANT)]


def test_threads_that_want_the_same_secret_ask_for_it_once(vault: KeyVault) -> None:
    secrets = in_vault(vault)
    together = threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait(30)
        return secrets.reveal("secret://emr-password", IN_VAULT)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {HARD}
    assert vault.reads("emr-password") == 1


def test_a_secret_the_vault_does_not_have_is_named_without_its_neighbours(vault: KeyVault) -> None:
    secrets = in_vault(vault)
    secrets.reveal("secret://other", IN_VAULT)
    for _ in range(2):
        with pytest.raises(SecretError) as caught:
            secrets.reveal("a://u:secret://absent@secret://other", IN_VAULT)
        assert str(caught.value) == f"secret://absent is not in {VAULT}; add it or correct its name"
        assert_nothing_shows(caught.value, "hidden-value", StubCredential.token)
    assert vault.reads("absent") == 1, "tables that share a missing secret ask once"


def test_an_empty_secret_is_an_error(vault: KeyVault) -> None:
    with pytest.raises(SecretError, match="secret://empty is empty in"):
        in_vault(vault).reveal("secret://empty", IN_VAULT)


def test_a_busy_vault_is_asked_again(vault: KeyVault) -> None:
    vault.faults += [Fault(503), Fault(429)]
    assert in_vault(vault).reveal("secret://emr-password", IN_VAULT) == HARD
    assert vault.reads("emr-password") == 3


def test_a_vault_that_stays_busy_is_given_up(vault: KeyVault) -> None:
    vault.faults += [Fault(503)] * 20
    with pytest.raises(SecretError, match=r"cannot be read from .* \(status 503\); run again later"):
        in_vault(vault).reveal("secret://emr-password", IN_VAULT)
    assert vault.reads("emr-password") == 4


def test_a_vault_that_refuses_says_what_to_grant(vault: KeyVault) -> None:
    vault.faults.append(Fault(403, b'{"error":{"code":"Forbidden","message":"hidden-value"}}'))
    with pytest.raises(SecretError, match=r"\(status 403\); grant this identity Key Vault Secrets User") as caught:
        in_vault(vault).reveal("secret://emr-password", IN_VAULT)
    assert_nothing_shows(caught.value, "hidden-value")


def test_a_process_without_a_login_is_told_so(vault: KeyVault) -> None:
    class NoLogin(StubCredential):
        def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
            raise CredentialUnavailableError(f"hidden-value {scopes} {options}")

    with pytest.raises(
        SecretError, match=f"cannot be read from {VAULT}: no valid login; see docs/security.md"
    ) as caught:
        in_vault(vault, NoLogin()).reveal("secret://emr-password", IN_VAULT)
    assert_nothing_shows(caught.value, "hidden-value")
    assert vault.reads("emr-password") == 0


def test_a_token_that_the_vault_does_not_take_is_no_login(vault: KeyVault) -> None:
    vault.faults.append(Fault(401))
    with pytest.raises(SecretError, match="no valid login"):
        in_vault(vault).reveal("secret://emr-password", IN_VAULT)


def test_a_body_that_was_cut_off_shows_nothing_of_the_secret(vault: KeyVault) -> None:
    vault.faults += [Fault(200, b'{"value": "hidden-value", "id": ')] * 20
    with pytest.raises(SecretError, match="secret://emr-password cannot be read from") as caught:
        in_vault(vault).reveal("secret://emr-password", IN_VAULT)
    assert_nothing_shows(caught.value, "hidden-value")


def test_a_certificate_that_is_not_trusted_stops_everything(vault: KeyVault, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with key_vault(tmp_path / "elsewhere", {}) as other:
        vault.certificate = other.certificate
        with pytest.raises(SecretError, match=r"cannot be read from .* \(ServiceRe\w+Error\)"):
            in_vault(vault).reveal("secret://emr-password", IN_VAULT)
    assert vault.requests == []


def test_nothing_of_a_secret_is_logged(vault: KeyVault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = in_vault(vault)
    secrets.reveal("postgresql://u:secret://emr-password@h", IN_VAULT)
    with pytest.raises(SecretError):
        secrets.reveal("secret://absent", IN_VAULT)
    assert caplog.records
    for hidden in (HARD, quote(HARD, safe=""), StubCredential.token):
        assert hidden not in caplog.text
    assert HARD not in repr(vars(secrets)["_kept"])


def test_a_store_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    class Hanging:
        def read(self, name: str) -> StoreAnswer:
            released.wait(60)
            return StoreAnswer(name)

    monkeypatch.setattr("ingestion.base.secret_store.secrets.DEADLINE_SECONDS", 0.1)
    with pytest.raises(SecretError, match=f"secret://a got no answer from {VAULT} in"):
        Secrets(lambda _: Hanging()).reveal("secret://a", IN_VAULT)
    released.set()


def test_a_process_that_lives_on_asks_again_for_what_was_missing(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.base.secret_store.secrets.FAILURE_KEPT_SECONDS", -1.0)
    secrets = in_vault(vault)
    with pytest.raises(SecretError, match="secret://later is not in"):
        secrets.reveal("secret://later", IN_VAULT)
    vault.secrets["later"] = "added"
    assert secrets.reveal("secret://later", IN_VAULT) == "added"


@pytest.mark.parametrize(
    ("place", "package", "extra"),
    [(VAULT, "azure.keyvault.secrets", "azure"), ("databricks://rcm", "databricks.sdk", "databricks")],
)
def test_a_missing_package_is_one_line_that_says_what_to_install(place: str, package: str, extra: str) -> None:
    # In a process of its own, where the package really cannot be imported.
    script = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from ingestion.base.errors import SecretError\n"
        "from ingestion.base.secret_store import reveal\n"
        f"try: reveal('secret://a', {{{VARIABLE!r}: {place!r}}})\n"
        "except SecretError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == f"secret://a is in {place}; to read it, pip install 'rcm-lakehouse[{extra}]'"
    assert done.stderr == ""


# ----------------------------------------------------------------------------------------- Databricks secret scopes


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A workspace whose scope rcm has emr-password; the SDK finds it by its own variables."""
    answers = {
        ("rcm", "emr-password"): Answer(content={"key": "emr-password", "value": b64encode(HARD.encode()).decode()}),
        ("rcm", "denied"): refusal(403, "PERMISSION_DENIED"),
        ("rcm", "outside"): refusal(400, "BAD_REQUEST"),
        ("rcm", "binary"): Answer(content={"key": "binary", "value": b64encode(b"\xff\xfe").decode()}),
    }

    def respond(request: Request) -> Answer:
        if request.path != "/api/2.0/secrets/get":
            return Answer(404, {})
        assert request.headers["Authorization"] == "Bearer workspace-token"
        missing = refusal(404, "RESOURCE_DOES_NOT_EXIST")
        return answers.get((request.form["scope"], request.form["key"]), missing)

    with serve(respond) as server:
        monkeypatch.setenv("DATABRICKS_HOST", server.url)
        monkeypatch.setenv("DATABRICKS_TOKEN", "workspace-token")
        yield server


def refusal(status: int, code: str) -> Answer:
    return Answer(status, {"error_code": code, "message": "hidden-value"})


def test_a_scope_hands_out_a_secret_once(workspace: Server) -> None:
    secrets = Secrets()
    for _ in range(2):
        assert secrets.reveal("secret://emr-password", {VARIABLE: "databricks://rcm"}) == HARD
    assert [request.path for request in workspace.requests].count("/api/2.0/secrets/get") == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent", "is not in databricks://rcm; add it or correct its name"),
        ("denied", "cannot be read from databricks://rcm: no access; grant this identity READ on the scope"),
        ("outside", "is not handed out by databricks://rcm; some workspaces do so only inside a job"),
        ("binary", "cannot be read from databricks://rcm (UnicodeDecodeError); check RCM_SECRETS"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_what_a_scope_refuses_is_one_line(name: str, said: str) -> None:
    with pytest.raises(SecretError) as caught:
        Secrets().reveal(f"secret://{name}", {VARIABLE: "databricks://rcm"})
    assert str(caught.value) == f"secret://{name} {said}"
    assert_nothing_shows(caught.value, "hidden-value", "workspace-token")


def test_a_process_that_names_no_workspace_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "absent"))
    with pytest.raises(SecretError, match="cannot be read from databricks://rcm: no valid login"):
        Secrets().reveal("secret://emr-password", {VARIABLE: "databricks://rcm"})


def assert_nothing_shows(error: BaseException, *hidden: str) -> None:
    """Neither the message, nor its causes, nor a variable of the frames of our code holds one of the texts."""
    linked: BaseException | None = error
    while linked is not None:
        shown = [str(linked), repr(linked), *traceback.format_exception(linked)]
        for frame in frames(linked.__traceback__):
            shown += [repr(value) for name, value in frame.items() if name != "hidden"]
        for text in hidden:
            assert not any(text in part for part in shown)
        linked = linked.__cause__ or linked.__context__


def frames(trace: TracebackType | None) -> Iterator[dict[str, object]]:
    while trace is not None:
        if "tests" not in trace.tb_frame.f_code.co_filename:
            yield trace.tb_frame.f_locals
        trace = trace.tb_next


def test_a_build_inherits_neither_connections_nor_the_secrets_of_loads() -> None:
    values = {
        "PATH": "/bin",
        "RCM_HOSPITAL_A_URL": "postgresql://etl:secret://emr-password@emr.example/emr",
        "RCM_SECRET_EMR_PASSWORD": "of the hospital",  # pragma: allowlist secret
        "RCM_PHI_KEY": "secret://phi-key",
        "RCM_SECRET_PHI_KEY": "of the keyed hashes",  # pragma: allowlist secret
        "RCM_SECRET_ICD_KEY": "of nothing here",  # pragma: allowlist secret
    }
    kept = needed_by_builds(read_settings(values))
    assert set(values) - set(kept) == {"RCM_HOSPITAL_A_URL", "RCM_SECRET_EMR_PASSWORD", "RCM_SECRET_ICD_KEY"}
