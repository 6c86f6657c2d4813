"""The commands of README and docs for a project that is there already, word for word."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from meltano.core.utils import parse_date

from tests.fake_zendesk import Account, FakeZendesk, plain_event
from tests.support.docs import DOCS, README
from tests.support.meltano_project import ACCESS, REPOSITORY, MeltanoProject, shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Database


def second(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def bookmark(said: str) -> dict[str, Any]:
    """Return the one that `meltano state get` has printed."""
    (line,) = (line for line in said.splitlines() if line.startswith("{"))
    found: dict[str, Any] = json.loads(line)["singer_state"]["bookmarks"]["ticket_events"]
    return found


@pytest.mark.usefixtures("plugins")
def test_windows_states_and_selections(tmp_path: Path, database: Database) -> None:
    days = ("2022-12-31", "2023-01-01", "2023-12-31", "2024-01-01")
    events = [plain_event(10 * n, second(day)) for n, day in enumerate(days, 1)]
    project = MeltanoProject(tmp_path / "project", {})
    with FakeZendesk(Account(events), rate_limit=None).serve() as url:
        settings = {
            **ACCESS,
            "MELTANO_ENVIRONMENT": "prod",
            "TAP_ZENDESK_EVENTS_API_URL": url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": database.sqlalchemy_url,
        }
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        (project.folder / ".env").write_text(lines, encoding="utf-8")
        loaded = "SELECT array_agg(id ORDER BY id) FROM zendesk.ticket_events"

        (window,) = DOCS["operations"].below("History, one window at a time").blocks("sh")
        said = shell(window, project.folder, {})
        assert "2 ticket_events" in said
        assert database.query(loaded) == [([20, 30],)]
        (everything,) = DOCS["state"].below("Everything again").blocks("sh")
        shell(everything, project.folder, {})
        assert database.query(loaded) == [([10, 20, 30, 40],)]

        (states,) = DOCS["state"].below("Look at it, change it").blocks("sh")
        said = shell(states, project.folder, {})
        (name,) = {word for word in DOCS["operations"].code() if word.startswith("prod:")}
        assert {name, f"{name}:2023"} <= set(said.splitlines())
        assert bookmark(said)["boundary_ids"] == [40]
        changed = bookmark(shell(f"meltano state get {name}", project.folder, {}))
        assert changed == {"replication_key_value": "2026-11-20T00:00:00Z"}

    (select,) = README.below("Streams").blocks("sh")
    assert select in DOCS["streams"].blocks("sh")
    shell(select, project.folder, {})
    # into the list of the environment that .env names, which takes the place of the other
    content = yaml.safe_load(project.file.read_text(encoding="utf-8"))
    (prod,) = (place for place in content["environments"] if place["name"] == "prod")
    (tap,) = prod["config"]["plugins"]["extractors"]
    assert tap["select"] == ["ticket_events.*", "ticket_field_changes.*"]


def test_what_dagster_is_started_with(tmp_path: Path) -> None:
    """All but its web page: Dagster loads the example with the variables that are set."""
    (block,) = DOCS["many-accounts"].below("With Dagster").blocks("sh")
    _, *lines, start = block.splitlines()
    assert start.startswith("dagster dev -f ")
    check = start.replace("dagster dev", "dagster definitions validate")
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    said = shell("\n".join([*lines, check]), tmp_path, {"HOME": str(tmp_path)})
    assert "Validation successful for code location zendesk_tickets.py" in said
    assert (tmp_path / "dagster" / "dagster.yaml").exists()


def test_what_meltano_makes_of_dates() -> None:
    _, *rows = DOCS["settings"].table("Written in Meltano")
    assert len(rows) == 4
    for written, becomes in rows:
        moment = datetime.fromisoformat(parse_date(written.strip("`")))
        if becomes == "this day half a year ago":
            assert 175 < (datetime.now(UTC) - moment.replace(tzinfo=UTC)).days < 190
        else:
            assert f"{moment.day} {moment:%B %Y}" == becomes
