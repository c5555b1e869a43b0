"""Alerts of failed loads: whatever the webhook does, the run's outcome stays the same, and no secret is shown."""

import json
import smtplib
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from ingestion.bronze.audit import LoadResult, Status
from ingestion.loads import alerts
from ingestion.loads.alerts import FailedRun, Failure, alert, alert_failures, failed_loads
from tests.python.ingestion.scripted_server import Answer, in_turn, serve

RUN = FailedRun("20260101T000000000000-ab12", (Failure("emr", "visits", "SourceUnavailableError", "no connection"),))
PATH = "/services/T000/hidden-path?sig=hidden-signature"


def result(table: str, status: Status, message: str | None = None) -> LoadResult:
    error_class = "SourceUnavailableError" if status == "failed" else None
    moment = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    return LoadResult("run", "emr", table, status, moment, error_class=error_class, message=message)


def test_an_alert_is_a_text_for_people_and_fields_for_machines() -> None:
    with serve(in_turn(Answer(raw=b"ok"))) as hook:
        assert alert(hook.url + PATH, RUN) is None
    (request,) = hook.requests
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert json.loads(request.body) == {
        "text": f"rcm: 1 load failed in run {RUN.run_id}\n- emr.visits: SourceUnavailableError: no connection",
        "run_id": RUN.run_id,
        "failed": 1,
        "failures": [
            {"system": "emr", "table": "visits", "error_class": "SourceUnavailableError", "message": "no connection"}
        ],
    }


def test_only_the_failed_loads_of_a_run_are_told() -> None:
    results = [result("a", "committed"), result("b", "failed", "down"), result("c", "unchanged", "nothing new")]
    with serve(in_turn(Answer())) as hook:
        assert alert_failures({"RCM_ALERT_URL": hook.url}, "run", failed_loads(results)) is None
    assert [failure["table"] for failure in json.loads(hook.requests[0].body)["failures"]] == ["b"]


def test_a_run_without_failures_or_without_a_hook_tells_nobody() -> None:
    with serve(in_turn(Answer())) as hook:
        assert alert_failures({"RCM_ALERT_URL": hook.url}, "run", failed_loads([result("a", "committed")])) is None
        assert alert_failures({}, "run", failed_loads([result("a", "failed")])) is None
    assert hook.requests == []


def test_a_busy_hook_is_told_again() -> None:
    with serve(in_turn(Answer(503), Answer(429), Answer())) as hook:
        assert alert(hook.url, RUN) is None
    assert len(hook.requests) == 3


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (404, 1), (302, 1)])
def test_a_hook_that_does_not_take_it_is_a_warning_without_its_path(status: int, attempts: int) -> None:
    with serve(in_turn(Answer(status, headers={"Location": "/elsewhere"}))) as hook:
        warning = alert(hook.url + PATH, RUN)
    assert warning == (
        f"the alert of run {RUN.run_id} was not taken by {hook.url} (status {status}); check RCM_ALERT_URL"
    )
    assert len(hook.requests) == attempts


