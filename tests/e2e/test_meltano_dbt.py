"""`meltano run tap-zendesk-events target-postgres dbt-postgres:build`, into a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.dbt.engine import PACKAGE
from tests.fake_zendesk import Account, FakeZendesk, make_events, make_metric_events
from tests.support.meltano_project import ACCESS, EVERY_STREAM, for_dbt

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Pipelines
    from tests.support.postgres import Database

START = 1_700_000_000
MODELS = "SELECT count(*) FROM information_schema.tables WHERE table_schema = %s"


def test_a_job_loads_and_builds_in_the_schemas_of_its_stage(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    events = make_events(600, seed=41, start=START)
    clocks = make_metric_events(200, seed=41, start=START, events=events)
    with FakeZendesk(Account(events, metric_events=clocks), rate_limit=None).serve() as url:
        meltano = pipelines(
            url,
            TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url,
            MELTANO_ENVIRONMENT="staging",
            **for_dbt(database),
            **ACCESS,
            **EVERY_STREAM,
        )
        said = meltano.run("zendesk-to-answers")
    assert "Completed successfully" in said
    assert " START unit_test " not in said
    assert database.query(MODELS, "zendesk_staging_models") == [
        (len(list(PACKAGE.glob("models/**/*.sql"))),)
    ]
    tickets = {event["ticket_id"] for event in events}
    assert database.query("SELECT count(*) FROM zendesk_staging_models.tickets") == [
        (len(tickets),)
    ]


def test_a_table_that_is_not_there_stops_the_run_and_is_named(
    pipelines: Callable[..., Pipelines], database: Database
) -> None:
    # what meltano.yml selects by itself is ticket_events only
    with FakeZendesk(Account(make_events(50, seed=42)), rate_limit=None).serve() as url:
        meltano = pipelines(
            url, TARGET_POSTGRES_SQLALCHEMY_URL=database.sqlalchemy_url, **for_dbt(database)
        )
        said = meltano.fail("tap-zendesk-events", "target-postgres", "dbt-postgres:build")
    assert 'relation "zendesk.ticket_field_changes" does not exist' in said
