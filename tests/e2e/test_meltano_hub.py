"""From an empty folder to loaded events: the real Meltano, a Hub on loopback, our wheel.

The Hub serves the listing as it is. The wheel that it names is found in a folder, the only thing
that differs from a released version.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event
from tests.support.meltano_hub import API, Hub, running_hub
from tests.support.meltano_project import ACCESS, MELTANO, environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAP = "tap-zendesk-events"
PIPELINE = (TAP, "target-jsonl")
STATE_ID = "dev:tap-zendesk-events-to-target-jsonl"


class Project:
    """A Meltano project that Meltano itself has made; ``settings`` are environment variables."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = settings

    def meltano(self, *arguments: str) -> str:
        """Run a command, which has to succeed, and return what it prints."""
        output: list[str] = []
        command = [str(MELTANO), *arguments]
        status = run(command, self.folder, environment(self.settings), output.append)
        text = "\n".join(output)
        assert status == 0, text
        return text

    def file(self) -> dict[str, Any]:
        """Return what meltano.yml holds."""
        content: dict[str, Any] = yaml.safe_load((self.folder / "meltano.yml").read_text("utf-8"))
        return content

    def copy(self, folder: Path, settings: dict[str, str]) -> Project:
        """Return the same project elsewhere, with its plugins, but without any state."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(".meltano"))
        (folder / ".meltano").mkdir()
        for kind in ("extractors", "loaders"):
            (folder / ".meltano" / kind).symlink_to(self.folder / ".meltano" / kind)
        return Project(folder, {**self.settings, **settings})

    def loaded(self) -> list[int]:
        """Return the id of each event that target-jsonl has written, in order."""
        text = (self.folder / "output" / "ticket_events.jsonl").read_text(encoding="utf-8")
        return [json.loads(line)["id"] for line in text.splitlines()]

    def bookmark(self, state_id: str = STATE_ID) -> dict[str, Any]:
        """Return the stream's bookmark as `meltano state get` shows it."""
        (line,) = (
            line
            for line in self.meltano("state", "get", state_id).splitlines()
            if line.startswith("{")
        )
        found: dict[str, Any] = json.loads(line)["singer_state"]["bookmarks"]["ticket_events"]
        return found


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


@pytest.fixture(scope="module")
def settings(hub: Hub, wheels: Path) -> dict[str, str]:
    """Variables for a Meltano that knows this Hub, and finds our wheel."""
    return {"MELTANO_HUB_URL": hub.url, "UV_FIND_LINKS": str(wheels)}


