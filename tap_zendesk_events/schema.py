"""The columns of each stream: one type each, so that any target can make a table of them."""

from __future__ import annotations

from typing import Any

TEXT = "string"
INTEGER = "integer"
OBJECT = "object"
ARRAY = "array"


def _column(kind: str, description: str, **more: Any) -> dict[str, Any]:
    # No `properties` and no `items`, on purpose: PostgreSQL then gets jsonb columns, flattening
    # makes JSON text of them, and a key that Zendesk adds cannot leak out as a column of its own.
    return {"type": [kind, "null"], "description": description, **more}


def _moment(description: str) -> dict[str, Any]:
    return _column(TEXT, description, format="date-time")


TICKET_EVENTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {
            "type": [INTEGER],
            "description": "Zendesk's id of the event (the audit). Unique; does not follow time.",
        },
        "ticket_id": _column(INTEGER, "The ticket that the event belongs to."),
        "timestamp": {
            "type": [INTEGER],
            "description": "When the event happened, in epoch seconds. The replication key.",
        },
        "created_at": _moment("When the event happened, as a date-time in UTC."),
        "updater_id": _column(INTEGER, "The user who made the update; -1 is the system."),
        "via": _column(
            TEXT, "How the update was made, such as `Web form`, `Mail` or `Rule`. Objects as JSON."
        ),
        "system": _column(
            OBJECT, "The updater's client as Zendesk knows it: client, location, coordinates."
        ),
        "event_type": _column(TEXT, "Zendesk's type of the event, `Audit` as a rule."),
        "child_events": _column(
            ARRAY,
            "What the update changed, as Zendesk sends it: field changes (the changed field is a "
            "key named after the field), comments and others.",
        ),
        "merged_ticket_ids": _column(ARRAY, "The tickets that were merged into this one."),
        "metadata": _column(OBJECT, "Details of the update that come along with comment bodies."),
        "extra_fields": _column(
            OBJECT,
            "Fields of the event that are not in this list, and values of another type than "
            "their column's: nothing that Zendesk sends is lost.",
        ),
        "instance_id": _column(
            INTEGER, "Only in events of the form that Zendesk's reference shows: the SLA instance."
        ),
        "metric": _column(
            TEXT, "Only in events of the form that Zendesk's reference shows: the SLA metric."
        ),
        "time": _moment(
            "Only in events of the form that Zendesk's reference shows: when it happened."
        ),
        "type": _column(
            TEXT, "Only in events of the form that Zendesk's reference shows: what happened."
        ),
    },
    "required": ["id", "timestamp"],
}
"""JSON schema of the stream ``ticket_events``."""
