"""Every event comes out, and none twice: whatever the events, the pages and the interruptions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event
from tests.support.harness import NOW, TIMES, Output, SimulatedClock, run

BEGIN = 1_761_955_200  # the harness's START_DATE


def a_fake(account: Account, clock: SimulatedClock, **options: Any) -> FakeZendesk:
    return FakeZendesk(account, clock=clock.server_time, **options)


@pytest.mark.parametrize("page_size", [1000, 999, 100, 7])
def test_twelve_thousand_events_with_a_crowded_second(page_size: int) -> None:
    clock = SimulatedClock()
    events = make_events(12_000, seed=3, start=BEGIN, spread=86_400 * 20, burst=(86_400 * 9, 1_700))
    fake = a_fake(Account(events), clock, rate_limit=None)

    first = run(fake, clock, page_size=page_size)

    assert len(first.ids) == 12_000
    assert set(first.ids) == {event["id"] for event in events}
    first.check_records()
    state = first.state
    for _ in range(3):
        again = run(fake, clock, state, page_size=page_size)
        assert again.ids == []
        state = again.state
        clock.time += 3600


@pytest.mark.parametrize("last_page_end_time", ["last_event", "hold_back"])
@pytest.mark.parametrize("page_size", [1000, 13])
def test_late_arrivals_and_a_window_that_ends_in_full_pages(
    page_size: int, last_page_end_time: Any
) -> None:
    clock = SimulatedClock()
    account = Account(make_events(300, seed=5, start=NOW - 3000, spread=3000))
    fake = a_fake(account, clock, rate_limit=None, last_page_end_time=last_page_end_time)
    state: dict[str, Any] = {}
    written: list[int] = []
    number = 10_000
    for _ in range(20):
        output = run(fake, clock, state, page_size=page_size)
        written += output.ids
        state = output.state or state
        for step in range(40):
            number += 1
            moment = int(clock.time) + step * 7
            late = (step * 37) % 251
            account.add(plain_event(number, moment), visible_at=moment + late)
        clock.time += 300
    clock.time += 1000
    written += run(fake, clock, state, page_size=page_size).ids
    assert sorted(written) == sorted(event["id"] for event in account.events())


moments = st.lists(st.integers(0, 40), max_size=60)


@st.composite
def histories(draw: Any) -> dict[str, Any]:
    """What happens in an account, and to the tap, over some runs."""
    return {
        "first": draw(moments),
        "page_size": draw(st.integers(1, 12)),
        "hold_back": draw(st.sampled_from([0, 60, 120])),
        "last_page_end_time": draw(st.sampled_from(["last_event", "hold_back"])),
        "empty_end_time": draw(st.sampled_from(["null", "hold_back"])),
        "too_recent": draw(st.sampled_from(["422", "400", "422-text", None])),
        "settling": draw(st.integers(60, 200)),
        "seed": draw(st.integers(0, 5)),
        "runs": draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "pass": st.integers(0, 250),
                        # seconds before the present, and how late each shows
                        "new": st.lists(st.tuples(st.integers(0, 200), st.integers(0, 59))),
                        "kill_after": st.none() | st.integers(0, 40),
                        "end": st.none() | st.integers(0, 400),
                        "page_size": st.none() | st.integers(1, 12),
                    }
                ),
                min_size=1,
                max_size=8,
            )
        ),
    }


@settings(max_examples=150 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_whatever_happens_each_event_is_written_once(history: dict[str, Any]) -> None:
    clock = SimulatedClock()
    ids = iter(range(1, 10_000))
    account = Account(
        [plain_event(next(ids), NOW - 400 + moment) for moment in history["first"]],
        seed=history["seed"],
    )
    fake = a_fake(
        account,
        clock,
        rate_limit=None,
        hold_back=history["hold_back"],
        last_page_end_time=history["last_page_end_time"],
        empty_end_time=history["empty_end_time"],
        too_recent=history["too_recent"],
    )
    base = {"start_date": iso(NOW - 1000), "settling_seconds": history["settling"]}
    state: dict[str, Any] = {}
    written: list[int] = []
    repeats_allowed = 0
    for step in history["runs"]:
        size = step["page_size"] or history["page_size"]
        end = None if step["end"] is None else iso(NOW - 1000 + 1 + step["end"] * 3)
        output = run(
            fake,
            clock,
            state,
            kill_after=step["kill_after"],
            page_size=size,
            end_date=end,
            **base,
        )
        limit = min(clock.time - history["settling"], NOW - 999 + step["end"] * 3 if end else 1e12)
        assert all(record["timestamp"] < limit for record in output.records)
        written += output.ids
        killed = step["kill_after"] is not None and len(output.messages) >= step["kill_after"]
        if killed:
            repeats_allowed += _records_after_last_state(output)
        state = output.state or state
        clock.time += step["pass"]
        for before, late in step["new"]:
            if late < history["settling"]:
                moment = int(clock.time) - before
                visible = max(moment + late, clock.time)
                # an event that surfaces after its second has settled is beyond any promise
                if visible < moment + history["settling"]:
                    account.add(plain_event(next(ids), moment), visible_at=visible)
    clock.time += 10_000
    written += run(fake, clock, state, page_size=history["page_size"], **base).ids
    expected = {event["id"] for event in account.events()}
    assert set(written) == expected
    assert len(written) - len(expected) <= repeats_allowed


def _records_after_last_state(output: Output) -> int:
    count = 0
    for message in output.messages:
        if message["type"] == "STATE":
            count = 0
        elif message["type"] == "RECORD":
            count += 1
    return count