@pytest.fixture(scope="module")
def added(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """`meltano init` and `meltano add`, as a new user does it."""
    folder = tmp_path_factory.mktemp("empty")
    Project(folder, settings).meltano("init", "--no-usage-stats", "project")
    project = Project(folder / "project", settings)
    project.meltano("add", *PIPELINE)
    return project


@pytest.fixture
def account() -> Account:
    return Account(make_events(1_500, seed=61))


@pytest.fixture
def zendesk(account: Account) -> FakeZendesk:
    return FakeZendesk(account, rate_limit=None)


@pytest.fixture
def access(zendesk: FakeZendesk) -> Iterator[dict[str, str]]:
    """The tap's settings, all of them variables, for a server that runs."""
    with zendesk.serve() as url:
        yield {**ACCESS, "TAP_ZENDESK_EVENTS_API_URL": url}


@pytest.fixture
def project(added: Project, access: dict[str, str], tmp_path: Path) -> Project:
    """The project with the plugins, and nothing loaded yet."""
    return added.copy(tmp_path / "project", access)


def ids(account: Account) -> list[int]:
    return sorted(event["id"] for event in account.events())


def test_add_asks_the_hub_for_its_index_and_our_definition(added: Project, hub: Hub) -> None:
    assert hub.asked[:2] == [
        f"{API}/extractors/index",
        f"{API}/extractors/tap-zendesk-events--tap-zendesk-events",
    ]
    (entry,) = added.file()["plugins"]["extractors"]
    assert entry == {"name": TAP, "variant": TAP, "pip_url": TAP}
    (lock,) = (added.folder / "plugins" / "extractors").glob("*.lock")
    locked = json.loads(lock.read_text(encoding="utf-8"))
    served = json.loads(hub.answers[hub.asked[1]])
    for setting in served["settings"]:
        if setting["kind"] == "password":
            setting["kind"] = "string"  # Meltano's word for it is "sensitive" alone
    for key in ("settings", "capabilities", "select", "log_parser", "supported_python_versions"):
        assert locked[key] == served[key], key


def test_the_life_of_a_pipeline(project: Project, account: Account, zendesk: FakeZendesk) -> None:
    project.meltano("run", *PIPELINE)
    assert sorted(project.loaded()) == ids(account)
    asked = zendesk.export_requests
    assert len(asked) == 2
    assert all("include" not in request.query for request in asked), "comments were asked for"
    assert not zendesk.metric_requests
    # nothing was set but variables, and nobody wrote a secret down
    assert project.file()["plugins"]["extractors"] == [
        {"name": TAP, "variant": TAP, "pip_url": TAP}
    ]
    assert not (project.folder / ".env").exists()

    newest = add_an_event(account)
    project.meltano("run", *PIPELINE)
    assert sorted(project.loaded()) == ids(account)
    assert project.bookmark() == newest
    shared = project.folder / ".meltano" / "run" / TAP / "state.json"
    assert shared.exists(), "docs/many-accounts.md warns of sharing this file: is it gone?"

    project.meltano("run", "--full-refresh", *PIPELINE)
    assert sorted(project.loaded()) == sorted(ids(account) * 2)

    # a state of its own begins at start_date, and leaves the other one alone
    project.meltano("run", "--state-id-suffix=window", *PIPELINE)
    assert sorted(project.loaded()) == sorted(ids(account) * 3)
    assert project.bookmark() == project.bookmark(f"{STATE_ID}:window") == newest

    second = newest["replication_key_value"]
    by_hand = {"bookmarks": {"ticket_events": {"replication_key_value": second}}}
    state = json.dumps({"singer_state": by_hand})
    project.meltano("state", "set", "--force", STATE_ID, state)
    before = len(zendesk.export_requests)
    project.meltano("run", *PIPELINE)
    assert zendesk.export_requests[before].query["start_time"] == str(second)
    assert project.loaded().count(7) == 4, "without boundary_ids that second comes once more"

    project.meltano("state", "clear", "--force", STATE_ID)
    project.meltano("run", *PIPELINE)
    assert sorted(project.loaded()) == sorted([*ids(account) * 4, 7])


def add_an_event(account: Account) -> dict[str, Any]:
    """Add event 7 as the newest, and return the bookmark after it."""
    second = max(event["timestamp"] for event in account.events()) + 1
    account.add(plain_event(7, second))
    return {
        "replication_key": "timestamp",
        "replication_key_value": second,
        "boundary_ids": [7],
        "boundary_ids_at": second,
    }


def test_state_in_files(project: Project, account: Account, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    project.settings["MELTANO_STATE_BACKEND_URI"] = folder.as_uri()
    project.meltano("run", *PIPELINE)
    newest = add_an_event(account)
    project.meltano("run", *PIPELINE)
    assert sorted(project.loaded()) == ids(account)
    (path,) = folder.glob("**/state.json")
    assert path.parent.name == STATE_ID
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["completed"]["singer_state"]["bookmarks"] == {"ticket_events": newest}


def test_the_commands_around_a_run(project: Project) -> None:
    assert "Plugin configuration is valid" in project.meltano("config", "test", TAP)
    assert "ok: " in project.meltano("invoke", TAP, "--test")
    assert "fake-client-secret" not in project.meltano("config", "list", TAP, "--all")

    listed = project.meltano("select", TAP, "--list")
    columns = [line.split()[-1] for line in listed.splitlines() if line.strip().startswith("[")]
    assert "ticket_events.child_events" in columns
    assert {column.partition(".")[0] for column in columns} == {"ticket_events"}

    # a selection of one's own takes the place of the listing's
    project.meltano("select", TAP, "ticket_field_changes", "*")
    (entry,) = project.file()["plugins"]["extractors"]
    assert entry["select"] == ["ticket_field_changes.*"]


def test_add_from_the_definition_itself(
    hub: Hub,
    settings: dict[str, str],
    access: dict[str, str],
    account: Account,
    tmp_path: Path,
) -> None:
    variables = {**settings, **access}
    Project(tmp_path, variables).meltano("init", "--no-usage-stats", "project")
    project = Project(tmp_path / "project", variables)
    before = len(hub.asked)
    project.meltano("add", "--no-install", "--from-ref", f"{hub.url}{hub.raw_path}", TAP)
    assert hub.asked[before:] == [hub.raw_path]
    assert not list(project.folder.glob("plugins/**/*.lock"))
    (entry,) = project.file()["plugins"]["extractors"]
    secrets = {setting["name"] for setting in entry["settings"] if setting.get("sensitive")}
    assert secrets == {"client_secret", "access_token", "refresh_token", "api_token"}
    assert "select" not in entry, "Meltano takes it over: README and docs need not ask for it"

    project.meltano("select", TAP, "ticket_events", "*")
    project.meltano("install", TAP)
    lines = project.meltano("--log-level=error", "invoke", TAP).splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    records = [message for message in messages if message["type"] == "RECORD"]
    assert {record["stream"] for record in records} == {"ticket_events"}
    assert sorted(record["record"]["id"] for record in records) == ids(account)
    assert messages[-1]["type"] == "STATE"
