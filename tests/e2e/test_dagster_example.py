"""The example on Dagster: the history by accounts and months, then what is new, each event once.

Dagster runs in processes of its own, one for each account: it sets up logging anew for each run,
which other tests would notice, and which locks up if two runs share a process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, plain_event
from tests.support.meltano_project import REPOSITORY, WITH_MELTANO, MeltanoProject, environment, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.fake_zendesk import Event, LoggedRequest
    from tests.support.postgres import Database, Postgres

EXAMPLE = REPOSITORY / "examples" / "dagster"
SCHEMAS = {"acme": "zendesk_acme", "acme-eu": "zendesk_acme_eu"}
TOKENS = {"acme": "token-of-the-first", "acme-eu": "token-of-the-second"}
MONTHS = [f"2023-{month:02}" for month in range(1, 13)][-int(os.environ.get("MONTHS", "3")) :]
"""With two accounts six windows; `make soak` loads a whole year, which is twenty-four."""

UNTIL = "2024-01"
BORDERS = [
    int(datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC).timestamp())
    for month in (*MONTHS, UNTIL)
]
START, END = BORDERS[0], BORDERS[-1]
FOREVER = 2**40
PARTITION = "dagster/partition"
FAILING = ("acme", MONTHS[2])
FAILING_FROM, FAILING_UNTIL = BORDERS[2:4]


def history(seed: int) -> list[Event]:
    """Events of these months and some days around them, several at each border of months."""
    events = make_events(600, seed=seed, start=START - 86_400, spread=END - START + 11 * 86_400)
    seconds = [second for border in BORDERS for second in (*[border - 1] * 2, *[border] * 3)]
    return events + [plain_event(10 * n + seed, second) for n, second in enumerate(seconds, 1)]


def load() -> Any:
    """Import the example with the environment variables of this moment."""
    spec = importlib.util.spec_from_file_location("example", EXAMPLE / "zendesk_tickets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def key(account: str, month: str) -> dg.MultiPartitionKey:
    """Name a window, or with the month after them what is new."""
    return dg.MultiPartitionKey({"account": account, "since" if month == UNTIL else "month": month})


def materialize(home: str, account: str, *months: str) -> None:
    """Load windows one after the other, in this process, and print how each went."""
    example = load()
    with dg.DagsterInstance.from_config(home) as instance:
        for month in months:
            asset = example.ticket_events_daily if month == UNTIL else example.ticket_history
            failure = None
            try:
                dg.materialize([asset], partition_key=key(account, month), instance=instance)
            except dg.Failure as error:
                failure = error.description
            print(json.dumps({"month": month, "failure": failure}), flush=True)


class Example:
    """The example with two accounts, a server for each, and a database."""

    def __init__(self, folder: Path, database: Database, urls: Mapping[str, str]) -> None:
        self.database = database
        self.home = folder / "home"
        self.home.mkdir()
        shutil.copy(EXAMPLE / "dagster.yaml", self.home)
        with dg.DagsterInstance.from_config(str(self.home)):
            """Dagster's own records exist: two processes cannot make them at the same time."""
        self._folder = folder
        self._target = {"TARGET_POSTGRES_SQLALCHEMY_URL": database.sqlalchemy_url}
        self._urls = urls
        accounts = {
            f"ZENDESK_{account.upper().replace('-', '_')}_{name}": value
            for account, url in urls.items()
            for name, value in (
                ("ACCESS_TOKEN", TOKENS[account]),
                ("API_URL", url),
                ("MAX_RETRY_SECONDS", "0"),
                ("PAGE_SIZE", "10"),
            )
        }
        self.variables = environment(
            {
                "BACKFILL_FROM": MONTHS[0],
                "BACKFILL_UNTIL": UNTIL,
                "DAGSTER_HOME": str(self.home),
                "MELTANO_AUTO_INSTALL": "false",
                "MELTANO_PROJECT_ROOT": str(MeltanoProject(folder / "project", {}).folder),
                **WITH_MELTANO,
                "ZENDESK_ACCOUNTS": ",".join(urls),
                **accounts,
                **self._target,
            }
        )

    def run(self, account: str, *months: str) -> dict[str, str | None]:
        """Load windows in another process; return why each failed."""
        lines: list[str] = []
        command = [sys.executable, "-m", __name__, str(self.home), account, *months]
        assert run(command, REPOSITORY, self.variables, lines.append) == 0, "\n".join(lines)
        results = [json.loads(line) for line in lines if line.startswith('{"month"')]
        return {result["month"]: result["failure"] for result in results}

    def single_run(self, account: str) -> None:
        """Load all months of an account at once, into another schema."""
        settings = {
            "TAP_ZENDESK_EVENTS_ACCESS_TOKEN": TOKENS[account],
            "TAP_ZENDESK_EVENTS_API_URL": self._urls[account],
            "TAP_ZENDESK_EVENTS_START_DATE": f"{MONTHS[0]}-01",
            "TAP_ZENDESK_EVENTS_END_DATE": f"{UNTIL}-01",
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": f"single_{SCHEMAS[account]}",
            **self._target,
        }
        project = MeltanoProject(self._folder / account, settings)
        lines: list[str] = []
        pipeline = ("--environment=prod", "run", "tap-zendesk-events", "target-postgres")
        assert project.meltano(*pipeline, show=lines.append) == 0, "\n".join(lines)

    def rows(self, schema: str, start: int = 0, end: int = FOREVER) -> list[dict[str, Any]]:
        """Return the rows of a span of time, without the columns that the target adds."""
        found = self.database.query(
            f"SELECT to_jsonb(e) FROM {schema}.ticket_events AS e "
            "WHERE timestamp >= %s AND timestamp < %s ORDER BY id",
            start,
            end,
        )
        return [{k: v for k, v in row.items() if not k.startswith("_sdc_")} for (row,) in found]


