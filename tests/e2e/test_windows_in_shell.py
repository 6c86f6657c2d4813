"""The shell of docs/many-accounts.md loads windows of accounts, and goes on where it stopped."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, plain_event
from tests.support.docs import DOCS
from tests.support.meltano_project import WITH_MELTANO, MeltanoProject, environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Database

START, MIDDLE, END = (
    int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    for day in ("2023-12-01", "2024-01-01", "2024-02-01")
)
BORDERS = [START - 1, START, MIDDLE - 1, MIDDLE - 1, MIDDLE, MIDDLE, END - 1, END]


def two_months_of_the_lines() -> str:
    """Return them for December 2023 and January 2024."""
    (lines,) = DOCS["many-accounts"].below("Without an orchestrator").blocks("sh")
    assert lines.count("\n") <= 10
    for bound, other in (("2024 * 12)", "2023 * 12 + 11)"), ("2026 * 12 + 10", "2024 * 12 + 1")):
        assert lines.count(bound) == 1
        lines = lines.replace(bound, other)
    return lines


def an_account(seed: int) -> FakeZendesk:
    events = make_events(200, seed=seed, start=START - 86_400, spread=64 * 86_400)
    borders = [plain_event(10 * n + seed, second) for n, second in enumerate(BORDERS, 1)]
    return FakeZendesk(Account([*events, *borders]), rate_limit=None)


STUB = """#!/bin/sh
echo "$TAP_ZENDESK_EVENTS_START_DATE $TAP_ZENDESK_EVENTS_END_DATE $MELTANO_SYS_DIR_ROOT $*" \\
    >> calls.txt
case "$*" in *acme-eu*2024-01-01*) exit 1; esac
"""


def test_the_commands_of_two_accounts(tmp_path: Path) -> None:
    """With something else in the place of Meltano, which only writes down how it is called."""
    for folder in (".secrets", ".meltano/extractors", ".meltano/loaders", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("acme", "acme-eu"):
        (tmp_path / ".secrets" / f"{name}.env").touch()
    (tmp_path / "bin" / "meltano").write_text(STUB, encoding="utf-8")
    (tmp_path / "bin" / "meltano").chmod(0o755)
    variables = environment({"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    shown: list[str] = []
    assert run(["sh", "-c", two_months_of_the_lines()], tmp_path, variables, shown.append) == 0
    assert shown == ["acme-eu stopped in the month of 2024-01-01: see acme-eu.log"]
    calls = (tmp_path / "calls.txt").read_text(encoding="utf-8").splitlines()
    months = (("2023-12-01", "2024-01-01"), ("2024-01-01", "2024-02-01"))
    assert sorted(calls) == sorted(
        f"{start} {end} {tmp_path}/.meltano/accounts/{name} --env-file=.secrets/{name}.env "
        f"run --state-id-suffix={name}-{start} tap-zendesk-events target-postgres"
        for name in ("acme", "acme-eu")
        for start, end in months
    )
    for name in ("acme", "acme-eu"):
        linked = tmp_path / ".meltano" / "accounts" / name / "extractors"
        assert linked.resolve() == tmp_path / ".meltano" / "extractors"
        order = [call.split()[0] for call in calls if f"{name}.env" in call]
        assert order == [start for start, _ in months]


@pytest.mark.soak
def test_the_windows_of_two_accounts(
    plugins: None,  # noqa: ARG001
    database: Database,
    tmp_path: Path,
) -> None:
    project = MeltanoProject(tmp_path / "project", {})
    secrets = project.folder / ".secrets"
    secrets.mkdir()
    fakes = {"acme": an_account(1), "acme-eu": an_account(2)}
    fault = Fault(status=503)
    fakes["acme-eu"].faults.append(fault)
    variables = environment(
        {
            "MELTANO_AUTO_INSTALL": "false",
            **WITH_MELTANO,
            "TAP_ZENDESK_EVENTS_ACCESS_TOKEN": "fake-access-token",
            "TAP_ZENDESK_EVENTS_MAX_RETRY_SECONDS": "0",
            "TARGET_POSTGRES_SQLALCHEMY_URL": database.sqlalchemy_url,
        }
    )
    lines = two_months_of_the_lines()

    def load() -> list[str]:
        shown: list[str] = []
        status = run(["sh", "-c", lines], project.folder, variables, shown.append)
        assert status == 0, "\n".join(shown)
        return shown

    with fakes["acme"].serve() as first, fakes["acme-eu"].serve() as second:
        for name, url in (("acme", first), ("acme-eu", second)):
            schema = f"zendesk_{name.replace('-', '_')}"
            settings = (
                "MELTANO_ENVIRONMENT=prod\n"  # as in .env.example
                f"TAP_ZENDESK_EVENTS_API_URL={url}\nTARGET_POSTGRES_DEFAULT_TARGET_SCHEMA={schema}"
            )
            (secrets / f"{name}.env").write_text(settings, encoding="utf-8")
        assert load() == ["acme-eu stopped in the month of 2023-12-01: see acme-eu.log"]
        starts = {int(r.query["start_time"]) for r in fakes["acme-eu"].export_requests}
        assert starts == {START}
        fakes["acme-eu"].faults.clear()
        (secrets / "acme.env").rename(secrets / "acme.done")
        assert load() == []

    for name, schema in (("acme", "zendesk_acme"), ("acme-eu", "zendesk_acme_eu")):
        rows = database.query(f"SELECT id FROM {schema}.ticket_events ORDER BY id")
        events = fakes[name].account.events()
        assert [row[0] for row in rows] == sorted(
            event["id"] for event in events if START <= event["timestamp"] < END
        )
        # the target would hide it if a row came twice
        log = (project.folder / f"{name}.log").read_text(encoding="utf-8")
        assert sum(map(int, re.findall(r"Sent (\d+) ticket_events", log))) == len(rows)
