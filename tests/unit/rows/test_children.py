"""Child events: which there are, and what rows take from them and from their event."""

from __future__ import annotations

from typing import Any

import pytest

from tap_zendesk_events.rows.children import change_type, children, event_columns, own_columns
from tests.support.events import event_of
from tests.support.harness import BEGIN


@pytest.mark.parametrize("entries", [None, "text", 3, {"id": 7}, ["text", None, [{"id": 7}]]])
def test_only_objects_of_a_list_are_children(entries: Any) -> None:
    assert list(children(event_of(child_events=entries))) == []
    assert list(children(event_of(child_events=["text", {"id": 7}, 5]))) == [{"id": 7}]


@pytest.mark.parametrize(
    ("child", "kind"),
    [
        ({"event_type": "Create"}, "Create"),
        ({"event_type": "Change", "type": "incident"}, "Change"),
        ({"type": "Change"}, "Change"),
        ({"event_type": None, "type": "Create"}, "Create"),
        ({"event_type": "Comment", "type": "Change"}, None),
        ({"event_type": ["Change"]}, None),
        ({}, None),
    ],
)
def test_a_change_is_told_by_the_event_type_or_else_the_type(
    child: dict[str, Any], kind: str | None
) -> None:
    assert change_type(child) == kind


@pytest.mark.parametrize("created_at", [None, "soon", 5, "2025-02-30T00:00:00Z"])
def test_a_time_that_is_none_is_replaced_by_that_of_the_event(created_at: Any) -> None:
    columns = event_columns(event_of(created_at=created_at, ticket_id="12", updater_id=-1))
    assert columns["created_at"] == "2025-11-01T00:00:00Z"
    assert (columns["ticket_event_id"], columns["timestamp"]) == (1, BEGIN)
    assert (columns["ticket_id"], columns["updater_id"]) == (None, -1)


def test_a_child_beats_its_event_only_with_what_can_be_stored() -> None:
    time = "2025-11-01T08:00:00Z"
    assert own_columns({"created_at": time, "updater_id": 5}) == {
        "created_at": time,
        "updater_id": 5,
    }
    assert own_columns({"created_at": "soon", "updater_id": "5"}) == {}
    assert own_columns({"updater_id": None}) == {}