@pytest.fixture(scope="module")
def fakes() -> dict[str, FakeZendesk]:
    return {
        account: FakeZendesk(
            Account(history(seed)), access_tokens={TOKENS[account]}, rate_limit=(10_000, 60.0)
        )
        for seed, account in enumerate(SCHEMAS, 1)
    }


@pytest.fixture(scope="module")
def example(
    plugins: None,  # noqa: ARG001
    postgres: Postgres,
    fakes: dict[str, FakeZendesk],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Example]:
    folder = tmp_path_factory.mktemp("dagster")
    with ExitStack() as servers:
        urls = {account: servers.enter_context(fake.serve()) for account, fake in fakes.items()}
        yield Example(folder, postgres.fresh_database("dagster"), urls)


class Backfill:
    """All windows of both accounts, in any order; one fails in its middle, and is run again."""

    def __init__(self, example: Example, fakes: dict[str, FakeZendesk]) -> None:
        account, month = FAILING
        fake = fakes[account]
        middle = (FAILING_FROM + FAILING_UNTIL) // 2

        def fails(request: LoggedRequest) -> bool:
            start = int(request.query.get("start_time", 0))
            return request.path_kind == "export" and middle <= start < FAILING_UNTIL

        def windows(name: str) -> dict[str, str | None]:
            months = random.Random(name).sample(MONTHS, len(MONTHS))
            failures: dict[str, str | None] = {}
            for first in range(0, len(months), 6):  # there is a limit to a process's time
                failures |= example.run(name, *months[first : first + 6])
            return failures

        fake.faults.append(Fault(on=fails, status=503))
        with ThreadPoolExecutor() as threads:
            self.failures = dict(zip(fakes, threads.map(windows, fakes), strict=True))
        fake.faults.clear()
        self.before_the_retry = example.rows(SCHEMAS[account], FAILING_FROM, FAILING_UNTIL)
        requests = len(fake.export_requests)
        self.failure_of_the_retry = example.run(account, month)[month]
        self.retry = fake.export_requests[requests:]


@pytest.fixture(scope="module")
def backfill(example: Example, fakes: dict[str, FakeZendesk]) -> Backfill:
    return Backfill(example, fakes)


