"""The ways to authenticate, and tokens that end while a run goes on."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.fake_zendesk import Fault
from tests.support.harness import NOW, SimulatedClock, a_fake, bookmark, lines, plain_account, run

if TYPE_CHECKING:
    from tests.fake_zendesk import FakeZendesk, LoggedRequest

CLIENT: dict[str, Any] = {
    "access_token": None,
    "client_id": "fake-client",
    "client_secret": "fake-client-secret",
}
PAIR = ("fake-client", "fake-client-secret")


def token_requests(fake: FakeZendesk) -> list[LoggedRequest]:
    return [request for request in fake.log if request.path_kind == "token"]


def on_token(request: LoggedRequest) -> bool:
    return request.path_kind == "token"


def test_an_access_token_is_sent_as_it_is() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    assert len(run(fake, clock, access_token=" fake-access-token\n").ids) == 3
    assert {request.authorization for request in fake.log} == {"Bearer fake-access-token"}


@pytest.mark.parametrize(
    "email", ["admin@example.com", "admin@example.com/token", " admin@example.com "]
)
def test_an_api_token_is_sent_with_the_email_address(email: str) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, access_token=None, email=email, api_token="fake-api-token")
    assert len(output.ids) == 3
    (header,) = {request.authorization for request in fake.log}
    assert header is not None
    scheme, _, pair = header.partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(pair) == b"admin@example.com/token:fake-api-token"


def test_client_credentials_are_exchanged_once() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    assert len(run(fake, clock, page_size=10, **CLIENT).ids) == 60
    (request,) = token_requests(fake)
    assert request.authorization is None
    assert request.headers["content-type"] == "application/json"
    assert fake.log[0] is request
    (token,) = fake.tokens_issued
    assert {each.authorization for each in fake.export_requests} == {f"Bearer {token}"}


@pytest.mark.parametrize("expires_in", [300, 1800, 7200])
def test_a_token_is_renewed_before_it_ends(expires_in: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(600), clock, clients={PAIR: {"expires_in": expires_in}})
    output = run(fake, clock, page_size=10, latency=lambda: 60.0, **CLIENT)
    assert sorted(output.ids) == list(range(1, 601))
    assert {request.status for request in fake.log} == {200}
    needed = (clock.time - NOW) / expires_in
    assert needed > 1
    assert len(token_requests(fake)) <= needed * 2 + 1


@pytest.mark.parametrize("life", [{}, {"expires_in": None}])
def test_a_token_without_an_end_is_kept(life: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(200), clock, clients={PAIR: life})
    run(fake, clock, page_size=10, latency=lambda: 900.0, **CLIENT)
    assert len(token_requests(fake)) == 1


@pytest.mark.parametrize("expires_in", [0, -5, "soon", "1800", True, [], 1e300])
def test_an_end_that_is_none_counts_as_absent(expires_in: Any) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(200), clock, access_tokens=["odd"])
    body = json.dumps({"access_token": "odd", "expires_in": expires_in})
    fake.faults.append(Fault(on=on_token, status=200, body=body))
    assert len(run(fake, clock, page_size=10, latency=lambda: 900.0, **CLIENT).ids) == 200
    assert len(token_requests(fake)) == 1


@pytest.mark.parametrize("way", [CLIENT, {}])
def test_a_401_in_mid_run_is_mended_once_by_a_new_token(way: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, clients={PAIR: {}})

    def revoke() -> float:
        if len(fake.export_requests) == 3 and len(fake.tokens_issued) == 1:
            fake.expire_tokens()
        return 0.0

    output = run(fake, clock, page_size=10, latency=revoke, **way)
    assert sorted(output.ids) == list(range(1, 61))
    assert len(token_requests(fake)) == (2 if way else 0)


def test_every_401_gets_its_own_renewal() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, clients={PAIR: {}})

    def revoke() -> float:
        if fake.log and fake.log[-1].path_kind == "export" and fake.log[-1].status == 200:
            fake.expire_tokens()
        return 0.0

    output = run(fake, clock, page_size=10, latency=revoke, **CLIENT)
    assert sorted(output.ids) == list(range(1, 61))
    assert len(token_requests(fake)) == len([r for r in fake.export_requests if r.status == 200])


def test_a_second_401_in_a_row_is_an_error() -> None:
    clock = SimulatedClock()
    faults = [Fault(on=range(3, 99), status=401, body='{"error":"invalid_token"}')]
    fake = a_fake(plain_account(60), clock, faults=faults)
    output = run(fake, clock, page_size=10, fails=True, **CLIENT)
    assert len(fake.export_requests) == 4
    assert len(token_requests(fake)) == 2
    assert "does not accept the credentials" in str(output.error)
    assert len(output.ids) == 19
    assert bookmark(output)["boundary_ids"] == [19]


@pytest.mark.parametrize(
    "way", [{"access_token": "wrong"}, {"access_token": None, "email": "a@b.c", "api_token": "no"}]
)
def test_without_a_way_to_renew_the_first_401_is_an_error(way: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, fails=True, **way)
    assert len(fake.log) == 1
    assert "does not accept the credentials" in str(output.error)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(on=on_token, times=3, status=503),
        Fault(on=on_token, times=3, status=429, headers={"Retry-After": "5"}),
        Fault(on=on_token, times=3, status=500, body="<html>"),
        Fault(on=on_token, times=3, kind="drop"),
        Fault(on=on_token, times=3, kind="stall", seconds=999),
        Fault(on=on_token, times=3, kind="truncate"),
        Fault(on=on_token, times=3, status=200, body="<html>"),
        Fault(on=on_token, times=3, status=200, body='"text"'),
        Fault(on=on_token, times=3, status=200, body="[]"),
        Fault(on=on_token, times=3, status=200, body="{}"),
        Fault(on=on_token, times=3, status=200, body='{"access_token":null}'),
        Fault(on=on_token, times=3, status=200, body='{"access_token":""}'),
        Fault(on=on_token, times=3, status=200, body='{"access_token":"a\\nb: c"}'),
        Fault(on=on_token, times=3, status=200, body='{"access_token":"é"}'),
        Fault(on=on_token, times=3, status=200, body=b'{"access_token":"\xff"}'),
        Fault(on=on_token, times=3, status=200, body='{"access_token":5}'),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status} {fault.body!r}",
)
def test_faults_of_the_token_endpoint_pass(fault: Fault) -> None:
    clock = SimulatedClock()
    fault.struck = 0
    fake = a_fake(plain_account(3), clock, faults=[fault])
    assert len(run(fake, clock, **CLIENT).ids) == 3
    assert len(token_requests(fake)) == 4
    assert len(fake.export_requests) == 1


def test_patience_with_the_token_endpoint_ends_too() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock, faults=[Fault(on=on_token, status=503)])
    output = run(fake, clock, max_retry_seconds=100, fails=True, **CLIENT)
    assert clock.time - NOW == pytest.approx(100)
    assert "token" in str(output.error)
    assert fake.export_requests == []


def test_after_the_token_endpoint_has_answered_the_host_is_known_to_be_there() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)

    def refuse() -> float:
        if fake.tokens_issued and NOW + 1 < clock.time < NOW + 100:
            raise requests.ConnectionError(ConnectionRefusedError(111, "Connection refused"))
        return 1.0

    assert len(run(fake, clock, latency=refuse, **CLIENT).ids) == 3
    assert clock.time - NOW >= 100


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"error":"invalid_request"}'),
        (401, '{"error":"invalid_client"}'),
        (422, "{}"),
        (403, ""),
        (404, ""),
        (302, ""),
    ],
)
def test_a_client_that_is_refused_is_an_error_at_once(status: int, body: str) -> None:
    clock = SimulatedClock()
    headers = {"Location": "https://evil.example/"}
    faults = [Fault(on=on_token, status=status, body=body, headers=headers)]
    fake = a_fake(plain_account(3), clock, faults=faults)
    output = run(fake, clock, fails=True, **CLIENT)
    assert len(fake.log) == 1
    assert str(status) in str(output.error)
    assert "fake-client" not in str(output.error)


def test_a_wrong_client_secret_names_the_settings() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, fails=True, **{**CLIENT, "client_secret": "wrong-one"})
    for word in ("client_id", "client_secret", "admin"):
        assert word in str(output.error)
    assert "wrong-one" not in str(output.error)


def test_a_token_request_takes_no_slot_of_the_export_allowance() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(96), clock, rate_limit=(10, 60.0))
    run(fake, clock, page_size=11, **CLIENT)
    assert len(fake.export_requests) == 10
    assert clock.time == NOW


def test_a_renewed_request_takes_a_slot_of_its_own() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(300), clock, rate_limit=(10, 60.0), clients={PAIR: {}})

    def revoke() -> float:
        last = fake.log[-1] if fake.log else None
        if last and last.number in {5, 6, 7} and last.status == 200:
            fake.expire_tokens()
        return 0.0

    run(fake, clock, page_size=10, latency=revoke, **CLIENT)
    assert {request.status for request in fake.export_requests} == {200, 401}


def test_the_renewal_is_told_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    fake = a_fake(plain_account(30), clock, faults=[Fault(on=2, status=401)])
    run(fake, clock, page_size=10, **CLIENT)
    assert sum("fetching another" in line for line in lines(caplog, "INFO")) == 1
    for token in fake.tokens_issued:
        assert token not in caplog.text
