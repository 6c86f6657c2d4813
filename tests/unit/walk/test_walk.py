"""The walk: its window, its end, crowded seconds, and events that do not tell their time."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.progress import Progress
from tap_zendesk_events.walk.walk import Walk
from tap_zendesk_events.zendesk.export import TICKET_EVENTS
from tap_zendesk_events.zendesk.meter import Meter
from tests.fake_zendesk import Account, FakeZendesk, Fault, plain_event
from tests.support.harness import (
    BEGIN,
    CONFIG,
    NOW,
    SimulatedClock,
    a_fake,
    bookmark,
    lines,
    plain_account,
    run,
    state_of,
)
from tests.support.selection import selecting

DAY = 86_400
LOG = logging.getLogger("test_walk")


def moments(*seconds: int) -> Account:
    """An account with one event for each second, ids from 1."""
    return Account([plain_event(number, second) for number, second in enumerate(seconds, 1)])


def sizes(fake: Any) -> list[int]:
    return [int(request.query["per_page"]) for request in fake.export_requests]


def starts(fake: Any) -> list[int]:
    return [int(request.query["start_time"]) for request in fake.export_requests]


# The window: [start, min(end_date, now - settling_seconds))


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_the_window_is_half_open(page_size: int) -> None:
    clock = SimulatedClock()
    account = moments(BEGIN - 1, BEGIN, BEGIN + 59, BEGIN + 60, BEGIN + 60, BEGIN + 61)
    fake = a_fake(account, clock)
    output = run(fake, clock, end_date=iso(BEGIN + 60), page_size=page_size)
    assert sorted(output.ids) == [2, 3]


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_windows_side_by_side_double_and_lose_nothing(page_size: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60, every=0.5), clock)
    written: list[int] = []
    for second in range(BEGIN, BEGIN + 31, 5):
        window: dict[str, Any] = {"start_date": iso(second), "end_date": iso(second + 5)}
        written += run(fake, clock, page_size=page_size, **window).ids
    assert sorted(written) == list(range(1, 61))


@pytest.mark.parametrize("wrong_by", [-DAY, 0, DAY])
def test_what_has_settled_goes_by_the_servers_clock(wrong_by: float) -> None:
    clock = SimulatedClock()
    clock.wrong_by = wrong_by
    fake = a_fake(moments(NOW - 301, NOW - 300, NOW - 299, NOW - 100), clock)
    assert run(fake, clock).ids == [1]


@pytest.mark.parametrize("wrong_by", [-DAY, 0, 299])
def test_without_a_date_header_the_local_clock_counts(wrong_by: int) -> None:
    clock = SimulatedClock()
    clock.wrong_by = wrong_by
    edge = NOW + wrong_by - 300
    account = moments(edge - 1, edge, edge + 1)
    fake = a_fake(account, clock, date_header=False, hold_back=0)
    assert run(fake, clock).ids == [1]


@pytest.mark.parametrize("date", ["", "soon", "Mon, 99 Nov 2025 16:00:00 GMT"])
def test_a_date_header_that_is_none_counts_as_absent(date: str) -> None:
    clock = SimulatedClock()
    faults = [Fault(kind="slow", seconds=0, headers={"Date": date})]
    fake = a_fake(moments(NOW - 301, NOW - 300), clock, faults=faults)
    assert run(fake, clock).ids == [1]


def test_now_is_that_of_the_first_answer_for_the_whole_run() -> None:
    clock = SimulatedClock()
    account = moments(*range(NOW - 900, NOW, 10))
    fake = a_fake(account, clock)
    output = run(fake, clock, page_size=5, latency=lambda: 20.0)
    assert clock.time > NOW + 300
    assert max(record["timestamp"] for record in output.records) < NOW + 20 - 300
    rest = run(fake, clock, output.state)
    assert sorted(output.ids + rest.ids) == list(range(1, 91))


@pytest.mark.parametrize("settling", [60, 1000])
def test_settling_seconds_are_as_set(settling: int) -> None:
    clock = SimulatedClock()
    account = moments(*range(NOW - 2000, NOW, 10))
    output = run(a_fake(account, clock, hold_back=0), clock, settling_seconds=settling)
    assert max(record["timestamp"] for record in output.records) == NOW - settling - 10


def test_an_end_date_in_the_future_lets_events_settle_too() -> None:
    clock = SimulatedClock()
    fake = a_fake(moments(NOW - 301, NOW - 300), clock)
    assert run(fake, clock, end_date=iso(NOW + DAY)).ids == [1]


def test_an_end_date_before_the_bookmark_sends_no_request() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    state = state_of(BEGIN + 600, 11)
    for end in (BEGIN + 599, BEGIN + 600):
        output = run(fake, clock, state, end_date=iso(end))
        assert output.records == []
        assert output.state in ({}, state)
    assert fake.log == []


def test_nothing_beyond_the_window_is_asked_for() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(600), clock)
    run(fake, clock, end_date=iso(BEGIN + 1200), page_size=10)
    assert max(starts(fake)) < BEGIN + 1200


# Nothing to do yet: a clean, empty, successful run


@pytest.mark.parametrize("too_recent", ["422", "400", "422-text", None])
@pytest.mark.parametrize("ago", [-DAY, 0, 30, 59, 200, 299])
def test_a_start_that_is_too_recent_is_an_empty_run(too_recent: Any, ago: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, too_recent=too_recent)
    state = state_of(NOW - ago, 7)
    output = run(fake, clock, state)
    assert output.records == []
    assert output.state in ({}, state)
    assert len(fake.export_requests) == 1


@pytest.mark.parametrize("body", ["Too recent start_time.", '{"error":"StartTimeTooRecent"}'])
@pytest.mark.parametrize("ago", [301, 3600])
def test_a_first_page_that_is_called_too_recent_is_an_empty_run_whatever_its_age(
    body: str, ago: int
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, faults=[Fault(status=422, body=body)])
    assert run(fake, clock, state_of(NOW - ago)).records == []


# a page of HTML with 400 comes from something in front of Zendesk: see test_failures.py
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("body", ["", "text", '{"error":"InvalidValue"}'])
def test_a_refusal_of_the_last_minutes_is_too_recent_whatever_it_says(
    status: int, body: str
) -> None:
    clock = SimulatedClock()
    faults = [Fault(status=status, body=body)]
    fake = a_fake(plain_account(60), clock, faults=faults)
    assert run(fake, clock, state_of(NOW - 200)).records == []


def test_a_start_date_in_the_future_is_an_empty_run() -> None:
    clock = SimulatedClock()
    output = run(a_fake(plain_account(9), clock), clock, start_date=iso(NOW + DAY))
    assert output.records == []
    assert "replication_key_value" not in str(output.state)


@pytest.mark.parametrize("end_time", ["null", "hold_back"])
def test_an_empty_account_is_an_empty_run(end_time: Any) -> None:
    clock = SimulatedClock()
    output = run(a_fake(Account(), clock, empty_end_time=end_time), clock)
    assert output.records == []
    assert "replication_key_value" not in str(output.state)


@pytest.mark.parametrize("end_time", ["null", "hold_back"])
def test_nothing_since_the_bookmark_leaves_it_as_it_is(end_time: Any) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, empty_end_time=end_time)
    state = state_of(BEGIN + DAY, 77)
    output = run(fake, clock, state)
    assert output.records == []
    assert dict(bookmark(output)) == state["bookmarks"]["ticket_events"]


def empty_up_to(second: int, request: int) -> Fault:
    """A page without events that goes on at a later second."""

    def edit(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "ticket_events": [], "end_of_stream": False, "end_time": second}

    return Fault(on=request, kind="edit_page", edit=edit)


def test_empty_pages_that_move_forward_move_the_bookmark() -> None:
    clock = SimulatedClock()
    empty = [empty_up_to(BEGIN + 100 * number, number) for number in (1, 2, 3)]
    stop = Fault(on=4, status=403)
    fake = a_fake(Account(), clock, faults=[*empty, stop])
    output = run(fake, clock, fails=True)
    assert starts(fake) == [BEGIN, BEGIN + 100, BEGIN + 200, BEGIN + 300]
    expected = state_of(BEGIN + 300, boundary_ids=[])["bookmarks"]["ticket_events"]
    assert dict(bookmark(output)) == expected


# The end: it always comes, also where `end_of_stream` is absent


def old_answers(**more: Any) -> list[Fault]:
    def edit(page: dict[str, Any]) -> dict[str, Any]:
        del page["end_of_stream"]
        return {**page, **more}

    return [Fault(kind="edit_page", edit=edit)]


@pytest.mark.parametrize("page_size", [1, 7, 10, 1000])
def test_old_answers_end_with_a_short_page_that_does_not_move(page_size: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, faults=old_answers())
    output = run(fake, clock, page_size=page_size)
    assert sorted(output.ids) == list(range(1, 61))
    assert run(fake, clock, output.state, page_size=page_size).ids == []


@pytest.mark.parametrize("next_page", [None, ""])
def test_old_answers_end_without_a_next_page(next_page: str | None) -> None:
    clock = SimulatedClock()
    faults = old_answers(next_page=next_page)
    fake = a_fake(plain_account(60), clock, faults=faults)
    output = run(fake, clock)
    assert len(output.ids) == 60
    assert len(fake.export_requests) == 1


def test_old_answers_go_on_while_a_short_page_moves() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, faults=old_answers(), empty_end_time="null")
    assert len(run(fake, clock).ids) == 60
    # a page that stands is the last one if nothing is behind it
    assert starts(fake) == [BEGIN, BEGIN + 59 * 60, BEGIN + 59 * 60 + 1]


def test_old_answers_end_where_zendesk_calls_what_is_behind_too_recent() -> None:
    clock = SimulatedClock()
    body = '{"error":"InvalidValue","description":"Too recent start_time."}'
    faults = [*old_answers(), Fault(on=3, status=422, body=body)]
    fake = a_fake(
        moments(NOW - 900, NOW - 200), clock, faults=faults, empty_end_time="null", hold_back=0
    )
    output = run(fake, clock, settling_seconds=60)
    assert output.ids == [1, 2]
    assert starts(fake) == [BEGIN, NOW - 200, NOW - 199]


def test_before_the_first_page_the_windows_end_is_nobodys_to_ask_for() -> None:
    clock = SimulatedClock()
    progress = Progress(clock, LOG, Meter(LOG))
    tap = TapZendeskEvents(config=CONFIG)
    walk = Walk(tap.account().client(TICKET_EVENTS), BEGIN, None, 60, clock, progress)
    with pytest.raises(AssertionError, match="no page"):
        _ = walk.window_end


def test_the_end_of_stream_is_believed_although_there_is_a_next_page() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    run(fake, clock)
    assert len(fake.export_requests) == 1


def test_a_page_that_goes_back_in_time_is_no_endless_loop() -> None:
    clock = SimulatedClock()
    back = Fault(
        on=range(3, 99),
        kind="edit_page",
        edit=lambda page: {**page, "end_time": BEGIN, "end_of_stream": False},
    )
    fake = a_fake(plain_account(60), clock, faults=[back])
    output = run(fake, clock, page_size=10, fails=True)
    assert clock.time <= NOW + 900 + 60
    assert str(BEGIN + 18 * 60) in str(output.error)
    assert "leads back to its own start" in str(output.error)
    assert sorted(output.ids) == list(range(1, 20))


# Crowded seconds: more events in one than a page holds

CROWDED = BEGIN + 500


def crowded(crowd: int) -> Account:
    return moments(
        *range(BEGIN, CROWDED, 10),
        *[CROWDED] * crowd,
        *range(CROWDED + 1, CROWDED + 400, 10),
    )


@pytest.mark.parametrize("page_size", [1, 7, 299, 300, 301, 1000])
@pytest.mark.parametrize("rule", ["growing", "capping"])
def test_three_hundred_events_of_one_second_come_once(rule: Any, page_size: int) -> None:
    clock = SimulatedClock()
    account = crowded(300)
    fake = a_fake(account, clock, page_rule=rule)
    output = run(fake, clock, page_size=page_size)
    assert sorted(output.ids) == list(range(1, len(account) + 1))
    assert run(fake, clock, output.state, page_size=page_size).ids == []


def test_under_capping_one_page_is_larger_and_then_the_size_is_as_before() -> None:
    clock = SimulatedClock()
    fake = a_fake(crowded(300), clock, page_rule="capping")
    run(fake, clock, page_size=7, end_date=iso(CROWDED + 90))
    asked = sizes(fake)
    assert asked.count(1000) == 1
    assert set(asked) == {7, 1000}
    assert starts(fake)[asked.index(1000)] == CROWDED


def test_the_size_is_as_before_also_in_later_crowds() -> None:
    clock = SimulatedClock()
    account = moments(
        *[BEGIN] * 30, *range(BEGIN + 1, BEGIN + 2000), *[BEGIN + 2000] * 30, BEGIN + 2001
    )
    fake = a_fake(account, clock, page_rule="capping")
    output = run(fake, clock, page_size=7)
    assert sorted(output.ids) == list(range(1, len(account) + 1))
    assert sizes(fake).count(1000) == 2
    assert len(fake.export_requests) > 100


@pytest.mark.parametrize("page_size", [7, 1000])
def test_under_growing_a_second_of_fifteen_hundred_comes_on_one_page(page_size: int) -> None:
    clock = SimulatedClock()
    account = crowded(1500)
    output = run(a_fake(account, clock), clock, page_size=page_size)
    assert sorted(output.ids) == list(range(1, len(account) + 1))


@pytest.mark.parametrize("page_size", [7, 1000])
def test_under_capping_a_second_of_fifteen_hundred_stops_the_run_and_is_named(
    page_size: int,
) -> None:
    clock = SimulatedClock()
    fake = a_fake(crowded(1500), clock, page_rule="capping")
    output = run(fake, clock, page_size=page_size, fails=True)
    assert str(CROWDED) in str(output.error)
    assert iso(CROWDED) in str(output.error)
    before = [record["id"] for record in output.records if record["timestamp"] < CROWDED]
    assert sorted(before) == list(range(1, 51))
    assert bookmark(output)["replication_key_value"] == CROWDED
    assert sizes(fake)[-1] == 1000


def test_the_way_past_a_crowded_second_that_the_error_names_works() -> None:
    clock = SimulatedClock()
    fake = a_fake(crowded(1500), clock, page_rule="capping")
    run(fake, clock, fails=True)
    rest = run(fake, clock, state_of(CROWDED + 1))
    assert sorted(rest.ids) == list(range(1551, 1591))


def test_with_several_pages_at_a_time_the_way_past_it_that_the_error_names_loses_nothing() -> None:
    clock = SimulatedClock()
    crowd = BEGIN + 4000
    times = [*range(BEGIN, BEGIN + 40_000, 40), *[crowd] * 1500]
    fake = a_fake(moments(*times), clock, page_rule="capping")
    several = run(fake, clock, page_size=10, parallel_requests=3, fails=True)
    assert "first run with parallel_requests: 1" in str(several.error)
    assert "everything before it" not in str(several.error)
    one = run(fake, clock, several.state, page_size=10, fails=True)
    assert "everything before it is exported" in str(one.error)
    rest = run(fake, clock, state_of(crowd + 1))
    others = {number for number, second in enumerate(times, 1) if second != crowd}
    assert others <= {*several.ids, *one.ids, *rest.ids}


def crowd_after_shrunk_pages(clock: SimulatedClock, *faults: Fault, **heavy: Any) -> FakeZendesk:
    """A crowded second that is reached when 400 events were answered, but fewer are asked for."""
    larger = Fault(on=lambda request: int(request.query.get("per_page", 0)) > 400, **heavy)
    shrinking = Fault(on=range(11, 15), status=504, times=4)
    account = moments(
        *range(BEGIN, BEGIN + 4000), *[BEGIN + 4000] * 300, *range(BEGIN + 4001, BEGIN + 4100)
    )
    return a_fake(account, clock, page_rule="capping", faults=[larger, shrinking, *faults])


@pytest.mark.parametrize("kind", ["answer", "stall"])
def test_if_a_crowds_large_page_is_too_slow_the_largest_answered_size_is_tried(kind: Any) -> None:
    clock = SimulatedClock()
    fake = crowd_after_shrunk_pages(clock, kind=kind, status=504, seconds=999)
    output = run(fake, clock, page_size=400)
    assert sorted(output.ids) == list(range(1, 4_400))

    crowd = starts(fake).index(BEGIN + 4000)
    asked = sizes(fake)
    assert asked[crowd : crowd + 3] == [asked[crowd], 1000, 400]


def test_if_a_crowds_largest_answered_page_drips_the_run_ends_with_patience() -> None:
    clock = SimulatedClock()
    drip = Fault(
        on=lambda r: (r.query["start_time"], r.query["per_page"]) == (str(BEGIN + 4000), "400"),
        kind="slow",
        pieces=10_000,
        seconds=900_000,
    )
    fake = crowd_after_shrunk_pages(clock, drip, status=504)
    output = run(fake, clock, page_size=400, fails=True)
    assert "run the tap again later" in str(output.error)
    assert sizes(fake)[-2:] == [1000, 400]
    # all that was before it is out, and of it what smaller pages showed
    assert sorted(output.ids)[:4000] == list(range(1, 4001))
    assert len(set(output.ids)) == len(output.ids)


def test_if_no_larger_page_is_answered_the_run_stops_with_the_crowded_second_named() -> None:
    clock = SimulatedClock()
    fake = a_fake(crowded(300), clock, page_rule="capping", page_limit_504=100)
    output = run(fake, clock, page_size=50, fails=True)
    assert iso(CROWDED) in str(output.error)


def test_a_crowd_beyond_the_windows_end_is_of_no_concern() -> None:
    clock = SimulatedClock()
    fake = a_fake(crowded(1500), clock, page_rule="capping")
    output = run(fake, clock, page_size=7, end_date=iso(CROWDED))
    assert sorted(output.ids) == list(range(1, 51))


def test_a_crowd_that_has_not_settled_is_of_no_concern_either() -> None:
    clock = SimulatedClock()
    fake = a_fake(moments(*[NOW - 200] * 1500), clock, page_rule="capping")
    output = run(fake, clock, state_of(NOW - 200))
    assert output.records == []
    assert len(fake.export_requests) == 1


# FULL_TABLE: starts at start_date each time and keeps no bookmark


def test_full_table_writes_everything_every_time() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    for _ in range(2):
        state = state_of(BEGIN + 3000, 51)
        output = run(
            fake,
            clock,
            state,
            catalog=selecting("ticket_events", full_table=("ticket_events",)),
            page_size=7,
        )
        assert sorted(output.ids) == list(range(1, 61))


def test_full_table_writes_no_bookmark() -> None:
    clock = SimulatedClock()
    output = run(
        a_fake(plain_account(60), clock),
        clock,
        catalog=selecting("ticket_events", full_table=("ticket_events",)),
    )
    assert "replication_key_value" not in str(output.states)


# Events that do not tell their time


def dressed(page: dict[str, Any]) -> dict[str, Any]:
    """The page with its events' times in the form that each asks for."""
    for event in page["ticket_events"]:
        shape = event.pop("shape", None)
        moment = event["created_at"]
        if shape is not None:
            del event["timestamp"], event["created_at"]
        if shape == "created_at":
            event["created_at"] = moment
        elif shape == "time":
            event["time"] = moment
        elif shape == "null":
            event.update(timestamp=None, created_at=None, time=None)
        elif shape == "odd":
            event.update(timestamp="soon", created_at=[moment])
    return page


