"""The child events of an event, and what their rows have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.times import is_date_time, iso
from tap_zendesk_events.zendesk.decoding import as_integer
from tap_zendesk_events.zendesk.typed import SentEvent

if TYPE_CHECKING:
    from tap_zendesk_events.rows.values import WarnOnce
    from tap_zendesk_events.zendesk.page import Event

CHANGES = ("Create", "Change")
"""Types of the child events that change a field."""


def children(event: Event) -> list[dict[str, Any]]:
    """Return the child events of an event."""
    entries = event.fields.get("child_events")
    return [c for c in entries if isinstance(c, dict)] if isinstance(entries, list) else []


def change_type(child: dict[str, Any]) -> str | None:
    """Return `Create` or `Change` if the child changes a field, and None if it is anything else.

    In the form of Zendesk's audits a child may have its type in `type`. Beside an `event_type`
    that key is the ticket's field of this name, or the type of a comment.
    """
    event_type = child.get("event_type")
    if event_type is None:
        event_type = child.get("type")
    return event_type if event_type in CHANGES else None


def child_id(child: dict[str, Any], warn: WarnOnce) -> int | None:
    """Return a child's id, or None and one warning a run: without a key there is no row."""
    identifier = as_integer(child.get("id"))
    if identifier is None:
        warn(
            "a child without an id",
            "Zendesk sends a child event without a whole number as `id`; it makes no row of its "
            "own, but stays in child_events of ticket_events.",
        )
    return identifier


def event_columns(event: Event) -> dict[str, Any]:
    """Return the columns that all rows of an event have from it."""
    fields = event.fields
    if isinstance(fields, SentEvent):
        checked = fields.checked
        return {
            "ticket_event_id": event.id,
            "ticket_id": checked.ticket_id,
            "timestamp": event.time,
            "created_at": checked.created_at,
            "updater_id": checked.updater_id,
        }
    created_at = fields.get("created_at")
    return {
        "ticket_event_id": event.id,
        "ticket_id": as_integer(fields.get("ticket_id")),
        "timestamp": event.time,
        "created_at": created_at if is_date_time(created_at) else iso(event.time),
        "updater_id": as_integer(fields.get("updater_id")),
    }


def own_columns(child: dict[str, Any]) -> dict[str, Any]:
    """Return those of the columns that the child itself knows."""
    own: dict[str, Any] = {}
    if "created_at" in child and is_date_time(child["created_at"]):
        own["created_at"] = child["created_at"]
    if "updater_id" in child and (updater := as_integer(child["updater_id"])) is not None:
        own["updater_id"] = updater
    return own
