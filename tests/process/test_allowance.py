"""The allowance on real time, over real HTTP (its rules are tested on simulated time elsewhere)."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Literal

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Pace, make_events, plain_event
from tests.support.cli import tap

DAY = 86_400  # seconds


def seconds_of_a_run(
    pages: int, allowance: tuple[int, float], rate_window: Literal["first_request", "aligned"]
) -> tuple[float, FakeZendesk]:
    events = make_events(pages * 100 - 50, seed=8, spread=86_400)
    account = Account(events)
    fake = FakeZendesk(account, rate_limit=allowance, rate_window=rate_window)
    with fake.serve() as url:
        settings = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": "2023-11-14",
            "page_size": "101",  # each page repeats the last second of the one before
        }
        began = time.monotonic()
        done = tap(settings=settings, seconds=300)
        took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"type":"RECORD"') == len(events)
    return took, fake


def test_full_speed_means_no_answer_429() -> None:
    _, fake = seconds_of_a_run(25, (10, 2.0), "aligned")
    assert {request.status for request in fake.export_requests} == {200}
    assert len(fake.export_requests) == 25


@pytest.mark.parametrize(("days", "cuts"), [(1, 10), (40, 5)], ids=["bunched", "even"])
def test_several_pages_at_a_time_use_the_allowance_and_are_never_answered_429(
    days: int, cuts: int
) -> None:
    start = int(time.time()) - 41 * DAY
    begin = start + (40 - days) * DAY // 2
    events = [plain_event(n, begin + n * days * DAY // 4000) for n in range(1, 4000)]
    # a page takes five times the allowance's spacing
    fake = FakeZendesk(Account(events), rate_limit=(20, 2.0), page_seconds=Pace(0.5, spread=0.2))
    with fake.serve() as url:
        settings = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": datetime.fromtimestamp(start, UTC).isoformat(),
            "page_size": "101",
            "parallel_requests": "6",
        }
        done = tap(settings=settings, seconds=300)
    assert done.returncode == 0, done.stderr
    messages = map(json.loads, done.stdout.splitlines())
    ids = [message["record"]["id"] for message in messages if message["type"] == "RECORD"]
    assert sorted(ids) == [event["id"] for event in events]
    assert {request.status for request in fake.export_requests} == {200}
    assert 40 <= len(fake.export_requests) <= 40 + cuts


@pytest.mark.soak
@pytest.mark.parametrize("rate_window", ["first_request", "aligned"])
def test_forty_pages_against_windows_of_twenty_seconds(
    rate_window: Literal["first_request", "aligned"],
) -> None:
    took, fake = seconds_of_a_run(40, (10, 20.0), rate_window)
    requests = len(fake.export_requests)
    print(f"{requests} requests in {took:.2f} s, windows begin: {rate_window}")
    assert {request.status for request in fake.export_requests} == {200}
    assert requests == 40
    assert took <= (requests - 1) // 10 * 20.0 * 1.05
