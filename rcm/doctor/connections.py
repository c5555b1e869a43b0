"""Does every declared source answer and let us in."""

import socket
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import requests

from ingestion.base.settings import Settings, shown_url
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.codes import icd10_cm
from ingestion.sources.database import open_database
from ingestion.sources.opening import WHO_TOKEN_URL
from ingestion.sources.places import connection_value, is_installed, landing_folder
from rcm.doctor.check import CHECK_SECONDS, Finding, Situation, ok, problem, warning
from rcm.simulation import answers_are_simulated

# An API is asked once and without retries: within the time of a check.
_API_SECONDS = CHECK_SECONDS / 2
_TOKEN_REFUSED = (400, 401, 403)


def systems(situation: Situation) -> Sequence[str]:
    """Every sound system of the control table."""
    return [system.name for system in situation.control.systems]


def connection(situation: Situation, name: str) -> Iterator[Finding]:
    """One system: its address is set, it answers, the login works, what is declared is there."""
    system = next((system for system in situation.control.systems if system.name == name), None)
    if system is None:
        yield problem("no system is declared", "add one: docs/onboarding-a-hospital.md")
        return
    active = [table for table in system.tables if table.load.active]
    if not active:
        yield ok("not asked: every table has active: false")
    elif system.kind == "database":
        yield from _database(connection_value(situation.settings, system), active)
    elif system.kind == "files":
        yield from _landing(situation.settings, system)
    else:
        yield from _api(situation, system, active[0])


def lakehouse(situation: Situation, _: str) -> Iterator[Finding]:
    """The place of landing, bronze and audit answers."""
    place = situation.settings.lakehouse
    place.check()
    if not place.is_local:
        yield ok(f"{place}: storage answers and takes the sign-in")
    elif place.local.is_dir():
        yield ok(f"{place}")
    else:
        yield ok(f"{place} is not there yet: the first load makes it")


def _database(address: str, tables: Sequence[TableSpec]) -> Iterator[Finding]:
    # The check has a bound in time, so a failed login is not tried again.
    with open_database(address, 0.0) as source:
        missing = [
            str(table.load.source_object) for table in tables if not source.columns(str(table.load.source_object))
        ]
        if missing:
            yield problem(
                f"{source.shown}: has no table {', '.join(missing)} for this login",
                "let the login read it, or correct load.object",
            )
        else:
            yield ok(f"{source.shown}: login works, {len(tables)} tables can be read")


def _landing(settings: Settings, system: SystemSpec) -> Iterator[Finding]:
    place = landing_folder(settings, system)
    place.check()
    if place.is_local and not place.local.is_dir():
        yield warning(f"landing folder {place} is not there", "make it, or correct its variable")
    else:
        yield ok(f"landing folder {place}")


def _api(situation: Situation, system: SystemSpec, table: TableSpec) -> Iterator[Finding]:
    settings = situation.settings
    if answers_are_simulated(settings, situation.control.systems):
        yield ok("answered by a stub, as the sources are simulated")
        return
    if is_installed(settings, system, table):
        yield ok(f"CMS's table that is installed, release {icd10_cm.release()}")
        return
    address = connection_value(settings, system)
    host = urlsplit(address).hostname or ""
    try:
        socket.getaddrinfo(host, None)
        status = requests.get(address, timeout=_API_SECONDS, allow_redirects=False).status_code
    except OSError as error:
        yield problem(
            f"{shown_url(address)} does not answer ({type(error).__name__})",
            f"look at the network and its proxy, correct {system.connection.env}, or set active: false",
        )
        return
    if status >= 500:
        yield warning(f"{shown_url(address)} answers with status {status}", "ask again later")
    elif table.load.extractor == "icd":
        yield from _icd_login(settings, address)
    else:
        yield ok(f"{shown_url(address)} answers")


def _icd_login(settings: Settings, address: str) -> Iterator[Finding]:
    names = ("RCM_ICD_CLIENT_ID", "RCM_ICD_CLIENT_SECRET")
    client, secret = (settings.resolve(name) for name in names)
    if client is None or secret is None:
        yield problem(f"{' and '.join(names)} are not set", "get them at icd.who.int/icdapi, or set active: false")
        return
    form = {"grant_type": "client_credentials", "scope": "icdapi_access", "client_id": client, "client_secret": secret}
    token_url = settings.resolve("RCM_ICD_TOKEN_URL", WHO_TOKEN_URL) or ""
    try:
        answer = requests.post(token_url, data=form, timeout=_API_SECONDS)
    except OSError as error:
        yield problem(f"{shown_url(token_url)} does not answer ({type(error).__name__})", "look at the network")
        return
    if answer.ok:
        yield ok(f"{shown_url(address)} answers and gives a token")
    elif answer.status_code in _TOKEN_REFUSED:
        yield problem(f"{shown_url(token_url)} gives no token", f"check {' and '.join(names)}")
    else:
        yield warning(f"{shown_url(token_url)} answers with status {answer.status_code}", "ask again later")