SHAPES = [None, None, "created_at", "time", "none", "null", "odd"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=st.lists(st.tuples(st.integers(0, 25), st.sampled_from(SHAPES)), max_size=30),
    later=st.lists(st.tuples(st.integers(0, 25), st.sampled_from(SHAPES)), max_size=8),
    page_sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    ends=st.lists(st.none() | st.integers(1, 30), max_size=4),
    kills=st.lists(st.none() | st.integers(0, 20), max_size=4),
    seed=st.integers(0, 3),
    end_time=st.sampled_from(["last_event", "hold_back"]),
    rule=st.sampled_from(["growing", "capping"]),
)
def test_events_that_do_not_tell_their_time_are_written_once_all_the_same(
    events: list[tuple[int, str | None]],
    later: list[tuple[int, str | None]],
    page_sizes: list[int],
    ends: list[int | None],
    kills: list[int | None],
    seed: int,
    end_time: Any,
    rule: Any,
) -> None:
    clock = SimulatedClock()
    begin = NOW - 400
    made = [
        plain_event(number, begin + second, shape=shape)
        for number, (second, shape) in enumerate(events, 1)
    ]
    account = Account(made, seed=seed)
    for number, (second, shape) in enumerate(later, 100):
        # not settled when the first runs look
        account.add(plain_event(number, NOW + second, shape=shape))
    dress = Fault(kind="edit_page", edit=dressed)
    fake = a_fake(
        account, clock, faults=[dress], last_page_end_time=end_time, page_rule=rule, hold_back=0
    )
    state: dict[str, Any] = {}
    written: list[int] = []
    repeats = 0
    steps = max(len(ends), len(kills))
    for step in range(steps + 2):
        end = ends[step] if step < len(ends) else None
        kill = kills[step] if step < len(kills) else None
        output = run(
            fake,
            clock,
            state,
            start_date=iso(begin),
            end_date=None if end is None else iso(begin + end),
            page_size=page_sizes[step % len(page_sizes)],
            settling_seconds=380 if step == 0 else 60,
            kill_after=kill,
        )
        output.check_records()
        state = output.state or state
        written += output.ids
        for message in output.messages[::-1]:
            if kill is None or message["type"] == "STATE":
                break
            repeats += message["type"] == "RECORD"
        clock.time += 3000 if step >= steps else 7
    assert set(written) == {event["id"] for event in account.events()}
    assert len(written) - len(set(written)) <= repeats


