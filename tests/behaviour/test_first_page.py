"""The window's end: by the server's clock at the moment when it read the first page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, Fault, plain_event
from tests.support.harness import NOW, TIMES, SimulatedClock, a_fake, run

SETTLING = 60


@settings(max_examples=60 * TIMES, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.integers(-600, 400), st.integers(0, SETTLING - 1)), min_size=1, max_size=60
    ),
    seconds=st.sampled_from([0, 1, 50, 59, 200, 2000]),
    latency=st.sampled_from([0.0, 30.0]),
    page_size=st.sampled_from([3, 10, 1000]),
    date=st.booleans(),
    wait=st.sampled_from([10, 60, 300]),
)
def test_a_first_page_of_any_length_loses_nothing_that_shows_within_the_settling_time(
    events: list[tuple[int, int]],
    seconds: int,
    latency: float,
    page_size: int,
    date: bool,
    wait: int,
) -> None:
    clock = SimulatedClock()
    account = Account()
    for number, (moment, late) in enumerate(events, 1):
        account.add(plain_event(number, NOW + moment), visible_at=NOW + moment + late)
    slow = {1: seconds}
    fake = a_fake(
        account, clock, hold_back=0, date_header=date, page_seconds=lambda _: slow.pop(1, 0.0)
    )
    state: dict[str, Any] = {}
    written: list[int] = []
    for _ in range(6):
        output = run(
            fake,
            clock,
            state,
            start_date=iso(NOW - 1000),
            settling_seconds=SETTLING,
            page_size=page_size,
            latency=lambda: latency,
        )
        written += output.ids
        state = output.state or state
        clock.time += wait
        slow[1] = seconds
    clock.time += 100_000
    written += run(fake, clock, state, start_date=iso(NOW - 1000)).ids
    assert sorted(written) == list(range(1, len(events) + 1))


@pytest.mark.parametrize("seconds", [0.0, 50.0, 500.0])
def test_the_time_of_the_first_request_is_taken_off_the_clock(seconds: float) -> None:
    clock = SimulatedClock()
    edge = NOW - 300
    account = Account([plain_event(n, edge - 2 + n) for n in range(1, 5)])
    fake = a_fake(account, clock, hold_back=0, page_seconds=lambda _: seconds)
    assert run(fake, clock, start_date=iso(NOW - 4000)).ids == [1]


def test_waits_and_tries_before_the_answer_do_not_count() -> None:
    clock = SimulatedClock()
    account = Account([plain_event(n, NOW - 600 + n) for n in range(1, 601)])
    fake = a_fake(account, clock, hold_back=0, page_seconds=lambda _: 40.0)
    wait = {"Retry-After": "100"}
    fake.faults.append(Fault(on=1, times=1, status=429, headers=wait))
    output = run(fake, clock, start_date=iso(NOW - 4000))
    # read at NOW + 100, answered 40 seconds later
    assert max(row["timestamp"] for row in output.records) == NOW + 100 - 300 - 1
