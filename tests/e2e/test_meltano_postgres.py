"""`meltano run tap-zendesk-events target-postgres`, into a real PostgreSQL."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.tap import TapZendeskEvents
from tests.demo import queries
from tests.fake_zendesk import Account, FakeZendesk, make_events, make_metric_events, plain_event
from tests.support.independent_reader import comments, comparable, field_changes
from tests.support.meltano_project import ACCESS, EVERY_STREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.e2e.conftest import Pipelines
    from tests.support.postgres import Database

TO_POSTGRES = ("tap-zendesk-events", "target-postgres")
START = 1_700_000_000
OWN_ACCOUNT = {
    **ACCESS,
    "MELTANO_ENVIRONMENT": "prod",
    "TAP_ZENDESK_EVENTS_START_DATE": "2023-11-01",
}
TYPES = {
    "integer": "bigint",
    "string": "text",
    "date-time": "timestamp without time zone",
    "boolean": "boolean",
    "array": "jsonb",
    "object": "jsonb",
}


def types_as_designed(stream: str) -> dict[str, str]:
    schema = TapZendeskEvents(validate_config=False).streams[stream].schema
    return {
        name: TYPES[column.get("format", column["type"][0])]
        for name, column in schema["properties"].items()
    }


def ids(database: Database) -> set[int]:
    return {row[0] for row in database.query("SELECT id FROM zendesk.ticket_events")}


def in_any_order(rows: Iterable[dict[str, Any]], *columns: str) -> list[str]:
    """Return these columns of the rows, in a form that can be compared."""
    return sorted(repr([comparable(row)[name] for name in columns]) for row in rows)


def test_without_a_selection_events_arrive_once_and_no_comment_body_is_asked_for(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    events = make_events(2_000, seed=11, burst=(None, 1_100), unknown_fields=True)
    clocks = make_metric_events(50, seed=11, events=events)
    fake = FakeZendesk(Account(events, metric_events=clocks), rate_limit=None)
    with fake.serve() as url:
        meltano = pipelines(
            url, TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url, **OWN_ACCOUNT
        )
        meltano.run(*TO_POSTGRES)

    assert fake.metric_requests == []
    assert fake.export_requests
    assert all("include" not in request.query for request in fake.export_requests)
    tables = database.query(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'zendesk'"
    )
    assert tables == [("ticket_events",)]
    stored = dict(database.query("SELECT id, child_events FROM zendesk.ticket_events"))
    assert queries.count(database, "ticket_events") == fake.stats()["settled_events"] == 2_000
    assert stored.keys() == {event["id"] for event in events}
    for event in events:
        if not any(child.get("_comment") for child in event["child_events"]):
            assert stored[event["id"]] == event["child_events"]


def test_all_four_streams_arrive_with_the_right_types_and_the_recipes_answer(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    events = make_events(1_500, seed=1, start=START, unknown_fields=True)
    clocks = make_metric_events(500, seed=1, start=START, events=events)
    fake = FakeZendesk(Account(events, metric_events=clocks), rate_limit=None)
    with fake.serve() as url:
        meltano = pipelines(
            url, TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url, **EVERY_STREAM
        )
        meltano.run(*TO_POSTGRES)

        for table, key in queries.KEYS.items():
            types = database.columns(table)
            own = {name: kind for name, kind in types.items() if not name.startswith("_sdc_")}
            assert (table, own) == (table, types_as_designed(table))
            count = queries.count(database, table)
            assert count == queries.count_keys(database, table, key)
        assert queries.count(database, "ticket_events") == len(events)
        assert queries.count(database, "ticket_metric_events") == len(clocks)

        changed = ("child_event_id", "field_name", "value", "previous_value", "added_tags")
        stored = database.query(
            "SELECT child_event_id, field_name, value, previous_value, added_tags "
            "FROM zendesk.ticket_field_changes"
        )
        rows = [dict(zip(changed, row, strict=True)) for row in stored]
        assert in_any_order(rows, *changed) == in_any_order(field_changes(events), *changed)
        said = ("id", "author_id", "public", "body", "attachments", "via_channel")
        stored = database.query(
            "SELECT id, author_id, public, body, attachments, via_channel "
            "FROM zendesk.ticket_comments"
        )
        rows = [dict(zip(said, row, strict=True)) for row in stored]
        assert in_any_order(rows, *said) == in_any_order(comments(events), *said)
        stored = database.query("SELECT id, status, sla, deleted FROM zendesk.ticket_metric_events")
        assert {identifier: rest for identifier, *rest in stored} == {
            clock["id"]: [clock.get(name) for name in ("status", "sla", "deleted")]
            for clock in clocks
        }

        # the bodies are where they were asked for, and nowhere else
        ((bodies,),) = database.query(
            "SELECT count(*) FROM zendesk.ticket_events, jsonb_array_elements(child_events) AS c "
            "WHERE c ? 'html_body' OR c ? 'author_id'"
        )
        assert bodies == 0
        for recipe in queries.RECIPES:
            answer = database.query(recipe.statement)
            assert answer, recipe.question
            assert len(answer[0]) == len(recipe.columns)

        requests = len(fake.log)
        second_run = time.time()
        meltano.run(*TO_POSTGRES)
        for table in queries.KEYS:
            assert queries.count_written_since(database, table, second_run) == 0
        pages = [request for request in fake.log[requests:] if "export" in request.path_kind]
        assert len(pages) == 2


def test_later_runs_add_what_is_new_and_a_repeat_changes_nothing(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    account = Account(make_events(300, seed=12, start=START, spread=5_000))
    newest = max(event["timestamp"] for event in account.events())
    with FakeZendesk(account, rate_limit=None).serve() as url:
        meltano = pipelines(url, TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url)
        meltano.run(*TO_POSTGRES)
        first = ids(database)
        assert len(first) == 300

        # one surfaces late in the very second of the bookmark, one is simply new
        account.add(plain_event(1, newest))
        account.add(plain_event(2, newest + 60))
        second_run = time.time()
        meltano.run(*TO_POSTGRES)
        assert ids(database) - first == {1, 2}
        assert queries.count_written_since(database, "ticket_events", second_run) == 2

        third_run = time.time()
        meltano.run("--full-refresh", *TO_POSTGRES)
        assert queries.count_written_since(database, "ticket_events", third_run) == 302
        assert queries.count(database, "ticket_events") == len(ids(database)) == 302


def test_characters_that_postgresql_refuses_do_not_stop_a_run(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    bodies = ["before \x00 after", "before \ud83d after", "before \x00\udc00 \ud83d\ude00 after"]
    account = Account(
        plain_event(
            number,
            START + number,
            child_events=[
                {"id": 10 * number, "event_type": "Comment", "body": body, "public": True},
                {"id": 10 * number + 1, "event_type": "Change", "subject": body},
            ],
            via=body,
            system={"client": body, body: 1},
        )
        for number, body in enumerate(bodies, start=1)
    )
    with FakeZendesk(account, rate_limit=None).serve() as url:
        meltano = pipelines(
            url,
            TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url,
            TAP_ZENDESK_EVENTS_INCLUDE_COMMENTS="true",
            **EVERY_STREAM,
        )
        meltano.run(*TO_POSTGRES)

    rows = database.query(
        "SELECT child_events->0->>'body', child_events->1->>'subject', e.via, system->>'client', "
        "body, value FROM zendesk.ticket_events e "
        "JOIN zendesk.ticket_comments c ON c.ticket_event_id = e.id "
        "JOIN zendesk.ticket_field_changes f ON f.ticket_event_id = e.id ORDER BY e.id"
    )
    assert len(rows) == len(bodies)
    for texts in rows:
        for text in texts:
            assert text.startswith("before ")
            assert text.endswith(" after")
    assert all("\U0001f600" in text for text in rows[2])
