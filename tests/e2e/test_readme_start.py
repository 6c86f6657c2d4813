"""README.md, "Your own account", word for word: its commands, its .env, its cron line, its SQL.

Three variables are added, because the account and the database are simulated: the address of the
test server, that of the test's PostgreSQL, and Meltano Hub on loopback with a folder of wheels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event
from tests.support.docs import DOCS, README
from tests.support.independent_reader import field_changes
from tests.support.meltano_hub import running_hub
from tests.support.meltano_project import MELTANO, REPOSITORY, shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Database


def step(number: int, language: str) -> list[str]:
    """Return the blocks of a language in one of the numbered steps."""
    part = README.below("Your own account")
    (heading,) = (words for words in part.headings() if words.startswith(f"{number}. "))
    return part.below(heading).blocks(language)


def with_paths(command: str, project: Path) -> str:
    """Return the cron line's command with the paths of this machine in place of the examples."""
    for example, place in (("/path/to/zendesk", project), ("/path/to/meltano", MELTANO)):
        assert example in command
        command = command.replace(example, str(place))
    return command


@pytest.mark.parametrize("source", ["hub", pytest.param("checkout", marks=pytest.mark.soak)])
def test_a_new_users_path(source: str, tmp_path: Path, database: Database, wheels: Path) -> None:
    from_checkout, from_hub = step(2, "sh")
    (settings,) = step(3, "dotenv")
    values = dict(line.split("=", 1) for line in settings.splitlines())
    client = (values["TAP_ZENDESK_EVENTS_CLIENT_ID"], values["TAP_ZENDESK_EVENTS_CLIENT_SECRET"])
    events = make_events(1_200, seed=71, start=1_720_000_000)  # after the README's start_date
    account = Account(events)
    fake = FakeZendesk(account, clients={client: {"expires_in": 1800}})
    with running_hub() as hub, fake.serve() as url:
        variables = {"MELTANO_HUB_URL": hub.url, "UV_FIND_LINKS": str(wheels)}
        install = from_hub
        if source == "checkout":
            install = from_checkout.replace("/path/to/tap-zendesk-events", str(REPOSITORY))
            assert install != from_checkout
        said = shell(install, tmp_path, variables)
        # which README.md calls harmless
        assert ("Unknown setting '_pip_url'" in said) is (source == "checkout")
        assert any("extractors" in path for path in hub.asked) is (source == "hub")

        project = tmp_path / "zendesk"
        (project / ".env").write_text(settings, encoding="utf-8")
        assert ".env" in (project / ".gitignore").read_text(encoding="utf-8").split()
        simulated = {
            "TAP_ZENDESK_EVENTS_API_URL": url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": database.sqlalchemy_url,
        }
        (connect,) = step(3, "sh")
        (promised,) = step(3, "text")
        tested = shell(connect, project, simulated).splitlines()[-1]
        form = re.sub(r"first event of .*", "first event of ", promised.strip())
        assert tested.startswith(form.replace("acme.zendesk.com", url.removeprefix("http://")))
        (entry,) = yaml.safe_load((project / "meltano.yml").read_text("utf-8"))["plugins"][
            "extractors"
        ]
        if source == "checkout":
            assert entry["select"] == ["ticket_events.*"]
            return  # from here on it is the same project

        (first_run,) = step(4, "sh")
        shell(first_run, project, simulated)
        assert all("include" not in request.query for request in fake.export_requests)
        count = "SELECT count(*), count(DISTINCT id) FROM zendesk.ticket_events"
        assert database.query(count) == [(1_200, 1_200)]

        (schedule,) = step(5, "sh")
        shell(schedule, project, simulated)
        newest = max(event["timestamp"] for event in events)
        status = {"id": 8, "event_type": "Change", "status": "solved", "previous_value": "open"}
        late = plain_event(7, newest + 1, ticket_id=35436, child_events=[status])
        account.add(late)
        (cron,) = step(5, "text")
        times, command = re.fullmatch(r"((?:\S+ ){5})(.*)\n", cron).groups()  # type: ignore[union-attr]
        assert f"--interval '{times.strip()}'" in schedule
        shell(with_paths(command, project), tmp_path, simulated)
        assert database.query(count) == [(1_201, 1_201)]

        (question,) = step(6, "sql")
        answer = database.query(question)
    changes = [row for row in field_changes([*events, late]) if row["field_name"] == "status"]
    expected = sorted(changes, key=lambda row: (-row["timestamp"], -row["ticket_event_id"]))[:10]
    assert [row[1:] for row in answer] == [
        (row["ticket_id"], row["previous_value"], row["value"]) for row in expected
    ]
    assert answer[0][1:] == (35436, "open", "solved")


def test_from_a_checkout() -> None:
    """The commands for this repository itself are those of the example environment."""
    (block,) = DOCS["operations"].below("From a checkout").blocks("sh")
    commands = block.splitlines()
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    assert commands[0] == "cp .env.example .env"
    assert f"#   {commands[-1]}" in example.splitlines()
    assert all(command.startswith(".venv/bin/meltano ") for command in commands[1:])
