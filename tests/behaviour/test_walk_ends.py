"""The walk always ends, loses nothing by it, and says what is wrong with a page that stands."""

from __future__ import annotations

from typing import Any

import pytest

from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, Fault, plain_event
from tests.support.harness import BEGIN, NOW, SimulatedClock, a_fake, plain_account, run
from tests.support.selection import selecting

EVENTS, METRICS = "ticket_events", "ticket_metric_events"


def account_of(stream: str, *seconds: int) -> Account:
    """An account with one event of the stream for each second, ids from 1."""
    if stream == EVENTS:
        return Account([plain_event(number, second) for number, second in enumerate(seconds, 1)])
    return Account(
        metric_events=[
            {"id": number, "ticket_id": 1, "time": iso(second)}
            for number, second in enumerate(seconds, 1)
        ]
    )


def requests_of(fake: Any) -> list[dict[str, str]]:
    return [request.query for request in fake.log]


@pytest.mark.parametrize("stream", [EVENTS, METRICS])
@pytest.mark.parametrize("end", [None, NOW - 86_400])
@pytest.mark.parametrize("page_seconds", [0.0, 5.0, 100.0])
@pytest.mark.parametrize("page_size", [7, 1000])
def test_an_end_time_that_follows_the_clock_leads_on_for_ever_to_nobody(
    stream: str, end: int | None, page_seconds: float, page_size: int
) -> None:
    clock = SimulatedClock()
    account = account_of(stream, *range(NOW - 10 * 86_400, NOW - 2 * 86_400, 30_000))
    fake = a_fake(
        account,
        clock,
        end_of_stream=False,
        last_page_end_time="hold_back",
        empty_end_time="hold_back",
        page_seconds=lambda _: page_seconds,
    )
    options: dict[str, Any] = {"catalog": selecting(stream), "page_size": page_size}
    if end is not None:
        options["end_date"] = iso(end)
    output = run(fake, clock, **options)
    assert sorted(output.ids) == list(range(1, 25))
    assert len(fake.log) <= 24 // (page_size - 1) + 3
    again = run(fake, clock, output.state, **options)
    assert again.records == []


@pytest.mark.parametrize("stream", [EVENTS, METRICS])
@pytest.mark.parametrize("most", [1, 5, 50])
def test_a_server_that_gives_fewer_than_were_asked_for_and_does_not_say_more(
    stream: str, most: int
) -> None:
    clock = SimulatedClock()
    seconds = [NOW - 86_400 + number // 3 * 60 for number in range(151)]
    fake = a_fake(account_of(stream, *seconds), clock, end_of_stream=False, most_per_page=most)
    output = run(fake, clock, catalog=selecting(stream))
    assert sorted(output.ids) == list(range(1, 152))
    assert run(fake, clock, output.state, catalog=selecting(stream)).records == []


@pytest.mark.parametrize("stream", [EVENTS, METRICS])
def test_if_such_a_server_never_gets_past_a_second_the_run_says_so_and_does_not_advise_to_skip(
    stream: str,
) -> None:
    clock = SimulatedClock()
    crowd = NOW - 40_000
    account = account_of(stream, crowd - 100, *[crowd] * 9, crowd + 100)
    fake = a_fake(account, clock, end_of_stream=False, most_per_page=5, page_rule="capping")
    output = run(fake, clock, catalog=selecting(stream), fails=True)
    assert f"5 events of the second {crowd} ({iso(crowd)})" in str(output.error)
    assert "skip" not in str(output.error)
    assert set(output.ids) > {1}
    asked = requests_of(fake)
    assert asked[-1]["start_time"] in {str(crowd), str(crowd + 1)}
    assert len(asked) <= 6


def stands(page: dict[str, Any]) -> dict[str, Any]:
    """A page that says that more events follow and leads back to its own start."""
    return {**page, "end_time": BEGIN, "end_of_stream": False}


@pytest.mark.parametrize("times", [1, 2])
def test_a_short_page_that_does_not_move_is_tried_again(times: int) -> None:
    clock = SimulatedClock()
    fault = Fault(kind="edit_page", edit=stands, times=times)
    fake = a_fake(plain_account(3), clock, faults=[fault])
    output = run(fake, clock)
    assert output.ids == [1, 2, 3]
    assert len(fake.export_requests) == times + 1
    assert {request.query["per_page"] for request in fake.export_requests} == {"1000"}


def test_a_short_page_that_never_moves_is_an_error_that_says_what_came() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(2), clock, faults=[Fault(kind="edit_page", edit=stands)])
    output = run(fake, clock, fails=True)
    assert output.records == []
    assert output.state == {}
    error = str(output.error)
    assert "2 events where 1000 were asked for" in error
    assert "leads back to its own start" in error
    assert "skip" not in error
    assert "more events happened" not in error
    assert clock.time <= NOW + 900 + 60


def test_a_too_recent_start_within_a_window_of_the_past_is_an_error_in_mid_walk_too() -> None:
    clock = SimulatedClock()
    account = account_of(EVENTS, *range(NOW - 200, NOW - 60, 10))
    recent = Fault(on=range(3, 99), status=422, body="Too recent start_time.")
    fake = a_fake(account, clock, hold_back=0, faults=[recent])
    window: dict[str, Any] = {"start_date": iso(NOW - 200), "end_date": iso(NOW - 70)}
    output = run(fake, clock, page_size=3, settling_seconds=60, fails=True, **window)
    assert "nothing from there on was exported, so run this window again" in str(output.error)
    assert output.ids


def test_the_metric_walk_past_its_window_may_meet_too_recent_starts() -> None:
    clock = SimulatedClock()
    account = account_of(METRICS, *range(NOW - 4000, NOW - 61, 20))
    recent = Fault(
        on=lambda request: int(request.query["start_time"]) > NOW - 300,
        status=422,
        body="Too recent.",
    )
    fake = a_fake(account, clock, faults=[recent])
    window: dict[str, Any] = {"start_date": iso(NOW - 2000), "end_date": iso(NOW - 1820)}
    output = run(fake, clock, catalog=selecting(METRICS), page_size=10, **window)
    # a page that has settled is written whole, so one of the window's end may come too
    assert set(range(101, 110)) <= set(output.ids) <= set(range(101, 111))
    assert recent.struck == 1
