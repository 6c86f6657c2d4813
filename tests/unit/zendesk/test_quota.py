"""The allowance: used up to the last request, never exceeded."""

from __future__ import annotations

import random
from collections import deque
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.zendesk.quota import HEADER, MINUTE, Quota, read_allowance, window_bounds
from tests.fake_zendesk import Fault
from tests.fake_zendesk.limits import RateWindow
from tests.support.harness import NOW, SimulatedClock, a_fake, plain_account, run

Anchor = Literal["first_request", "aligned"]
anchors = pytest.mark.parametrize("anchor", ["first_request", "aligned"])


def most_in_any(seconds: float, moments: list[float]) -> int:
    """The largest number of `moments` within any half-open span of so many seconds."""
    span: deque[float] = deque()
    most = 0
    for moment in moments:
        span.append(moment)
        while span[0] <= moment - seconds:
            span.popleft()
        most = max(most, len(span))
    return most


def sent_at(fake: Any) -> list[float]:
    return [request.time for request in fake.export_requests]


def statuses(fake: Any) -> set[int]:
    return {request.status for request in fake.export_requests}


@anchors
@pytest.mark.parametrize("began", [NOW, NOW + 7.3, NOW + 19.99])
@pytest.mark.parametrize("slowest", [0.0, 0.4])
def test_forty_pages_take_as_few_windows_as_there_can_be(
    anchor: Anchor, began: float, slowest: float
) -> None:
    clock = SimulatedClock(began)
    fake = a_fake(plain_account(396), clock, rate_limit=(10, 20.0), rate_window=anchor)
    latency = random.Random(7)

    output = run(fake, clock, page_size=10, latency=lambda: latency.uniform(0, slowest))

    requests = len(fake.export_requests)
    assert len(output.ids) == 396
    assert requests >= 40
    assert statuses(fake) == {200}
    assert clock.time - began <= (requests - 1) // 10 * 20 * 1.05


@anchors
def test_the_add_on_is_used_from_the_first_answer_on(anchor: Anchor) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(1100), clock, rate_limit=(30, 60.0), rate_window=anchor)

    run(fake, clock, page_size=10)

    requests = len(fake.export_requests)
    assert requests > 90
    assert statuses(fake) == {200}
    assert clock.time - NOW <= (requests - 1) // 30 * 60 * 1.05
    assert most_in_any(1, sent_at(fake)) == 30


def test_retries_and_shrunk_pages_take_a_slot_each() -> None:
    clock = SimulatedClock()
    faults = [
        Fault(on={2, 12}, status=504, body="upstream request timeout"),
        Fault(on={4, 5, 14}, status=500),
        Fault(on={7}, kind="truncate"),
        Fault(on={9}, kind="drop"),
    ]
    fake = a_fake(plain_account(200), clock, rate_limit=(10, 60.0), faults=faults)

    output = run(fake, clock, page_size=10)

    assert len(output.ids) == 200
    assert len(fake.export_requests) > 25
    assert all(fault.struck == len(fault.on) for fault in faults if isinstance(fault.on, set))
    assert statuses(fake) == {200, 504, 500, 0}


@anchors
def test_what_others_take_of_the_allowance_is_not_taken_again(anchor: Anchor) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(396), clock, rate_limit=(10, 20.0), rate_window=anchor)

    def others_take_two() -> float:
        if fake.rate and fake.rate.remaining > 4:
            fake.rate.take(clock.time)
        return 0.05

    output = run(fake, clock, page_size=10, latency=others_take_two)

    assert len(output.ids) == 396
    assert statuses(fake) == {200}


def test_others_who_are_faster_cost_a_wait_and_no_data() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(200), clock, rate_limit=(10, 20.0))

    def others_take_everything() -> float:
        while fake.rate and len(fake.export_requests) % 5 == 3 and fake.rate.take(clock.time):
            pass
        return 0.05

    output = run(fake, clock, page_size=10, latency=others_take_everything)

    assert len(output.ids) == 200
    assert 429 in statuses(fake)
    assert clock.time - NOW < 20 * 20


