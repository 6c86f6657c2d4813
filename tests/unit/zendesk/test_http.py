"""Requests go to the configured address and nowhere else, and errors say nothing secret."""

from __future__ import annotations

import logging
from socket import gaierror
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.settings import read_settings
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.answer import Answer
from tap_zendesk_events.zendesk.export import TICKET_EVENTS
from tap_zendesk_events.zendesk.failures import retriable
from tap_zendesk_events.zendesk.http import Http
from tests.fake_zendesk import Fault
from tests.support.harness import (
    API_URL,
    AS_CLIENT,
    BEGIN,
    CONFIG,
    NOW,
    ListWriter,
    Output,
    SimulatedClock,
    a_fake,
    plain_account,
    run,
)
from tests.support.netrc import netrc

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_zendesk import FakeZendesk

EXPORT = "/api/v2/incremental/ticket_events"


def hosts(fake: FakeZendesk) -> set[str]:
    return {request.headers["host"] for request in fake.log}


def real_run(fake: FakeZendesk, **settings: Any) -> list[bytes]:
    """Run the tap against the fake on loopback, over real sockets."""
    writer = ListWriter()
    with fake.serve() as url:
        config = {**CONFIG, "api_url": url, **settings}
        tap = TapZendeskEvents(config=config, message_writer=writer)
        tap.clock = SimulatedClock(fake.clock())
        tap.sync_all()
    return writer.lines


def test_the_request_is_as_documented() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(30), clock)
    run(fake, clock, page_size=10)
    first = fake.export_requests[0]
    assert (first.method, first.path) == ("GET", EXPORT)
    everybody = {"support_type_scope": "all"}
    assert first.query == {"start_time": str(BEGIN), "per_page": "10", **everybody}
    assert first.authorization == "Bearer fake-access-token"
    assert first.headers["accept"] == "application/json"
    assert "gzip" in first.headers["accept-encoding"]


def test_the_user_agent_is_the_taps_or_as_set() -> None:
    clock = SimulatedClock()
    for setting, expected in ((None, "tap-zendesk-events/"), ("acme (data@acme.com)", "acme (")):
        fake = a_fake(plain_account(3), clock)
        run(fake, clock, user_agent=setting)
        assert fake.log[0].headers["user-agent"].startswith(expected)


@pytest.mark.parametrize(
    "public_url", ["https://evil.example", "http://127.0.0.1:2", "https://acme.zendesk.com"]
)
def test_a_next_page_on_another_host_is_asked_for_at_the_configured_one(public_url: str) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(30), clock, public_url=public_url)
    assert len(run(fake, clock, page_size=10).ids) == 30
    assert hosts(fake) == {urlsplit(API_URL).netloc}
    assert {request.path for request in fake.log} == {EXPORT}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://evil.example/", "/api/v2/other", "//127.0.0.1:2/"])
def test_a_redirect_is_not_followed(status: int, location: str) -> None:
    clock = SimulatedClock()
    faults = [Fault(status=status, headers={"Location": location})]
    fake = a_fake(plain_account(3), clock, faults=faults)
    output = run(fake, clock, fails=True)
    assert len(fake.log) == 1
    assert "redirect" in str(output.error)
    assert "evil" not in str(output.error)


def test_a_base_address_with_a_path_is_kept() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    run(fake, clock, api_url=f"{API_URL}/zendesk/", fails=True)
    assert fake.log[0].path == f"/zendesk{EXPORT}"


def test_the_credentials_of_a_netrc_are_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", netrc(tmp_path, "machine 127.0.0.1"))
    clock = SimulatedClock()
    for way in ({}, AS_CLIENT):
        fake = a_fake(plain_account(3), clock)
        real_run(fake, **way)
        assert fake.log
        for request in fake.log:
            assert not (request.authorization or "").startswith("Basic")


