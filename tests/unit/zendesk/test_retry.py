"""Patience: nobody is hammered, and nobody waited for longer than was set."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import (
    RetriableError,
    ThrottledError,
    TooSlowError,
    ZendeskEventsError,
)
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.retry import LEAST_THROTTLED, Patience
from tests.fake_zendesk import FakeZendesk, Fault
from tests.support.harness import (
    AS_CLIENT,
    CONFIG,
    NOW,
    ListWriter,
    SimulatedClock,
    a_fake,
    on_token,
    plain_account,
    run,
)

SMALL = plain_account(60)
PAST = formatdate(NOW - 86_400, usegmt=True)
SHORT = [None, "0", "0.01", "-3", PAST]
USED_UP = {"zendesk-ratelimit-incremental-exports": "total=10; remaining=0; resets=60"}


def told(retry_after: str | None) -> dict[str, str]:
    return {} if retry_after is None else {"Retry-After": retry_after}


def unavailable(kind: str, retry_after: str | None, **headers: str) -> Fault:
    """A 503 for ever, at one of the endpoints."""
    return Fault(
        on=on_token if kind == "token" else None,
        status=503,
        headers={**told(retry_after), **headers},
    )


def way_to(kind: str) -> dict[str, Any]:
    return AS_CLIENT if kind == "token" else {}


@pytest.mark.parametrize("kind", ["export", "token"])
@pytest.mark.parametrize("retry_after", SHORT)
def test_a_short_retry_after_shortens_no_wait(kind: str, retry_after: str | None) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, rate_limit=(9_999, 60.0), faults=[unavailable(kind, retry_after)])

    output = run(fake, clock, fails=True, **way_to(kind))

    assert "no good answer" in str(output.error)
    assert clock.time - NOW == pytest.approx(900)
    tries = [request.time for request in fake.log if request.path_kind == kind]
    assert len([moment for moment in tries if moment < NOW + 60]) <= 20
    assert len(tries) < 60


@pytest.mark.parametrize(("kind", "retry_after"), [("export", "0"), ("token", "0.01")])
def test_the_same_for_real(kind: str, retry_after: str) -> None:
    fake = FakeZendesk(SMALL, rate_limit=None, faults=[unavailable(kind, retry_after)])
    began = time.monotonic()
    with fake.serve() as url:
        config = {**CONFIG, **way_to(kind), "api_url": url, "max_retry_seconds": 5}
        tap = TapZendeskEvents(config=config, message_writer=ListWriter())
        with pytest.raises(ZendeskEventsError, match="no good answer"):
            tap.sync_all()
    took = time.monotonic() - began
    assert took >= 4.9
    # waits of half a second at least, a second, two, and what is left
    assert 3 <= len(fake.log) <= 6


@pytest.mark.parametrize("resets", [5, 60, 900])
def test_waits_for_the_allowance_between_tries_are_patience_too(resets: int) -> None:
    clock = SimulatedClock()
    header = {**USED_UP}
    (name,) = header
    header[name] = f"total=10; remaining=0; resets={resets}"
    fake = a_fake(SMALL, clock, faults=[unavailable("export", "0", **header)])
    run(fake, clock, max_retry_seconds=300, fails=True)
    assert clock.time - NOW <= 300.001
    if resets < 300:
        assert len(fake.export_requests) > 3


def test_a_wait_for_the_allowance_in_front_of_the_first_try_is_none() -> None:
    clock = SimulatedClock()
    fake = a_fake(
        SMALL,
        clock,
        faults=[
            Fault(on=1, kind="edit_page", edit=lambda page: page, headers=USED_UP),
            Fault(on=2, status=503),
        ],
    )
    assert len(run(fake, clock, page_size=10, max_retry_seconds=20).ids) == 60
    assert clock.time - NOW > 60


def test_a_wait_that_a_429_asks_for_is_none_either() -> None:
    clock = SimulatedClock()
    faults = [
        Fault(times=3, status=429, headers={"Retry-After": "10", **USED_UP}),
        Fault(times=1, status=503),
    ]
    fake = a_fake(SMALL, clock, faults=faults)
    assert len(run(fake, clock, max_retry_seconds=20).ids) == 60
    assert clock.time - NOW >= 3 * 60


@pytest.mark.parametrize("kind", ["export", "token"])
@pytest.mark.parametrize("retry_after", SHORT)
def test_429_is_never_asked_again_in_a_tight_loop(kind: str, retry_after: str | None) -> None:
    clock = SimulatedClock()
    fault = Fault(
        on=on_token if kind == "token" else None, times=15, status=429, headers=told(retry_after)
    )
    fake = a_fake(SMALL, clock, faults=[fault])
    run(fake, clock, max_retry_seconds=0, **way_to(kind))
    tries = [request.time for request in fake.log if request.path_kind == kind]
    assert len([moment for moment in tries if moment < NOW + 60]) <= 20
    assert 100 < clock.time - NOW < 1000


def test_429_at_the_very_end_of_a_window_is_no_tight_loop() -> None:
    clock = SimulatedClock()
    header = dict.fromkeys(USED_UP, "total=10; remaining=0; resets=0")
    faults = [Fault(times=15, status=429, headers={**header, "Retry-After": "0.01"})]
    fake = a_fake(SMALL, clock, faults=faults)
    run(fake, clock)
    assert clock.time - NOW > 100


def test_a_504_that_asks_for_a_wait_is_obeyed_before_the_smaller_page() -> None:
    clock = SimulatedClock()
    fault = Fault(on=2, status=504, headers={"Retry-After": "40"})
    fake = a_fake(SMALL, clock, faults=[fault])
    assert len(run(fake, clock, page_size=10).ids) == 60
    assert clock.sleeps == [40]
    assert [request.query["per_page"] for request in fake.export_requests][:3] == ["10", "10", "5"]


seconds = st.floats(0, 900)
tries = st.tuples(
    st.sampled_from([RetriableError, ThrottledError, TooSlowError]),
    st.none() | seconds,
    st.none() | seconds,
    seconds,
    seconds,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(tries, max_size=40), seconds)
def test_whatever_comes_patience_ends_and_no_wait_is_shortened(
    each: list[tuple[type[RetriableError], float | None, float | None, float, float]],
    most: float,
) -> None:
    """Patience is never exceeded by waiting, and every wait has a floor that grows."""
    patience, now, counted, number = Patience(most), 0.0, 0.0, 0
    for kind, wait, until_reset, until_free, took in each:
        sent = now
        now += took
        counted += 0 if kind is ThrottledError else took
        error = kind("said", wait=wait)
        patience.failed(error, sent, sent, now)
        pause = patience.pause(error, until_reset, until_free)
        if kind is ThrottledError:
            assert pause is not None
            assert pause >= LEAST_THROTTLED / 2
            if wait is not None:
                assert pause >= min(wait, 1)
        elif pause is None:
            assert counted + until_free >= most - 1e-6
            return
        else:
            left = max(most - counted, 0)
            assert pause == pytest.approx(left) or pause >= max(wait or 0, min(2**number, 60) / 2)
            counted += pause
            number += 1
            assert counted <= most + 1e-6
        now += pause


def test_waits_grow_and_are_jittered() -> None:
    clock = SimulatedClock()
    run(a_fake(SMALL, clock, faults=[Fault(times=10, status=503)]), clock)
    assert len(clock.sleeps) == 10
    for number, wait in enumerate(clock.sleeps):
        assert min(2**number, 60) / 2 <= wait <= min(2**number, 60)
    assert any(wait != int(wait) for wait in clock.sleeps)


def test_tries_that_take_long_use_patience_up_too() -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(kind="drop")])
    run(fake, clock, latency=lambda: 20.0, max_retry_seconds=100, fails=True)
    assert 100 <= clock.time - NOW <= 100 + 40


def test_tries_that_end_with_429_use_no_patience_up() -> None:
    clock = SimulatedClock()
    faults = [
        Fault(times=10, status=429, headers={"Retry-After": "1"}),
        Fault(times=1, status=503, headers={"Retry-After": "1"}),
    ]
    fake = a_fake(SMALL, clock, faults=faults)
    assert len(run(fake, clock, latency=lambda: 20.0, max_retry_seconds=60).ids) == 60


def test_a_fault_on_every_second_request_does_not_use_patience_up() -> None:
    clock = SimulatedClock()
    faults = [Fault(on=range(2, 10_000, 2), status=503, headers={"Retry-After": "50"})]
    fake = a_fake(plain_account(600), clock, faults=faults)
    output = run(fake, clock, page_size=10, max_retry_seconds=60)
    assert len(output.ids) == 600
    assert clock.time - NOW > 3000
