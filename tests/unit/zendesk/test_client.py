"""One page: of a size that works, and how long its request took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.zendesk.export import TICKET_EVENTS
from tests.fake_zendesk import Fault
from tests.support.harness import (
    AS_CLIENT,
    BEGIN,
    CONFIG,
    NOW,
    SimulatedClock,
    SimulatedTap,
    a_fake,
    lines,
    plain_account,
    run,
)

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.page import Page
    from tests.fake_zendesk import LoggedRequest


# How long the request took: it tells when Zendesk read the page


def first_page(
    *faults: Fault, one_way: float = 0.0, **settings: Any
) -> tuple[Page, SimulatedClock]:
    clock = SimulatedClock()
    tap = SimulatedTap(config={**CONFIG, **settings})
    tap.clock = clock
    tap.fake = a_fake(plain_account(3), clock, faults=list(faults))
    tap.latency = lambda: one_way
    export = TICKET_EVENTS.asking_for(comments=False, support_type_scope="all")
    return tap.account().client(export).page(BEGIN), clock


def test_the_way_there_and_back_counts() -> None:
    page, _ = first_page(one_way=2.5)
    assert page.seconds == pytest.approx(5)


def test_a_body_that_comes_slowly_counts() -> None:
    page, _ = first_page(Fault(kind="slow", seconds=50))
    assert page.seconds == pytest.approx(50)


def test_only_the_try_that_was_answered_counts() -> None:
    page, clock = first_page(
        Fault(on=1, status=503, headers={"Retry-After": "30"}),
        Fault(on=2, status=429, headers={"Retry-After": "40"}),
        one_way=2,
    )
    assert page.seconds == pytest.approx(4)
    assert clock.time - NOW == pytest.approx(70 + 3 * 4)


def test_fetching_a_token_does_not_count() -> None:
    page, clock = first_page(
        Fault(on=1, status=401),
        one_way=3,
        **AS_CLIENT,
    )
    assert page.seconds == pytest.approx(6)
    assert clock.time - NOW == pytest.approx(4 * 6)


MANY = plain_account(6_000, every=0.9)


SOME = plain_account(600, every=0.9)


SMALL = plain_account(60)


# Smaller pages while full ones are too slow


@pytest.mark.parametrize("limit", [1, 3, 37, 250, 999])
def test_a_limit_that_lasts_is_settled_below(limit: int) -> None:
    clock = SimulatedClock()
    account = plain_account(200) if limit < 100 else MANY
    fake = a_fake(account, clock, page_limit_504=limit)

    output = run(fake, clock)

    assert sorted(output.ids) == list(range(1, len(account) + 1))
    in_vain = [request for request in fake.export_requests if request.status == 504]
    assert len(in_vain) <= 16 + len(fake.export_requests) // 16


def test_a_hiccup_is_forgotten() -> None:
    clock = SimulatedClock()
    faults = [Fault(on={2, 3, 4}, status=504, body="upstream request timeout")]
    fake = a_fake(MANY, clock, faults=faults)
    output = run(fake, clock)
    assert len(output.ids) == 6_000
    asked = [int(request.query["per_page"]) for request in fake.export_requests]
    assert asked[:8] == [1000, 1000, 500, 250, 125, 250, 500, 1000]
    assert set(asked[8:]) == {1000}


def test_a_time_out_shrinks_the_page_too() -> None:
    clock = SimulatedClock()
    fake = a_fake(SOME, clock, faults=[Fault(on=2, kind="stall", seconds=999)])
    run(fake, clock, page_size=100, request_timeout=50)
    assert clock.sleeps == [50]
    asked = [int(request.query["per_page"]) for request in fake.export_requests]
    assert asked[:4] == [100, 100, 50, 100]


def test_other_faults_do_not_shrink_the_page() -> None:
    clock = SimulatedClock()
    faults = [Fault(on={1, 3}, status=500), Fault(on=5, kind="drop"), Fault(on=7, kind="truncate")]
    fake = a_fake(SOME, clock, faults=faults)
    run(fake, clock, page_size=100)
    assert {request.query["per_page"] for request in fake.export_requests} == {"100"}


def test_each_size_has_its_own_patience() -> None:
    def of_size(size: str, **more: Any) -> Fault:
        return Fault(on=lambda request: request.query.get("per_page") == size, **more)

    slowly = {"Retry-After": "20"}
    faults = [
        of_size("60", times=3, status=503, headers=slowly),
        of_size("60", times=1, status=504),
        of_size("30", times=3, status=503, headers=slowly),
    ]
    clock = SimulatedClock()
    output = run(a_fake(SMALL, clock, faults=faults), clock, page_size=60, max_retry_seconds=70)
    assert len(output.ids) == 60
    assert clock.time - NOW == 120


# Other threads' pages, which are answered meanwhile and let the size grow back


@pytest.mark.parametrize("limit", [4, 1, 30, 250])
def test_a_page_gets_small_enough_although_other_pages_let_the_size_grow_meanwhile(
    limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    tap = SimulatedTap(config={**CONFIG, "max_retry_seconds": 5})
    tap.clock = clock
    asked: list[int] = []

    def too_heavy(request: LoggedRequest) -> bool:
        size = int(request.query["per_page"])
        asked.append(size)
        for _ in range(12):
            client.size.answered(client.size.current)
        return size > limit

    fault = Fault(on=too_heavy, status=504, body="upstream request timeout")
    tap.fake = a_fake(plain_account(2000, every=10), clock, faults=[fault])
    client = tap.account().client(TICKET_EVENTS)
    page = client.page(BEGIN)
    assert len(page.events) <= limit
    assert asked == sorted(set(asked), reverse=True)
    assert len(asked) <= 11
    assert clock.time == NOW
    for line in lines(caplog, "WARNING"):
        words = line.split()
        assert int(words[-1].strip(".")) < int(words[3])


def test_a_429_of_another_page_that_comes_while_a_retry_waits_for_its_slot_is_no_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimulatedClock()
    tap = SimulatedTap(config={**CONFIG, "max_retry_seconds": 60})
    tap.clock = clock
    tap.fake = a_fake(plain_account(3), clock, faults=[Fault(on={1, 2}, status=503)])
    client = tap.account().client(TICKET_EVENTS)
    take = client.quota.take

    def held() -> float:
        if len(tap.fake.export_requests) == 1:
            client.quota.hold(900)
        return take()

    monkeypatch.setattr(client.quota, "take", held)
    assert len(client.page(BEGIN).events) == 3
    assert 900 < clock.time - NOW < 960
