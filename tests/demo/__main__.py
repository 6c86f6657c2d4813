"""The demo: a simulated Zendesk account, loaded into a real PostgreSQL by a real Meltano, twice."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString, NoReturn

from tests.fake_zendesk import FakeZendesk
from tests.support.independent_reader import comments, field_changes
from tests.support.meltano_project import EVERY_STREAM, REPOSITORY, MeltanoProject, for_dbt, install
from tests.support.postgres import running_postgres

from . import queries
from .account import EVENTS, METRIC_EVENTS, UNSETTLED, account

if TYPE_CHECKING:
    from tests.support.postgres import Database

FOLDER = REPOSITORY / ".demo"
PIPELINE = ("run", "tap-zendesk-events", "target-postgres")
PIPELINE_WITH_MODELS = (*PIPELINE, "dbt-postgres:build")
ALLOWANCE = (10, 5.0)
"""Requests and seconds: Zendesk gives 10 a minute, but nobody wants to watch a demo wait."""

NEXT = """
With your own account:

    cp .env.example .env          # fill in the subdomain, an OAuth client and a database
    .venv/bin/meltano install
    .venv/bin/meltano invoke tap-zendesk-events --test
    .venv/bin/meltano run tap-zendesk-events target-postgres

Everything that was started here has been stopped. The folder .demo holds what is left: both
runs' full logs and the database's files. `make clean` removes it."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOG_LINE = re.compile(r"\S+Z \[(?P<level>\w+) *\] (?P<who>\S+) +(?P<text>.*)")
NOISE = (
    "METRIC",
    "Skipping parse of env var",
    "Inserting with SQL",
    "systemdb",
    "from Database",
    " START ",
    " PASS ",
    "Registered adapter",
    "partial parsing",
    "Concurrency",
)
DBT_LINE = re.compile(r"dbt-postgres: \d\d:\d\d:\d\d +")


@dataclass(frozen=True)
class Check:
    """One thing that has to be true at the end."""

    sentence: str
    wanted: object
    found: object

    @property
    def passed(self) -> bool:
        return self.wanted == self.found

    def __str__(self) -> str:
        if self.passed:
            return f"  ok      {self.sentence}: {_number(self.found)}"
        return f"  FAILED  {self.sentence}: {_number(self.found)} instead of {_number(self.wanted)}"


class DemoError(Exception):
    """The demo cannot go on."""


