"""Alerts of failed loads: JSON to a webhook, text to any service of apprise."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib.util import find_spec
from urllib.parse import urlsplit

import requests

from ingestion.base.errors import SecretError
from ingestion.base.secret_store import masked, reveal
from ingestion.bronze.audit import LoadResult

VARIABLE = "RCM_ALERT_URL"
TIMEOUT_SECONDS = (5, 10)
# Waits between attempts: a hook holds up the end of a run by less than a minute.
WAIT_SECONDS = (0.5, 2.0)
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# A chat message is cut off by the tool itself where it is too long; a payload may be refused.
SHOWN_FAILURES = 10
SENT_FAILURES = 100
LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Failure:
    """A load that failed; the message is the one of the load log, which holds no value of the data."""

    system: str
    table: str
    error_class: str
    message: str


@dataclass(frozen=True)
class FailedRun:
    """What an alert is about."""

    run_id: str
    failures: tuple[Failure, ...]


def failed_loads(results: Iterable[LoadResult]) -> tuple[Failure, ...]:
    """The loads of a run that failed."""
    return tuple(
        Failure(result.system, result.table, result.error_class or "", result.message or "")
        for result in results
        if result.status == "failed"
    )


def alert_failures(values: Mapping[str, str], run_id: str, failures: tuple[Failure, ...]) -> str | None:
    """Send an alert of what failed in a run to RCM_ALERT_URL; without failures or URL do nothing.

    Args:
        values: Environment variables by name; RCM_ALERT_URL may be or hold a ``secret://NAME``.
        run_id: The run.
        failures: What failed in it.

    Returns:
        A warning if the alert did not arrive, else None. The outcome of the run is what it was.
    """
    setting = values.get(VARIABLE)
    if not setting or not failures:
        return None
    try:
        url = reveal(setting, values)
    except SecretError as error:
        return f"the alert of run {run_id} was not sent: {error}"
    return alert(url, FailedRun(run_id, failures))


def alert(url: str, run: FailedRun) -> str | None:
    """Send one alert.

    An http or https URL receives a POST of JSON: ``text`` for chats, ``run_id`` and ``failures`` for machines; three
    attempts where the hook is busy or away, and twice where an answer was lost. Any other URL is one of apprise, such
    as mailto:// or pagerduty://, and receives the text.

    Returns:
        A warning if the alert did not arrive, else None. It names the hook's host or the kind of service, no more.
    """
    host = _host(url)
    if host is None:
        return _notify(url, run)
    payload = _payload(run)
    for wait in (*WAIT_SECONDS, None):
        problem, is_transient = _post(url, payload)
        if problem is None:
            return None
        if wait is None or not is_transient:
            break
        time.sleep(wait)
    return f"the alert of run {run.run_id} was not taken by {host} ({problem}); check {VARIABLE}"


def _notify(url: str, run: FailedRun) -> str | None:
    """Send the text to a service that apprise knows."""
    kind = url.partition("://")[0]
    failed = f"the alert of run {run.run_id} was not"
    if kind in ("http", "https") or "://" not in url:
        return f"{failed} sent: {VARIABLE} is no http or https URL"
    if find_spec("apprise") is None:
        return f"{failed} sent: {VARIABLE} is no http or https URL; for others pip install 'rcm-lakehouse[alerts]'"
    import apprise

    # What it logs of a failure may quote the URL.
    logging.getLogger("apprise").disabled = True
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        return f"{failed} sent: {VARIABLE} is no http or https URL, nor one of apprise"
    title, *lines = _text(run, _shown(run)).splitlines()
    if service.notify("\n".join(lines), title=title, body_format=apprise.NotifyFormat.TEXT):
        return None
    return f"{failed} taken by {kind}://; check {VARIABLE}"


def _post(url: str, payload: Mapping[str, object]) -> tuple[str | None, bool]:
    """What went wrong, if anything, and whether it may go better next time."""
    try:
        # A redirect would turn the POST into a GET that succeeds and tells nobody.
        answer = requests.post(url, json=payload, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True)
        answer.close()
    except (requests.RequestException, ValueError) as error:
        return type(error).__name__, isinstance(error, (requests.ConnectionError, requests.Timeout))
    if 200 <= answer.status_code < 300:
        return None, False
    return f"status {answer.status_code}", answer.status_code in RETRIED_STATUSES


def _payload(run: FailedRun) -> dict[str, object]:
    failures = _shown(run)
    return {
        # Chat tools read < > & as markup: a message must not be able to call everybody.
        "text": escape(_text(run, failures), quote=False),
        "run_id": run.run_id,
        "failed": len(failures),
        "failures": [asdict(failure) for failure in failures[:SENT_FAILURES]],
    }


def _shown(run: FailedRun) -> list[Failure]:
    """Failures with short messages and without secrets."""
    return [
        Failure(failure.system, failure.table, failure.error_class, masked(failure.message)[:LONGEST_MESSAGE])
        for failure in run.failures
    ]


def _text(run: FailedRun, failures: Sequence[Failure]) -> str:
    """A line about the run, then one per failure."""
    loads = "1 load" if len(failures) == 1 else f"{len(failures)} loads"
    lines = [f"rcm: {loads} failed in run {run.run_id}"]
    lines += [
        f"- {failure.system}.{failure.table}: {failure.error_class}: {failure.message}"
        for failure in failures[:SHOWN_FAILURES]
    ]
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"- and {len(failures) - SHOWN_FAILURES} more; see rcm status")
    return "\n".join(lines)


def _host(url: str) -> str | None:
    """Scheme and host of a webhook, None where it is none."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}{port}"
