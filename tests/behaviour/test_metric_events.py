"""SLA clock events: late, in disorder, from an endpoint of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, FakeZendesk, make_metric_events, plain_event
from tests.support.harness import BEGIN, NOW, SimulatedClock, run
from tests.support.selection import rows, selecting

STREAM = "ticket_metric_events"


def metric_event(number: int, second: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "ticket_id": 1,
        "instance_id": 1,
        "metric": "reply_time",
        "type": "activate",
        "time": iso(second),
        **fields,
    }


def a_fake(account: Account, clock: SimulatedClock, **options: Any) -> FakeZendesk:
    return FakeZendesk(account, clock=clock.server_time, **{"rate_limit": None, **options})


def second_of(row: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(row["time"]).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("disorder", [False, True])
def test_every_event_once_and_valid(disorder: bool) -> None:
    clock = SimulatedClock()
    events = make_metric_events(3_000, seed=3, start=BEGIN, spread=86_400 * 20)
    fake = a_fake(Account(metric_events=events), clock, metric_disorder=disorder)
    output = run(fake, clock, catalog=selecting(STREAM), page_size=100)
    output.check_records()
    assert sorted(output.ids) == sorted(event["id"] for event in events)
    assert fake.export_requests == []
    bookmark = output.state["bookmarks"][STREAM]
    assert bookmark["replication_key"] == "time"
    # nothing but a page's start is a place to go on from
    last = fake.metric_requests[-1].query["start_time"]
    assert bookmark["replication_key_value"] == iso(int(last))
    again = run(fake, clock, output.state, catalog=selecting(STREAM), page_size=100)
    assert again.records == []


def test_the_fields_come_out_as_they_are() -> None:
    clock = SimulatedClock()
    sent = [
        metric_event(1, BEGIN, type="apply_sla", sla={"target": 60, "policy": {"id": 5}}),
        metric_event(2, BEGIN + 1, type="apply_group_sla", group_sla={"target": 5}),
        metric_event(3, BEGIN + 2, type="update_status", status={"calendar": 1, "business": 0}),
        metric_event(4, BEGIN + 3, type="breach", deleted=True),
        metric_event(5, BEGIN + 4, novelty=[1]),
    ]
    output = run(a_fake(Account(metric_events=sent), clock), clock, catalog=selecting(STREAM))
    expected = [dict(event) for event in sent]
    expected[4]["extra_fields"] = {"novelty": expected[4].pop("novelty")}
    assert output.records == expected


def test_it_settles_for_half_an_hour() -> None:
    clock = SimulatedClock()
    account = Account(metric_events=[metric_event(1, NOW - 1801), metric_event(2, NOW - 1800)])
    first = run(a_fake(account, clock), clock, catalog=selecting(STREAM))
    assert first.ids == [1]
    clock.time += 1
    second = run(a_fake(account, clock), clock, first.state, catalog=selecting(STREAM))
    assert second.ids == [2]


def test_its_allowance_is_its_own() -> None:
    clock = SimulatedClock()
    events = make_metric_events(1_500, seed=3, start=BEGIN, spread=86_400)
    account = Account([], metric_events=events)
    fake = a_fake(account, clock, rate_limit=(10, 60.0))
    run(fake, clock, catalog=selecting("ticket_events", STREAM), page_size=100)
    assert len(fake.export_requests) == 1
    assert {request.status for request in fake.metric_requests} == {200}
    times = [request.time for request in fake.metric_requests]
    assert len(times) >= 15
    # no header tells of an allowance: ten in any minute
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[10:], strict=False))
    assert times[9] == times[0]


def test_a_cap_of_ones_own_holds_for_both_exports_together() -> None:
    clock = SimulatedClock()
    events = make_metric_events(300, seed=3, start=BEGIN, spread=86_400)
    account = Account([plain_event(n, BEGIN + n) for n in range(1, 200)], metric_events=events)
    fake = a_fake(account, clock)
    catalog = selecting("ticket_events", STREAM)
    run(fake, clock, catalog=catalog, page_size=50, requests_per_minute=3)
    times = [request.time for request in fake.log]
    assert fake.metric_requests
    assert fake.export_requests
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[3:], strict=False))


def test_an_allowance_that_its_headers_tell_is_used() -> None:
    clock = SimulatedClock()
    events = make_metric_events(1_500, seed=3, start=BEGIN, spread=86_400)
    fake = a_fake(
        Account(metric_events=events), clock, metric_rate_headers=True, metric_rate_limit=(5, 10.0)
    )
    run(fake, clock, catalog=selecting(STREAM), page_size=100)
    requests = fake.metric_requests
    assert {request.status for request in requests} == {200}
    assert requests[-1].time - requests[0].time <= (len(requests) - 1) // 5 * 10 * 1.05


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 600), st.integers(0, 1500)), max_size=8),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 7),
    st.booleans(),
    st.integers(0, 3),
)
def test_late_events_in_disordered_pages_come_once_after_enough_runs(
    arrivals: list[list[tuple[int, int]]], page_size: int, disorder: bool, seed: int
) -> None:
    clock = SimulatedClock()
    account = Account(seed=seed)
    fake = a_fake(account, clock, metric_disorder=disorder)
    base: dict[str, Any] = {"catalog": selecting(STREAM), "start_date": iso(NOW - 3000)}
    state: dict[str, Any] = {}
    written: list[int] = []
    number = 0
    for batch in arrivals:
        for ago, late in batch:
            number += 1
            moment = int(clock.time) - ago
            account.add_metric_event(
                metric_event(number, moment), visible_at=max(clock.time, moment + late)
            )
        output = run(fake, clock, state, page_size=page_size, **base)
        # a page that leads just to the window's end has settled, its last second included
        assert all(second_of(row) <= clock.time - 1800 for row in rows(output, STREAM))
        written += output.ids
        state = output.state or state
        clock.time += 700
    clock.time += 10_000
    written += run(fake, clock, state, page_size=page_size, **base).ids
    assert sorted(written) == list(range(1, number + 1))
