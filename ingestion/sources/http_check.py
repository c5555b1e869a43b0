"""Checks whether an API answers: one request without retries, within the time limit of a check."""

import socket
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from ingestion.base.findings import Finding, ok, problem, warning
from ingestion.base.settings import shown_url
from ingestion.declared.specs import SystemSpec

# Half of what rcm doctor gives a check: a login may follow.
CHECK_SECONDS = 5.0


def check_address(system: SystemSpec, address: str) -> Finding:
    """What a GET of the address brings; the message names the URL without its query."""
    try:
        # An unknown host name is reported differently from a host that does not answer.
        socket.getaddrinfo(urlsplit(address).hostname or "", None)
        # The body may be of any length, and is not read.
        with requests.get(address, timeout=CHECK_SECONDS, allow_redirects=False, stream=True) as answer:
            status = answer.status_code
    except OSError as error:
        return problem(
            f"{shown_url(address)} does not answer ({type(error).__name__})",
            f"look at the network and its proxy, correct {system.connection.env}, or set active: false",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return warning(f"{shown_url(address)} answers with status {status}", "ask again later")
    return ok(f"{shown_url(address)} answers")
