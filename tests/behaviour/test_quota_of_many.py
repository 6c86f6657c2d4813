"""The allowance, with several requests on their way: used up, and never exceeded."""

from __future__ import annotations

import heapq
import random
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.clock import Clock, StoppableClock
from tap_zendesk_events.zendesk.quota import Quota
from tests.fake_zendesk.limits import RateWindow
from tests.support.harness import NOW, TIMES, SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_zendesk.limits import Anchor


class Traffic:
    """Requests of several threads, one moment after the other, on simulated time.

    Args:
        allowance: Requests, and the seconds of a window of the server's clock.
        travel: Gives the seconds of a way to the server or back.
        work: Gives the seconds that the server takes.
        header: When the server writes its header: when the request comes in, or with the answer.
            None: never.
        began: The moment of the first request.
        cap: The user's own cap.
        ahead: Seconds by which the server's clock is ahead of ours.
        anchor: Where the windows begin.
        others: How many requests of somebody else come in with one of ours, each time it is asked.
    """

    def __init__(
        self,
        allowance: tuple[int, float],
        travel: Any,
        work: Any,
        *,
        header: str | None = "in",
        began: float = 0.0,
        cap: int | None = None,
        ahead: float = 0.0,
        anchor: Anchor = "aligned",
        others: Callable[[], int] = lambda: 0,
    ) -> None:
        self.clock = SimulatedClock(NOW + began)
        self.window = RateWindow(*allowance, anchor)
        self.quota = Quota(self.clock, cap, lambda *_: None)
        self.statuses: list[bool] = []
        self.refused_at: list[float] = []  # by the server's clock
        self.sent: list[float] = []
        self._travel, self._work, self._header = travel, work, header
        self._ahead, self._others = ahead, others
        self._events: list[tuple[float, int, Any]] = []
        self._order = count()

    def run(self, requests: int, at_a_time: int) -> float:
        """Send so many requests; returns the seconds that it took."""
        began = self.clock.time
        flying, alone = 0, True
        while len(self.sent) < requests or self._events:
            # the first request of a run goes alone
            if len(self.sent) < requests and flying < (1 if alone else at_a_time):
                now = self.clock.monotonic()
                wait = max(*self.quota._waits(now), self.quota.held_until - now)
                if wait <= 0:
                    self._send()
                    flying += 1
                    continue
            else:
                wait = float("inf")
            moment = self._events[0][0] if self._events else float("inf")
            if self.clock.time + wait < moment:
                self.clock.time += wait + 1e-6
                continue
            self.clock.time, _, happen = heapq.heappop(self._events)
            if happen():
                flying -= 1
                alone = False
        return self.clock.time - began

    def _at(self, moment: float, happen: Any) -> None:
        heapq.heappush(self._events, (moment, next(self._order), happen))

    def _send(self) -> None:
        sent = self.quota.take()
        self.sent.append(self.clock.time)

        def arrive() -> bool:
            now = self.clock.time + self._ahead
            for _ in range(self._others()):
                self.window.take(now)
            allowed = self.window.take(now)
            self.statuses.append(allowed)
            if not allowed:
                self.refused_at.append(now)
            remaining, resets = self.window.remaining, self.window.resets(now)
            work = self._work() if allowed else 0.0

            def leave() -> bool:
                now = self.clock.time + self._ahead
                told = resets
                if self._header == "out":
                    period = self.window.period
                    told = int(period - now % period) + 1
                total = self.window.total
                header = f"total={total}; remaining={remaining}; resets={told}"

                def come() -> bool:
                    text = header if self._header else None
                    self.quota.answered(sent, text, date=int(now), refused=not allowed)
                    if not allowed:
                        self.quota.hold(resets)
                    return True

                self._at(self.clock.time + self._travel(), come)
                return False

            self._at(self.clock.time + work, leave)
            return False

        self._at(self.clock.time + self._travel(), arrive)