def test_without_headers_ten_requests_go_out_in_any_minute() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(396), clock, rate_limit=(10, 60.0), rate_headers=False)

    run(fake, clock, page_size=10, latency=lambda: 0.3)

    requests = len(fake.export_requests)
    assert statuses(fake) == {200}
    assert most_in_any(60, sent_at(fake)) == 10
    assert clock.time - NOW <= (requests - 1) // 10 * 60 + requests * 0.6 + 6


def test_a_header_that_disappears_in_mid_run_leaves_the_last_known_allowance() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(700), clock, rate_limit=(30, 60.0))

    def hide_headers() -> float:
        fake.rate_headers = len(fake.export_requests) < 12
        return 0.0

    run(fake, clock, page_size=10, latency=hide_headers)

    requests = len(fake.export_requests)
    assert statuses(fake) == {200}
    assert clock.time - NOW <= (requests - 1) // 30 * 60


def test_a_header_that_appears_in_mid_run_is_believed() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(396), clock, rate_limit=(10, 20.0), rate_headers=False)

    def show_headers() -> float:
        fake.rate_headers = len(fake.export_requests) >= 5
        return 0.0

    run(fake, clock, page_size=10, latency=show_headers)

    assert statuses(fake) == {200}
    assert clock.time - NOW <= (len(fake.export_requests) - 1) // 10 * 20 * 1.05


@pytest.mark.parametrize("cap", [1, 3, 9])
@pytest.mark.parametrize("rate_headers", [True, False])
def test_a_cap_of_ones_own_holds_in_any_minute(cap: int, rate_headers: bool) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(100), clock, rate_limit=(10, 60.0), rate_headers=rate_headers)

    run(fake, clock, page_size=9, requests_per_minute=cap, latency=lambda: 0.2)

    requests = len(fake.export_requests)
    assert most_in_any(60, sent_at(fake)) == cap
    assert statuses(fake) == {200}
    assert clock.time - NOW <= (requests - 1) // cap * 61 + 10


def test_a_cap_above_the_allowance_does_not_lift_it() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(300), clock, rate_limit=(10, 20.0))

    run(fake, clock, page_size=10, requests_per_minute=500)

    assert statuses(fake) == {200}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "total=0; remaining=0; resets=5",
        "total=10; remaining=-1; resets=5",
        "total=10; remaining=nine; resets=5",
        "total=10; remaining=9",
        "total=99999999999999999999; remaining=9; resets=5",
        "9/10",
        "{}",
        "\x7f=;=;=",
    ],
)
def test_a_header_that_says_nothing_usable_counts_as_absent(header: str) -> None:
    clock = SimulatedClock()
    faults = [Fault(kind="slow", seconds=0.1, headers={HEADER: header})]
    fake = a_fake(plain_account(120), clock, rate_limit=(10, 60.0), faults=faults)

    output = run(fake, clock, page_size=5)

    assert len(output.ids) == 120
    assert read_allowance(header) is None
    assert statuses(fake) == {200}


@pytest.mark.parametrize(
    "header",
    [
        "total=10; remaining=999999999; resets=999999999",
        "total=10; remaining=0; resets=999999999",
        "total=10; remaining=0; resets=0",
        "total=1; remaining=0; resets=60",
    ],
)
def test_an_absurd_header_never_stops_the_run_for_more_than_15_minutes_a_page(header: str) -> None:
    clock = SimulatedClock()
    faults = [Fault(kind="slow", seconds=0.1, headers={HEADER: header})]
    fake = a_fake(plain_account(60), clock, faults=faults)

    output = run(fake, clock, page_size=10)

    assert len(output.ids) == 60
    assert max(clock.sleeps) <= 901
    assert clock.time - NOW < 901 * len(fake.export_requests)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("total=10; remaining=9; resets=38", (10, 9, 38)),
        ("resets=38;remaining=9;total=10", (10, 9, 38)),
        ("Total = 10", None),
        ("total = 30 ; remaining = 0 ; resets = 1", (30, 0, 1)),
        ("total=10; remaining=9; resets=38; policy=x", (10, 9, 38)),
        (None, None),
    ],
)
def test_the_header_is_read(header: str | None, expected: tuple[int, int, int] | None) -> None:
    assert read_allowance(header) == expected


