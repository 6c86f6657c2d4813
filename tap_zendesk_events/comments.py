"""From an event to its comments, and an event without their bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.children import CHANGES, child_id, children, event_columns, own_columns
from tap_zendesk_events.values import as_integer, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zendesk_events.page import Event
    from tap_zendesk_events.values import WarnOnce

COMMENTS = ("Comment", "VoiceComment")


def is_comment(child: dict[str, Any]) -> bool:
    """Say whether a child event is a comment. A changed field `type` is none."""
    event_type = child.get("event_type")
    return event_type in COMMENTS or (event_type not in CHANGES and child.get("type") in COMMENTS)


def comments(event: Event, warn: WarnOnce) -> Iterator[dict[str, Any]]:
    """Yield a row of ``ticket_comments`` for each comment of the event, redacted ones too.

    Args:
        event: The event, as the sideload `comment_events` shows it.
        warn: Hears of comments that can make no row.
    """
    for child in children(event):
        if not is_comment(child):
            continue
        identifier = child_id(child, warn)
        if identifier is None:
            continue
        kind = child.get("type")
        yield {
            "id": identifier,
            **event_columns(event),
            **own_columns(child),
            "author_id": as_integer(child.get("author_id")),
            "type": kind if isinstance(kind, str) else as_text(child.get("event_type")),
            "public": _is_public(child),
            "body": as_text(child.get("body")),
            "html_body": as_text(child.get("html_body")),
            "plain_body": as_text(child.get("plain_body")),
            "attachments": as_json(child.get("attachments")),
            "via_channel": _channel(child),
            "audit_id": as_integer(child.get("audit_id")),
        }


def without_bodies(event: Event) -> Event:
    """Return the event with its comments as they look without the sideload."""
    entries = event.fields.get("child_events")
    if not isinstance(entries, list):
        return event
    shown = [
        _hidden(child) if isinstance(child, dict) and is_comment(child) else child
        for child in entries
    ]
    return event._replace(fields={**event.fields, "child_events": shown})


def _hidden(child: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": child.get("id"),
        "via": _channel(child),
        "via_reference_id": child.get("via_reference_id"),
        "comment_present": True,
        "comment_public": _is_public(child),
        "event_type": child.get("event_type"),
    }


def _is_public(child: dict[str, Any]) -> bool | None:
    for name in ("public", "comment_public"):
        value = child.get(name)
        if isinstance(value, bool):
            return value
    return None


def _channel(child: dict[str, Any]) -> str | None:
    """Return the channel of `via`, which is an object in a comment and text elsewhere."""
    via = child.get("via")
    return as_text(via.get("channel") if isinstance(via, dict) else via)
