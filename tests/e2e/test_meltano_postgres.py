"""`meltano run tap-zendesk-events target-postgres`, into a real PostgreSQL."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Pipelines
    from tests.postgres import Database

TO_POSTGRES = ("tap-zendesk-events", "target-postgres")
START = 1_700_000_000


def row_count(database: Database) -> int:
    ((count,),) = database.query("SELECT count(*) FROM zendesk.ticket_events")
    return int(count)


def ids(database: Database) -> set[int]:
    return {row[0] for row in database.query("SELECT id FROM zendesk.ticket_events")}


def written_since(database: Database, moment: float) -> int:
    ((count,),) = database.query(
        "SELECT count(*) FROM zendesk.ticket_events WHERE _sdc_received_at > %s",
        datetime.fromtimestamp(moment, UTC).replace(tzinfo=None),
    )
    return int(count)


def test_history_arrives_once_with_the_right_types(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    events = make_events(2_500, seed=11, burst=(None, 1_100), unknown_fields=True)
    fake = FakeZendesk(Account(events), rate_limit=None)
    with fake.serve() as url:
        meltano = pipelines(url, TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url)
        meltano.run(*TO_POSTGRES)

        types = database.columns("ticket_events")
        bigints = ("id", "ticket_id", "timestamp", "updater_id")
        documents = ("child_events", "system", "metadata", "extra_fields")
        assert {name: types[name] for name in bigints} == dict.fromkeys(bigints, "bigint")
        assert {name: types[name] for name in documents} == dict.fromkeys(documents, "jsonb")
        assert types["created_at"].startswith("timestamp")

        stored = dict(database.query("SELECT id, child_events FROM zendesk.ticket_events"))
        assert row_count(database) == fake.stats()["settled_events"] == 2_500
        assert stored.keys() == {event["id"] for event in events}
        for event in events:
            if not any(child["event_type"] == "Comment" for child in event["child_events"]):
                assert stored[event["id"]] == event["child_events"]

        requests = len(fake.export_requests)
        second_run = time.time()
        meltano.run(*TO_POSTGRES)
        assert written_since(database, second_run) == 0
        assert row_count(database) == 2_500
        assert len(fake.export_requests) == requests + 1


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
        assert written_since(database, second_run) == 2

        third_run = time.time()
        meltano.run("--full-refresh", *TO_POSTGRES)
        assert written_since(database, third_run) == 302
        assert row_count(database) == len(ids(database)) == 302


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
        )
        meltano.run(*TO_POSTGRES)

    rows = database.query(
        "SELECT child_events->0->>'body', child_events->1->>'subject', via, system->>'client' "
        "FROM zendesk.ticket_events ORDER BY id"
    )
    assert len(rows) == len(bodies)
    for texts in rows:
        for text in texts:
            assert text.startswith("before ")
            assert text.endswith(" after")
    assert all("\U0001f600" in text for text in rows[2])
