"""The columns of each stream: one type each, so that any target can make a table of them."""

from __future__ import annotations

from typing import Any

TEXT = "string"
INTEGER = "integer"
OBJECT = "object"
ARRAY = "array"
BOOLEAN = "boolean"


def _column(kind: str, description: str, **more: Any) -> dict[str, Any]:
    # No `properties` and no `items`, on purpose: PostgreSQL then gets jsonb columns, flattening
    # makes JSON text of them, and a key that Zendesk adds cannot leak out as a column of its own.
    return {"type": [kind, "null"], "description": description, **more}


def _date_time(description: str) -> dict[str, Any]:
    return _column(TEXT, description, format="date-time")


def _key(kind: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": [kind], "description": description, **more}


def _table(required: list[str], columns: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": columns, "required": required}


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
            "description": "When the event happened, in epoch seconds. Bookmarks go by it.",
        },
        "created_at": _date_time("When the event happened, as a date-time in UTC."),
        "updater_id": _column(INTEGER, "The user who made the update; -1 is the system."),
        "via": _column(
            TEXT,
            "How the update was made: `Web form`, `Mail`, `Rule` and such. An object as JSON text.",
        ),
        "system": _column(
            OBJECT,
            "What Zendesk knows of the updater's machine: client, location, coordinates, at times "
            "the IP address.",
        ),
        "event_type": _column(TEXT, "Zendesk's type of the event, `Audit` as a rule."),
        "child_events": _column(
            ARRAY,
            "What the update changed, as Zendesk sends it: field changes (the changed field is a "
            "key named after the field), comments and others.",
        ),
        "merged_ticket_ids": _column(ARRAY, "The tickets that were merged into this one."),
        "metadata": _column(
            OBJECT, "Details of the update, IP address included; only with `include_comments`."
        ),
        "extra_fields": _column(
            OBJECT,
            "Fields of the event that are not in this list, and values of another type than "
            "their column's: nothing that Zendesk sends is lost.",
        ),
        "instance_id": _column(
            INTEGER,
            "Usually empty. In events of the form that Zendesk's reference shows: the SLA "
            "instance.",
        ),
        "metric": _column(
            TEXT,
            "Usually empty. In events of the form that Zendesk's reference shows: the SLA metric.",
        ),
        "time": _date_time(
            "Usually empty. In events of the form that Zendesk's reference shows: when it happened."
        ),
        "type": _column(
            TEXT,
            "Usually empty. In events of the form that Zendesk's reference shows: what happened.",
        ),
    },
    "required": ["id", "timestamp"],
}
"""JSON schema of the stream ``ticket_events``."""

_EVENT_ID = _column(INTEGER, "The event that it belongs to: `id` in `ticket_events`.")
_EVENT_SECOND = _key(INTEGER, "When the event happened, in epoch seconds. Bookmarks go by it.")

TICKET_FIELD_CHANGES = _table(
    ["child_event_id", "field_name", "timestamp"],
    {
        "child_event_id": _key(INTEGER, "Zendesk's id of the child event that tells the change."),
        "field_name": _key(
            TEXT, "The changed field, such as `status`; for a custom field its numeric id."
        ),
        "ticket_event_id": _EVENT_ID,
        "ticket_id": _column(INTEGER, "The ticket that was changed."),
        "timestamp": _EVENT_SECOND,
        "created_at": _date_time("When the change happened, as a date-time in UTC."),
        "updater_id": _column(INTEGER, "The user who made the change; -1 is the system."),
        "event_type": _column(
            TEXT, "`Create` for a first value, with a new ticket; `Change` for any later one."
        ),
        "value": _column(TEXT, "The new value; arrays, objects and numbers as JSON text."),
        "previous_value": _column(
            TEXT, "The value before, likewise; null also where Zendesk does not tell."
        ),
        "added_tags": _column(TEXT, "For the field `tags`: what was added, a JSON array."),
        "removed_tags": _column(TEXT, "For the field `tags`: what was removed, a JSON array."),
        "via": _column(TEXT, "How the change was made; an object as JSON text."),
        "via_reference_id": _column(
            INTEGER, "What made the change, such as the trigger, where `via` is a rule."
        ),
    },
)
"""JSON schema of the stream ``ticket_field_changes``."""

TICKET_COMMENTS = _table(
    ["id", "timestamp"],
    {
        "id": _key(INTEGER, "Zendesk's id of the comment."),
        "ticket_event_id": _EVENT_ID,
        "ticket_id": _column(INTEGER, "The ticket that was commented on."),
        "timestamp": _EVENT_SECOND,
        "created_at": _date_time("When the comment was made, as a date-time in UTC."),
        "author_id": _column(INTEGER, "The user in whose name the comment was made."),
        "updater_id": _column(INTEGER, "The user who made the update; -1 is the system."),
        "type": _column(
            TEXT,
            "Its kind: `Comment`, `VoiceComment`, `TpeVoiceComment`, `FacebookComment` and such.",
        ),
        "public": _column(BOOLEAN, "Whether the requester can read it; false: an internal note."),
        "body": _column(TEXT, "The text; null where it was redacted as a whole."),
        "html_body": _column(TEXT, "The text as HTML."),
        "plain_body": _column(TEXT, "The text without any markup."),
        "attachments": _column(TEXT, "The attached files, a JSON array of objects."),
        "via_channel": _column(TEXT, "The channel that it came through, such as `web` or `email`."),
        "audit_id": _column(INTEGER, "Zendesk's id of the audit."),
    },
)
"""JSON schema of the stream ``ticket_comments``."""

TICKET_METRIC_EVENTS = _table(
    ["id", "time"],
    {
        "id": _key(INTEGER, "Zendesk's id of the metric event."),
        "ticket_id": _column(INTEGER, "The ticket whose clock it is."),
        "instance_id": _column(
            INTEGER, "Which run of the metric on this ticket: 1 for the first, and so on."
        ),
        "metric": _column(
            TEXT,
            "What is measured: `reply_time`, `requester_wait_time`, `agent_work_time`, "
            "`pausable_update_time`, `periodic_update_time`, `resolution_time` or "
            "`group_ownership_time`.",
        ),
        "type": _column(
            TEXT,
            "What happened: `activate`, `pause`, `fulfill`, `apply_sla`, `apply_group_sla`, "
            "`breach`, `update_status` or `measure`.",
        ),
        "time": _key(
            TEXT,
            "When it happened, as a date-time in UTC. Bookmarks go by it.",
            format="date-time",
        ),
        "status": _column(
            OBJECT, "With `update_status`: minutes used so far, by calendar and business hours."
        ),
        "sla": _column(OBJECT, "With `apply_sla`: target in minutes, business hours, policy."),
        "group_sla": _column(OBJECT, "With `apply_group_sla`: likewise, for the group."),
        "deleted": _column(BOOLEAN, "Whether Zendesk has taken the event back."),
        "extra_fields": TICKET_EVENTS["properties"]["extra_fields"],
    },
)
"""JSON schema of the stream ``ticket_metric_events``."""
