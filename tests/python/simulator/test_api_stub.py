from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from simulator import SimulationError
from simulator.api_stub import ApiStub, serve

ICD_HEADERS = {"Accept": "application/json", "API-Version": "v2", "Accept-Language": "en"}


@pytest.fixture(scope="module")
def stub(day_zero: Path) -> Iterator[ApiStub]:
    with serve(day_zero / "sources") as served:
        yield served


@pytest.fixture(scope="module")
def session(stub: ApiStub) -> Iterator[requests.Session]:
    """A client with a valid token."""
    form = {"grant_type": "client_credentials", "scope": "icdapi_access", "client_id": "me", "client_secret": "s3"}
    with requests.Session() as client:
        answer = client.post(stub.icd_token_url, data=form, timeout=5).json()
        assert answer["token_type"] == "Bearer"
        assert answer["expires_in"] == 3600
        client.headers.update({**ICD_HEADERS, "Authorization": f"Bearer {answer['access_token']}"})
        yield client


@pytest.fixture(scope="module")
def registry(day_zero: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((day_zero / "sources/registry.json").read_text())
    return content


def nppes(stub: ApiStub, **query: str) -> dict[str, Any]:
    response = requests.get(stub.npi_url, params={"version": "2.1", **query}, timeout=5)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def local(stub: ApiStub, uri: str) -> str:
    assert uri.startswith("http://id.who.int/icd/release/10/2019/")
    return uri.replace("http://id.who.int", stub.icd_url)


def test_a_known_npi_is_found(stub: ApiStub, registry: dict[str, Any]) -> None:
    npi = list(registry["npi"])[1]
    body = nppes(stub, number=npi)
    assert body["result_count"] == 1
    (result,) = body["results"]
    assert result["number"] == npi
    assert result["enumeration_type"] == "NPI-1"
    assert result["basic"]["status"] == "A"
    assert isinstance(result["created_epoch"], str)
    assert len(result["last_updated_epoch"]) >= 12
    assert result["taxonomies"][0]["primary"] is True


def test_an_unknown_npi_gives_no_results(stub: ApiStub) -> None:
    assert nppes(stub, number="1234567893") == {"result_count": 0, "results": []}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"version": "1.0", "number": "1234567893"}, "version"),
        ({"number": "12345"}, "number"),
        ({}, ""),
        ({"state": "KY"}, ""),
        ({"last_name": "A*", "skip": "1001"}, "skip"),
        ({"last_name": "A*", "limit": "many"}, "limit"),
    ],
)
def test_errors_come_with_status_200(stub: ApiStub, query: dict[str, str], field: str) -> None:
    (error,) = nppes(stub, **query)["Errors"]
    assert error["field"] == field
    assert set(error) == {"description", "field", "number"}


def test_pages_are_clamped_and_counted_alone(stub: ApiStub, registry: dict[str, Any]) -> None:
    known = len(registry["npi"])
    assert 10 < known < 200
    assert nppes(stub, last_name="*")["result_count"] == 10
    assert nppes(stub, last_name="*", limit="5000")["result_count"] == known
    assert nppes(stub, last_name="*", limit="20", skip=str(known - 3))["result_count"] == 3
    assert nppes(stub, last_name="*", skip="1000")["result_count"] == 0


def test_one_entry_has_a_wrong_number(registry: dict[str, Any]) -> None:
    wrong = [npi for npi, entry in registry["npi"].items() if entry["number"] != npi]
    assert len(wrong) == 1


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "client_id": "me", "client_secret": "s3"},
        {"grant_type": "client_credentials", "client_id": "", "client_secret": "s3"},
        {"grant_type": "client_credentials"},
        {"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3", "scope": "all"},
    ],
)
def test_no_token_without_credentials(stub: ApiStub, form: dict[str, str]) -> None:
    assert requests.post(stub.icd_token_url, data=form, timeout=5).status_code == 400


def test_credentials_may_come_in_the_header(stub: ApiStub) -> None:
    form = {"grant_type": "client_credentials", "scope": "icdapi_access"}
    answer = requests.post(stub.icd_token_url, data=form, auth=("me", "s3"), timeout=5)
    assert answer.json()["access_token"]


def test_icd_wants_a_token_a_version_and_a_language(stub: ApiStub, session: requests.Session) -> None:
    url = f"{stub.icd_url}/icd/release/10/2019"
    assert session.get(url, timeout=5).status_code == 200
    assert requests.get(url, headers=ICD_HEADERS, timeout=5).status_code == 401
    assert requests.get(url, headers={**ICD_HEADERS, "Authorization": "Bearer no"}, timeout=5).status_code == 401
    assert session.get(url, headers={"API-Version": "v1"}, timeout=5).status_code == 400
    assert session.get(url, headers={"Accept-Language": ""}, timeout=5).status_code == 400


def test_icd_says_what_is_missing(stub: ApiStub, session: requests.Session) -> None:
    for path in ("10/2019/Q99.99", "10/1999", "11/2019"):
        assert session.get(f"{stub.icd_url}/icd/release/{path}", timeout=5).status_code == 404


def test_the_tree_holds_every_code_once(stub: ApiStub, session: requests.Session, registry: dict[str, Any]) -> None:
    root = session.get(f"{stub.icd_url}/icd/release/10/2019", timeout=5).json()
    waiting = list(root["child"])
    seen: dict[str, str] = {}
    while waiting:
        uri = waiting.pop()
        entity = session.get(local(stub, uri), timeout=5).json()
        assert entity["@id"] == uri
        assert isinstance(entity["parent"], list)
        assert entity["title"]["@value"]
        assert entity.get("child") != []
        assert entity["code"] not in seen
        seen[entity["code"]] = entity["classKind"]
        waiting += entity.get("child", [])
    assert seen == {node["code"]: node["class_kind"] for node in registry["icd"]}
    assert set(seen.values()) == {"chapter", "block", "category"}


def test_connections_are_kept_alive(stub: ApiStub) -> None:
    connection = http.client.HTTPConnection(urlsplit(stub.npi_url).netloc, timeout=5)
    with contextlib.closing(connection):
        sockets = set()
        for _ in range(3):
            connection.request("GET", "/api/?version=2.1&number=1234567893")
            connection.getresponse().read()
            sockets.add(connection.sock)
        # A closed connection would have left None, a new one another socket.
        assert len(sockets) == 1
        assert None not in sockets


def test_without_a_simulation_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="rcm simulate"), serve(tmp_path):
        pass
