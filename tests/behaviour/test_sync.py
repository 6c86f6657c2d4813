"""Several streams out of one walk: each with its own bookmark, none costing another request."""

from __future__ import annotations

import json
import logging
import signal
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from singer_sdk import metrics

from tap_zendesk_events.termination import TerminatedError
from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, plain_event
from tests.support.harness import (
    CONFIG,
    NOW,
    TIMES,
    ListWriter,
    Output,
    SimulatedClock,
    SimulatedTap,
    lines,
    run,
)
from tests.support.selection import (
    ALL_STREAMS,
    EVENT_STREAMS,
    keys,
    rows,
    selecting,
    written_after_the_last_state,
)

if TYPE_CHECKING:
    from collections.abc import Collection

BEGIN = 1_761_955_200


def a_fake(account: Account, clock: SimulatedClock, **options: Any) -> FakeZendesk:
    return FakeZendesk(account, clock=clock.server_time, rate_limit=None, **options)


def an_account(count: int = 2_500, **options: Any) -> Account:
    return Account(make_events(count, seed=12, start=BEGIN, spread=86_400 * 5, **options))


def test_all_three_cost_as_many_requests_as_one() -> None:
    clock = SimulatedClock()
    account = an_account()
    one, three = a_fake(account, clock), a_fake(account, clock)
    run(one, clock, page_size=100)
    output = run(three, clock, catalog=selecting(*EVENT_STREAMS), page_size=100)
    assert len(three.export_requests) == len(one.export_requests)
    assert sorted(schema["stream"] for schema in output.schemas) == list(EVENT_STREAMS)
    for stream in EVENT_STREAMS:
        found = keys(output, stream)
        assert found
        assert len(found) == len(set(found))
    output.check_records()


def test_every_schema_comes_before_the_first_record() -> None:
    clock = SimulatedClock()
    output = run(a_fake(an_account(50), clock), clock, catalog=selecting(*EVENT_STREAMS))
    kinds = [message["type"] for message in output.messages]
    assert kinds[:3] == ["SCHEMA"] * 3
    assert "SCHEMA" not in kinds[3:]


def test_by_itself_the_tap_exports_events_and_asks_for_no_comments() -> None:
    clock = SimulatedClock()
    fake = a_fake(an_account(50), clock)
    output = run(fake, clock)
    assert {schema["stream"] for schema in output.schemas} == {"ticket_events"}
    assert all("include" not in request.query for request in fake.export_requests)


def test_comments_turn_the_sideload_on_but_their_bodies_stay_out_of_events() -> None:
    clock = SimulatedClock()
    account = an_account(400)
    fake = a_fake(account, clock)
    plain = run(a_fake(account, clock), clock)
    output = run(fake, clock, catalog=selecting("ticket_events", "ticket_comments"))
    assert all(request.query["include"] == "comment_events" for request in fake.export_requests)
    assert any(row["body"] for row in rows(output, "ticket_comments"))
    comments = [
        child
        for event in rows(output, "ticket_events")
        for child in event["child_events"]
        if child.get("event_type") == "Comment"
    ]
    allowed = {"id", "event_type", "via", "via_reference_id", "comment_present", "comment_public"}
    assert comments
    assert all(child.keys() == allowed for child in comments)
    assert all(child["via"] is None or isinstance(child["via"], str) for child in comments)
    without = [(row["id"], len(row["child_events"])) for row in plain.records]
    assert [(r["id"], len(r["child_events"])) for r in rows(output, "ticket_events")] == without


def test_bodies_reach_events_if_they_are_asked_for() -> None:
    clock = SimulatedClock()
    catalog = selecting("ticket_events", "ticket_comments")
    output = run(a_fake(an_account(100), clock), clock, catalog=catalog, include_comments=True)
    children = [c for e in rows(output, "ticket_events") for c in e["child_events"]]
    assert any("html_body" in child for child in children)


def test_a_stream_that_is_switched_on_later_catches_up_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    account = an_account(1_200)
    fake = a_fake(account, clock)
    first = run(fake, clock, page_size=100)
    assert len(first.ids) == 1_200
    for number in range(30):
        account.add(plain_event(9_000 + number, int(clock.time) + number * 10))
    clock.time += 4000
    with caplog.at_level(logging.INFO):
        second = run(fake, clock, first.state, catalog=selecting(*EVENT_STREAMS), page_size=100)
    assert len(rows(second, "ticket_events")) == 30
    fresh = run(a_fake(account, clock), clock, catalog=selecting("ticket_comments"), page_size=100)
    assert keys(second, "ticket_comments") == keys(fresh, "ticket_comments")
    start_line = next(line for line in caplog.messages if line.startswith("Reading"))
    assert "ticket_comments, ticket_field_changes from start_date, no bookmark yet" in start_line
    assert "ticket_events from bookmark 2025-" in start_line
    (warning, *_) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert warning.getMessage().startswith("Comment bodies will be exported to ticket_comments.")
    third = run(fake, clock, second.state, catalog=selecting(*EVENT_STREAMS), page_size=100)
    assert third.records == []


