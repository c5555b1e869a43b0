"""Access to the WHO's ICD API: where its tokens come from, and whether the login works."""

from dataclasses import dataclass

import requests

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.findings import Finding, ok, problem, warning
from ingestion.base.settings import Settings, shown_url
from ingestion.sources.http_check import CHECK_SECONDS

WHO_TOKEN_URL = "https://icdaccessmanagement.who.int/connect/token"  # noqa: S105 - an address
SCOPE = "icdapi_access"
CLIENT_ID, CLIENT_SECRET = "RCM_ICD_CLIENT_ID", "RCM_ICD_CLIENT_SECRET"
_TOKEN_REFUSED = (400, 401, 403)


@dataclass(frozen=True)
class Access:
    """Where the API is and who asks; the secret is never shown."""

    base_url: str
    token_url: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Access({self.base_url})"

    @property
    def form(self) -> dict[str, str]:
        """Fields of a request for a token."""
        return {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


def icd_access(settings: Settings, base_url: str) -> Access:
    """The access that the environment names.

    Raises:
        SourceUnavailableError: It names none.
    """
    client_id, secret = settings.resolve(CLIENT_ID), settings.resolve(CLIENT_SECRET)
    if client_id is None or secret is None:
        raise SourceUnavailableError(
            f"{CLIENT_ID} and {CLIENT_SECRET} are not set; get them at icd.who.int/icdapi, or set active: false"
        )
    return Access(base_url, settings.resolve("RCM_ICD_TOKEN_URL", WHO_TOKEN_URL) or "", client_id, secret)


def check_login(settings: Settings, base_url: str) -> Finding:
    """Whether a token is given; raises as ``icd_access`` does."""
    access = icd_access(settings, base_url)
    shown = shown_url(access.token_url)
    try:
        # The body may be of any length, and is not read.
        with requests.post(access.token_url, data=access.form, timeout=CHECK_SECONDS, stream=True) as answer:
            pass
    except OSError as error:
        return problem(f"{shown} does not answer ({type(error).__name__})", "look at the network")
    if answer.ok:
        return ok(f"{shown_url(base_url)} answers and gives a token")
    if answer.status_code in _TOKEN_REFUSED:
        return problem(f"{shown} gives no token", f"check {CLIENT_ID} and {CLIENT_SECRET}")
    return warning(f"{shown} answers with status {answer.status_code}", "ask again later")