def ids(fake: FakeZendesk, start: int, end: int = FOREVER) -> list[int]:
    """Return the ids of the events that happened in a span of time."""
    return sorted(e["id"] for e in fake.account.events() if start <= e["timestamp"] < end)


def row_ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


@pytest.mark.usefixtures("backfill")
def test_windows_of_two_accounts_load_what_one_run_of_each_loads(
    example: Example, fakes: dict[str, FakeZendesk]
) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(example.single_run, fakes))
    for account, schema in SCHEMAS.items():
        single = example.rows(f"single_{schema}")
        assert row_ids(single) == ids(fakes[account], START, END)
        assert example.rows(schema, end=END) == single
        columns = example.database.columns
        assert columns("ticket_events", schema) == columns("ticket_events", f"single_{schema}")


def test_a_window_that_failed_is_retried_alone_and_goes_on_where_it_stopped(
    example: Example, fakes: dict[str, FakeZendesk], backfill: Backfill
) -> None:
    account, month = FAILING
    failure = backfill.failures[account].pop(month)
    assert failure is not None
    assert "gave no good answer" in failure
    for failures in backfill.failures.values():
        assert not any(failures.values())
    assert sum(len(failures) for failures in backfill.failures.values()) == 2 * len(MONTHS) - 1

    loaded = backfill.before_the_retry
    expected = ids(fakes[account], FAILING_FROM, FAILING_UNTIL)
    assert 0 < len(loaded) < len(expected)
    assert backfill.failure_of_the_retry is None
    starts = [int(request.query["start_time"]) for request in backfill.retry]
    assert min(starts) >= max(row["timestamp"] for row in loaded)
    assert max(starts) < FAILING_UNTIL
    stored = example.rows(SCHEMAS[account], FAILING_FROM, FAILING_UNTIL)
    assert row_ids(stored) == expected


@pytest.mark.usefixtures("backfill")
def test_the_daily_run_goes_on_where_the_windows_end(
    example: Example, fakes: dict[str, FakeZendesk]
) -> None:
    account, fake = next(iter(fakes.items()))
    requests = len(fake.export_requests)
    assert example.run(account, UNTIL) == {UNTIL: None}
    assert fake.export_requests[requests].query["start_time"] == str(END)
    assert row_ids(example.rows(SCHEMAS[account], END)) == ids(fake, END)

    newest = max(event["timestamp"] for event in fake.account.events())
    fake.account.add(plain_event(5, newest))  # in the very second of the bookmark
    fake.account.add(plain_event(7, newest + 90_000))
    requests = len(fake.export_requests)
    assert example.run(account, UNTIL) == {UNTIL: None}
    assert len(fake.export_requests) == requests + 1
    assert row_ids(example.rows(SCHEMAS[account], END)) == ids(fake, END)


@pytest.mark.usefixtures("backfill")
def test_dagster_knows_what_is_loaded_and_no_secret(example: Example) -> None:
    with dg.DagsterInstance.from_config(str(example.home)) as instance:
        loaded = instance.get_materialized_partitions(dg.AssetKey("ticket_history"))
        assert loaded == {key(account, month) for account in SCHEMAS for month in MONTHS}
        records = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    text = "\n".join(map(repr, records))
    assert f"This run takes the events from {FAILING[1]}-01T00:00:00Z" in text
    assert not [token for token in TOKENS.values() if token in text]


def test_no_event_was_sent_twice(
    example: Example, fakes: dict[str, FakeZendesk], backfill: Backfill
) -> None:
    """The target would hide it: it updates a row that comes again, whatever its load_method."""
    sent = dict.fromkeys(SCHEMAS, 0)
    sent[FAILING[0]] += len(backfill.before_the_retry)  # of a run that did not come to its sum
    with dg.DagsterInstance.from_config(str(example.home)) as instance:
        for record in instance.get_runs():
            account, month = record.tags[PARTITION].split("|")
            for entry in instance.all_logs(record.run_id):
                done = re.search(r"Sent ([\d,]+) ticket_events", entry.user_message)
                if done and month != UNTIL:
                    sent[account] += int(done[1].replace(",", ""))
    expected = {account: len(ids(fake, START, END)) for account, fake in fakes.items()}
    assert sent == expected


