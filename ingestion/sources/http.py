"""The HTTP client of every API: retries with exponential backoff and jitter, a rate limit, timeouts, a cache."""

import random
import re
import socket
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.limits import MIB, Limits
from ingestion.base.settings import Settings, shown_url
from ingestion.sources.http_cache import open_cache

TIMEOUT_SECONDS = (5, 30)
# For one answer with its whole body: one byte every few seconds would meet every other limit.
TOTAL_SECONDS = 60.0
ATTEMPTS = 6
# Waits are drawn between zero and a bound that doubles from here, so that threads refused together come back apart.
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# What is read of an answer's headers; the rest (cookies, Vary on a token) would only get into the cache.
KEPT_HEADERS = ("Content-Type", "Location", "Retry-After")
CHUNK_BYTES = 1 << 16
LONGEST_REDIRECTION = 5
# A nested or endless encoding could expand without a bound.
_ENCODINGS = {"": None, "identity": None, "gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_SECONDS = re.compile(r"[0-9]{1,9}")
_NO_JSON = "an answer that is no JSON"


def cache_file(settings: Settings, address: str, name: str) -> Path | None:
    """Cache file of an API's good answers, so that a killed run resumes and only requests the rest.

    A server on this machine is a stub with another port each time, so nothing would be found in the cache.
    """
    if urlsplit(address).hostname in LOOPBACK:
        return None
    return settings.warehouse.parent / "cache" / f"{name}.sqlite"


class TransientError(Exception):
    """A transient failure: a retry may succeed.

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


class Clock(NamedTuple):
    """The time in seconds, and how to wait; another one makes a test of waits that does not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class JsonClient:
    """A session that answers with parsed JSON; safe to share between threads.

    Args:
        per_second: Requests a second at most, over all threads; answers from the cache do not count, and a server on
            this machine is not spared.
        cache: SQLite file of good answers to GET; None keeps nothing.
        keep: Age at which a kept answer is asked for again; None keeps it for good.
        is_good: Whether the JSON of an answer with status 200 may be kept.
        clock: Time and waits.
        limits: Bounds on answers; None for the defaults.
    """

    def __init__(
        self,
        per_second: float | None = None,
        cache: Path | None = None,
        keep: timedelta | None = None,
        is_good: Callable[[object], bool] = bool,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._plain = requests.Session()
        self._cached = open_cache(cache, keep, is_good) if cache else None
        self._cache_broke = cache is not None and self._cached is None
        self._sessions: list[requests.Session] = [self._plain, *([self._cached] if self._cached else [])]
        self._longest = longest = (limits or Limits()).answer_bytes
        adapter = _Adapter(1 / per_second if per_second else 0.0, self._clock, longest)
        for session in self._sessions:
            session.headers.update({"Accept": "application/json", "User-Agent": "rcm-lakehouse"})
            session.headers["Accept-Encoding"] = "gzip, deflate"
            session.max_redirects = LONGEST_REDIRECTION
            session.mount("http://", adapter)
            session.mount("https://", adapter)

    def __enter__(self) -> "JsonClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions:
            session.close()

    @property
    def warnings(self) -> list[str]:
        """What an operator should know about the cache, once the work is done."""
        text = "the cache of answers cannot be read or written; what was asked is asked again next time"
        return [text] if self._cache_broke else []

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> object:
        """JSON of one GET.

        Raises:
            SourceUnavailableError: No usable answer after every retry; names the URL without its query.
            RefusedError: Status 4xx.
            UnauthorizedError: Status 401.
        """
        return self._retried(url, lambda session: session.get(url, params=params, headers=headers))

    def kept(self, url: str) -> object:
        """JSON that the cache holds for a GET of the URL, None where it holds none; the server is not asked."""
        session = self._cached
        if session is None:
            return None
        try:
            response = session.get(url, only_if_cached=True)
        except sqlite3.Error:
            self._do_without_cache()
            return None
        with suppress(TransientError):
            return _json(response) if response.ok else None
        return None

    def post_form(self, url: str, form: Mapping[str, str]) -> object:
        """JSON of one POST of a form, never from the cache; raises as ``get`` does."""
        return self._retried(url, lambda _: self._plain.post(url, data=form))

    def _retried(self, url: str, send: Callable[[requests.Session], requests.Response]) -> object:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(url, send)
            except TransientError as error:
                wait = _wait_seconds(attempt, error.retry_after)
                if attempt == ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
                    raise SourceUnavailableError(
                        f"{shown_url(url)} gave no usable answer in {attempt} attempts ({error}); run again later"
                    ) from None
            self._clock.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _attempt(self, url: str, send: Callable[[requests.Session], requests.Response]) -> object:
        try:
            response = send(self._cached or self._plain)
            status = response.status_code
            if status in RETRIED_STATUSES:
                raise TransientError(f"status {status}", _retry_after(response.headers.get("Retry-After")))
            if status == HTTPStatus.UNAUTHORIZED:
                raise UnauthorizedError(f"{shown_url(url)} answered 401; check the access to it")
            if not response.ok:
                raise RefusedError(f"{shown_url(url)} answered {status}; check the URL and access")
            return _json(response)
        except _TooLongError:
            raise SourceUnavailableError(
                f"{shown_url(url)} gave an answer of more than {self._longest / MIB:g} MiB; "
                "check the URL, or raise RCM_MAX_ANSWER_MB"
            ) from None
        except sqlite3.Error:
            self._do_without_cache()
            raise TransientError("the cache broke") from None
        except requests.RequestException as error:
            raise TransientError(type(error).__name__) from None
        except ValueError as error:
            # What a header holds that no library expects.
            raise TransientError(f"an answer that cannot be read, {type(error).__name__}") from None

    def _do_without_cache(self) -> None:
        self._cached = None
        self._cache_broke = True


class _TooLongError(Exception):
    """A body is longer than its bound."""


class _Deadline:
    """A connection that is shut once the headers of an answer take too long: each byte would renew its own timeout."""

    sock: socket.socket | None

    def getresponse(self) -> urllib3.BaseHTTPResponse:
        """Status and headers of the answer."""
        watch = threading.Timer(TOTAL_SECONDS, self._shut)
        watch.daemon = True
        watch.start()
        try:
            return super().getresponse()  # type: ignore[misc,no-any-return]
        finally:
            watch.cancel()

    def _shut(self) -> None:
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


class _Connection(_Deadline, HTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Deadline, HTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Carries what the cache cannot answer: keeps the pace, and reads bodies whole within their time and bound."""

    def __init__(self, interval: float, clock: Clock, longest: int) -> None:
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._longest = longest
        self._interval = interval
        self._clock = clock
        self._next_slot = 0.0
        self._lock = threading.Lock()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: bool | str = True,
        cert: str | bytes | tuple[str | bytes, str | bytes] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One exchange, at its turn."""
        if urlsplit(request.url or "").hostname not in LOOPBACK:
            self._wait_for_slot()
        deadline = time.monotonic() + TOTAL_SECONDS
        response = super().send(
            request, stream=True, timeout=TIMEOUT_SECONDS, verify=verify, cert=cert, proxies=proxies
        )
        body = _whole_body(response, deadline, self._longest)
        response.raw = urllib3.HTTPResponse(BytesIO(body), status=response.status_code, preload_content=False)
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        response.headers = CaseInsensitiveDict(kept)
        response.cookies = RequestsCookieJar()
        return response

    def proxy_manager_for(self, proxy: str, **options: object) -> urllib3.ProxyManager:
        """The same bounds for connections through a proxy."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager

    def _wait_for_slot(self) -> None:
        with self._lock:
            now = self._clock.now()
            slot = max(self._next_slot, now)
            self._next_slot = slot + self._interval
        if slot > now:
            self._clock.sleep(slot - now)


def _whole_body(response: requests.Response, deadline: float, longest: int) -> bytes:
    body = bytearray()
    try:
        for piece in _decoded(response, deadline):
            body += piece
            if len(body) > longest:
                raise _TooLongError
    except (urllib3.exceptions.HTTPError, zlib.error):
        raise requests.ConnectionError("body cut off") from None
    finally:
        # A body read to its end has given its connection back by now, any other takes it along.
        response.raw.close()
    return bytes(body)


def _decoded(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """Pieces of a body, each of bounded length however well it was compressed."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise requests.exceptions.ContentDecodingError("an encoding that was not asked for")
    bits = _ENCODINGS[encoding]
    decoder = None if bits is None else zlib.decompressobj(bits)
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
        while decoder is not None and chunk:
            yield decoder.decompress(chunk, CHUNK_BYTES)
            chunk = decoder.unconsumed_tail
        if decoder is None:
            yield chunk
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("slow body")
    if decoder is not None and not decoder.eof:
        raise requests.ConnectionError("body cut off")


def _json(response: requests.Response) -> object:
    """The JSON of an answer; a body that was cut off does not parse, the next one may be whole.

    Raises:
        TransientError: It is no JSON, is nested too deep, or holds a number of thousands of digits.
    """
    try:
        return cast("object", response.json())
    except (ValueError, RecursionError):
        raise TransientError(_NO_JSON) from None


def _wait_seconds(attempt: int, asked: float | None) -> float:
    """What the server asked for and a little more, else full jitter under a bound that doubles."""
    bound = min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS)
    jitter = random.uniform(0, bound)  # noqa: S311 - spreads load, protects nothing
    return jitter if asked is None else asked + jitter * 0.1


def _retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None for anything else."""
    if header is None:
        return None
    if _SECONDS.fullmatch(header.strip()):
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
