"""From an event to its comments, and an event as it looks where nobody asked for their texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.rows.children import (
    CHANGES,
    change_type,
    child_id,
    children,
    event_columns,
    own_columns,
)
from tap_zendesk_events.rows.values import as_json, as_text
from tap_zendesk_events.zendesk.decoding import as_integer
from tap_zendesk_events.zendesk.typed import SentEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_zendesk_events.rows.values import WarnOnce
    from tap_zendesk_events.zendesk.page import Event

LETTERS = b"omment"
"""What is in the JSON of every event with a comment: `comment_present`, or a type that ends so."""

SUFFIX = "Comment"
"""What the type of a comment ends in: `Comment`, `VoiceApiComment`, `FacebookComment`, and more."""

WITHOUT_SIDELOAD = frozenset(
    {"id", "event_type", "via", "via_reference_id", "comment_present", "comment_public"}
)
"""What a comment shows unless the sideload `comment_events` is asked for."""


def is_comment(child: dict[str, Any]) -> bool:
    """Say whether a child event is a comment.

    The kinds are an open set: what changes no field, and calls itself a comment, is one.
    """
    return change_type(child) is None and (
        "comment_present" in child
        or _ends_in_comment(child.get("event_type"))
        or _ends_in_comment(child.get("type"))
    )


def comments(event: Event, warn: WarnOnce) -> Iterator[dict[str, Any]]:
    """Yield a row of ``ticket_comments`` for each comment of the event, redacted ones too.

    Args:
        event: The event, as the sideload `comment_events` shows it.
        warn: Hears of comments that can make no row.
    """
    if not _may_have(LETTERS, event.fields):
        return
    for child in children(event):
        # most children are changes: they are let through at once
        if child.get("event_type") in CHANGES or not is_comment(child):
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


def without_sideload(event: Event) -> Event:
    """Return the event as it looks without the sideload, whether it came with it or not.

    Comments say only that they are there, and `metadata` is gone. Zendesk does the same where no
    sideload is asked for; that it does so for comments of every kind is not to be relied on.
    """
    fields = event.fields
    may_have_comments = _may_have(LETTERS, fields)
    if may_have_comments and _names_children_twice(fields):
        fields = dict(fields)  # of two lists the last one counts, and the first must not go out
        event = event._replace(fields=fields)
    entries = fields.get("child_events") if may_have_comments else None
    hides = False
    if isinstance(entries, list):
        for child in entries:
            # most children are changes: they are let through at once
            if isinstance(child, dict) and child.get("event_type") not in CHANGES and _tells(child):
                hides = True
                break
    if not hides and not (_may_have(b'"metadata"', fields) and "metadata" in fields):
        return event
    shown = {name: value for name, value in fields.items() if name != "metadata"}
    if hides:
        title = fields.get("via")
        shown["child_events"] = [
            _hidden(child, title) if _tells(child) else child for child in entries or ()
        ]
    return event._replace(fields=shown)


def _may_have(letters: bytes, fields: Mapping[str, Any]) -> bool:
    """Say whether these letters can be in an event, so as not to look into it for nothing.

    They may also be written as escapes.
    """
    if not isinstance(fields, SentEvent):
        return True
    json = bytes(fields.json)
    # most have no backslash, and a single byte is looked for faster
    return letters in json or (b"\\" in json and rb"\u" in json)


def _names_children_twice(fields: Mapping[str, Any]) -> bool:
    return isinstance(fields, SentEvent) and bytes(fields.json).count(b'"child_events"') > 1


def _tells(child: Any) -> bool:
    """Say whether a child is a comment of which more is shown than without the sideload."""
    if not isinstance(child, dict) or not is_comment(child):
        return False
    is_short = "comment_present" in child and child.keys() <= WITHOUT_SIDELOAD
    return not (is_short and isinstance(child.get("via"), str | None))


def _hidden(child: dict[str, Any], title: Any) -> dict[str, Any]:
    event_type = child.get("event_type")
    return {
        "id": child.get("id"),
        # a sideloaded comment has an object here; without the sideload it is the event's own title
        "via": title,
        "via_reference_id": child.get("via_reference_id"),
        "comment_present": child.get("comment_present", True),
        "comment_public": _is_public(child),
        "event_type": child.get("type") if event_type is None else event_type,
    }


def _ends_in_comment(kind: Any) -> bool:
    return isinstance(kind, str) and kind.endswith(SUFFIX)


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
