"""Tokens that the tap fetches by itself: with client credentials, or by rotation."""

from __future__ import annotations

import json
import os
import signal
import stat
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_zendesk_events.exceptions import ZendeskEventsError
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.fake_zendesk.credentials import CLIENT as PAIR
from tests.support.cli import started, tap
from tests.support.harness import (
    AS_CLIENT,
    BEGIN,
    CLIENT,
    NOW,
    SimulatedClock,
    a_fake,
    on_token,
    plain_account,
    run,
    token_requests,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_zendesk import LoggedRequest


# With client credentials


def test_client_credentials_are_exchanged_once() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    assert len(run(fake, clock, page_size=10, **AS_CLIENT).ids) == 60
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
    output = run(fake, clock, page_size=10, latency=lambda: 60.0, **AS_CLIENT)
    assert sorted(output.ids) == list(range(1, 601))
    assert {request.status for request in fake.log} == {200}
    needed = (clock.time - NOW) / expires_in
    assert needed > 1
    assert len(token_requests(fake)) <= needed * 2 + 1


@pytest.mark.parametrize("life", [{}, {"expires_in": None}])
def test_a_token_without_an_end_is_kept(life: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(200), clock, clients={PAIR: life})
    run(fake, clock, page_size=10, latency=lambda: 900.0, **AS_CLIENT)
    assert len(token_requests(fake)) == 1


@pytest.mark.parametrize("expires_in", [0, -5, "soon", "1800", True, [], 1e300])
def test_an_end_that_is_none_counts_as_absent(expires_in: Any) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(200), clock, access_tokens=["odd"])
    body = json.dumps({"access_token": "odd", "expires_in": expires_in})
    fake.faults.append(Fault(on=on_token, status=200, body=body))
    assert len(run(fake, clock, page_size=10, latency=lambda: 900.0, **AS_CLIENT).ids) == 200
    assert len(token_requests(fake)) == 1


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
    assert len(run(fake, clock, **AS_CLIENT).ids) == 3
    assert len(token_requests(fake)) == 4
    assert len(fake.export_requests) == 1


def test_patience_with_the_token_endpoint_ends_too() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock, faults=[Fault(on=on_token, status=503)])
    output = run(fake, clock, max_retry_seconds=100, fails=True, **AS_CLIENT)
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

    assert len(run(fake, clock, latency=refuse, **AS_CLIENT).ids) == 3
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
    output = run(fake, clock, fails=True, **AS_CLIENT)
    assert len(fake.log) == 1
    assert str(status) in str(output.error)
    assert "fake-client" not in str(output.error)


def test_a_wrong_client_secret_names_the_settings() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, fails=True, **{**AS_CLIENT, "client_secret": "wrong-one"})
    for word in ("client_id", "client_secret", "admin"):
        assert word in str(output.error)
    assert "wrong-one" not in str(output.error)


def test_a_token_request_takes_no_slot_of_the_export_allowance() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(96), clock, rate_limit=(10, 60.0))
    run(fake, clock, page_size=11, **AS_CLIENT)
    assert len(fake.export_requests) == 10
    assert clock.time == NOW


# By rotation: one use each, kept in a file, shared by runs at the same time


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def settings_of(cache: Path, **more: Any) -> dict[str, Any]:
    return {
        **AS_CLIENT,
        "refresh_token": "fake-refresh-token",
        "oauth_cache": str(cache),
        **more,
    }


def rotating_fake(clock: SimulatedClock, **options: Any) -> FakeZendesk:
    account = Account(make_events(300, seed=1, start=BEGIN, spread=86_400))
    return FakeZendesk(account, clock=clock.server_time, rate_limit=None, **options)