def test_a_start_of_zero_is_a_start() -> None:
    clock = SimulatedClock()
    fake = a_fake(moments(5, BEGIN), clock)
    assert sorted(run(fake, clock, start_date="1970-01-01").ids) == [1, 2]
    assert starts(fake)[0] == 0


def test_no_run_logs_an_error_of_its_own_making(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(plain_account(60), clock), clock, page_size=7)
    assert lines(caplog, "WARNING", "ERROR") == []


# Oddities: what a person should hear of, although the run goes well


def test_a_bookmark_in_the_future_is_kept_and_named(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    state = state_of(NOW + 90_000, 7)
    output = run(a_fake(plain_account(9), clock), clock, state)
    assert output.records == []
    assert output.state == state
    assert "lies in the future" in " ".join(lines(caplog, "WARNING"))


def test_an_old_start_that_is_called_too_recent_is_named(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    body = '{"error":"InvalidValue","description":"Too recent start_time."}'
    fake = a_fake(plain_account(9), clock, faults=[Fault(on=1, status=422, body=body)])
    assert run(fake, clock).messages == run(a_fake(Account(), clock), clock).messages
    (warning,) = lines(caplog, "WARNING")
    assert "calls the start 2025-11-01T00:00:00Z too recent" in warning


def test_a_window_of_the_past_is_not_empty_because_zendesk_calls_it_too_recent() -> None:
    clock = SimulatedClock()
    body = '{"error":"InvalidValue","description":"Too recent start_time."}'
    fake = a_fake(plain_account(9), clock, faults=[Fault(on=1, status=422, body=body)])
    with pytest.raises(ZendeskEventsError, match="nothing was exported, so run this window"):
        run(fake, clock, end_date=iso(NOW - DAY))
    assert len(run(fake, clock, end_date=iso(NOW - DAY)).records) == 9


def test_a_word_that_is_no_setting_is_named(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(Account(), clock), clock, subdomian="acme-secret")
    (warning,) = lines(caplog, "WARNING")
    assert "subdomian" in warning
    assert "acme-secret" not in warning
