"""Targets that load into databases and warehouses."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.targets import readers
from tests.targets.candidate import Candidate, Place, Source, Variant


def _postgres(**shown: Any) -> Variant:
    def config(place: Place) -> dict[str, Any]:
        assert place.database
        url = place.database.sqlalchemy_url
        return {"sqlalchemy_url": url, "default_target_schema": "zendesk"}

    return Variant(shown, config, partial(readers.postgres, schema="zendesk"))


def _pipelinewise(place: Place) -> dict[str, Any]:
    assert place.database
    return {
        **readers.connection(place.database),
        "password": "unused",
        "default_target_schema": "zendesk",
    }


def _bigquery(**shown: Any) -> Variant:
    return Variant(shown, lambda _: {"project": "local", "dataset": "zendesk"}, readers.offline)


def _snowflake(_: Place) -> dict[str, Any]:
    return {"account": "local", "user": "loader", "password": "unused", "database": "WAREHOUSE"}


def _redshift(_: Place) -> dict[str, Any]:
    where = {"host": "localhost", "dbname": "warehouse", "s3_bucket": "unused"}
    return {**where, "user": "loader", "password": "unused", "aws_redshift_copy_role_arn": "unused"}


def _nowhere(_: Place) -> dict[str, Any]:
    return {}


DUCKDB = Variant(
    {"default_target_schema": "zendesk"},
    # many small loads, because some loads lose their first row
    lambda place: {"path": str(place.folder / "events.duckdb"), "batch_size_rows": 100},
    partial(readers.elsewhere, kind="duckdb", name="events.duckdb"),
)
SQLITE = Variant(
    {},
    lambda place: {"database": str(place.folder / "events.db")},
    partial(readers.sqlite, name="events.db"),
)

MOST_USED = (
    Candidate(
        "meltanolabs-target-postgres",
        "0.8.1",
        2026,
        "target-postgres",
        (
            _postgres(load_method="upsert"),
            _postgres(load_method="upsert", use_copy=True),
            _postgres(load_method="append-only"),
            _postgres(load_method="overwrite"),
        ),
        needs_database=True,
        variant="meltanolabs",
    ),
    Candidate(
        "meltanolabs-target-snowflake",
        "0.20.4",
        2026,
        "target-snowflake",
        (Variant({"default_target_schema": "zendesk"}, _snowflake, readers.offline),),
        variant="meltanolabs",
        offline="snowflake",
        checked_with=("fakesnow==0.12.1",),
    ),
    Candidate(
        "z3-target-bigquery",
        "0.7.2",
        2026,
        "target-bigquery",
        (
            _bigquery(method="batch_job", denormalized=True, upsert=True),
            _bigquery(denormalized=True, upsert=True),
            _bigquery(),
        ),
        source=Source("z3z1ma/target-bigquery", "090dad0620711efae4b31031b10b0ea88744aef5"),
        variant="z3z1ma",
        offline="bigquery",
    ),
    Candidate(
        "target-duckdb",
        "0.9.0",
        2026,
        "target-duckdb",
        (DUCKDB,),
        source=Source("MeltanoLabs/target-duckdb", "9dcbe6432516efc465b3952b113fff8618dafffa"),
        variant="meltanolabs",
    ),
)

OTHERS = (
    Candidate(
        "target-redshift",
        "0.3.2",
        2026,
        "target-redshift",
        (Variant({"default_target_schema": "zendesk"}, _redshift, readers.offline),),
        source=Source("TicketSwap/target-redshift", "4b5d867f048f22cb1c0d29b7a682af8f3141028b"),
        variant="ticketswap",
        offline="redshift",
    ),
    Candidate(
        "target-sqlite",
        "0.7.0",
        2026,
        "target-sqlite",
        (SQLITE,),
        source=Source("MeltanoLabs/target-sqlite", "d4e802eadfd383d0b6993f97769e2d1ae8099507"),
        variant="meltanolabs",
    ),
    Candidate(
        "target-duckdb",
        "0.8.0",
        2024,
        "target-duckdb",
        (DUCKDB,),
        beside=("duckdb<1.3",),
        variant="jwills",
    ),
    Candidate(
        "target-duckdb",
        "0.8.0",
        2024,
        "target-duckdb",
        (DUCKDB,),
        variant="jwills",
    ),
    Candidate(
        "pipelinewise-target-postgres",
        "2.1.2",
        2023,
        "target-postgres",
        (
            Variant(
                {"default_target_schema": "zendesk"},
                _pipelinewise,
                partial(readers.postgres, schema="zendesk"),
            ),
        ),
        needs_database=True,
        variant="transferwise",
    ),
    Candidate("target-sqlite", "0.2.0", 2019, "target-sqlite", (SQLITE,)),
    Candidate("target-sqlite", "0.2.0", 2019, "target-sqlite", (SQLITE,), python="3.9"),
    Candidate(
        "singer-target-postgres",
        "0.2.4",
        2020,
        "target-postgres",
        (Variant({}, _nowhere, readers.nothing),),
        needs_database=True,
        variant="datamill-co",
    ),
    Candidate(
        "target-postgres",
        "1.1.3",
        2018,
        "target-postgres",
        (Variant({}, _nowhere, readers.nothing),),
        needs_database=True,
    ),
)