def test_the_newest_pair_is_kept_for_its_owner_only(cache: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    assert len(run(fake, clock, **settings_of(cache)).ids) == 300
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    kept = json.loads(cache.read_text())
    assert kept["refresh_token"] in fake.credentials.refresh_tokens
    assert kept["access_token"] == fake.tokens_issued[-1]
    assert "fake-refresh-token" not in cache.read_text()
    assert [path.name for path in cache.parent.iterdir() if "lock" not in path.name] == [cache.name]


def test_a_token_that_lasts_is_used_again_by_the_next_run(cache: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    run(fake, clock, **settings_of(cache))
    clock.time += 600
    run(fake, clock, **settings_of(cache))
    assert len(fake.tokens_issued) == 1
    clock.time += 1800
    run(fake, clock, **settings_of(cache))
    assert len(fake.tokens_issued) == 2
    assert fake.credentials.refused_grants == 0


def test_twenty_rotations_in_a_row(cache: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    for number in range(20):
        run(fake, clock, **settings_of(cache))
        assert len(fake.tokens_issued) == number + 1
        clock.time += 3600
    assert fake.credentials.refused_grants == 0


def test_a_token_revoked_in_mid_run_is_renewed(cache: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)

    def second_page(request: LoggedRequest) -> bool:
        if request.path_kind != "export" or request.number != 2:
            return False
        fake.expire_tokens()
        return True

    fake.faults = [Fault(on=second_page, times=1, status=401, body='{"error":"invalid_token"}')]
    assert len(run(fake, clock, page_size=100, **settings_of(cache)).ids) == 300
    assert len(fake.tokens_issued) == 2


def test_a_changed_token_in_the_settings_counts_a_stale_one_does_not(cache: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    run(fake, clock, **settings_of(cache))
    clock.time += 3600
    # stale: spent by the first run, and yet this one works with what the file keeps
    run(fake, clock, **settings_of(cache))
    fake.credentials.refresh_tokens.clear()
    fake.expire_tokens()
    fake.credentials.refresh_tokens.add("another-refresh-token")
    run(fake, clock, **settings_of(cache, refresh_token="another-refresh-token"))
    assert fake.credentials.refused_grants == 0


def test_a_spent_token_is_one_sentence(cache: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    fake.credentials.refresh_tokens.clear()
    with pytest.raises(ZendeskEventsError, match="make a new refresh token"):
        run(fake, clock, **settings_of(cache))
    assert not cache.exists()


def test_no_token_is_spent_if_its_successor_could_not_be_kept(tmp_path: Path) -> None:
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    with pytest.raises(ZendeskEventsError, match="oauth_cache"):
        run(fake, clock, **settings_of(tmp_path / "missing" / "tokens.json"))
    assert "fake-refresh-token" in fake.credentials.refresh_tokens


@pytest.mark.parametrize("content", ["[]", "no json", '{"access_token": "x"}', "[1]"])
def test_a_file_of_something_else_is_left_alone(cache: Path, content: str) -> None:
    cache.write_text(content)
    clock = SimulatedClock()
    fake = rotating_fake(clock)
    with pytest.raises(ZendeskEventsError, match="holds something else"):
        run(fake, clock, **settings_of(cache))
    assert cache.read_text() == content
    assert "fake-refresh-token" in fake.credentials.refresh_tokens


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "oauth_cache", "refresh_token"])
def test_all_four_settings_belong_together(cache: Path, missing: str) -> None:
    clock = SimulatedClock()
    with pytest.raises(ZendeskEventsError, match=f"{missing} is not set"):
        run(rotating_fake(clock), clock, **settings_of(cache, **{missing: None}))


def test_twenty_rotations_over_five_processes_with_two_at_the_same_time(cache: Path) -> None:
    account = Account(make_events(300, seed=1))
    clients = {PAIR: {"expires_in": 1}}
    fake = FakeZendesk(account, clients=clients, rate_limit=None)
    # every page takes so long that its token has ended when the next one is asked for
    fake.faults = [Fault(kind="slow", seconds=0.5)]
    with fake.serve() as url:
        settings = {
            "api_url": url,
            **CLIENT,
            "refresh_token": "fake-refresh-token",
            "oauth_cache": str(cache),
            "start_date": "2023-11-14",
            "page_size": "75",
            "requests_per_minute": "100000",
        }
        assert tap(settings=settings).returncode == 0
        both = [started(settings) for _ in range(2)]
        for process in both:
            output, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            assert output.count(b'"type":"RECORD"') == 300
        for _ in range(2):
            assert tap(settings=settings).returncode == 0
    assert fake.credentials.refused_grants == 0
    assert len(fake.tokens_issued) >= 20


def test_a_signal_does_not_come_between_the_answer_and_the_file(cache: Path) -> None:
    fake = FakeZendesk(Account(make_events(30)), rate_limit=None)
    fake.faults = [Fault(on=on_token, kind="slow", seconds=1.0)]
    with fake.serve() as url:
        settings = {
            "api_url": url,
            **CLIENT,
            "refresh_token": "fake-refresh-token",
            "oauth_cache": str(cache),
            "start_date": "2023-11-14",
        }
        process = started(settings)
        while not fake.tokens_issued:
            os.sched_yield()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert process.returncode == 128 + signal.SIGTERM
    assert json.loads(cache.read_text())["refresh_token"] in fake.credentials.refresh_tokens
