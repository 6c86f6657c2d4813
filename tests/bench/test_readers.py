"""Readers that nobody here wrote, as judges of the test server: they read what the tap reads."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench import peers
from tests.bench.contenders import TAP, Contender, Task, airbyte, variables
from tests.bench.contenders import peers as peer_contenders
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.fake_zendesk.encoding import shown
from tests.support import environments

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.soak

BEGIN = 1_732_000_000
EVENTS = 2500
CROWD = 260  # events in one second: more than are asked for

# without half emoji: dlt cannot write them
ACCOUNT = Account(make_events(EVENTS, seed=11, start=BEGIN, spread=90_000, burst=(None, CROWD)))

SERVERS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "plain": {"gzip": False, "chunked": False, "cookies": False, "doubled_headers": False},
    "the last page ends now": {"last_page_end_time": "hold_back"},
}


def installed(*arguments: Path) -> Path:
    python = peers.install(*arguments)
    if python is None:
        pytest.skip("cannot be installed: is a package index reachable?")
    return python


def reader(name: str) -> Contender:
    if name == "airbyte-cdk":
        return airbyte(installed(environments.FOLDER / "airbyte", peers.AIRBYTE))
    return next(each for each in peer_contenders(installed()) if each.name.startswith(name))


def read(contender: Contender, task: Task) -> list[dict[str, Any]]:
    """Return the events that somebody reads, in their order, repeats included."""
    task.folder.mkdir()
    command = contender.command(task)
    done = subprocess.run(
        command.arguments,
        cwd=command.folder,
        env=variables(command),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    messages = (json.loads(line) for line in done.stdout.splitlines())
    return [message["record"] for message in messages if message["type"] == "RECORD"]


@pytest.mark.parametrize("comments", [False, True], ids=["without comments", "with comments"])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["zenpy", "dlt", "airbyte-cdk"])
def test_they_read_what_the_tap_reads(
    name: str, server: str, comments: bool, tmp_path: Path
) -> None:
    judge = reader(name)
    fake = FakeZendesk(ACCOUNT, rate_limit=(1_000_000, 60.0), **SERVERS[server])
    with fake.serve() as url:
        ours, theirs = (
            read(who, Task(url, tmp_path / folder, BEGIN, page_size=100, comments=comments))
            for who, folder in ((TAP, "tap"), (judge, "other"))
        )
    known = {event["id"]: event for event in ACCOUNT.events()}
    assert len(ours) == len(known) == EVENTS
    assert {event["id"] for event in theirs} == {event["id"] for event in ours} == known.keys()
    assert len(theirs) > EVENTS  # the last second of a page comes again
    assert {r.status for r in fake.export_requests} == {200}
    if name != "zenpy":  # which makes objects of its own
        wanted = {i: json.dumps(shown(e, comments=comments)) for i, e in known.items()}
        found = {event["id"]: json.dumps(event) for event in theirs}
        assert {i for i in wanted if json.loads(found[i]) != json.loads(wanted[i])} == set()


def test_a_judge_misses_what_the_server_leaves_out(tmp_path: Path) -> None:
    """So that the comparison above can fail."""
    left_out = ACCOUNT.events()[777]["id"]

    def edit(page: dict[str, Any]) -> dict[str, Any]:
        page["ticket_events"] = [e for e in page["ticket_events"] if e["id"] != left_out]
        return page

    fake = FakeZendesk(
        ACCOUNT, rate_limit=(1_000_000, 60.0), faults=[Fault(kind="edit_page", edit=edit)]
    )
    with fake.serve() as url:
        found = read(reader("airbyte-cdk"), Task(url, tmp_path / "other", BEGIN, page_size=500))
    known = {event["id"] for event in ACCOUNT.events()}
    assert known - {event["id"] for event in found} == {left_out}
