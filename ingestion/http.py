"""One polite HTTP client for every API: retries with jitter, Retry-After, and a limit of requests per second."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import cast
from urllib.parse import urlsplit

import requests

from ingestion.errors import SourceUnavailableError
from ingestion.settings import shown_url

TIMEOUT_SECONDS = (5, 30)
ATTEMPTS = 6
# Waits are drawn between zero and a bound that doubles from here, so that threads refused together come back apart.
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class TransientError(Exception):
    """An answer that may be better next time.

    Args:
        reason: What happened, without host or values.
        retry_after: Seconds the server asked to wait, where it did.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RefusedError(SourceUnavailableError):
    """The server understood and said no; asking again would not help."""


class UnauthorizedError(RefusedError):
    """The server does not take the token, or not any longer."""


class JsonClient:
    """A session that answers with parsed JSON; safe to share between threads.

    Args:
        per_second: Requests a second at most; a server on this machine is not spared.
    """

    def __init__(self, per_second: float | None = None) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._next_slot = 0.0
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "rcm-lakehouse"})

    def __enter__(self) -> "JsonClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> object:
        """JSON of one GET.

        Raises:
            SourceUnavailableError: No usable answer after every retry; names the URL without its query.
            RefusedError: Status 4xx.
            UnauthorizedError: Status 401.
        """
        return self._retried(
            url, lambda: self._session.get(url, params=params, headers=headers, timeout=TIMEOUT_SECONDS)
        )

    def post_form(self, url: str, form: Mapping[str, str]) -> object:
        """JSON of one POST of a form; raises as ``get`` does."""
        return self._retried(url, lambda: self._session.post(url, data=form, timeout=TIMEOUT_SECONDS))

    def _retried(self, url: str, send: Callable[[], requests.Response]) -> object:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(url, send)
            except TransientError as error:
                wait = _wait_seconds(attempt, error.retry_after)
                if attempt == ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
                    raise SourceUnavailableError(
                        f"{shown_url(url)} gave no usable answer in {attempt} attempts ({error}); run again later"
                    ) from None
            time.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _attempt(self, url: str, send: Callable[[], requests.Response]) -> object:
        if urlsplit(url).hostname not in LOOPBACK:
            self._wait_for_slot()
        try:
            response = send()
            status = response.status_code
            if status in RETRIED_STATUSES:
                raise TransientError(f"status {status}", _retry_after(response.headers.get("Retry-After")))
            if status == requests.codes.unauthorized:
                raise UnauthorizedError(f"{shown_url(url)} answered 401; check the access to it")
            if not response.ok:
                raise RefusedError(f"{shown_url(url)} answered {status}; check the URL and access")
            # A body that was cut off does not parse; the next one may be whole.
            return cast("object", response.json())
        except requests.RequestException as error:
            raise TransientError(type(error).__name__) from None

    def _wait_for_slot(self) -> None:
        with self._lock:
            slot = max(self._next_slot, time.monotonic())
            self._next_slot = slot + self._interval
        time.sleep(max(0.0, slot - time.monotonic()))


def _wait_seconds(attempt: int, asked: float | None) -> float:
    """What the server asked for and a little more, else full jitter under a bound that doubles."""
    bound = min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS)
    jitter = random.uniform(0, bound)  # noqa: S311 - spreads load, protects nothing
    return jitter if asked is None else asked + jitter * 0.1


def _retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
