"""Segments in the state: what a run leaves that ends early, and what the next one makes of it."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.times import iso
from tests.behaviour.any_order import count_cuts, run_in_any_order
from tests.fake_zendesk import Account, make_events, make_metric_events, plain_event
from tests.support.harness import (
    BEGIN,
    Output,
    SimulatedClock,
    a_fake,
    bookmark,
    plain_account,
    run,
    state_of,
)
from tests.support.selection import ALL_STREAMS, keys, rows, selecting

if TYPE_CHECKING:
    from tests.fake_zendesk import FakeZendesk

EVENTS = 400
PLAIN = {"replication_key", "replication_key_value", "boundary_ids", "boundary_ids_at"}
END = BEGIN + EVENTS * 60


def an_account() -> tuple[FakeZendesk, SimulatedClock]:
    clock = SimulatedClock()
    return a_fake(plain_account(EVENTS), clock), clock


def killed(after: int = 120, seed: int = 1) -> Output:
    """What a run wrote that was killed while it had read in several places."""
    fake, clock = an_account()
    output, was_killed = run_in_any_order(
        fake, clock, random.Random(seed), kill_after=after, parallel_requests=4, page_size=10
    )
    assert was_killed
    assert bookmark(output)["segments"]
    return output


def after_the_last_state(output: Output) -> list[int]:
    """The ids that the next run has to repeat."""
    types = [message["type"] for message in output.messages]
    last = len(types) - types[::-1].index("STATE")
    return [m["record"]["id"] for m in output.messages[last:] if m["type"] == "RECORD"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_a_time", [1, 3])
def test_the_next_run_ends_in_the_plain_form_with_every_event_once(
    at_a_time: int, seed: int
) -> None:
    first = killed(60 + 30 * seed, seed)
    fake, clock = an_account()
    second, _ = run_in_any_order(
        fake, clock, random.Random(seed), first.state, parallel_requests=at_a_time, page_size=10
    )
    written = Counter(first.ids + second.ids)
    assert set(written) == set(range(1, EVENTS + 1))
    repeated = {each for each, times in written.items() if times > 1}
    assert repeated <= set(after_the_last_state(first))
    assert bookmark(second).keys() == PLAIN
    assert len(second.ids) < EVENTS  # what was ahead was left out
    third = run(fake, clock, second.state)
    assert third.ids == []


def test_the_state_says_in_time_order_what_is_written_ahead() -> None:
    mark = bookmark(killed())
    assert mark["segments_at"] == mark["replication_key_value"]
    reached = mark["replication_key_value"]
    for entry in mark["segments"]:
        assert entry.keys() == {"start", "replication_key_value", "boundary_ids"}
        assert reached < entry["start"] <= entry["replication_key_value"]
        reached = entry["replication_key_value"]


def test_a_line_says_that_what_is_ahead_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    fake, clock = an_account()
    run(fake, clock, killed().state)
    assert any("what is written ahead of a bookmark is left out" in m for m in caplog.messages)


# Segments beside another bookmark than the one that they were written with


def ahead_of(second: int, start: int, until: int, **more: Any) -> dict[str, Any]:
    entry = {"start": start, "replication_key_value": until, "boundary_ids": []}
    return state_of(second, segments=[entry], **more)


def events_of(state: dict[str, Any]) -> list[int]:
    fake, clock = an_account()
    output = run(fake, clock, state)
    assert bookmark(output).keys() == PLAIN
    return sorted(output.ids)


AT, FROM, UNTIL = BEGIN + 600, BEGIN + 3000, BEGIN + 6000  # events 11, 51 and 101
ALL = list(range(11, EVENTS + 1))
WITHOUT = [*range(11, 51), *range(101, EVENTS + 1)]


def test_without_segments_at_they_count_for_nothing() -> None:
    assert events_of(ahead_of(AT, FROM, UNTIL)) == ALL


def test_a_stale_list_that_a_merge_kept_beside_a_newer_bookmark_counts_for_nothing() -> None:
    """Two runs of one job that end early: their states are merged key by key."""
    first = killed().state
    fake, clock = an_account()
    # one page at a time, killed when the segments are behind it
    second = run(fake, clock, first, kill_after=len(run(fake, clock, first).messages) - 2)
    newer = second.state["bookmarks"]["ticket_events"]
    assert "segments" not in newer
    merged = {**first["bookmarks"]["ticket_events"], **newer}
    assert merged["segments"]
    found = events_of({"bookmarks": {"ticket_events": merged}})
    assert found == events_of({"bookmarks": {"ticket_events": newer}})
    written = set(second.ids) | set(killed().ids) | set(found)
    assert written == set(range(1, EVENTS + 1))


def test_entries_may_come_in_any_order_and_overlap() -> None:
    entries = [
        {"start": FROM + 600, "replication_key_value": UNTIL, "boundary_ids": []},
        {"start": FROM, "replication_key_value": FROM + 1200},
        {"start": AT - 60, "replication_key_value": AT - 30, "boundary_ids": []},
    ]
    assert events_of(state_of(AT, segments=entries, segments_at=AT)) == WITHOUT


def test_an_entry_that_begins_at_the_bookmark_is_a_part_of_it() -> None:
    entries = [{"start": AT, "replication_key_value": UNTIL, "boundary_ids": [101]}]
    assert events_of(state_of(AT, segments=entries, segments_at=AT)) == ALL[91:]


# Windows, other streams, other ways


def test_what_is_ahead_of_an_earlier_end_date_stays_and_is_left_out_later() -> None:
    first = killed().state
    fake, clock = an_account()
    entries = bookmark(killed())["segments"]
    end = entries[-1]["start"] - 60
    second = run(fake, clock, first, end_date=iso(end))
    kept = bookmark(second)["segments"]
    assert kept == [each for each in entries if each["start"] >= end]
    assert bookmark(second)["segments_at"] == bookmark(second)["replication_key_value"]
    third = run(fake, clock, second.state)
    assert bookmark(third).keys() == PLAIN
    inside = {each for each in third.ids if _second_of(each) >= kept[0]["start"]}
    assert not {i for i in inside if _second_of(i) < kept[0]["replication_key_value"]}
    assert set(killed().ids) | set(second.ids) | set(third.ids) == set(range(1, EVENTS + 1))


def _second_of(identifier: int) -> int:
    return BEGIN + (identifier - 1) * 60


def test_a_stream_that_is_not_selected_keeps_its_segments() -> None:
    first = killed().state
    fake, clock = an_account()
    other = run(fake, clock, first, catalog=selecting("ticket_field_changes"))
    assert bookmark(other) == first["bookmarks"]["ticket_events"]
    last = run(fake, clock, other.state)
    assert bookmark(last).keys() == PLAIN
    assert set(killed().ids) | set(last.ids) == set(range(1, EVENTS + 1))


def test_full_table_reads_all_and_leaves_no_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, clock = an_account()
    cuts = count_cuts(monkeypatch)
    output, _ = run_in_any_order(
        fake,
        clock,
        random.Random(3),
        killed().state,
        catalog=selecting("ticket_events", full_table=("ticket_events",)),
        parallel_requests=4,
        page_size=10,
    )
    assert sorted(output.ids) == list(range(1, EVENTS + 1))
    assert cuts[0] > 3


def test_metric_events_are_always_one_segment() -> None:
    clock = SimulatedClock()
    metric_events = make_metric_events(300, seed=4, start=BEGIN, spread=86_400)
    events = [plain_event(1 + n, BEGIN + n * 60) for n in range(EVENTS)]
    account = Account(events, metric_events=metric_events)
    fake = a_fake(account, clock)
    state = {"bookmarks": {"ticket_metric_events": _with_segments()}}
    output, _ = run_in_any_order(
        fake,
        clock,
        random.Random(2),
        state,
        catalog=selecting(*ALL_STREAMS),
        parallel_requests=4,
        page_size=10,
    )
    bookmarks = output.state["bookmarks"]
    assert "segments" not in bookmarks["ticket_metric_events"]
    written = keys(output, "ticket_metric_events")
    assert len(written) == len(set(written)) == 300
    assert len(rows(output, "ticket_events")) == EVENTS


def _with_segments() -> dict[str, Any]:
    return {
        "replication_key": "time",
        "replication_key_value": iso(BEGIN),
        "segments": [{"start": BEGIN + 600, "replication_key_value": BEGIN + 6000}],
        "segments_at": iso(BEGIN),
    }


def test_a_state_that_is_read_is_not_changed() -> None:
    state = killed().state
    before = deepcopy(state)
    fake, clock = an_account()
    run(fake, clock, state)
    assert state == before


@pytest.mark.parametrize("at_a_time", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_as_many_requests_as_one_at_a_time_and_one_more_for_each_cut(
    seed: int, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_run(number: int) -> int:
        clock = SimulatedClock()
        events = make_events(2000, seed=seed, start=BEGIN, spread=864_000)
        fake = a_fake(Account(events), clock)
        rng = random.Random(seed)
        output, _ = run_in_any_order(
            fake, clock, rng, parallel_requests=number, page_size=100, settling_seconds=300
        )
        assert sorted(output.ids) == sorted(event["id"] for event in events)
        return len(fake.export_requests)

    alone = a_run(1)
    cuts = count_cuts(monkeypatch)
    together = a_run(at_a_time)
    assert cuts[0] >= at_a_time - 1
    assert together <= alone + cuts[0]


def test_a_state_of_a_run_with_several_is_json() -> None:
    state = killed().state
    assert json.loads(json.dumps(state)) == state