def test_a_derived_stream_works_without_ticket_events() -> None:
    clock = SimulatedClock()
    account = an_account(300)
    output = run(a_fake(account, clock), clock, catalog=selecting("ticket_field_changes"))
    assert {schema["stream"] for schema in output.schemas} == {"ticket_field_changes"}
    assert output.state["bookmarks"].keys() == {"ticket_field_changes"}
    assert (
        run(
            a_fake(account, clock), clock, output.state, catalog=selecting("ticket_field_changes")
        ).records
        == []
    )


def test_the_bookmark_of_a_deselected_stream_is_left_alone() -> None:
    clock = SimulatedClock()
    account = an_account(300)
    both = run(a_fake(account, clock), clock, catalog=selecting(*EVENT_STREAMS))
    account.add(plain_event(77, int(clock.time)))
    clock.time += 4000
    after = run(a_fake(account, clock), clock, both.state, catalog=selecting("ticket_events"))
    assert after.ids == [77]
    bookmarks = after.state["bookmarks"]
    assert bookmarks["ticket_comments"] == both.state["bookmarks"]["ticket_comments"]
    assert bookmarks["ticket_events"] != both.state["bookmarks"]["ticket_events"]


def test_full_table_of_one_stream_leaves_the_others_incremental() -> None:
    clock = SimulatedClock()
    account = an_account(300)
    catalog = selecting(*EVENT_STREAMS, full_table=("ticket_field_changes",))
    first = run(a_fake(account, clock), clock, catalog=catalog)
    again = run(a_fake(account, clock), clock, first.state, catalog=catalog)
    assert len(rows(again, "ticket_field_changes")) == len(rows(first, "ticket_field_changes")) > 0
    assert rows(again, "ticket_events") == []
    assert not again.state["bookmarks"].get("ticket_field_changes")


def test_full_table_tells_its_version_before_its_records() -> None:
    clock = SimulatedClock()
    catalog = selecting(*EVENT_STREAMS, full_table=("ticket_events", "ticket_field_changes"))
    output = run(
        a_fake(an_account(60), clock), clock, catalog=catalog, emit_activate_version_messages=True
    )
    for stream in ("ticket_events", "ticket_field_changes"):
        of_stream = [m for m in output.messages if m.get("stream") == stream]
        kinds = [message["type"] for message in of_stream]
        assert kinds[:2] == ["SCHEMA", "ACTIVATE_VERSION"]
        assert set(kinds[2:]) == {"RECORD"}
        assert {m["version"] for m in of_stream[1:]} == {of_stream[1]["version"]}


@pytest.mark.parametrize("stream", EVENT_STREAMS)
def test_a_deselected_column_never_reaches_the_output(stream: str) -> None:
    clock = SimulatedClock()
    column = {"ticket_comments": "body", "ticket_events": "child_events"}.get(stream, "value")
    output = run(
        a_fake(an_account(100), clock), clock, catalog=selecting(*EVENT_STREAMS, without=(column,))
    )
    assert rows(output, stream)
    assert all(column not in row for row in rows(output, stream))


