"""An event as the export shows it, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import content

if TYPE_CHECKING:
    from .events import Event

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate exists in JSON only as an escape.
        return _encode_ascii(value).encode()


def shown(event: Event, *, comments: bool) -> Event:
    """The event with or without the comment sideload."""
    if comments:
        return event
    plain = {name: value for name, value in event.items() if name != "metadata"}
    children = event.get("child_events")
    if isinstance(children, list):
        plain["child_events"] = [_shown_child(child, event) for child in children]
    return plain


def _shown_child(child: Any, event: Event) -> Any:
    if not isinstance(child, dict) or child.get("event_type") != "Comment":
        return child
    return {
        "id": child.get("id"),
        "via": _via_title(child.get("via"), event),
        "via_reference_id": child.get("via_reference_id"),
        "comment_present": True,
        "comment_public": bool(child.get("public", True)),
        "event_type": "Comment",
    }


def _via_title(via: Any, event: Event) -> Any:
    channel = via.get("channel") if isinstance(via, dict) else via
    if isinstance(channel, (str, int)):
        return content.VIA_TITLES.get(channel, str(channel))
    return event.get("via")
