"""Metric events over many runs: whatever the server sorts by, nothing lost and nothing doubled."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, plain_event
from tests.support.harness import NOW, TIMES, SimulatedClock, a_fake, run
from tests.support.selection import selecting

if TYPE_CHECKING:
    from tests.support.harness import Output

STREAM = "ticket_metric_events"
SETTLING = 1800
BEGIN = NOW - 20_000
MOST_REQUESTS = 400
"""A run that sends more for at most 60 events goes round in circles."""


def metric_event(number: int, second: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "ticket_id": 1, "metric": "reply_time", "time": iso(second), **fields}


@st.composite
def histories(draw: Any) -> dict[str, Any]:
    """What happens in an account, how its server answers, and what happens to the runs."""
    cap = draw(st.sampled_from([1000, 1000, 5, 1]))
    gap = st.sampled_from([0, 0, 1, 5, 20, 60, 200, 900])
    return {
        "events": draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "gap": gap,
                        "late": st.just(0) | st.integers(0, SETTLING - 100),
                        # where between the change and its recording the server files it
                        "sorted": st.floats(0, 1),
                        "deleted_after": st.none() | st.none() | st.integers(1, 1500),
                        "ahead": st.none() | st.none() | st.integers(300, 90_000),
                    }
                ),
                min_size=5,
                max_size=50,
            )
        ),
        "order": draw(st.sampled_from(["time", "recorded", "between"])),
        "options": {
            # a server that gives fewer than were asked for can show a crowded second whole only
            "page_rule": "growing" if cap < 1000 else draw(st.sampled_from(["growing", "capping"])),
            "last_page_end_time": draw(st.sampled_from(["last_event", "hold_back"])),
            "empty_end_time": draw(st.sampled_from(["null", "hold_back"])),
            "end_of_stream": draw(st.booleans()),
            "metric_page_size": cap,
            "metric_disorder": draw(st.booleans()),
        },
        "seed": draw(st.integers(0, 3)),
        "latency": draw(st.sampled_from([0.0, 1.0, 45.0])),
        "runs": draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "pass": st.sampled_from([300, 600, 1800, 4000]),
                        "kill_after": st.none() | st.integers(0, 60),
                        "end": st.none() | st.none() | st.integers(0, 20_000),
                        "page_size": st.sampled_from([3, 7, 20, 1000]),
                    }
                ),
                min_size=1,
                max_size=8,
            )
        ),
    }


@settings(
    max_examples=60 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(histories())
def test_whatever_the_server_sorts_by_each_event_is_written_once(history: dict[str, Any]) -> None:
    clock = SimulatedClock()
    account = Account(seed=history["seed"])
    taken_back = _fill(account, history)
    fake = a_fake(account, clock, **history["options"])
    base: dict[str, Any] = {
        "catalog": selecting(STREAM),
        "start_date": iso(BEGIN - 10),
        "latency": lambda: history["latency"],
    }
    clock.time = BEGIN + 2500.0
    state: dict[str, Any] = {}
    written: dict[int, list[bool]] = defaultdict(list)
    repeats = 0

    def go(**options: Any) -> Output:
        nonlocal state, repeats
        for second, event in [each for each in taken_back if each[0] <= clock.time]:
            taken_back.remove((second, event))
            account.metrics.change(event, second if history["order"] == "recorded" else None)
        before = len(fake.metric_requests)
        output = run(fake, clock, state, **base, **options)
        assert len(fake.metric_requests) - before < MOST_REQUESTS
        for row in output.records:
            written[row["id"]].append(row.get("deleted") is True)
        state = output.state or state
        return output

    for step in history["runs"]:
        end = None if step["end"] is None else iso(BEGIN + step["end"])
        output = go(end_date=end, kill_after=step["kill_after"], page_size=step["page_size"])
        if step["kill_after"] is not None:
            for message in output.messages[::-1]:
                if message["type"] == "STATE":
                    break
                repeats += message["type"] == "RECORD"
        clock.time += step["pass"]
    clock.time = NOW + 300_000.0
    for _ in range(3):
        go(page_size=100)

    assert written.keys() == {event["id"] for event in account.metrics.events()}
    # what was written, and is taken back later, may be written again as that
    doubled = sum(
        len(seen) - 1 - (seen[0] is False and True in seen[1:]) for seen in written.values()
    )
    assert doubled <= repeats


def _fill(account: Account, history: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Put the events into the account; returns which are taken back when."""
    moment = BEGIN
    taken_back = []
    for number, each in enumerate(history["events"], 1):
        moment += each["gap"]
        shows = moment + each["late"]
        share = {"time": 0.0, "recorded": 1.0, "between": each["sorted"]}[history["order"]]
        filed = moment + int(each["late"] * share)
        told = moment
        if each["ahead"] is not None and history["order"] == "recorded":
            told += each["ahead"]  # such as a breach that is known in advance
        account.add_metric_event(metric_event(number, told), float(shows), filed)
        if each["deleted_after"] is not None:
            second = shows + each["deleted_after"]
            taken_back.append((second, metric_event(number, told, deleted=True)))
    return taken_back


