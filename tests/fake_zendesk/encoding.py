"""An event as the export shows it, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .events import Event

COMMENT_MARK = "_comment"
"""Key of a child event by which the account knows whether it is a comment; never sent."""

SCOPE_MARK = "_scope"
"""Key of an event that holds the support type of its ticket, if not `agent`; never sent."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode
_MARKS = (COMMENT_MARK, SCOPE_MARK)
_SHORT = {
    *("id", "via", "via_reference_id", "comment_present", "comment_public", "event_type"),
    COMMENT_MARK,
}


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate exists in JSON only as an escape.
        return _encode_ascii(value).encode()


def is_comment(child: Event) -> bool:
    """Whether a child is a comment: as the account has marked it; unmarked, the plain kind is."""
    return bool(child.get(COMMENT_MARK, child.get("event_type") == "Comment"))


def shown(event: Event, *, comments: bool) -> Event:
    """The event with or without the comment sideload, and without what only the account knows."""
    plain = _unmarked(event)
    if not comments:
        plain.pop("metadata", None)
    children = event.get("child_events")
    if isinstance(children, list):
        plain["child_events"] = [
            _shown_child(child, event, comments=comments) if isinstance(child, dict) else child
            for child in children
        ]
    return plain


def _shown_child(child: Event, event: Event, *, comments: bool) -> Event:
    if comments or not is_comment(child):
        return _unmarked(child)
    if "comment_present" in child and child.keys() <= _SHORT:
        return _unmarked(child)
    public = (child.get(name) for name in ("public", "comment_public"))
    kinds = (child.get(name) for name in ("event_type", "type"))
    return {
        "id": child.get("id"),
        "via": event.get("via"),
        "via_reference_id": child.get("via_reference_id"),
        "comment_present": child.get("comment_present", True),
        "comment_public": next((told for told in public if isinstance(told, bool)), None),
        "event_type": next((kind for kind in kinds if kind is not None), None),
    }


def _unmarked(item: Event) -> Event:
    return {name: value for name, value in item.items() if name not in _MARKS}
