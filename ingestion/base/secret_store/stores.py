"""The three places of secrets: the environment, an Azure Key Vault, a Databricks secret scope."""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import HttpTransport
    from azure.keyvault.secrets import SecretClient
    from databricks.sdk import WorkspaceClient

CONNECT_SECONDS = 5
READ_SECONDS = 10
RETRIES = 3
# All attempts on Databricks together; what Key Vault's retries add up to is about the same.
RETRY_SECONDS = 30

_KEY_VAULT = re.compile(r"(https://[a-z0-9-]+\.vault\.azure\.net)/?", re.IGNORECASE)
_DATABRICKS = re.compile(r"databricks://([\w.@-]+)/?")


@dataclass(frozen=True)
class Answer:
    """The answer of a store: the value, or a problem that completes the sentence ``secret://NAME ...``."""

    value: str | None = field(default=None, repr=False)
    problem: str = ""


class SecretStore(Protocol):
    """One place of secrets; safe to ask from several threads."""

    def read(self, name: str) -> Answer:
        """The value of one secret, after bounded retries; any exception stands for a store that failed."""


VARIABLE_PREFIX = "RCM_SECRET_"


def secret_variable(name: str) -> str:
    """The environment variable of a secret: emr-password is RCM_SECRET_EMR_PASSWORD."""
    return f"{VARIABLE_PREFIX}{name.upper().replace('-', '_')}"


class EnvironmentStore:
    """Environment variables RCM_SECRET_<NAME>, upper case, hyphens as underscores.

    Args:
        values: Environment variables by name.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def read(self, name: str) -> Answer:
        """The variable's value."""
        variable = secret_variable(name)
        value = self._values.get(variable)
        return Answer(value) if value else Answer(problem=f"is not in the environment; set {variable}")


class KeyVaultStore:
    """An Azure Key Vault.

    Args:
        url: ``https://NAME.vault.azure.net``.
        credential: Who asks; by default whom DefaultAzureCredential finds: service principal, managed identity, az.
        transport: How requests are sent; by default over requests.
    """

    def __init__(
        self,
        url: str,
        credential: "TokenCredential | None" = None,
        transport: "HttpTransport[object, object] | None" = None,
    ) -> None:
        self._url = url
        self._credential = credential
        self._transport = transport

    @cached_property
    def _client(self) -> "SecretClient":
        from azure.core.pipeline.transport import RequestsTransport
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient

        return SecretClient(
            self._url,
            self._credential or DefaultAzureCredential(),
            transport=self._transport
            or RequestsTransport(connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS),
            retry_total=RETRIES,
            retry_backoff_factor=0.5,
            retry_backoff_max=4,
        )

    def read(self, name: str) -> Answer:
        """The newest enabled version of the secret."""
        try:
            from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

            client = self._client
        except ImportError:
            return Answer(problem=f"is in {self._url}; to read it, pip install 'rcm-lakehouse[azure]'")
        try:
            value = client.get_secret(name).value
        except ResourceNotFoundError:
            return Answer(problem=f"is not in {self._url}; add it or correct its name")
        except ClientAuthenticationError:
            return Answer(problem=f"cannot be read from {self._url}: no valid login; see docs/security.md")
        except HttpResponseError as error:
            allow = "grant this identity Key Vault Secrets User and look at the vault's firewall"
            remedy = allow if error.status_code == 403 else "run again later"
            return Answer(problem=f"cannot be read from {self._url} (status {error.status_code}); {remedy}")
        return Answer(value) if value else Answer(problem=f"is empty in {self._url}; give it a value")


class DatabricksStore:
    """A secret scope of the Databricks workspace that the environment or the profile names.

    Args:
        scope: The scope's name.
    """

    def __init__(self, scope: str) -> None:
        self._scope = scope

    @cached_property
    def _client(self) -> "WorkspaceClient":
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        return WorkspaceClient(config=Config(http_timeout_seconds=READ_SECONDS, retry_timeout_seconds=RETRY_SECONDS))

    def read(self, name: str) -> Answer:
        """The secret, which the interface hands out in base64 and which must be UTF-8."""
        place = f"databricks://{self._scope}"
        try:
            from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, Unauthenticated

            client = self._client
        except ImportError:
            return Answer(problem=f"is in {place}; to read it, pip install 'rcm-lakehouse[databricks]'")
        except ValueError:
            return Answer(problem=f"cannot be read from {place}: no valid login; see docs/security.md")
        try:
            value = client.secrets.get_secret(self._scope, name).value
        except NotFound:
            return Answer(problem=f"is not in {place}; add it or correct its name")
        except (PermissionDenied, Unauthenticated):
            return Answer(problem=f"cannot be read from {place}: no access; grant this identity READ on the scope")
        except BadRequest:
            return Answer(problem=f"is not handed out by {place}; some workspaces do so only inside a job")
        return Answer(b64decode(value).decode()) if value else Answer(problem=f"is empty in {place}; give it a value")


def open_store(place: str) -> SecretStore | None:
    """The vault or scope that RCM_SECRETS names, not yet connected; None where it names none."""
    if vault := _KEY_VAULT.fullmatch(place):
        return KeyVaultStore(vault[1])
    if scope := _DATABRICKS.fullmatch(place):
        return DatabricksStore(scope[1])
    return None
