"""Bookmarks in a state: of every form, of others' making, and with segments ahead of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.bookmark import Bookmark
from tap_zendesk_events.walk.saved_bookmark import read_bookmark
from tests.fake_zendesk import Account, plain_event
from tests.support.harness import (
    BEGIN,
    SimulatedClock,
    a_fake,
    bookmark,
    plain_account,
    run,
    state_of,
)

STREAM, KEY = "ticket_events", "timestamp"
FAR = 10_000


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000), st.frozensets(st.integers(1, 2**62), max_size=20))
def test_a_bookmark_survives_the_state(second: int, ids: frozenset[int]) -> None:
    state = json.loads(json.dumps(Bookmark(second, ids, is_set=True).to_state(KEY)))
    assert state == {
        "replication_key": KEY,
        "replication_key_value": second,
        "boundary_ids": sorted(ids),
        "boundary_ids_at": second,
    }
    read = read_bookmark(state, STREAM, KEY)
    assert read is not None
    assert (read.second, read.ids, read.deleted, read.ids_belong) == (second, sorted(ids), [], True)


@pytest.mark.parametrize(
    "value",
    [BEGIN, float(BEGIN), str(BEGIN), iso(BEGIN), "2025-11-01", "2025-11-01T01:00:00+01:00"],
)
@pytest.mark.parametrize("ids", [{}, {"boundary_ids": None}, {"boundary_ids": []}])
def test_every_form_of_state_goes_on_at_the_same_second(value: Any, ids: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(Account([plain_event(1, BEGIN - 1), plain_event(2, BEGIN)]), clock)
    state = state_of(value, **ids)

    output = run(fake, clock, state, start_date="2025-01-01")

    assert output.ids == [2]
    assert fake.export_requests[0].query["start_time"] == str(BEGIN)
    assert dict(bookmark(output)) == {
        "replication_key": KEY,
        "replication_key_value": BEGIN,
        "boundary_ids": [2],
        "boundary_ids_at": BEGIN,
    }


def test_a_state_without_the_name_of_its_key_is_understood() -> None:
    clock = SimulatedClock()
    state = {"bookmarks": {STREAM: {"replication_key_value": BEGIN + 60, "boundary_ids": [2]}}}
    assert run(a_fake(plain_account(3), clock), clock, state).ids == [3]


def test_what_others_wrote_into_the_state_is_not_written_back() -> None:
    clock = SimulatedClock()
    state = state_of(BEGIN, starting_replication_value="2025-01-01", partitions=[])
    output = run(a_fake(plain_account(3), clock), clock, state)
    assert output.ids == [1, 2, 3]
    for written in output.states:
        assert written["bookmarks"][STREAM].keys() == {
            "replication_key",
            "replication_key_value",
            "boundary_ids",
            "boundary_ids_at",
        }


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"replication_key": "created_at"}, "replication_key"),
        ({"replication_key": None}, "replication_key"),
        ({"replication_key_value": "last week"}, "replication_key_value"),
        ({"replication_key_value": -1}, "replication_key_value"),
        ({"replication_key_value": "1969-07-20T20:17:40Z"}, "replication_key_value"),
        ({"replication_key_value": True}, "replication_key_value"),
        ({"replication_key_value": [BEGIN]}, "replication_key_value"),
        ({"boundary_ids": 5}, "boundary_ids"),
        ({"boundary_ids": "5"}, "boundary_ids"),
        ({"boundary_ids": {"5": 5}}, "boundary_ids"),
        ({"boundary_ids": ["5"]}, "boundary_ids"),
        ({"boundary_ids": [True]}, "boundary_ids"),
        ({"boundary_ids": [5.5]}, "boundary_ids"),
        *(
            ({"segments": segments, "segments_at": BEGIN}, "segments")
            for segments in (
                5,
                {"start": BEGIN},
                [[BEGIN, BEGIN]],
                [{"start": BEGIN}],
                [{"replication_key_value": BEGIN}],
                [{"start": BEGIN + 9, "replication_key_value": BEGIN + 8}],
                [{"start": "soon", "replication_key_value": BEGIN}],
                [{"start": BEGIN, "replication_key_value": BEGIN, "boundary_ids": ["5"]}],
            )
        ),
    ],
)
def test_a_state_that_cannot_be_understood_is_refused_before_any_request(
    fields: dict[str, Any], named: str
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, state_of(BEGIN, **fields), fails=True)
    assert named in str(output.error)
    assert output.messages == []
    assert fake.log == []


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"bookmarks": {STREAM: {}}}])
def test_without_a_bookmark_the_start_date_counts(state: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    assert run(fake, clock, state).ids == [1, 2, 3]
    assert fake.export_requests[0].query["start_time"] == str(BEGIN)


@pytest.mark.parametrize("start_date", ["2020-01-01", "2025-11-20"])
def test_a_bookmark_beats_the_start_date(start_date: str) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    assert run(fake, clock, state_of(BEGIN + 60), start_date=start_date).ids == [2, 3]


def test_a_bookmark_of_another_stream_stays_in_the_state() -> None:
    clock = SimulatedClock()
    other = {"replication_key": "updated_at", "replication_key_value": "2025-01-01"}
    state = {"bookmarks": {"other": other}}
    output = run(a_fake(plain_account(3), clock), clock, state)
    assert output.state["bookmarks"]["other"] == other


# Ids of another second: `state merge` keeps those of one that is no longer there


@pytest.mark.parametrize("at", [BEGIN + 120, "2025-11-01T00:02:00Z", "soon", True, [BEGIN]])
def test_ids_of_another_second_count_for_nothing_and_one_line_says_so(
    at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    state = state_of(BEGIN, 1, 2, 3, boundary_ids_at=at)
    output = run(a_fake(plain_account(5), clock), clock, state)
    assert output.ids == [1, 2, 3, 4, 5]
    (line,) = [line for line in caplog.messages if "count for nothing" in line]
    assert "ticket_events was moved to 2025-11-01T00:00:00Z" in line


@pytest.mark.parametrize("at", [BEGIN, iso(BEGIN), float(BEGIN), "2025-11-01T01:00:00+01:00"])
@pytest.mark.parametrize("second", [BEGIN, iso(BEGIN)])
def test_ids_count_if_their_second_is_the_same_moment(
    at: Any, second: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    state = state_of(second, 1, boundary_ids_at=at)
    assert run(a_fake(plain_account(3), clock), clock, state).ids == [2, 3]
    assert not any("count for nothing" in line for line in caplog.messages)


def test_ids_of_earlier_versions_count() -> None:
    clock = SimulatedClock()
    state = {"bookmarks": {STREAM: {"replication_key_value": BEGIN, "boundary_ids": [1]}}}
    assert run(a_fake(plain_account(3), clock), clock, state).ids == [2, 3]


def ahead(at: Any, form: Any = int) -> dict[str, Any]:
    """A state with ten of sixty events up to the bookmark, and eleven ahead of it: 31 to 41."""
    entry = {"start": form(BEGIN + 1800), "replication_key_value": form(BEGIN + 2400)}
    entries = [{**entry, "boundary_ids": [41]}]
    return state_of(form(BEGIN + 600), segments=entries, segments_at=at)


@pytest.mark.parametrize("at_a_time", [1, 3])
@pytest.mark.parametrize(("at", "form"), [(BEGIN + 600, int), (iso(BEGIN + 600), iso)])
def test_what_is_written_ahead_of_the_bookmark_is_left_out_and_the_state_ends_plain(
    at: Any, form: Any, at_a_time: int
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    output = run(fake, clock, ahead(at, form), page_size=7, parallel_requests=at_a_time)
    assert sorted(output.ids) == [*range(11, 31), *range(42, 61)]
    plain = {"replication_key", "replication_key_value", "boundary_ids", "boundary_ids_at"}
    assert bookmark(output).keys() == plain
    assert run(fake, clock, output.state).ids == []


@pytest.mark.parametrize("at", [None, BEGIN + 540, iso(BEGIN + 660), "soon"])
def test_segments_beside_another_bookmark_count_for_nothing_and_one_line_says_so(
    at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    output = run(a_fake(plain_account(60), clock), clock, ahead(at), page_size=7)
    assert output.ids == [*range(11, 61)]
    (line,) = [line for line in caplog.messages if "count for nothing" in line]
    assert "the segments that were kept beside the former one" in line
    assert output.state == state_of(BEGIN + 59 * 60, 60)


def test_segments_behind_an_end_date_stay() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock)
    state = ahead(BEGIN + 600)
    output = run(fake, clock, state, page_size=7, end_date=iso(BEGIN + 1200))
    assert output.ids == [*range(11, 21)]
    kept = bookmark(output)
    assert kept["segments"] == state["bookmarks"][STREAM]["segments"]
    assert kept["segments_at"] == kept["replication_key_value"]
    rest = run(fake, clock, output.state, page_size=7)
    assert sorted(rest.ids) == [*range(21, 31), *range(42, 61)]
