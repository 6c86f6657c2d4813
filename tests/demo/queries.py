"""The SQL of docs/sql.md, which the demo shows too, and what the demo counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, LiteralString

if TYPE_CHECKING:
    from tests.support.postgres import Database


@dataclass(frozen=True)
class Query:
    """A question, the statement that answers it, and what the columns are called."""

    question: str
    columns: tuple[str, ...]
    statement: LiteralString


CONTENT: Final = Query(
    "How much, and from when to when?",
    ("table", "rows", "first", "last"),
    """\
SELECT 'ticket_events' AS table, count(*) AS rows, min(created_at) AS first, max(created_at) AS last
FROM zendesk.ticket_events
UNION ALL
SELECT 'ticket_field_changes', count(*), min(created_at), max(created_at)
FROM zendesk.ticket_field_changes
UNION ALL
SELECT 'ticket_comments', count(*), min(created_at), max(created_at)
FROM zendesk.ticket_comments
UNION ALL
SELECT 'ticket_metric_events', count(*), min(time), max(time)
FROM zendesk.ticket_metric_events
ORDER BY rows DESC;""",
)

STATUS_HISTORY: Final = Query(
    "Which status did a ticket have, and for how long?",
    ("since", "updater_id", "status", "time_spent"),
    """\
SELECT created_at AS since,
       updater_id,
       value AS status,
       lead(created_at) OVER history - created_at AS time_spent
FROM zendesk.ticket_field_changes
WHERE ticket_id = 1935
  AND field_name = 'status'
  AND value IS DISTINCT FROM previous_value
WINDOW history AS (ORDER BY timestamp, child_event_id)
ORDER BY timestamp, child_event_id;""",
)

MOST_REASSIGNED: Final = Query(
    "Which tickets went from agent to agent?",
    ("ticket_id", "reassignments", "agents"),
    """\
SELECT ticket_id,
       count(*) AS reassignments,
       count(DISTINCT value) AS agents
FROM zendesk.ticket_field_changes
WHERE field_name = 'assignee_id'
  AND event_type = 'Change'
  AND value <> previous_value
GROUP BY ticket_id
ORDER BY reassignments DESC, ticket_id
LIMIT 10;""",
)

FIRST_REPLY_TIMES: Final = Query(
    "Who waited longest for a first reply?",
    ("ticket_id", "asked_at", "first_reply_time"),
    """\
WITH requester AS (
  SELECT ticket_id, unnest(ARRAY[value, previous_value])::bigint AS user_id
  FROM zendesk.ticket_field_changes
  WHERE field_name = 'requester_id'
),
message AS (
  SELECT ticket_id,
         created_at,
         EXISTS (
           SELECT FROM requester
           WHERE requester.ticket_id = comment.ticket_id AND user_id = author_id
         ) AS by_requester
  FROM zendesk.ticket_comments AS comment
  WHERE public
),
request AS (
  SELECT ticket_id, min(created_at) AS asked_at FROM message WHERE by_requester GROUP BY ticket_id
)
SELECT ticket_id,
       asked_at,
       min(created_at) - asked_at AS first_reply_time
FROM request
JOIN message USING (ticket_id)
WHERE NOT by_requester
  AND created_at >= asked_at
GROUP BY ticket_id, asked_at
ORDER BY first_reply_time DESC, ticket_id
LIMIT 10;""",
)

SLA_BREACHES: Final = Query(
    "Which service levels were missed?",
    ("metric", "breaches", "tickets"),
    """\
SELECT metric,
       count(*) AS breaches,
       count(DISTINCT ticket_id) AS tickets
FROM zendesk.ticket_metric_events
WHERE type = 'breach'
  AND deleted IS NOT TRUE
GROUP BY metric
ORDER BY breaches DESC, metric;""",
)

MOST_CHANGED_FIELDS: Final = Query(
    "Which fields change most?",
    ("field", "changes", "tickets"),
    """\
SELECT field_name AS field,
       count(*) AS changes,
       count(DISTINCT ticket_id) AS tickets
FROM zendesk.ticket_field_changes
WHERE event_type = 'Change'
GROUP BY field_name
ORDER BY changes DESC, field_name COLLATE "C"
LIMIT 10;""",
)

COMMENTS_PER_MONTH: Final = Query(
    "How many comments are there in a month?",
    ("month", "public", "internal"),
    """\
