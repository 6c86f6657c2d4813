"""The demo: a pretended Zendesk account, loaded into a real PostgreSQL by a real Meltano, twice."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tests.fake_zendesk import Account, FakeZendesk, make_events
from tests.meltano_project import REPOSITORY, MeltanoProject, install
from tests.postgres import running_postgres

from . import queries

if TYPE_CHECKING:
    from tests.postgres import Database

FOLDER = REPOSITORY / ".demo"
PIPELINE = ("run", "tap-zendesk-events", "target-postgres")
DAY = 86_400
EVENTS = 12_000
UNSETTLED = 7
ALLOWANCE = (10, 5.0)
"""Requests and seconds: Zendesk gives 10 a minute, but nobody wants to watch a demo wait."""

NEXT = """
With your own account:

    cp .env.example .env          # fill in the subdomain, an OAuth client and a database
    .venv/bin/meltano install
    .venv/bin/meltano --environment=prod invoke tap-zendesk-events --test
    .venv/bin/meltano --environment=prod run tap-zendesk-events target-postgres

Everything that was started here has been stopped. The folder .demo holds what is left: both
runs' full logs and the database's files. `make clean` removes it."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOG_LINE = re.compile(r"\S+Z \[(?P<level>\w+) *\] (?P<who>\S+) +(?P<text>.*)")
NOISE = ("METRIC", "Skipping parse of env var", "Inserting with SQL", "systemdb", "from Database")


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
    title("1. Setting up: Meltano's plugins, a pretended Zendesk, an empty PostgreSQL")
    _install()
    zendesk = FakeZendesk(_account(), rate_limit=ALLOWANCE)
    url = started.enter_context(zendesk.serve())
    say(f"A server that answers like Zendesk's ticket event export listens on {url}:")
    say(f"  {EVENTS:,} events of the last 30 days, and {UNSETTLED} of the last minutes")
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
        },
    )

    title("2. The first run: the whole history")
    settled = zendesk.stats()["settled_events"]
    pipeline(project, "first-run.log")
    first_requests = len(zendesk.export_requests)
    rows = row_count(database)
    say(f"{rows:,} rows arrived, with {first_requests} requests.")

    title("3. The second run: only what is new since")
    before = time.time()
    pipeline(project, "second-run.log")
    written = queries.rows_written_since(database, before)
    say(
        f"{written:,} rows were written: nothing new has settled. The events of the last five "
        "minutes\nare left for later runs on purpose, because Zendesk adds some events late."
    )

    title("4. What arrived, in SQL")
    for query in queries.SHOWN:
        show_query(database, query)

    title("5. Checked")
    types = database.columns("ticket_events")
    checks = [
        Check("rows in PostgreSQL, as many as the server's settled events", settled, rows),
        Check("different ids", rows, queries.distinct_ids(database)),
        Check("rows written by the second run", 0, written),
        Check("rows after the second run", settled, row_count(database)),
        Check("type of the column child_events", "jsonb", types.get("child_events")),
    ]
    for check in checks:
        say(str(check))
    return checks


def pipeline(project: MeltanoProject, log_name: str) -> None:
    """Run the pipeline once, showing what a person wants to see of it."""
    log = FOLDER / log_name
    say(f"$ meltano {' '.join(PIPELINE)}")
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as file:

        def show(line: str) -> None:
            file.write(f"{line}\n")
            if not any(noise in line for noise in NOISE):
                say(f"  | {short(line)}")

        status = project.meltano(*PIPELINE, show=show)
    if status:
        raise DemoError(f"Meltano ended with exit status {status}; its log is {log}.")
    say(f"Done in {time.monotonic() - began:.0f} seconds.")


def short(line: str) -> str:
    """Take the time and the level info out of a line of Meltano's log."""
    if not (parts := LOG_LINE.fullmatch(line)):
        return line
    level = "" if parts["level"] == "info" else f"{parts['level'].upper()}: "
    return f"{parts['who']}: {level}{parts['text']}"


def row_count(database: Database) -> int:
    """Return how many events the database holds."""
    ((count,),) = database.query("SELECT count(*) FROM zendesk.ticket_events")
    return int(count)


def show_query(database: Database, query: queries.Query) -> None:
    """Print a query and its answer as a table."""
    say(f"\n{query.question}\n")
    say("\n".join(f"    {line}" for line in query.statement.splitlines()))
    names, rows = queries.answer(database, query)
    cells = [names, *([_number(cell) for cell in row] for row in rows)]
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
    say("Meltano installs tap-zendesk-events (from this folder) and target-postgres.")
    if status := install("tap-zendesk-events", "target-postgres", show=lines.append):
        say("\n".join(lines))
        raise DemoError(f"`meltano install` ended with exit status {status}.")


def _account() -> Account:
    """Two histories: a settled one, and some events too young to be taken."""
    now = int(time.time())
    history = make_events(
        EVENTS, seed=1, start=now - 30 * DAY, spread=30 * DAY - 3600, burst=(None, 1_700)
    )
    newest = make_events(UNSETTLED, seed=2, start=now - 100, spread=40)
    return Account(history + newest, seed=1)


def _number(value: Any) -> str:
    return f"{value:,}" if type(value) is int else str(value)


def _stop(number: int, _frame: object) -> NoReturn:
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # what follows is the cleaning up, and it ends
    raise StoppedError(number)


if __name__ == "__main__":
    sys.exit(main())