def test_aliases_maps_and_flattening_reach_every_stream() -> None:
    clock = SimulatedClock()
    maps = {
        "ticket_field_changes": {"__alias__": "history", "value": "md5(str(value))"},
        "ticket_comments": {
            "__filter__": "public == True",
            "body": None,
            "__else__": None,
            "id": "id",
            "public": "public",
        },
    }
    output = run(
        a_fake(an_account(200), clock),
        clock,
        catalog=selecting(*EVENT_STREAMS),
        stream_maps=maps,
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    assert {schema["stream"] for schema in output.schemas} == {
        "history",
        "ticket_comments",
        "ticket_events",
    }
    assert all(len(row["value"]) == 32 for row in rows(output, "history"))
    assert {frozenset(row) for row in rows(output, "ticket_comments")} == {
        frozenset({"id", "public"})
    }
    assert {row["public"] for row in rows(output, "ticket_comments")} == {True}


def points(caplog: pytest.LogCaptureFixture, metric: metrics.Metric) -> list[metrics.Point[Any]]:
    """The SDK's measurements of one kind."""
    arguments = [r.args[0] for r in caplog.records if r.args and isinstance(r.args, tuple)]
    found = [point for point in arguments if isinstance(point, metrics.Point)]
    return [point for point in found if point.metric == metric]


def counted(caplog: pytest.LogCaptureFixture) -> Counter[str]:
    """How many records the SDK's measurements tell of each stream."""
    told: Counter[str] = Counter()
    for point in points(caplog, metrics.Metric.RECORD_COUNT):
        told[point.tags["stream"]] += int(point.value)
    return told


def test_the_metrics_are_right_for_every_stream(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    with caplog.at_level(logging.INFO):
        output = run(a_fake(an_account(300), clock), clock, catalog=selecting(*EVENT_STREAMS))
    assert counted(caplog) == {stream: len(rows(output, stream)) for stream in EVENT_STREAMS}


@pytest.mark.parametrize("ending", [Fault(on=4, status=403, body="{}"), 143])
def test_a_run_that_ends_early_reports_the_records_of_all_streams(
    ending: Fault | int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    fake = a_fake(an_account(300), clock)
    options: dict[str, Any] = {"catalog": selecting(*ALL_STREAMS), "page_size": 50}
    with caplog.at_level(logging.INFO):
        if isinstance(ending, Fault):
            fake.faults = [ending]
            output = run(fake, clock, fails=True, **options)
        else:
            output = run_with_a_signal(fake, clock, **options)
    written = {stream: len(rows(output, stream)) for stream in EVENT_STREAMS}
    assert all(written.values())
    assert counted(caplog) == written
    timers = points(caplog, metrics.Metric.SYNC_DURATION)
    assert {point.tags["stream"]: point.tags["status"] for point in timers} == dict.fromkeys(
        EVENT_STREAMS, metrics.Status.FAILED
    )
    assert all(point.value >= 0 for point in timers)
    (said,) = (line for line in lines(caplog, "INFO") if line.startswith("Stopped early"))
    for stream, number in written.items():
        assert f"{number:,} {stream}" in said


def run_with_a_signal(fake: FakeZendesk, clock: SimulatedClock, **settings: Any) -> Output:
    """What a run writes that ends as one does that gets SIGTERM after some pages."""
    catalog = settings.pop("catalog")
    writer = ListWriter()
    tap = SimulatedTap(config={**CONFIG, **settings}, catalog=catalog, message_writer=writer)
    tap.clock, tap.fake = clock, fake
    asked = count(1)

    def latency() -> float:
        if next(asked) == 7:  # two for each request
            raise TerminatedError(signal.SIGTERM)
        return 0.0

    tap.latency = latency
    with pytest.raises(TerminatedError):
        tap.sync_all()
    return Output([json.loads(line) for line in writer.lines])


def test_a_run_that_ends_before_a_walk_reports_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    fake = a_fake(an_account(30), clock)
    fake.faults = [Fault(status=403, body="{}", path_kind="metric_export")]
    with caplog.at_level(logging.INFO):
        run(fake, clock, fails=True, catalog=selecting(*ALL_STREAMS))
    timers = points(caplog, metrics.Metric.SYNC_DURATION)
    assert {point.tags["stream"]: point.tags["status"] for point in timers} == {
        **dict.fromkeys(EVENT_STREAMS, metrics.Status.SUCCEEDED),
        "ticket_metric_events": metrics.Status.FAILED,
    }
    assert len(timers) == len(ALL_STREAMS)


steps = st.fixed_dictionaries(
    {
        "streams": st.sets(st.sampled_from(EVENT_STREAMS), min_size=1),
        "pass": st.integers(0, 250),
        "new": st.lists(st.tuples(st.integers(0, 100), st.integers(0, 59)), max_size=15),
        "kill_after": st.none() | st.integers(0, 60),
        "page_size": st.integers(1, 10),
    }
)


NUMBERS = count(10, 10)


def event_with_a_comment(moment: int) -> dict[str, Any]:
    """One event that makes exactly one row in each stream."""
    event = plain_event(next(NUMBERS), moment)
    comment = {"event_type": "Comment", "type": "Comment", "via": "Mail", "body": "Hello"}
    event["child_events"].append({"id": event["id"] + 5, **comment})
    return event


@settings(max_examples=80 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 60), max_size=40), st.lists(steps, min_size=1, max_size=7))
def test_streams_switched_on_and_off_lose_and_double_nothing(
    first: list[int], history: list[dict[str, Any]]
) -> None:
    clock = SimulatedClock()
    account = Account([event_with_a_comment(NOW - 400 + moment) for moment in first])
    fake = a_fake(account, clock)
    base: dict[str, Any] = {"start_date": iso(NOW - 1000), "settling_seconds": 120}
    state: dict[str, Any] = {}
    written: Counter[tuple[str, int]] = Counter()
    repeats: Counter[str] = Counter()

    def a_run(streams: Collection[str], **options: Any) -> Output:
        output = run(fake, clock, state, catalog=selecting(*streams), **base, **options)
        for stream in streams:
            name = "id" if stream == "ticket_events" else "ticket_event_id"
            written.update((stream, row[name]) for row in rows(output, stream))
        return output

    for step in history:
        killed_after = step["kill_after"]
        output = a_run(step["streams"], kill_after=killed_after, page_size=step["page_size"])
        if killed_after is not None and len(output.messages) >= killed_after:
            repeats += written_after_the_last_state(output)
        state = output.state or state
        clock.time += step["pass"]
        for before, late in step["new"]:
            moment = int(clock.time) - before
            visible = max(moment + late, clock.time)
            if visible < moment + base["settling_seconds"]:
                account.add(event_with_a_comment(moment), visible_at=visible)
    clock.time += 10_000
    a_run(EVENT_STREAMS)
    for stream in EVENT_STREAMS:
        assert {e["id"] for e in account.events()} == {e for name, e in written if name == stream}
        times = sum(n for (name, _), n in written.items() if name == stream)
        assert times - len(account) <= repeats[stream]
