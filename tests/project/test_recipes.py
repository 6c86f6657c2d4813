"""The SQL of README and docs, in a real PostgreSQL that holds what the tap writes."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.demo.queries import RECIPES
from tests.fake_zendesk import Account, make_events, make_metric_events, plain_event
from tests.support.columns import column_type, streams
from tests.support.docs import DOCS, every_block
from tests.support.harness import BEGIN, SimulatedClock, a_fake, run
from tests.support.independent_reader import comments, field_changes
from tests.support.selection import ALL_STREAMS, rows, selecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.postgres import Postgres

Rows = list[tuple[Any, ...]]
SPREAD = 86_400 * 20


def comment(number: int, author: int, kind: str, **fields: Any) -> dict[str, Any]:
    """Return a comment as the sideload shows it, of any kind."""
    return {
        "id": number,
        "event_type": kind,
        "type": kind,
        "author_id": author,
        "public": True,
        "via": {"channel": "web", "source": {}},
        "via_reference_id": None,
        "body": "some words",
        "html_body": "<p>some words</p>",
        "plain_body": "some words",
        "attachments": [],
        "_comment": True,  # the account's own mark, which the test server never sends
        **fields,
    }


def update(number: int, seconds: int, *children: dict[str, Any]) -> dict[str, Any]:
    """Return an update of ticket 77, so long after everything else."""
    second = BEGIN + SPREAD + seconds
    return plain_event(number, second, ticket_id=TICKET, child_events=list(children))


TICKET, CUSTOMER, FRIEND, AGENT = 77, 501, 502, 601
STORY = [
    # an agent takes a call and notes it down, before the customer has written anything
    update(
        1010,
        0,
        comment(1011, AGENT, "VoiceApiComment", type="TpeVoiceComment", public=False),
        {"id": 1012, "event_type": "Create", "via": "Phone call", "requester_id": CUSTOMER},
    ),
    update(1020, 3_600, comment(1021, CUSTOMER, "Comment")),
    update(1030, 7_200, comment(1031, CUSTOMER, "FacebookComment")),
    # the ticket goes to another customer, who writes too
    update(
        1040,
        10_800,
        {
            "id": 1041,
            "event_type": "Change",
            "via": "Web form",
            "requester_id": FRIEND,
            "previous_value": str(CUSTOMER),
        },
        comment(1042, FRIEND, "Comment"),
    ),
    update(1050, 14_400, comment(1051, AGENT, "Comment", public=False)),
    update(1060, 90_000, comment(1061, AGENT, "Comment")),
    update(1070, 90_060, {"id": 1071, "event_type": "CommentRedactionEvent", "comment_id": 1021}),
    update(1080, 90_120, {"id": 1081, "event_type": "CommentPrivacyChange", "comment_id": 1061}),
]
"""A ticket whose first comment is a note; its comments are of three kinds."""

EVENTS = [*make_events(3_000, seed=1, start=BEGIN, spread=SPREAD, unknown_fields=True), *STORY]
CLOCKS = make_metric_events(1_000, seed=1, start=BEGIN, spread=SPREAD, events=EVENTS[: -len(STORY)])
CHANGES = field_changes(EVENTS)
COMMENTS = comments(EVENTS)


def statement(part: str) -> str:
    """Return the one SQL recipe that holds these words."""
    (found,) = (text.rstrip() for text in every_block("sql") if part in text)
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["no bodies", "comment bodies"])
def ask(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[Callable[[str], Rows]]:
    """A way to ask a database that holds what the tap writes."""
    import psycopg  # noqa: PLC0415

    clock = SimulatedClock()
    fake = a_fake(Account(EVENTS, metric_events=CLOCKS), clock)
    catalog = selecting(*ALL_STREAMS)
    output = run(fake, clock, catalog=catalog, include_comments=request.param)
    with psycopg.connect(postgres.fresh_database("recipes")._uri) as connection:
        connection.execute("CREATE SCHEMA zendesk")
        for name, stream in streams().items():
            columns = ", ".join(
                f'"{column}" {column_type(definition)[1].strip("`")}'
                for column, definition in stream.schema["properties"].items()
            )
            insert = (
                f"INSERT INTO zendesk.{name} SELECT * FROM jsonb_to_recordset(%s) AS x({columns})"
            )
            connection.execute(f"CREATE TABLE zendesk.{name} ({columns})".encode())
            connection.execute(insert.encode(), [json.dumps(rows(output, name))])

        def answer(text: str) -> Rows:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

        yield answer


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=None)


def test_sql_the_status_history_of_one_ticket(ask: Callable[[str], Rows]) -> None:
    text = statement("AS time_spent")
    found = re.search(r"ticket_id = (\d+)", text)
    assert found
    history = [
        row
        for row in sorted(CHANGES, key=lambda row: (row["timestamp"], row["child_event_id"]))
        if row["ticket_id"] == int(found[1]) and row["field_name"] == "status"
        if row["value"] != row["previous_value"]
    ]
    since = [utc(row["created_at"]) for row in history]
    spent: list[timedelta | None] = [later - earlier for earlier, later in pairwise(since)]
    assert len(history) > 3
    assert any(spent)
    assert ask(text) == [
        (moment, row["updater_id"], row["value"], time)
        for moment, row, time in zip(since, history, [*spent, None], strict=True)
    ]


def test_sql_the_most_reassigned_tickets(ask: Callable[[str], Rows]) -> None:
    agents: dict[int, list[str]] = {}
    for row in CHANGES:
        if row["field_name"] == "assignee_id" and row["event_type"] == "Change":
            before, after = row["previous_value"], row["value"]
            if before is not None and after is not None and before != after:
                agents.setdefault(row["ticket_id"], []).append(after)
    counted = [(ticket, len(found), len(set(found))) for ticket, found in agents.items()]
    answer = ask(statement("AS reassignments"))
    assert answer == sorted(counted, key=lambda row: (-row[1], row[0]))[:10]
    assert answer[0][1] > 1


def test_sql_first_reply_times(ask: Callable[[str], Rows]) -> None:
    asked_by: dict[int, set[int]] = {}
    for row in CHANGES:
        if row["field_name"] == "requester_id":
            values = (row["value"], row["previous_value"])
            asked_by.setdefault(row["ticket_id"], set()).update(int(v) for v in values if v)
    waited = []
    for ticket, people in asked_by.items():
        public = [row for row in COMMENTS if row["ticket_id"] == ticket and row["public"]]
        asked = [utc(row["created_at"]) for row in public if row["author_id"] in people]
        others = [utc(row["created_at"]) for row in public if row["author_id"] not in people]
        replies = [moment for moment in others if asked and moment >= min(asked)]
        if replies:
            waited.append((ticket, min(asked), min(replies) - min(asked)))
    answer = ask(statement("AS first_reply_time"))
    assert answer == sorted(waited, key=lambda row: (-row[2], row[0]))[:10]
    assert len(answer) == 10


def test_a_note_is_no_request_and_the_customers_own_words_are_no_reply(
    ask: Callable[[str], Rows],
) -> None:
    text = statement("AS first_reply_time")
    assert text.count("\nLIMIT 10;") == 1
    (row,) = (row for row in ask(text.replace("\nLIMIT 10;", ";")) if row[0] == TICKET)
    asked = datetime.fromtimestamp(BEGIN + SPREAD + 3_600, UTC).replace(tzinfo=None)
    assert row == (TICKET, asked, timedelta(hours=24))


def test_sql_sla_breaches(ask: Callable[[str], Rows]) -> None:
    breaches = [clock for clock in CLOCKS if clock["type"] == "breach"]
    standing = [clock for clock in breaches if clock.get("deleted") is not True]
    assert 0 < len(standing) < len(breaches)
    tickets: dict[str, list[int]] = {}
    for clock in standing:
        tickets.setdefault(clock["metric"], []).append(clock["ticket_id"])
    counted = [(metric, len(found), len(set(found))) for metric, found in tickets.items()]
    expected = sorted(counted, key=lambda row: (-row[1], row[0]))
    assert ask(statement("AS breaches")) == expected


def test_sql_the_fields_that_change_most(ask: Callable[[str], Rows]) -> None:
    changed = [row for row in CHANGES if row["event_type"] == "Change"]
    counted = Counter(row["field_name"] for row in changed)
    tickets = {(row["field_name"], row["ticket_id"]) for row in changed}
    of_field = Counter(name for name, _ in tickets)
    expected = [(name, count, of_field[name]) for name, count in counted.items()]
    answer = ask(statement("AS changes"))
    assert answer == sorted(expected, key=lambda row: (-row[1], row[0]))[:10]
    assert {"status", "priority", "tags"} <= {name for name, *_ in answer}


def test_sql_comments_per_month(ask: Callable[[str], Rows]) -> None:
    """Counted from the events that were made, by a reading of their own."""
    counted: dict[date, list[int]] = {}
    kinds: Counter[str] = Counter()
    for event in EVENTS:
        month = utc(event["created_at"]).date().replace(day=1)
        for child in event["child_events"]:
            if "author_id" in child and "body" in child:
                counted.setdefault(month, [0, 0])[0 if child["public"] else 1] += 1
                kinds[child.get("type", child["event_type"])] += 1
    answer = ask(statement("AS internal"))
    assert answer == [(month, *counts) for month, counts in sorted(counted.items())]
    assert all(count for _, *counts in answer for count in counts)
    assert {"Comment", "VoiceComment", "TpeVoiceComment", "FacebookComment"} <= kinds.keys()


def test_what_was_redacted_or_hidden_later_is_found(ask: Callable[[str], Rows]) -> None:
    (text,) = DOCS["streams"].blocks("sql")
    made = [
        (event["ticket_id"], child["event_type"], child["id"])
        for event in EVENTS
        for child in event["child_events"]
        if re.search(r"Redaction|Privacy", child["event_type"])
    ]
    found = [(ticket, what, child["id"]) for ticket, _, what, child in ask(text)]
    assert sorted(found) == sorted(made)
    assert {"CommentRedactionEvent", "CommentPrivacyChange"} <= {what for _, what, _ in found}


def view(ask: Callable[[str], Rows], name: str, columns: str) -> Rows:
    """Make one of the views and return what these columns of it hold."""
    begin = f"CREATE VIEW zendesk.{name} AS\n"
    (text,) = (text for text in DOCS["migrating"].blocks("sql") if text.startswith(begin))
    assert ask(text) == []
    return ask(f"SELECT {columns} FROM zendesk.{name}")


def changes_in_order() -> list[dict[str, Any]]:
    return sorted(CHANGES, key=lambda row: (row["timestamp"], row["child_event_id"]))


def test_the_view_of_fields_holds_the_last_change_of_each_second(
    ask: Callable[[str], Rows],
) -> None:
    shown = view(ask, "ticket_field_history", "ticket_id, field_name, updated, value, user_id")
    kept = {}
    changes = [row for row in changes_in_order() if row["field_name"] != "tags"]
    for row in changes:
        kept[row["ticket_id"], row["field_name"], utc(row["created_at"])] = row
    assert Counter((*row[:3], as_json(row[3]), row[4]) for row in shown) == Counter(
        (*key, as_json(row["value"]), row["updater_id"]) for key, row in kept.items()
    )
    assert 0 < len(shown) < len(changes)


def as_json(value: str | None) -> str | None:
    """Return text that does not depend on how JSON is written."""
    try:
        return repr(json.loads(value or ""))
    except ValueError:
        return value


def test_the_view_of_tags_holds_a_row_for_each_tag(ask: Callable[[str], Rows]) -> None:
    kept = {}
    for row in changes_in_order():
        if row["field_name"] == "tags":
            for column, tagged in (("added_tags", True), ("removed_tags", False)):
                for tag in json.loads(row[column] or "[]"):
                    key = (row["ticket_id"], tag, utc(row["created_at"]))
                    kept[key] = (tagged, row["updater_id"])
    shown = view(ask, "ticket_tag_history", "ticket_id, tag, updated, tagged, user_id")
    assert Counter(shown) == Counter((*key, *rest) for key, rest in kept.items())
    assert {tagged for *_, tagged, _ in shown} == {True, False}


def test_the_view_of_comments_holds_them_all(ask: Callable[[str], Rows]) -> None:
    columns = "id, ticket_id, user_id, created, public, body, voice_comment, via_channel"
    shown = view(ask, "ticket_comment", columns)
    assert Counter(shown) == Counter(
        (
            row["id"],
            row["ticket_id"],
            row["author_id"],
            utc(row["created_at"]),
            row["public"],
            row["body"],
            row["type"] in {"VoiceComment", "TpeVoiceComment"},
            row["via_channel"],
        )
        for row in COMMENTS
    )
    assert {voice for *_, voice, _ in shown} == {True, False}


def test_the_view_knows_calls_of_every_kind(ask: Callable[[str], Rows]) -> None:
    ask("SAVEPOINT before")
    kinds = ("VoiceComment", "TpeVoiceComment", "VoiceApiComment", "Comment", "FacebookComment")
    for number, kind in enumerate(kinds):
        ask(f"INSERT INTO zendesk.ticket_comments (id, type) VALUES ({-number - 1}, '{kind}')")
    ask("DROP VIEW IF EXISTS zendesk.ticket_comment")
    shown = view(ask, "ticket_comment", "id, voice_comment")
    assert [voice for number, voice in sorted(shown) if number < 0] == [False] * 2 + [True] * 3
    ask("ROLLBACK TO SAVEPOINT before")


def test_the_recipes_are_those_that_the_demo_shows() -> None:
    shown = DOCS["sql"].blocks("sql")
    assert [text.rstrip("\n") for text in shown] == [r.statement for r in RECIPES]
    tested = [name for name in globals() if name.startswith("test_sql_")]
    assert len(tested) == len(RECIPES)
