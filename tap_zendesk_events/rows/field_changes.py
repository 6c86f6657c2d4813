"""From an event to its field changes: one row per changed field (columns: `schema.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.rows.children import (
    change_type,
    child_id,
    children,
    event_columns,
    own_columns,
)
from tap_zendesk_events.rows.values import as_json, as_text
from tap_zendesk_events.zendesk.decoding import as_integer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zendesk_events.rows.values import WarnOnce
    from tap_zendesk_events.zendesk.page import Event

NOT_FIELDS = frozenset(
    {
        "id",
        "event_type",
        "via",
        "via_reference_id",
        "previous_value",
        "added_tags",
        "removed_tags",
        "updater_id",
        "rel",
        "created_at",
    }
)
"""Keys of a child that do not name a field."""

CUSTOM_FIELDS = "custom_ticket_fields"


def field_changes(event: Event, warn: WarnOnce) -> Iterator[dict[str, Any]]:
    """Yield a row of ``ticket_field_changes`` for each field that the event changes.

    Zendesk shows a changed field as a key named after it. A child in the form of its audits, with
    the keys `field_name` and `value`, makes the same row.

    Args:
        event: The event.
        warn: Hears of children that can make no row.
    """
    shared: dict[str, Any] | None = None
    for child in children(event):
        event_type = change_type(child)
        if event_type is None:
            continue
        fields = list(_fields(child))
        if not fields:
            continue
        identifier = child_id(child, warn)
        if identifier is None:
            continue
        shared = shared or event_columns(event)
        common = {
            "child_event_id": identifier,
            **shared,
            **own_columns(child),
            "event_type": event_type,
            "via": as_text(child.get("via")),
            "via_reference_id": as_integer(child.get("via_reference_id")),
        }
        previous_value = child.get("previous_value")
        for name, new_value in fields:
            tags = name == "tags"
            for field_name, value, previous in _values(name, new_value, previous_value):
                yield {
                    **common,
                    "field_name": field_name,
                    "value": as_text(value),
                    "previous_value": as_text(previous),
                    "added_tags": as_json(child.get("added_tags")) if tags else None,
                    "removed_tags": as_json(child.get("removed_tags")) if tags else None,
                }


def _fields(child: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the new value of each field that a change names."""
    told = child.get("field_name")
    if "value" in child and (isinstance(told, str) or as_integer(told) is not None):
        yield str(told), child["value"]
        return
    takes_type = child.get("event_type") is None
    for name, value in child.items():
        if name not in NOT_FIELDS and not (takes_type and name == "type"):
            yield name, value


def _values(name: str, value: Any, previous: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, new and old value of a field; custom fields one by one, by their ids."""
    if name != CUSTOM_FIELDS or not isinstance(value, dict):
        yield name, value, previous
        return
    for field_id, field_value in value.items():
        before = previous.get(field_id) if isinstance(previous, dict) else previous
        yield field_id, field_value, before
