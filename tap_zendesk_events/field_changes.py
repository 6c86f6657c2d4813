"""From an event to its field changes: one row per changed field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.children import (
    CHANGES,
    child_id,
    children,
    event_columns,
    own_columns,
)
from tap_zendesk_events.values import as_integer, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zendesk_events.page import Event
    from tap_zendesk_events.values import WarnOnce

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
CUSTOM_FIELDS = "custom_ticket_fields"


def field_changes(event: Event, warn: WarnOnce) -> Iterator[dict[str, Any]]:
    """Yield a row of ``ticket_field_changes`` for each field that the event changes.

    Args:
        event: The event.
        warn: Hears of children that can make no row.
    """
    shared: dict[str, Any] | None = None
    for child in children(event):
        if child.get("event_type") not in CHANGES:
            continue
        fields = [name for name in child if name not in NOT_FIELDS]
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
            "event_type": child["event_type"],
            "via": as_text(child.get("via")),
            "via_reference_id": as_integer(child.get("via_reference_id")),
        }
        for name in fields:
            for field_name, value, previous in _values(name, child):
                tags = name == "tags"
                yield {
                    **common,
                    "field_name": field_name,
                    "value": as_text(value),
                    "previous_value": as_text(previous),
                    "added_tags": as_json(child.get("added_tags")) if tags else None,
                    "removed_tags": as_json(child.get("removed_tags")) if tags else None,
                }


def _values(name: str, child: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, new and old value of a field; custom fields one by one, by their ids."""
    value, previous = child[name], child.get("previous_value")
    if name != CUSTOM_FIELDS or not isinstance(value, dict):
        yield name, value, previous
        return
    for field_id, field_value in value.items():
        before = previous.get(field_id) if isinstance(previous, dict) else previous
        yield field_id, field_value, before