def next_runs(
    home: Path, running: Iterable[Mapping[str, str]], queued: Iterable[Mapping[str, str]]
) -> list[str]:
    """Ask Dagster's own queue which runs begin now; runs are given by their tags."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("any"), "any")
    home.mkdir()
    shutil.copy(EXAMPLE / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for status, runs in (("STARTED", running), ("QUEUED", queued)):
            for tags in runs:
                instance.add_run(
                    dg.DagsterRun(
                        "any",
                        status=dg.DagsterRunStatus[status],
                        tags=tags,
                        remote_job_origin=repository.get_job_origin("any"),
                    )
                )
        queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
        begin = queue._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
        return [run.tags[PARTITION] for run in begin]


@pytest.mark.filterwarnings("ignore:Non-compliant tag keys like .'dagster/partition/")  # its own
@pytest.mark.usefixtures("backfill")
def test_an_account_has_one_run_at_a_time(example: Example, tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(example.home)) as instance:
        runs = [run.tags for run in instance.get_runs()]
        windows = {tags[PARTITION]: tags for tags in runs if "|2023-" in tags[PARTITION]}
        with patch.dict(os.environ, example.variables, clear=True):
            module = load()
        repository = module.definitions.get_repository_def()
        tick = dg.build_schedule_context(instance, repository_def=repository)
        requests = module.every_day.evaluate_tick(tick).run_requests
        daily = {request.tags[PARTITION]: request.tags for request in requests}
    assert list(daily) == [f"acme|{UNTIL}", f"acme-eu|{UNTIL}"]

    waiting = [*windows.values(), *daily.values()]
    assert next_runs(tmp_path / "1", [], waiting) == list(daily)
    assert next_runs(tmp_path / "2", [windows[f"acme|{MONTHS[0]}"]], waiting) == [
        f"acme-eu|{UNTIL}"
    ]
    (window,) = next_runs(tmp_path / "3", [daily[f"acme|{UNTIL}"]], windows.values())
    assert window.startswith("acme-eu|")


def test_a_run_gets_the_settings_of_its_account_and_of_no_other(example: Example) -> None:
    others = {
        "TAP_ZENDESK_EVENTS_API_TOKEN": "stray",
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "stray",
        "ZENDESK_ACME_EU_START_DATE": "stray",
        "ZENDESK_GONE_API_TOKEN": "stray",
    }
    with patch.dict(os.environ, {**example.variables, **others}, clear=True):
        module = load()
        dates = {"START_DATE": "2023-05-01", "END_DATE": "2023-06-01"}
        made = {account: module.environment(account, dates) for account in SCHEMAS}
    for account, variables in made.items():
        prefix = "TAP_ZENDESK_EVENTS_"
        settings = {name: value for name, value in variables.items() if name.startswith(prefix)}
        assert settings == {
            f"{prefix}SUBDOMAIN": account,
            f"{prefix}ACCESS_TOKEN": TOKENS[account],
            f"{prefix}API_URL": variables[f"{prefix}API_URL"],
            f"{prefix}MAX_RETRY_SECONDS": "0",
            f"{prefix}PAGE_SIZE": "10",
            f"{prefix}START_DATE": "2023-05-01",
            f"{prefix}END_DATE": "2023-06-01",
        }
        assert variables["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] == SCHEMAS[account]
        assert "stray" not in variables.values()
        assert not [
            token
            for other, token in TOKENS.items()
            if other != account and token in variables.values()
        ]


def test_a_month_that_is_not_over_is_no_window(example: Example) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    ahead = (tomorrow.replace(day=1) + timedelta(days=31)).strftime("%Y-%m")
    with (
        patch.dict(os.environ, {**example.variables, "BACKFILL_UNTIL": ahead}, clear=True),
        pytest.raises(ValueError, match="BACKFILL_UNTIL"),
    ):
        load()


if __name__ == "__main__":
    materialize(*sys.argv[1:])