@settings(deadline=None, max_examples=150 * TIMES)
@given(
    total=st.integers(1, 30),
    period=st.sampled_from([12.0, 20.0, 30.0, 60.0]),
    began=st.floats(0, 60),
    ahead=st.floats(-100, 100),
    at_a_time=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    travel=st.sampled_from([0.0, 0.2, 1.4]),
    work=st.sampled_from([0.0, 1.0, 5.0, 12.0, 40.0]),
    even=st.booleans(),
)
def test_no_request_is_ever_refused(
    total: int,
    period: float,
    began: float,
    ahead: float,
    at_a_time: int,
    seed: int,
    travel: float,
    work: float,
    even: bool,
) -> None:
    rng = random.Random(seed)
    traffic = Traffic(
        (total, period),
        lambda: rng.uniform(0, travel),
        lambda: work if even else rng.uniform(0, 2 * work),
        began=began,
        ahead=ahead,
    )
    traffic.run(90, at_a_time)
    assert all(traffic.statuses)


@settings(deadline=None, max_examples=60 * TIMES)
@given(
    began=st.floats(0, 60),
    ahead=st.floats(-100, 100),
    at_a_time=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    work=st.sampled_from([0.0, 1.0, 5.0, 12.0, 40.0]),
)
def test_a_header_that_is_written_with_the_answer_is_understood_too(
    began: float, ahead: float, at_a_time: int, seed: int, work: float
) -> None:
    rng = random.Random(seed)
    traffic = Traffic(
        (10, 60.0),
        lambda: rng.uniform(0, 0.3),
        lambda: rng.uniform(0.5, 1.5) * work,
        header="out",
        began=began,
        ahead=ahead,
    )
    traffic.run(90, at_a_time)
    assert all(traffic.statuses)


@pytest.mark.parametrize("began", [0.0, 7.5, 31.0, 59.0])
@pytest.mark.parametrize("allowance", [(10, 60.0), (30, 60.0), (10, 20.0), (30, 12.0), (15, 6.0)])
@pytest.mark.parametrize("jitter", [0.0, 0.5])
@pytest.mark.parametrize("ahead", [0.0, -33.3, 0.95])
def test_pages_of_five_times_the_spacing_use_the_allowance_up(
    began: float, allowance: tuple[int, float], jitter: float, ahead: float
) -> None:
    rng = random.Random(3)
    spacing = allowance[1] / allowance[0]
    work = 5 * spacing
    traffic = Traffic(
        allowance,
        lambda: rng.uniform(0, 0.1),
        lambda: work * rng.uniform(1 - jitter, 1 + jitter),
        began=began,
        ahead=ahead,
    )
    took = traffic.run(60, 6)
    assert all(traffic.statuses)
    assert took <= 60 * spacing / 0.9 + 2 * work


@settings(deadline=None, max_examples=60 * TIMES)
@given(
    began=st.floats(0, 60),
    ahead=st.floats(-100, 100),
    work=st.floats(6.5, 30),
    header=st.sampled_from(["in", "out", None]),
    seed=st.integers(0, 10_000),
)
def test_one_at_a_time_a_page_that_takes_longer_than_the_spacing_never_waits(
    began: float, ahead: float, work: float, header: str | None, seed: int
) -> None:
    rng = random.Random(seed)
    works = [work * rng.uniform(1, 1.3) for _ in range(40)]
    traffic = Traffic(
        (10, 60.0),
        lambda: 0.05,
        iter(works).__next__,
        header=header,
        began=began,
        ahead=ahead,
    )
    took = traffic.run(40, 1)
    assert all(traffic.statuses)
    assert took == pytest.approx(sum(works) + 40 * 0.1, abs=0.01)


