"""The SQL of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from tests.postgres import Database


@dataclass(frozen=True)
class Query:
    """A question, the statement that answers it, and what the columns are called."""

    question: str
    columns: tuple[str, ...]
    statement: LiteralString


SHOWN = (
    Query(
        "How much, and from when to when?",
        ("events", "tickets", "first", "last"),
        """\
SELECT count(*) AS events, count(DISTINCT ticket_id) AS tickets,
       min(created_at) AS first, max(created_at) AS last
FROM zendesk.ticket_events;""",
    ),
    Query(
        "Which ticket fields change most?",
        ("field", "changes"),
        """\
SELECT field, count(*) AS changes
FROM zendesk.ticket_events,
     jsonb_array_elements(child_events) AS child,
     jsonb_object_keys(child) AS field
WHERE child->>'event_type' = 'Change'
  AND field NOT IN ('id', 'event_type', 'via', 'via_reference_id', 'previous_value',
                    'added_tags', 'removed_tags')
GROUP BY field ORDER BY changes DESC, field LIMIT 8;""",
    ),
    Query(
        "What were the last changes of status?",
        ("created_at", "ticket_id", "updater_id", "from", "to"),
        """\
SELECT created_at, ticket_id::text, updater_id::text,
       child->>'previous_value' AS "from", child->>'status' AS "to"
FROM zendesk.ticket_events, jsonb_array_elements(child_events) AS child
WHERE child->>'event_type' = 'Change' AND child ? 'status'
ORDER BY timestamp DESC, id LIMIT 5;""",
    ),
)


def answer(database: Database, query: Query) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return the names of the columns and the rows."""
    return list(query.columns), database.query(query.statement)


def distinct_ids(database: Database) -> int:
    """Return how many different ids there are."""
    ((count,),) = database.query("SELECT count(DISTINCT id) FROM zendesk.ticket_events")
    return int(count)


def rows_written_since(database: Database, moment: float) -> int:
    """Return how many rows the target has inserted or updated since."""
    ((count,),) = database.query(
        "SELECT count(*) FROM zendesk.ticket_events WHERE _sdc_received_at > %s",
        datetime.fromtimestamp(moment, UTC).replace(tzinfo=None),
    )
    return int(count)
