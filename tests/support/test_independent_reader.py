"""The independent reader finds what was written by hand, and reads oddities by its rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_zendesk import Event, make_events, plain_event
from tests.support.hand_written import load_hand_written
from tests.support.independent_reader import Row, comments, comparable, field_changes


def children_of(events: list[Event]) -> list[Event]:
    return [child for event in events for child in event["child_events"] if isinstance(child, dict)]


def one_change(**child: Any) -> list[Row]:
    """The rows of a child event of type Change."""
    fields = {"id": 7, "event_type": "Change", "via": "Mail", "via_reference_id": None, **child}
    return field_changes([plain_event(1, 1_700_000_000, child_events=[fields])])


def test_the_reader_finds_the_field_changes_written_by_hand() -> None:
    expected = load_hand_written()
    assert [comparable(row) for row in field_changes(expected.events)] == expected.field_changes


def test_the_reader_finds_the_comments_written_by_hand() -> None:
    expected = load_hand_written()
    assert [comparable(row) for row in comments(expected.events)] == expected.comments


def test_the_hand_written_events_are_forty_children_of_every_sort() -> None:
    written = load_hand_written()
    children = children_of(written.events)
    assert len(children) == 40
    assert any(not event["child_events"] for event in written.events)
    assert any("id" not in child for child in children)
    changes = [child for child in children if child.get("event_type") == "Change"]
    previous = {type(child.get("previous_value", ...)) for child in changes}
    assert previous == {str, bool, int, list, dict, type(None), type(...)}
    assert any(child.get("previous_value") == "0" for child in changes)
    assert {type(child["via"]) for child in children if "via" in child} == {str, dict, type(None)}
    kinds = {child.get("event_type") for child in children}
    assert {"Create", "Change", "Comment", "VoiceComment", "Notification"} < kinds
    assert {"VoiceApiComment", "FacebookComment", "ConversationTurn", None} < kinds


def test_hand_written_rows_have_every_column_and_keys_of_their_own() -> None:
    written = load_hand_written()
    changes = {(row["child_event_id"], row["field_name"]) for row in written.field_changes}
    assert len(changes) == len(written.field_changes)
    assert len({row["id"] for row in written.comments}) == len(written.comments)
    assert {len(row) for row in written.field_changes} == {14}
    assert {len(row) for row in written.comments} == {15}


def test_made_events_have_one_row_for_each_field_and_comment() -> None:
    events = make_events(3000, seed=4)
    changes, found = field_changes(events), comments(events)
    assert len({(row["child_event_id"], row["field_name"]) for row in changes}) == len(changes)
    assert len({row["id"] for row in found}) == len(found)
    children = children_of(events)
    kinds = [child["event_type"] for child in children]
    assert len(found) == sum("body" in child and "author_id" in child for child in children)
    assert len(changes) > kinds.count("Create") + kinds.count("Change")
    told = {"Comment", "VoiceComment", "TpeVoiceComment", "FacebookComment"}
    assert {row["type"] for row in found} == {*told, "ComicStripComment", "ConversationTurn"}


@pytest.mark.parametrize("child_id", [None, True, "7", 7.0, [7]])
def test_a_child_without_an_integer_id_makes_no_row(child_id: Any) -> None:
    assert one_change(id=child_id, status="open") == []


@pytest.mark.parametrize("children", [None, "none", 3, {"id": 7}, [None, 3, "x", []]])
def test_what_is_no_list_of_objects_makes_no_row(children: Any) -> None:
    event = plain_event(1, 1_700_000_000, child_events=children)
    assert field_changes([event]) == comments([event]) == []
    assert field_changes([None, [event], {**event, "id": "1"}]) == []


@pytest.mark.parametrize(
    ("own", "expected"), [(5, 5), (-1, -1), (None, 391_552_101), ("5", 391_552_101)]
)
def test_only_an_integer_of_its_own_beats_the_updater_of_the_event(own: Any, expected: int) -> None:
    (row,) = one_change(status="open", updater_id=own)
    assert row["updater_id"] == expected


def test_no_custom_fields_make_no_row() -> None:
    assert one_change(custom_ticket_fields={}, previous_value={"1": 2}) == []
    (row,) = one_change(custom_ticket_fields=None, previous_value={"1": 2})
    assert (row["field_name"], row["value"]) == ("custom_ticket_fields", None)


def test_time_may_stand_elsewhere_or_be_borrowed() -> None:
    child = {"id": 7, "event_type": "Change", "status": "open"}
    events = [
        {"id": 1, "child_events": [child]},
        {"id": 2, "child_events": [child], "created_at": "2024-11-23T05:20:00Z"},
        {"id": 3, "child_events": [child], "time": "2024-11-23T05:20:01Z"},
        {"id": 4, "child_events": [child]},
    ]
    rows = field_changes(events, page_start=99)
    seconds = [99, 1_732_339_200, 1_732_339_201, 1_732_339_201]
    assert [row["timestamp"] for row in rows] == seconds
    moments = [None, "2024-11-23T05:20:00Z", "2024-11-23T05:20:01Z", None]
    assert [row["created_at"] for row in rows] == moments


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a":1,"b":"ü"}', '{"b": "\\u00fc", "a": 1}', True),
        ("[1, true]", "[1,true]", True),
        ("1e-07", "1e-7", True),
        ("[1]", "[1.0]", False),
        ("[1]", "[true]", False),
        ("1", "1.0", False),
        ("true", "True", False),
        ("[open", "[open ", False),
        ("null", None, False),
    ],
)
def test_texts_are_compared_by_what_they_mean(one: Any, other: Any, same: bool) -> None:
    assert (comparable({"value": one}) == comparable({"value": other})) is same
    assert comparable({"body": '{"a":1}'}) == {"body": '{"a":1}'}
