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

NOT_FIELDS_OF_AUDITS = NOT_FIELDS | {"type"}
"""The same where `type` stands for `event_type`."""

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
        fields = _fields(child)
        if not fields:
            continue
        identifier = child_id(child, warn)
        if identifier is None:
            continue
        shared = shared or event_columns(event)
        has_own = "created_at" in child or "updater_id" in child
        via, reference = as_text(child.get("via")), as_integer(child.get("via_reference_id"))
        for name, value, previous in fields:
            tags = name == "tags"
            row = {
                **shared,
                "child_event_id": identifier,
                "event_type": event_type,
                "via": via,
                "via_reference_id": reference,
                "field_name": name,
                # nearly all of them are text: a call for each would take as long as the rest
                "value": value if type(value) is str else as_text(value),
                "previous_value": previous if type(previous) is str else as_text(previous),
                "added_tags": as_json(child.get("added_tags")) if tags else None,
                "removed_tags": as_json(child.get("removed_tags")) if tags else None,
            }
            if has_own:
                row.update(own_columns(child))
            yield row


def _fields(child: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return name, new and old value of each field that a change names."""
    previous = child.get("previous_value")
    if "value" in child:
        told = child.get("field_name")
        if isinstance(told, str) or as_integer(told) is not None:
            return _values(str(told), child["value"], previous)
    others = NOT_FIELDS_OF_AUDITS if child.get("event_type") is None else NOT_FIELDS
    fields = [(name, value, previous) for name, value in child.items() if name not in others]
    if CUSTOM_FIELDS in child:
        return [row for name, value, _ in fields for row in _values(name, value, previous)]
    return fields


def _values(name: str, value: Any, previous: Any) -> list[tuple[str, Any, Any]]:
    """Return name, new and old value of a field; custom fields one by one, by their ids."""
    if name != CUSTOM_FIELDS or not isinstance(value, dict):
        return [(name, value, previous)]
    return [
        (field_id, field_value, previous.get(field_id) if isinstance(previous, dict) else previous)
        for field_id, field_value in value.items()
    ]