def account_of(days: int, each: int, now: int = NOW) -> Account:
    """An account with a metric event every so many seconds up to now."""
    seconds = range(now - days * 86_400, now, each)
    return Account(
        metric_events=[metric_event(number, second) for number, second in enumerate(seconds, 1)]
    )


def test_a_day_of_the_past_takes_its_own_pages() -> None:
    clock = SimulatedClock()
    account = account_of(61, 60)
    fake = a_fake(account, clock)
    day = NOW - 60 * 86_400
    window: dict[str, Any] = {"start_date": iso(day), "end_date": iso(day + 86_400)}
    output = run(fake, clock, catalog=selecting(STREAM), page_size=100, **window)
    assert Counter(output.ids).most_common(1)[0][1] == 1
    assert len(output.ids) == 1440
    # 99 new ones a page, because its last second comes again; then those of the settling time
    assert len(fake.metric_requests) <= -(-(1440 + SETTLING // 60) // 99) + 1


@pytest.mark.parametrize("page_size", [3, 1000])
def test_what_is_recorded_after_the_windows_end_still_belongs_to_the_window(
    page_size: int,
) -> None:
    clock = SimulatedClock()
    account = Account()
    begin, end = NOW - 80_000, NOW - 70_000
    inside = set()
    for number in range(1, 301):
        moment = NOW - 90_000 + number * 200
        account.add_metric_event(metric_event(number, moment), sorted_at=moment + number % 2 * 1700)
        if begin <= moment < end:
            inside.add(number)
    fake = a_fake(account, clock)
    window: dict[str, Any] = {"start_date": iso(begin), "end_date": iso(end)}
    output = run(fake, clock, catalog=selecting(STREAM), page_size=page_size, **window)
    assert inside <= set(output.ids)


def test_the_ticket_events_walk_does_not_read_past_its_window() -> None:
    clock = SimulatedClock()
    account = Account([plain_event(n, NOW - 9000 + n * 10) for n in range(1, 800)])
    fake = a_fake(account, clock)
    run(fake, clock, start_date=iso(NOW - 9000), end_date=iso(NOW - 8000), page_size=50)
    starts = [int(request.query["start_time"]) for request in fake.export_requests]
    assert max(starts) < NOW - 8000


def test_a_breach_that_is_taken_back_is_written_again_once() -> None:
    clock = SimulatedClock()
    start = NOW - 50_000
    account = Account(
        metric_events=[
            metric_event(1, start, type="breach", deleted=False),
            metric_event(2, start + 600, type="fulfill"),
        ]
    )
    fake = a_fake(account, clock)
    first = run(fake, clock, catalog=selecting(STREAM))
    assert first.ids == [1, 2]
    account.metrics.change(metric_event(1, start, type="breach", deleted=True))
    account.add_metric_event(metric_event(3, start + 3600, type="activate"))
    second = run(fake, clock, first.state, catalog=selecting(STREAM))
    assert [(row["id"], row.get("deleted")) for row in second.records] == [(1, True), (3, None)]
    assert second.state["bookmarks"][STREAM]["deleted_ids"] == [1]
    third = run(fake, clock, second.state, catalog=selecting(STREAM))
    assert third.records == []
