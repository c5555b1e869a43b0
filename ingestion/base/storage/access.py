"""How a storage account is reached, by key, SAS or azure-identity, and what its errors mean, in one line each."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.base.errors import IngestionError, SourceUnavailableError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

TOKEN_SCOPE = "https://storage.azure.com/.default"  # noqa: S105 - an address
# Every library gives up an endpoint that does not answer within half a minute.
CONNECT_SECONDS = 5
RETRIES = 3

_LOOPBACK_HTTP = re.compile(r"http://(127\.0\.0\.1|localhost)[:/]")
_MISSING = "storage has no such container; create it, or correct the URL"
_REFUSED = (
    "storage refused the sign-in; check the key or SAS of RCM_STORAGE_CONNECTION and how long it is valid, "
    "or the identity's role Storage Blob Data Contributor"
)
_SILENT = "storage cannot be reached; check the account's name, the network and the account's firewall"
_UNSIGNED = (
    "azure-identity cannot sign in; run az login, give this machine a managed identity, or set RCM_STORAGE_CONNECTION"
)
# What the libraries' messages say, the first that fits; the messages themselves may hold a SAS and are never passed on.
_REASONS = (
    (re.compile(r"ContainerNotFound|container does not exist|No such container", re.IGNORECASE), _MISSING),
    (re.compile(r"^SignInError"), _UNSIGNED),
    (
        re.compile(
            r"\b40[13]\b|Authenti|Authoriz|unauthenticated|permission|signature|InvalidAccountKey", re.IGNORECASE
        ),
        _REFUSED,
    ),
    (
        re.compile(r"sending request|connect|resolve|dns|timed? ?out|unreachable|retries", re.IGNORECASE),
        _SILENT,
    ),
)
# As deltalake's storage library names the services behind it.
_OF_OBJECT_STORE = re.compile(r"Generic \w*(?:Azure|HTTP)\w* error|error sending request|HTTP error", re.IGNORECASE)


@dataclass(frozen=True)
class Access:
    """The way into one storage account.

    Args:
        account: Name of the account.
        connection: Azure storage connection string with a key or a SAS; None, or one that has only a
            ``BlobEndpoint``, signs in by azure-identity.
    """

    account: str
    connection: str | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        """URL of the Blob service."""
        return self._part("BlobEndpoint") or f"https://{self.account}.blob.core.windows.net"

    @property
    def uses_identity(self) -> bool:
        """Whether azure-identity signs in."""
        return not (self._part("AccountKey") or self._part("SharedAccessSignature"))

    def delta_options(self) -> dict[str, str]:
        """Options of deltalake; the token is requested each time, and azure-identity caches it while it is valid.

        Raises:
            SignInError: Nobody is signed in.
        """
        options = {
            "azure_storage_account_name": self._part("AccountName") or self.account,
            "azure_storage_account_key": self._part("AccountKey"),
            "azure_storage_sas_token": self._part("SharedAccessSignature").removeprefix("?"),
            "azure_endpoint": self._part("BlobEndpoint"),
            "allow_http": "true" if _LOOPBACK_HTTP.match(self.endpoint) else "",
            "connect_timeout": f"{CONNECT_SECONDS}s",
            "max_retries": str(RETRIES),
            "retry_timeout": "20s",
        }
        if self.uses_identity:
            options["azure_storage_token"] = token().token
        return {name: value for name, value in options.items() if value}

    def duckdb_secret(self) -> str:
        """SQL that gives DuckDB this access; its azure and its delta extension both read it.

        It contains the token of azure-identity, because the delta extension has no other way that works for every kind
        of identity.

        Raises:
            SignInError: Nobody is signed in.
        """
        if self.uses_identity:
            entries = {"provider": "access_token", "access_token": token().token, "account_name": self.account}
        else:
            # The delta extension finds the account only in a part of its own.
            named = f"AccountName={self.account};" if not self._part("AccountName") else ""
            entries = {"connection_string": named + (self.connection or "")}
        values = ", ".join(f"{name} '{value.replace(chr(39), chr(39) * 2)}'" for name, value in entries.items())
        return f"create or replace secret lakehouse (type azure, {values})"

    def _part(self, name: str) -> str:
        parts = dict(part.split("=", 1) for part in (self.connection or "").split(";") if "=" in part)
        return parts.get(name, "")


@functools.cache
def credential() -> "TokenCredential":
    """The process's one sign-in: environment, workload identity, managed identity or ``az login``."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


class SignInError(Exception):
    """azure-identity has no token; no error of the Azure libraries, for those are retried."""


def token() -> "AccessToken":
    """A token that is valid for at least five minutes.

    Raises:
        SignInError: Nobody is signed in.
    """
    try:
        return credential().get_token(TOKEN_SCOPE)
    except Exception:  # noqa: BLE001 - each way of signing in has errors of its own
        raise SignInError from None


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn what the storage libraries raise into one line without a secret; a missing file stays FileNotFoundError.

    Raises:
        SourceUnavailableError: Storage cannot be reached, refuses the sign-in, or has no such container.
    """
    try:
        yield
    except (FileNotFoundError, IngestionError):
        raise
    except Exception as error:  # noqa: BLE001 - adlfs, azure-core, object_store and aiohttp share no class
        reason = _known_reason(error)
        other = f"storage failed with {type(error).__name__}; run it again, and report it if it stays"
        raise SourceUnavailableError(f"{url}: {reason or other}") from None


def fault_of_connection(error: Exception) -> str | None:
    """What an error of a connection to storage means, and what to do; None for any other error."""
    is_connection = isinstance(error, (ConnectionError, TimeoutError)) or _OF_OBJECT_STORE.search(str(error))
    return (_known_reason(error) or _SILENT) if is_connection else None


def _known_reason(error: Exception) -> str | None:
    text = f"{type(error).__name__} {type(error.__cause__).__name__} {error}"
    return next((reason for pattern, reason in _REASONS if pattern.search(text)), None)
