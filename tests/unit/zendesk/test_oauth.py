"""Rotating tokens: one use each, kept in a file, shared by runs at the same time."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tests.fake_zendesk import Account, FakeZendesk, Fault, LoggedRequest, make_events
from tests.support.cli import COMMAND, environment, tap
from tests.support.harness import BEGIN, SimulatedClock, run

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = {"client_id": "fake-client", "client_secret": "fake-client-secret"}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def settings_of(cache: Path, **more: Any) -> dict[str, Any]:
    return {
        "access_token": None,
        **CLIENT,
        "refresh_token": "fake-refresh-token",
        "oauth_cache": str(cache),
        **more,
    }


def a_fake(clock: SimulatedClock, **options: Any) -> FakeZendesk:
    account = Account(make_events(300, seed=1, start=BEGIN, spread=86_400))
    return FakeZendesk(account, clock=clock.server_time, rate_limit=None, **options)


def test_the_newest_pair_is_kept_for_its_owner_only(cache: Path) -> None:
    clock = SimulatedClock()
    fake = a_fake(clock)
    assert len(run(fake, clock, **settings_of(cache)).ids) == 300
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    kept = json.loads(cache.read_text())
    assert kept["refresh_token"] in fake.credentials.refresh_tokens
    assert kept["access_token"] == fake.tokens_issued[-1]
    assert "fake-refresh-token" not in cache.read_text()
    assert [path.name for path in cache.parent.iterdir() if "lock" not in path.name] == [cache.name]


def test_a_token_that_lasts_is_used_again_by_the_next_run(cache: Path) -> None:
    clock = SimulatedClock()
    fake = a_fake(clock)
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
    fake = a_fake(clock)
    for number in range(20):
        run(fake, clock, **settings_of(cache))
        assert len(fake.tokens_issued) == number + 1
        clock.time += 3600
    assert fake.credentials.refused_grants == 0


def test_a_token_revoked_in_mid_run_is_renewed(cache: Path) -> None:
    clock = SimulatedClock()
    fake = a_fake(clock)

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
    fake = a_fake(clock)
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
    fake = a_fake(clock)
    fake.credentials.refresh_tokens.clear()
    with pytest.raises(ZendeskEventsError, match="make a new refresh token"):
        run(fake, clock, **settings_of(cache))
    assert not cache.exists()


def test_no_token_is_spent_if_its_successor_could_not_be_kept(tmp_path: Path) -> None:
    clock = SimulatedClock()
    fake = a_fake(clock)
    with pytest.raises(ZendeskEventsError, match="oauth_cache"):
        run(fake, clock, **settings_of(tmp_path / "missing" / "tokens.json"))
    assert "fake-refresh-token" in fake.credentials.refresh_tokens


@pytest.mark.parametrize("content", ["[]", "no json", '{"access_token": "x"}', "[1]"])
def test_a_file_of_something_else_is_left_alone(cache: Path, content: str) -> None:
    cache.write_text(content)
    clock = SimulatedClock()
    fake = a_fake(clock)
    with pytest.raises(ZendeskEventsError, match="holds something else"):
        run(fake, clock, **settings_of(cache))
    assert cache.read_text() == content
    assert "fake-refresh-token" in fake.credentials.refresh_tokens


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "oauth_cache", "refresh_token"])
def test_all_four_settings_belong_together(cache: Path, missing: str) -> None:
    clock = SimulatedClock()
    with pytest.raises(ZendeskEventsError, match=f"{missing} is not set"):
        run(a_fake(clock), clock, **settings_of(cache, **{missing: None}))


def test_twenty_rotations_over_five_processes_with_two_at_the_same_time(cache: Path) -> None:
    account = Account(make_events(300, seed=1))
    clients = {("fake-client", "fake-client-secret"): {"expires_in": 1}}
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
        both = [
            subprocess.Popen(
                [*COMMAND, "--config=ENV"],
                env=environment(settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(2)
        ]
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
    fake.faults = [Fault(on=lambda r: r.path_kind == "token", kind="slow", seconds=1.0)]
    with fake.serve() as url:
        settings = {
            "api_url": url,
            **CLIENT,
            "refresh_token": "fake-refresh-token",
            "oauth_cache": str(cache),
            "start_date": "2023-11-14",
        }
        process = subprocess.Popen(
            [*COMMAND, "--config=ENV"],
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while not fake.tokens_issued:
            os.sched_yield()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert process.returncode == 128 + signal.SIGTERM
    assert json.loads(cache.read_text())["refresh_token"] in fake.credentials.refresh_tokens