def test_resets_is_taken_as_rounded_up() -> None:
    assert window_bounds(38, 100.0, 100.5) == (137.0, 138.5)
    assert window_bounds(0, 100.0, 100.5) == (100.0, 100.5)


class Server:
    """An allowance behind a line with latency, as the tap's quota meets it."""

    def __init__(self, total: int, period: float, anchor: Anchor, latencies: list[float]) -> None:
        self.clock = SimulatedClock()
        self.waits: list[float] = []
        self.window = RateWindow(total, period, anchor)
        self.quota = Quota(self.clock, None, lambda seconds, _: self.waits.append(seconds))
        self._latencies = latencies
        self._turn = 0

    def request(self) -> bool:
        sent = self.quota.take()
        self._travel()
        allowed = self.window.take(self.clock.time)
        resets = self.window.resets(self.clock.time)
        header = f"total={self.window.total}; remaining={self.window.remaining}; resets={resets}"
        self._travel()
        self.quota.answered(sent, header)
        return allowed

    def _travel(self) -> None:
        self.clock.time += self._latencies[self._turn % len(self._latencies)]
        self._turn += 1


latencies = st.lists(st.floats(0, 1.5), min_size=1, max_size=30)


@settings(deadline=None, max_examples=150)
@given(
    total=st.integers(1, 30),
    period=st.floats(8, 90),
    anchor=st.sampled_from(["first_request", "aligned"]),
    began=st.floats(0, 100),
    latency=latencies,
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.7, 5.0, 61.0]), min_size=80, max_size=80),
)
def test_no_request_is_ever_refused(
    total: int,
    period: float,
    anchor: Anchor,
    began: float,
    latency: list[float],
    pauses: list[float],
) -> None:
    server = Server(total, period, anchor, latency)
    server.clock.time += began
    for pause in pauses:
        assert server.request()
        server.clock.time += pause


@settings(deadline=None, max_examples=150)
@given(
    total=st.integers(1, 30),
    period=st.floats(10, 90),
    anchor=st.sampled_from(["first_request", "aligned"]),
    began=st.floats(0, 100),
    latency=latencies,
)
def test_no_window_lasts_longer_than_rounding_and_latency_make_it(
    total: int, period: float, anchor: Anchor, began: float, latency: list[float]
) -> None:
    server = Server(total, period, anchor, latency)
    server.clock.time += began
    requests = 70
    first = server.clock.time
    for _ in range(requests):
        server.request()
    windows = (requests - 1) // total
    travelled = sum(latency[turn % len(latency)] for turn in range(2 * requests))
    # what a window may cost beyond its own length: the second that `resets` hides, and the way
    # there and back, during which the answer's age is not known
    slack = 1 + 2 * max(latency)
    assert server.clock.time - first <= windows * (period + slack) + travelled


@settings(deadline=None, max_examples=100)
@given(
    header=st.text(max_size=60)
    | st.from_regex(r"total=\d{1,12}; remaining=\d{1,12}; resets=\d{1,12}", fullmatch=True),
    answers=st.integers(1, 40),
)
def test_whatever_the_header_holds_a_request_waits_15_minutes_at_most(
    header: str, answers: int
) -> None:
    clock = SimulatedClock()
    quota = Quota(clock, None, lambda *_: None)
    for _ in range(answers):
        before = clock.time
        sent = quota.take()
        assert clock.time - before <= 900
        quota.answered(sent, header)


def test_a_wait_is_told_of_before_it_begins() -> None:
    clock = SimulatedClock()
    told: list[tuple[float, str, float]] = []
    quota = Quota(clock, None, lambda seconds, why: told.append((seconds, why, clock.time)))
    for _ in range(11):
        quota.answered(quota.take(), None)
    assert told == [(MINUTE, "Zendesk's allowance of 10 requests a minute is used up", NOW)]
    assert clock.time == NOW + MINUTE


def test_a_wait_for_the_users_own_cap_says_so() -> None:
    clock = SimulatedClock()
    told: list[str] = []
    quota = Quota(clock, 2, lambda _, why: told.append(why))
    for _ in range(3):
        quota.answered(quota.take(), "total=10; remaining=5; resets=30")
    assert told == ["the cap of 2 requests a minute (requests_per_minute)"]