def test_a_hook_that_is_away_is_a_warning_without_its_path(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        warning = alert(f"{host}{PATH}", RUN)
    assert warning == f"the alert of run {RUN.run_id} was not taken by {host} (ConnectionError); check RCM_ALERT_URL"
    assert capfd.readouterr() == ("", ""), "the HTTP library must not print the URL it retries"


def test_a_service_receives_the_text() -> None:
    failures = (Failure("emr", "visits", "SourceUnavailableError", "no <connection>"), *RUN.failures)
    with serve(in_turn(Answer())) as hook:
        assert alert(f"json://{hook.url.removeprefix('http://')}{PATH}", FailedRun("run", failures)) is None
    sent = json.loads(hook.requests[0].body)
    assert sent["title"] == "rcm: 2 loads failed in run run"
    assert sent["message"].splitlines() == [
        "- emr.visits: SourceUnavailableError: no <connection>",
        "- emr.visits: SourceUnavailableError: no connection",
    ]


def test_a_service_that_does_not_take_it_is_a_warning_with_its_kind(capfd: pytest.CaptureFixture[str]) -> None:
    with serve(in_turn(Answer(500))) as hook:
        warning = alert(f"json://user:hidden@{hook.url.removeprefix('http://')}{PATH}", RUN)
    assert warning == f"the alert of run {RUN.run_id} was not taken by json://; check RCM_ALERT_URL"
    assert capfd.readouterr() == ("", ""), "apprise must not print what it sends to"


def test_mail_is_sent_by_a_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, list[str], str]] = []
    url = "mailto://mail.hospital.example?from=rcm@hospital.example&to=data@hospital.example&mode=insecure"

    class Server(smtplib.SMTP):
        def connect(self, host: str = "", port: int = 0, source_address: object = None) -> tuple[int, bytes]:  # noqa: ARG002
            return 220, b"here"

        def sendmail(self, from_addr: str, to_addrs: Any, msg: Any, *_: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401
            sent.append((from_addr, list(to_addrs), str(msg)))
            return {}

        def quit(self) -> tuple[int, bytes]:
            return 221, b"gone"

    monkeypatch.setattr(smtplib, "SMTP", Server)
    assert alert(url, RUN) is None
    [(sender, receivers, message)] = sent
    assert (sender, receivers) == ("rcm@hospital.example", ["data@hospital.example"])
    assert RUN.run_id in message


def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "find_spec", lambda _: None)
    url = "mailto://user:hidden@mail.example"  # pragma: allowlist secret
    assert alert(url, RUN) == (
        f"the alert of run {RUN.run_id} was not sent: RCM_ALERT_URL is no http or https URL; "
        "for others pip install 'rcm-lakehouse[alerts]'"
    )


@pytest.mark.parametrize("url", ["ftp://hidden", "mailto://hidden:hidden", "pagerduty://"])
def test_a_url_that_apprise_does_not_know_is_a_warning_without_it(url: str) -> None:
    assert alert(url, RUN) == (
        f"the alert of run {RUN.run_id} was not sent: RCM_ALERT_URL is no http or https URL, nor one of apprise"
    )


@pytest.mark.parametrize("url", ["hidden", "https://", "https://[hidden", "http://h:hidden/"])
def test_a_setting_that_is_no_url_is_a_warning_without_it(url: str) -> None:
    warning = alert(url, RUN)
    assert warning == f"the alert of run {RUN.run_id} was not sent: RCM_ALERT_URL is no http or https URL"


def test_the_hook_may_be_a_secret() -> None:
    with serve(in_turn(Answer())) as hook:
        url = f"{hook.url}/services/hidden"
        values = {"RCM_ALERT_URL": "secret://alert-hook", "RCM_SECRET_ALERT_HOOK": url}
        assert alert_failures(values, "run", failed_loads([result("a", "failed", f"no answer of {url}")])) is None
    assert hook.requests[0].path == "/services/hidden"
    assert "hidden" not in hook.requests[0].body
    assert json.loads(hook.requests[0].body)["failures"][0]["message"] == "no answer of ***"


def test_a_hook_whose_secret_is_missing_is_a_warning() -> None:
    warning = alert_failures({"RCM_ALERT_URL": "secret://alert-hook"}, "run", failed_loads([result("a", "failed")]))
    assert warning == (
        "the alert of run run was not sent: secret://alert-hook is not in the environment; set RCM_SECRET_ALERT_HOOK"
    )


def test_a_message_cannot_call_everybody_of_a_channel() -> None:
    with serve(in_turn(Answer())) as hook:
        alert(hook.url, FailedRun("run", (Failure("emr", "a", "E", "<!channel> & <@U1>"),)))
    payload = json.loads(hook.requests[0].body)
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in payload["text"]
    assert payload["failures"][0]["message"] == "<!channel> & <@U1>"


def test_an_alert_about_everything_stays_small() -> None:
    failures = tuple(Failure("emr", f"t{number}", "E", "m" * 10_000) for number in range(1000))
    with serve(in_turn(Answer())) as hook:
        assert alert(hook.url, FailedRun("run", failures)) is None
    payload = json.loads(hook.requests[0].body)
    lines = payload["text"].splitlines()
    assert (lines[0], lines[-1]) == ("rcm: 1000 loads failed in run run", "- and 990 more; see rcm status")
    assert all(len(line) < 600 for line in lines)
    assert payload["failed"] == 1000
    assert [entry["table"] for entry in payload["failures"]] == [f"t{number}" for number in range(100)]
    assert len(hook.requests[0].body) < 100_000