def test_no_netrc_and_no_proxy_apply_to_an_https_address_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", netrc(tmp_path, "machine acme.zendesk.com"))
    seen: list[requests.PreparedRequest] = []

    class Recorder(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            seen.append(request)
            raise requests.exceptions.InvalidSchema

    config = {
        "subdomain": "acme",
        "start_date": "2025-11-01",
        "client_id": "client",
        "client_secret": "secret",
    }
    tap = TapZendeskEvents(config=config)
    connection = tap.account()
    connection.http.session.mount("https://", Recorder())
    client = connection.client(TICKET_EVENTS.asking_for(comments=False, support_type_scope="all"))
    with pytest.raises(ZendeskEventsError):
        client.page(BEGIN)
    (request,) = seen
    assert request.url == "https://acme.zendesk.com/oauth/tokens"
    assert "Authorization" not in request.headers


def test_plain_http_on_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    clock = SimulatedClock()
    fake = a_fake(plain_account(30), clock)
    lines = real_run(fake, page_size=10)
    assert sum(b'"RECORD"' in line for line in lines) == 30
    assert clock.time == NOW


def test_over_real_sockets_faults_pass_as_in_simulation() -> None:
    clock = SimulatedClock()
    kinds: list[Any] = ["drop", "drop_in_body", "truncate", "wrong_length", "broken_gzip"]
    faults = [Fault(on=number, kind=kind) for number, kind in enumerate(kinds, 2)]
    fake = a_fake(plain_account(60), clock, faults=faults)
    lines = real_run(fake, page_size=10)
    assert sum(b'"RECORD"' in line for line in lines) == 60
    assert all(fault.struck for fault in faults)


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    tap = TapZendeskEvents(config={**CONFIG, "api_url": "http://127.0.0.1:1"})
    clock = tap.clock = SimulatedClock()
    with pytest.raises(ZendeskEventsError, match="cannot be reached"):
        tap.sync_all()
    assert clock.time - NOW == pytest.approx(30)
    assert "Traceback" not in caplog.text


def test_an_address_that_has_answered_before_is_waited_for_longer() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, rate_limit=(999, 60.0))
    refused = no_connection(NewConnectionError(CONNECTION, "Connection refused"))

    def refuse_later() -> float:
        if len(fake.log) >= 3 and clock.time - NOW < 400:
            raise refused
        return 0.0

    assert len(run(fake, clock, page_size=10, latency=refuse_later).ids) == 60
    assert clock.time - NOW >= 400


CONNECTION: Any = "connection"
POOL: Any = "pool"


def no_connection(reason: Exception) -> requests.ConnectionError:
    """The exception of requests, put together as it and urllib3 do."""
    return requests.ConnectionError(MaxRetryError(POOL, "/", reason))


FAILURES: dict[str, tuple[Exception, str]] = {
    "certificate": (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "certificate"),
    "name": (no_connection(NameResolutionError("acme", CONNECTION, gaierror())), "looked up"),
    "no route": (no_connection(NewConnectionError(CONNECTION, "acme")), "no connection"),
    "proxy": (requests.exceptions.ProxyError("Tunnel failed"), "proxy"),
    "address": (requests.exceptions.InvalidURL("No host in https://acme"), "cannot be sent"),
}


@pytest.mark.parametrize(("failure", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_what_keeps_a_request_from_leaving_is_named(failure: Exception, words: str) -> None:
    clock = SimulatedClock()

    def fail() -> float:
        raise failure

    output = run(a_fake(plain_account(3), clock), clock, latency=fail, fails=True)
    assert words in str(output.error)
    assert "acme" not in str(output.error)
    assert output.records == []


SECRETS = ["s3cr3t-access-token-0123456789", "s3cr3t-client-secret", "s3cr3t-api-token"]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 302, 500, 422])
@pytest.mark.parametrize(
    "way",
    [
        {"access_token": SECRETS[0]},
        {"access_token": None, "email": "admin@example.com", "api_token": SECRETS[2]},
        {**AS_CLIENT, "client_secret": SECRETS[1]},
    ],
)
def test_no_secret_shows_in_logs_or_errors(
    status: int, way: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = SimulatedClock()
    secret = next(value for value in way.values() if value and "s3cr3t" in value)
    echo = f"<html>Authorization: Bearer {secret}</html>"
    fake = a_fake(
        plain_account(3),
        clock,
        access_tokens=[SECRETS[0]],
        api_tokens=[("admin@example.com", SECRETS[2])],
        clients={("fake-client", SECRETS[1]): {"expires_in": 1800}},
        faults=[Fault(on=lambda _: True, status=status, body=echo)],
    )
    output: Output = run(fake, clock, fails=True, max_retry_seconds=5, **way)
    said = str(output.error) + caplog.text
    assert "s3cr3t" not in said
    assert "Bearer" not in said
    for token in fake.tokens_issued:
        assert token not in said


def test_a_page_is_not_decoded_to_see_that_it_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_zendesk_events.zendesk.answer.decode", None)
    page = Answer(200, {"Content-Type": "application/json"}, b'{"ticket_events":[]}')
    assert retriable(page, 0.0) is None
    with pytest.raises(TypeError):  # so it would show
        retriable(Answer(503, {}, b"{}"), 0.0)


def test_the_http_layer_needs_no_network_to_be_made() -> None:
    config = {**CONFIG, "settling_seconds": 300, "include_comments": False, "page_size": 9}
    defaults = {"request_timeout": 5, "max_retry_seconds": 9, "support_type_scope": "all"}
    settings = read_settings({**config, **defaults, "parallel_requests": 1})
    http = Http(settings, "agent/1", SimulatedClock(), logging.getLogger(__name__))
    assert http.session.headers["User-Agent"] == "agent/1"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize(("body", "said"), [("", ""), ('{"error":"Gone"}', ' "Gone"')])
def test_a_refusal_reads_well_with_words_of_zendesks_and_without(
    status: int, body: str, said: str
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(1), clock, faults=[Fault(status=status, body=body)])
    error = str(run(fake, clock, fails=True).error)
    assert f"(status {status}{said})" in error
