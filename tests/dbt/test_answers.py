"""`dbt build` on real databases: every test passes, the rows are the same, and they are right."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import yaml

from . import answers
from .account import history, loaded
from .databases import MODELS, DuckdbTables, PostgresTables, seconds_of
from .engine import PACKAGE, Dbt
from .replay import tickets_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.postgres import Postgres

    from .account import Loaded

Row: TypeAlias = dict[str, Any]
Tables: TypeAlias = PostgresTables | DuckdbTables

DATABASES = ("postgres", "duckdb")
KEYS = {
    "ticket_status_intervals": ("ticket_id", "started_at"),
    "ticket_custom_status_intervals": ("ticket_id", "started_at"),
    "ticket_assignments": ("ticket_id", "kind", "started_at"),
    "ticket_replies": ("comment_id",),
    "ticket_slas": ("metric_event_id",),
    "ticket_tag_history": ("ticket_id", "tag", "started_at"),
    "tickets": ("ticket_id",),
    "ticket_backlog_daily": ("date_day", "ticket_id"),
}


@pytest.fixture(scope="module")
def built(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Tables, Dbt]]:
    """Both databases, with the tables loaded and all models built and tested."""
    databases: dict[str, tuple[Tables, Dbt]] = {}
    for tables in (
        PostgresTables(postgres.fresh_database("answers")),
        DuckdbTables(tmp_path_factory.mktemp("duckdb") / "answers.duckdb"),
    ):
        tables.load(loaded().messages)
        dbt = Dbt(tables.name, tmp_path_factory.mktemp(f"dbt-{tables.name}"), tables.variables)
        dbt.run("build")
        databases[tables.name] = (tables, dbt)
    return databases


def expected(raw: Loaded) -> dict[str, list[Row]]:
    """Return the rows that each model should have."""
    by_id = tickets_of(raw.events)
    tickets = list(by_id.values())
    found: dict[str, Iterable[Row]] = {
        "ticket_status_intervals": answers.status_intervals(tickets),
        "ticket_custom_status_intervals": (
            {**row, "custom_status_id": int(row["custom_status_id"])}
            for row in answers.status_intervals(tickets, "custom_status_id")
        ),
        "ticket_assignments": answers.assignments(tickets),
        "ticket_replies": answers.replies(tickets),
        "ticket_slas": answers.slas(raw.metric_events),
        "ticket_tag_history": answers.tag_history(tickets),
        "tickets": answers.tickets(tickets),
        "ticket_backlog_daily": answers.backlog(by_id),
    }
    return {model: list(rows) for model, rows in found.items()}


@cache
def expected_here() -> dict[str, list[Row]]:
    return expected(loaded())


def rows_of(tables: Tables, model: str, columns: Iterable[str]) -> list[Row]:
    """Return the rows of a model, with times in epoch seconds and days by their number."""
    names = list(columns)
    found = tables.query(f"SELECT {', '.join(names)} FROM {MODELS}.{model}")
    return [
        {name: _plain(name, value) for name, value in zip(names, row, strict=True)} for row in found
    ]


def _plain(name: str, value: Any) -> Any:
    if value is None or not name.endswith(("_at", "_since", "_day")):
        return value
    second = seconds_of(value)
    return second // answers.DAY if name == "date_day" else second


def compare(found: list[Row], wanted: list[Row], key: tuple[str, ...]) -> None:
    """Check that the rows are the same. Whose update it was, may be one of several."""
    by_key = {tuple(row[name] for name in key): row for row in found}
    assert len(by_key) == len(found)
    assert by_key.keys() == {tuple(row[name] for name in key) for row in wanted}
    for row in wanted:
        same = dict(by_key[tuple(row[name] for name in key)])
        if "updater_id" in row:
            assert same["updater_id"] in row["updater_id"], (row, same)
            same["updater_id"] = row["updater_id"]
        assert same == row


@pytest.mark.parametrize("database", DATABASES)
def test_a_build_passes_all_its_tests(built: dict[str, tuple[Tables, Dbt]], database: str) -> None:
    results = built[database][1].results()
    assert Counter(results.values()).keys() == {"success", "pass"}, results
    kinds = Counter(name.partition(".")[0] for name in results)
    models = list(PACKAGE.glob("models/**/*.sql"))
    by_hand = yaml.safe_load((PACKAGE / "models" / "unit_tests.yml").read_text("utf-8"))
    assert kinds["model"] == len(models)
    assert kinds["unit_test"] == len(by_hand["unit_tests"])
    assert kinds["test"] > 50


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("model", KEYS)
def test_the_rows_are_those_of_the_raw_events(
    built: dict[str, tuple[Tables, Dbt]], database: str, model: str
) -> None:
    wanted = expected_here()[model]
    compare(rows_of(built[database][0], model, wanted[0]), wanted, KEYS[model])


@pytest.mark.parametrize("model", KEYS)
def test_both_databases_have_the_same_rows(
    built: dict[str, tuple[Tables, Dbt]], model: str
) -> None:
    columns = described_columns(model)
    in_postgres, in_duckdb = (
        Counter(map(repr, rows_of(built[name][0], model, columns))) for name in DATABASES
    )
    assert in_postgres == in_duckdb


@pytest.mark.parametrize("model", KEYS)
def test_the_columns_are_those_that_are_described(
    built: dict[str, tuple[Tables, Dbt]], model: str
) -> None:
    found = built["postgres"][0].query(
        "SELECT column_name FROM information_schema.columns "
        f"WHERE table_schema = '{MODELS}' AND table_name = '{model}' ORDER BY ordinal_position"
    )
    assert [name for (name,) in found] == described_columns(model)


def described_columns(model: str) -> list[str]:
    document = yaml.safe_load((PACKAGE / "models" / "models.yml").read_text(encoding="utf-8"))
    (columns,) = (m["columns"] for m in document["models"] if m["name"] == model)
    return [column["name"] for column in columns]


def test_the_history_has_what_is_hard() -> None:
    """Without these the comparison would prove less than it seems to."""
    rows = expected_here()
    tickets = {row["ticket_id"]: row for row in rows["tickets"]}
    assert len(loaded().events) > 10_000
    assert sum(row["created_at"] is None for row in tickets.values()) > 100
    assert sum(row["status"] is None for row in tickets.values()) > 10
    assert sum(row["public_replies"] is None for row in tickets.values()) > 10
    assert sum((row["reopens"] or 0) > 0 for row in tickets.values()) > 100
    assert sum(row["merged_into_ticket_id"] is not None for row in tickets.values()) > 20
    assert sum(row["waiting_since"] is not None for row in tickets.values()) > 20
    assert sum(not row["is_start_known"] for row in rows["ticket_status_intervals"]) > 50
    assert sum(not row["is_start_known"] for row in rows["ticket_tag_history"]) > 50
    waits = [row["waited_seconds"] for row in rows["ticket_replies"]]
    assert min(sum(wait is None for wait in waits), sum(wait == 0 for wait in waits)) > 5
    assert sum(row["is_breached"] for row in rows["ticket_slas"]) > 50
    # in these seconds the ids tell another order than the one in which things happened
    changes: dict[tuple[int, int], list[int]] = {}
    for event in loaded().events:
        if any("status" in child for child in event["child_events"]):
            changes.setdefault((event["ticket_id"], event["timestamp"]), []).append(event["id"])
    assert sum(ids != sorted(ids) for ids in changes.values()) > 20


@pytest.mark.parametrize(
    ("database", "cuts"),
    [
        ("duckdb", [22_000]),
        *(
            pytest.param(name, [11_000, 22_000, 40_000], marks=pytest.mark.soak)
            for name in DATABASES
        ),
    ],
)
def test_a_backlog_that_grows_run_by_run_is_that_of_one_run(
    database: str, cuts: list[int], postgres: Postgres, tmp_path: Path
) -> None:
    tables = (
        PostgresTables(postgres.fresh_database("grows"))
        if database == "postgres"
        else DuckdbTables(tmp_path / "grows.duckdb")
    )
    dbt = Dbt(database, tmp_path, tables.variables)
    messages = loaded().messages
    schemas = [message for message in messages if message["type"] == "SCHEMA"]
    records = [message for message in messages if message["type"] == "RECORD"]
    days = []
    # the first two are within a second, that of 22,000 within a busy one
    for begin, end in pairwise([0, *cuts, len(records)]):
        tables.load([*schemas, *records[begin:end]])
        dbt.run("run", "--select", "+ticket_backlog_daily")
        ((day,),) = tables.query(f"SELECT max(date_day) FROM {MODELS}.ticket_backlog_daily")
        days.append(day)
    assert days == sorted(days)
    assert days[0] < days[-1]
    wanted = expected_here()["ticket_backlog_daily"]
    found = rows_of(tables, "ticket_backlog_daily", wanted[0])
    compare(found, wanted, KEYS["ticket_backlog_daily"])


def test_freshness_is_told(built: dict[str, tuple[Tables, Dbt]]) -> None:
    _, dbt = built["postgres"]
    output = dbt.run("source", "freshness")
    for table in ("events", "field_changes", "comments", "metric_events"):
        assert f"WARN freshness of zendesk_events.ticket_{table} " in output, output


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_other_histories(seed: int, tmp_path: Path) -> None:
    raw = history(seed)
    tables = DuckdbTables(tmp_path / "other.duckdb")
    tables.load(raw.messages)
    Dbt("duckdb", tmp_path, tables.variables).run("build")
    for model, wanted in expected(raw).items():
        compare(rows_of(tables, model, wanted[0]), wanted, KEYS[model])