class StoppedError(BaseException):
    """A signal came: Ctrl-C, or a request to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_status = 128 + number


def main() -> int:
    """Run the demo and return its exit status."""
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        with ExitStack() as started:
            checks = demo(started)
    except DemoError as error:
        say(f"\n{error}")
        return 1
    except StoppedError as stopped:
        say("\nInterrupted. Everything that was started has been stopped.")
        return stopped.exit_status
    if not all(check.passed for check in checks):
        say("\nSomething is wrong: the lines marked FAILED say what.")
        return 1
    say(NEXT)
    return 0


def demo(started: ExitStack) -> list[Check]:
    """Show everything; what is put into ``started`` is stopped by whoever made it."""
    title("1. Setting up: Meltano's plugins, a simulated Zendesk, an empty PostgreSQL")
    _install()
    zendesk = FakeZendesk(account(int(time.time())), rate_limit=ALLOWANCE)
    url = started.enter_context(zendesk.serve())
    say(f"A server that answers like Zendesk listens on {url}:")
    say(f"  {EVENTS:,} ticket events of the last 30 days, and {UNSETTLED} of the last minutes")
    say(f"  {METRIC_EVENTS:,} ticket metric events, the clocks of service levels")
    postgres = started.enter_context(running_postgres(FOLDER / "postgres"))
    database = postgres.fresh_database("demo")
    ((version,),) = database.query("SHOW server_version")
    say(f"PostgreSQL {version.split()[0]} runs on files in .demo/postgres, its database is empty.")

    shutil.rmtree(FOLDER / "project", ignore_errors=True)
    project = MeltanoProject(
        FOLDER / "project",
        {
            "TAP_ZENDESK_EVENTS_API_URL": url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": database.sqlalchemy_url,
            **for_dbt(database),
            **EVERY_STREAM,
        },
    )

    title("2. The first run: the whole history, in four tables")
    say("meltano.yml selects the stream ticket_events only. This demo selects all four:")
    for name, value in EVERY_STREAM.items():
        say(f"$ export {name}='{value}'")
    expected = _expected_rows(zendesk)
    pipeline(project, "first-run.log")
    rows = {table: queries.count(database, table) for table in queries.KEYS}
    say(
        f"{sum(rows.values()):,} rows arrived: three tables from the same "
        f"{len(zendesk.export_requests)} requests, the fourth from {len(zendesk.metric_requests)} "
        "more."
    )

    title("3. The second run: only what is new since, and the models of dbt/")
    before = time.time()
    pipeline(project, "second-run.log", PIPELINE_WITH_MODELS)
    written = sum(queries.count_written_since(database, table, before) for table in queries.KEYS)
    say(
        f"{written:,} rows were written: nothing new has settled. The events of the last five "
        "minutes\nare left for later runs on purpose, because Zendesk adds some events late."
    )

    title("4. What arrived, in SQL")
    for query in (queries.CONTENT, queries.STATUS_HISTORY, queries.MOST_REASSIGNED):
        show_query(database, query)

    title("5. Answers, from the models that dbt has made of it")
    for query in queries.ANSWERS:
        show_query(database, query)

    title("6. Checked")
    checks = [
        *(Check(f"rows in {table}", expected[table], number) for table, number in rows.items()),
        *(
            Check(
                f"different keys in {table}", rows[table], queries.count_keys(database, table, key)
            )
            for table, key in queries.KEYS.items()
        ),
        Check("rows written by the second run", 0, written),
        Check("type of the column child_events", "jsonb", _type_of_children(database)),
        Check("tickets in the models", *queries.count_tickets(database)),
    ]
    for check in checks:
        say(str(check))
    return checks


def pipeline(project: MeltanoProject, log_name: str, command: tuple[str, ...] = PIPELINE) -> None:
    """Run a pipeline once, showing what a person wants to see of it."""
    log = FOLDER / log_name
    say(f"$ meltano {' '.join(command)}")
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as file:

        def show(line: str) -> None:
            file.write(f"{line}\n")
            if not any(noise in line for noise in NOISE):
                say_of_run(short(line))

        status = project.meltano(*command, show=show)
    if status:
        raise DemoError(f"Meltano ended with exit status {status}; its log is {log}.")
    say(f"Done in {time.monotonic() - began:.0f} seconds.")


def say_of_run(line: str) -> None:
    """Print a line of a run's log, of dbt's without the time, and not its empty ones."""
    text = DBT_LINE.sub("dbt-postgres: ", line)
    if text.rstrip() != "dbt-postgres:" and not re.fullmatch(r"dbt-postgres: [\d:]+", text):
        say(f"  | {text}")


def short(line: str) -> str:
    """Take the time and the level info out of a line of Meltano's log."""
    if not (parts := LOG_LINE.fullmatch(line)):
        return line
    level = "" if parts["level"] == "info" else f"{parts['level'].upper()}: "
    return f"{parts['who']}: {level}{parts['text']}"


def show_query(database: Database, query: queries.Query) -> None:
    """Print a query and its answer as a table."""
    say(f"\n{query.question}\n")
    say("\n".join(f"    {line}" for line in query.statement.splitlines()))
    rows = database.query(query.statement)
    cells = [list(query.columns), *(_cells(query.columns, row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    ruled = [cells[0], ["-" * width for width in widths], *cells[1:]]
    say("")
    for row in ruled:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say(f"    {line.rstrip()}")


def title(text: str) -> None:
    """Print a heading."""
    say(f"\n{text}\n{'-' * len(text)}")


def say(text: str) -> None:
    """Print, at once."""
    print(text, flush=True)


def _install() -> None:
    lines: list[str] = []
    say("Meltano installs tap-zendesk-events (from this folder), target-postgres and dbt-postgres.")
    plugins = ("tap-zendesk-events", "target-postgres", "dbt-postgres")
    if status := install(*plugins, show=lines.append):
        say("\n".join(lines))
        raise DemoError(f"`meltano install` ended with exit status {status}.")


def _expected_rows(zendesk: FakeZendesk) -> dict[LiteralString, int]:
    """Return how many rows each table should get, by the server's count or a reader's."""
    stats = zendesk.stats()
    before = stats["settled_before"]
    settled = [event for event in zendesk.account.events() if event["timestamp"] < before]
    return {
        "ticket_events": stats["settled_events"],
        "ticket_field_changes": len(field_changes(settled)),
        "ticket_comments": len(comments(settled)),
        "ticket_metric_events": stats["settled_metric_events"],
    }


def _type_of_children(database: Database) -> str | None:
    return database.columns("ticket_events").get("child_events")


def _cells(names: tuple[str, ...], row: tuple[Any, ...]) -> list[str]:
    return [
        "" if value is None else str(value) if name.endswith("_id") else _number(value)
        for name, value in zip(names, row, strict=True)
    ]


def _number(value: Any) -> str:
    return f"{value:,}" if type(value) is int else str(value)


def _stop(number: int, _frame: object) -> NoReturn:
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # what follows is the cleaning up, and it ends
    raise StoppedError(number)


if __name__ == "__main__":
    sys.exit(main())