SELECT date_trunc('month', created_at)::date AS month,
       count(*) FILTER (WHERE c.public) AS public,
       count(*) FILTER (WHERE NOT c.public) AS internal
FROM zendesk.ticket_events,
     jsonb_array_elements(child_events) AS child,
     LATERAL (SELECT coalesce(child->>'comment_public', child->>'public')::boolean) AS c (public)
WHERE coalesce(child->>'event_type', child->>'type', '') NOT IN ('Create', 'Change')
  AND (child->'comment_present' IS NOT NULL
       OR child->>'event_type' LIKE '%Comment'
       OR child->>'type' LIKE '%Comment')
GROUP BY month
ORDER BY month;""",
)

RECIPES: Final = (
    STATUS_HISTORY,
    MOST_REASSIGNED,
    FIRST_REPLY_TIMES,
    SLA_BREACHES,
    MOST_CHANGED_FIELDS,
    COMMENTS_PER_MONTH,
)
"""As in docs/sql.md, to the letter (tests/project/test_recipes.py compares and runs them)."""

WHO_WAITS: Final = Query(
    "Who has been waiting longest for a reply?",
    ("ticket_id", "status", "waiting_since", "public_replies"),
    """\
SELECT ticket_id, status, waiting_since, public_replies
FROM zendesk_models.tickets
WHERE waiting_since IS NOT NULL
ORDER BY waiting_since, ticket_id
LIMIT 5;""",
)

BACKLOG: Final = Query(
    "How large was the backlog at the end of each day?",
    ("date_day", "new", "open", "pending", "hold", "tickets"),
    """\
SELECT date_day,
       count(*) FILTER (WHERE status = 'new') AS new,
       count(*) FILTER (WHERE status = 'open') AS open,
       count(*) FILTER (WHERE status = 'pending') AS pending,
       count(*) FILTER (WHERE status = 'hold') AS hold,
       count(*) AS tickets
FROM zendesk_models.ticket_backlog_daily
GROUP BY date_day
ORDER BY date_day DESC
LIMIT 7;""",
)

TIME_IN_STATUS: Final = Query(
    "How long do tickets stay in a status?",
    ("status", "spells", "median_hours", "longest_hours"),
    """\
SELECT status,
       count(*) AS spells,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_seconds)::numeric / 3600, 1)
         AS median_hours,
       round(max(duration_seconds) / 3600.0, 1) AS longest_hours
FROM zendesk_models.ticket_status_intervals
WHERE duration_seconds IS NOT NULL
GROUP BY status
ORDER BY spells DESC, status;""",
)

ANSWERS: Final = (WHO_WAITS, BACKLOG, TIME_IN_STATUS)
"""As in docs/dbt.md, to the letter (tests/dbt/test_docs.py compares and runs them)."""

KEYS: Final[dict[str, LiteralString]] = {
    "ticket_events": "id",
    "ticket_field_changes": "child_event_id, field_name",
    "ticket_comments": "id",
    "ticket_metric_events": "id",
}
"""The tables, and the columns that tell their rows apart."""


def count(database: Database, table: LiteralString) -> int:
    """Return how many rows a table has."""
    ((number,),) = database.query("SELECT count(*) FROM zendesk." + table)
    return int(number)


def count_keys(database: Database, table: LiteralString, key: LiteralString) -> int:
    """Return how many different keys a table has."""
    statement: LiteralString = "SELECT count(DISTINCT (" + key + ")) FROM zendesk." + table
    ((number,),) = database.query(statement)
    return int(number)


def count_written_since(database: Database, table: LiteralString, moment: float) -> int:
    """Return how many rows of a table the target has inserted or updated since."""
    ((number,),) = database.query(
        "SELECT count(*) FROM zendesk." + table + " WHERE _sdc_received_at > %s",
        datetime.fromtimestamp(moment, UTC).replace(tzinfo=None),
    )
    return int(number)


def count_tickets(database: Database) -> tuple[int, int]:
    """Return how many tickets have events, and how many the models have."""
    ((events, models),) = database.query(
        "SELECT (SELECT count(DISTINCT ticket_id) FROM zendesk.ticket_events), "
        "(SELECT count(*) FROM zendesk_models.tickets)"
    )
    return int(events), int(models)