@settings(deadline=None, max_examples=60 * TIMES)
@given(
    at_a_time=st.integers(1, 8),
    share=st.floats(0, 1),
    most=st.integers(1, 12),
    work=st.sampled_from([0.5, 5.0, 30.0]),
    began=st.floats(0, 60),
    seed=st.integers(0, 10_000),
)
def test_others_who_use_the_same_allowance_cost_a_429_for_each_on_its_way_and_no_storm(
    at_a_time: int, share: float, most: int, work: float, began: float, seed: int
) -> None:
    rng = random.Random(seed)
    traffic = Traffic(
        (10, 60.0),
        lambda: rng.uniform(0, 0.2),
        lambda: work * rng.uniform(0.5, 1.5),
        began=began,
        others=lambda: rng.randint(0, most) if rng.random() < share else 0,
    )
    traffic.run(60, at_a_time)
    windows = [moment // 60 for moment in traffic.refused_at]
    # those that were on their way when the others came; nothing more until the window has ended
    assert all(windows.count(window) <= at_a_time for window in windows)


def test_a_page_that_takes_long_tells_the_end_of_its_window_all_the_same() -> None:
    clock = SimulatedClock()  # a full minute, also by the server's clock
    quota = Quota(clock, None, lambda *_: None)

    def a_page(header: str, seconds: float = 10.0) -> None:
        sent = quota.take()
        clock.time += seconds
        quota.answered(sent, header, date=int(clock.time))

    clock.time += 50.5
    a_page("total=10; remaining=9; resets=10")
    a_page("total=10; remaining=8; resets=60")  # the first window has ended; this is the next one
    clock.time = NOW + 109.6
    a_page("total=10; remaining=0; resets=11", 9.7)
    assert 0.7 <= quota.seconds_until_free() <= 1.7  # to the full minute, and what `Date` hides


@settings(deadline=None, max_examples=60)
@given(
    cap=st.integers(1, 12), at_a_time=st.integers(1, 8), told=st.booleans(), s=st.integers(0, 99)
)
def test_without_headers_and_under_a_cap_any_minute_holds(
    cap: int, at_a_time: int, told: bool, s: int
) -> None:
    rng = random.Random(s)
    work = lambda: rng.uniform(0, 30)  # noqa: E731
    traffic = Traffic((1000, 60.0), lambda: 0.1, work, header="in" if told else None, cap=cap)
    traffic.run(40, at_a_time)
    for moment in traffic.sent:
        assert sum(moment <= other < moment + 60 for other in traffic.sent) <= cap


def test_a_request_that_ends_without_a_header_has_used_a_slot() -> None:
    clock = SimulatedClock()
    quota = Quota(clock, None, lambda *_: None)
    quota.answered(quota.take(), "total=10; remaining=3; resets=50")
    for _ in range(3):
        assert quota.seconds_until_free() == 0
        quota.answered(quota.take(), None)
    assert quota.seconds_until_free() == pytest.approx(50)


def test_an_answer_of_the_window_before_says_nothing_of_the_present_one() -> None:
    clock = SimulatedClock()
    quota = Quota(clock, None, lambda *_: None)
    quota.answered(quota.take(), "total=10; remaining=2; resets=20")
    slow, other = quota.take(), quota.take()
    quota.answered(other, "total=10; remaining=0; resets=20")
    assert quota.seconds_until_free() == pytest.approx(20)
    clock.time += 25
    new = quota.take()
    quota.answered(slow, "total=10; remaining=1; resets=20")
    quota.answered(new, "total=10; remaining=9; resets=55")
    for _ in range(9):
        assert quota.seconds_until_free() == 0
        quota.take()
    assert quota.seconds_until_free() > 50


def test_threads_share_the_slots_and_an_answer_ends_a_wait() -> None:
    """In real time: a slot that nobody can have before another request has ended."""
    quota = Quota(Clock(), 1, lambda *_: None)
    first = quota.take()
    taken: list[float] = []
    waiting = threading.Thread(target=lambda: taken.append(quota.take()), daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert not taken
    # ended a minute ago, so that the cap lets the next one out at once
    quota.clock = StoppableClock(_Earlier(), AssertionError)
    quota.answered(first, None)
    waiting.join(5)
    assert len(taken) == 1


class _Earlier(Clock):
    """A minute ago at first, the present then."""

    def __init__(self) -> None:
        self._first = True

    def monotonic(self) -> float:
        earlier, self._first = self._first, False
        return super().monotonic() - (61 if earlier else 0)


def test_a_429_holds_all_requests() -> None:
    clock = SimulatedClock()
    quota = Quota(clock, None, lambda *_: None)
    sent = quota.take()
    quota.answered(sent, None, refused=True)
    quota.hold(40)
    quota.wait_while_held()
    assert clock.time == pytest.approx(NOW + 40)
    # a wait that was told of is nobody's patience
    quota.hold(40)
    assert quota.seconds_until_free() == 0
    quota.take()
    assert clock.time == pytest.approx(NOW + 80)


def test_several_429_at_a_time_are_one_wait() -> None:
    clock = SimulatedClock()
    quota = Quota(clock, None, lambda *_: None)
    assert quota.hold(40) == pytest.approx(40)
    clock.time += 1
    assert quota.hold(39) == pytest.approx(0)
    assert quota.hold(42) == pytest.approx(3)
    assert quota.hold(1) < 0
    clock.time += 100
    assert quota.hold(5) == pytest.approx(5)
