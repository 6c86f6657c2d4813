"""The changed fields of an event, one row each, straight from the event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.rows.field_changes import field_changes
from tap_zendesk_events.rows.values import WarnOnce
from tests.support.events import event_of
from tests.support.hand_written import load_hand_written
from tests.support.independent_reader import comparable

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.page import Event

LOG = logging.getLogger("test_field_changes")


def rows_of(event: Event) -> list[dict[str, Any]]:
    return list(field_changes(event, WarnOnce(LOG)))


def change(**child: Any) -> Event:
    return event_of(child_events=[{"id": 7, "event_type": "Change", "via": "Mail", **child}])


def test_the_rows_written_by_hand() -> None:
    expected = load_hand_written()
    rows = [row for event in expected.events for row in rows_of(event_of(event))]
    assert [comparable(row) for row in rows] == expected.field_changes


def test_each_field_of_a_change_is_a_row() -> None:
    rows = rows_of(change(status="open", priority=None, previous_value="new"))
    assert [(row["field_name"], row["value"], row["previous_value"]) for row in rows] == [
        ("status", "open", "new"),
        ("priority", None, "new"),
    ]
    assert {row["child_event_id"] for row in rows} == {7}


def test_custom_fields_are_rows_by_their_ids() -> None:
    fields = {"360001": "a", "360002": ["b"]}
    rows = rows_of(change(custom_ticket_fields=fields, previous_value={"360002": 5}))
    assert [(row["field_name"], row["value"], row["previous_value"]) for row in rows] == [
        ("360001", "a", None),
        ("360002", '["b"]', "5"),
    ]


def test_added_and_removed_tags_belong_to_the_tags() -> None:
    rows = rows_of(change(tags=["a", "b"], added_tags=["b"], removed_tags=[], status="open"))
    assert [(row["field_name"], row["added_tags"], row["removed_tags"]) for row in rows] == [
        ("tags", '["b"]', "[]"),
        ("status", None, None),
    ]


def test_the_form_of_audits_makes_the_same_row() -> None:
    (usual,) = rows_of(change(status="open", previous_value="new"))
    child = {"id": 7, "type": "Change", "field_name": "status", "value": "open", "via": "Mail"}
    assert rows_of(event_of(child_events=[{**child, "previous_value": "new"}])) == [usual]


def test_a_type_beside_an_event_type_is_the_tickets_field() -> None:
    (row,) = rows_of(change(type="incident"))
    assert (row["field_name"], row["value"], row["event_type"]) == ("type", "incident", "Change")


@pytest.mark.parametrize("identifier", [None, "7", True, 7.0])
def test_a_change_without_an_id_is_told_once_and_makes_no_row(
    identifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    child = {"id": identifier, "event_type": "Change", "status": "open"}
    assert rows_of(event_of(child_events=[child, child])) == []
    (warning,) = caplog.messages
    assert "a child event without a whole number as `id`" in warning


def test_a_change_that_names_no_field_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert rows_of(event_of(child_events=[{"event_type": "Change", "via": "Mail"}])) == []
    assert caplog.messages == []
