"""The rows of field changes and comments, read from raw events a second time, slowly and plainly.

It is written from Zendesk's documents and the meaning of the columns, and shares nothing with the
tap: where the two differ, one of them is wrong. What is a comment it takes from whoever made the
event (the key ``_comment`` of a child, which the test server never sends), so give it the account's
own events; of children without that key, those are comments whose type Zendesk documents as one.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Json: TypeAlias = Any
Row: TypeAlias = dict[str, Any]

NOT_FIELDS = (
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
)
DOCUMENTED_COMMENTS = ("Comment", "VoiceComment", "FacebookComment")
"""The comments among the event types that Zendesk's reference of ticket audits lists."""

JSON_COLUMNS = ("value", "previous_value", "added_tags", "removed_tags", "via", "attachments")


def field_changes(events: Iterable[Json], page_start: int = 0) -> list[Row]:
    """One row for each changed field; the account's events, in the order of the export."""
    rows = []
    for event, second, child in _children(events, page_start):
        kind = _kind(child)
        if kind not in ("Create", "Change"):
            continue
        for field_name, value, previous_value in _fields(child):
            of_tags = field_name == "tags"
            rows.append(
                {
                    "child_event_id": child["id"],
                    "field_name": field_name,
                    "ticket_event_id": event["id"],
                    "ticket_id": event.get("ticket_id"),
                    "timestamp": second,
                    "created_at": _created_at(event, child),
                    "updater_id": _updater_id(event, child),
                    "event_type": kind,
                    "value": _text(value),
                    "previous_value": _text(previous_value),
                    "added_tags": _json_text(child.get("added_tags")) if of_tags else None,
                    "removed_tags": _json_text(child.get("removed_tags")) if of_tags else None,
                    "via": _text(child.get("via")),
                    "via_reference_id": child.get("via_reference_id"),
                }
            )
    return rows


def comments(events: Iterable[Json], page_start: int = 0) -> list[Row]:
    """One row for each comment; the account's events, in the order of the export."""
    rows = []
    for event, second, child in _children(events, page_start):
        if not _is_comment(child):
            continue
        kind = child.get("type")
        public = child.get("public")
        if public is None:
            public = child.get("comment_public")
        via = child.get("via")
        channel = via.get("channel") if isinstance(via, dict) else via
        rows.append(
            {
                "id": child["id"],
                "ticket_event_id": event["id"],
                "ticket_id": event.get("ticket_id"),
                "timestamp": second,
                "created_at": _created_at(event, child),
                "author_id": child.get("author_id"),
                "updater_id": _updater_id(event, child),
                "type": kind if isinstance(kind, str) else _text(child.get("event_type")),
                "public": public,
                "body": child.get("body"),
                "html_body": child.get("html_body"),
                "plain_body": child.get("plain_body"),
                "attachments": _json_text(child.get("attachments")),
                "via_channel": _text(channel),
                "audit_id": child.get("audit_id"),
            }
        )
    return rows


def comparable(row: Row) -> Row:
    """The row with every JSON text in it written in one way.

    Two writers of JSON may put spaces, escapes, keys and the digits of a number differently; what
    is no array, object or number with a fraction stays the text that it is.
    """
    same = dict(row)
    for column in JSON_COLUMNS:
        if isinstance(same.get(column), str):
            same[column] = _one_way(same[column])
    return same


def _children(events: Iterable[Json], second: int) -> Iterator[tuple[Row, int, Row]]:
    """Each child event that has an id, with its event and the second of that."""
    for event in events:
        if not isinstance(event, dict) or not _is_integer(event.get("id")):
            continue
        second = _second(event, second)
        children = event.get("child_events")
        if not isinstance(children, list):
            continue
        for child in children:
            if isinstance(child, dict) and _is_integer(child.get("id")):
                yield event, second, child


def _fields(child: Row) -> Iterator[tuple[str, Json, Json]]:
    """The changed fields of a child event: name, value, value before."""
    before = child.get("previous_value")
    for name, value in _named_values(child):
        if name == "custom_ticket_fields" and isinstance(value, dict):
            for field_id, field_value in value.items():
                if isinstance(before, dict):
                    yield field_id, field_value, before.get(field_id)
                else:
                    yield field_id, field_value, before
        else:
            yield name, value, before


def _named_values(child: Row) -> list[tuple[str, Json]]:
    """The changed fields of a child event with their new values, custom fields in one."""
    name = child.get("field_name")
    if "value" in child and (isinstance(name, str) or _is_integer(name)):
        # as in the audits
        return [(f"{name}", child["value"])]
    not_fields = {*NOT_FIELDS, "_comment"}
    if child.get("event_type") is None:
        not_fields.add("type")
    return [(name, value) for name, value in child.items() if name not in not_fields]


def _kind(child: Row) -> Json:
    """What a child event is: audits call it `type`, which elsewhere may be a ticket's field."""
    return child.get("type") if child.get("event_type") is None else child["event_type"]


def _is_comment(child: Row) -> bool:
    return bool(child.get("_comment", _kind(child) in DOCUMENTED_COMMENTS))


def _second(event: Row, before: int) -> int:
    for name in ("timestamp", "created_at", "time"):
        value: Json = event.get(name)
        if _is_integer(value):
            return int(value)
        if isinstance(value, str):
            return int(datetime.fromisoformat(value).timestamp())
    return before


def _created_at(event: Row, child: Row) -> Json:
    for moment in (child.get("created_at"), event.get("created_at"), event.get("time")):
        if moment is not None:
            return moment
    return None


def _updater_id(event: Row, child: Row) -> Json:
    own = child.get("updater_id")
    return own if _is_integer(own) else event.get("updater_id")


def _is_integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else _json_text(value)


def _json_text(value: Json) -> str | None:
    return None if value is None else json.dumps(value)


def _one_way(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict, float)) else text
