"""Meltano as a process, in a project of its own.

The project has this repository's meltano.yml and plugins, but an own folder, so that a
developer's .env and bookmarks are neither read nor touched.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from tests.support.selection import ALL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.postgres import Database

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 240.0
"""No command here takes this many seconds; one that does has lost its way and is ended."""

MELTANO = Path(sys.executable).with_name("meltano")
NOBODY = "http://127.0.0.1:9"
"""In place of Meltano Hub: the project must not need it, so nobody answers."""

WITH_MELTANO = {"PATH": f"{MELTANO.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
"""For commands that start `meltano` themselves."""

ACCESS = {
    "TAP_ZENDESK_EVENTS_START_DATE": "2020-01-01",
    "TAP_ZENDESK_EVENTS_CLIENT_ID": "fake-client",
    "TAP_ZENDESK_EVENTS_CLIENT_SECRET": "fake-client-secret",
}
"""What the test server asks of whoever reads from it, and a day before its events."""

EVERY_STREAM = {"TAP_ZENDESK_EVENTS__SELECT": json.dumps([f"{name}.*" for name in ALL_STREAMS])}
"""Selects all streams. What meltano.yml selects, for everybody else, is ticket_events."""


def for_dbt(database: Database) -> dict[str, str]:
    """Return the settings with which dbt-postgres finds a database."""
    place = conninfo_to_dict(database.uri)
    return {
        "DBT_POSTGRES_HOST": str(place["host"]),
        "DBT_POSTGRES_PORT": str(place.get("port") or 5432),
        "DBT_POSTGRES_USER": str(place["user"]),
        "DBT_POSTGRES_PASSWORD": str(place.get("password") or ""),
        "DBT_POSTGRES_DBNAME": str(place["dbname"]),
    }


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without settings of any Meltano project."""
    prefixes = ("MELTANO_", "TAP_", "TARGET_", "DBT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {
        **kept,
        "MELTANO_CLI_LOG_FORMAT": "uncolored",
        "MELTANO_HUB_URL": NOBODY,
        "NO_COLOR": "1",
        "NO_PROXY": "127.0.0.1",
        **(settings or {}),
    }


def install(*plugins: str, show: Callable[[str], None]) -> int:
    """Install plugins of the repository's own project; return the exit status."""
    folder = REPOSITORY / ".meltano"
    folder.mkdir(exist_ok=True)
    with (folder / "install.lock").open("w") as lock:
        # `make test` runs in two processes, and both need the plugins
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run([str(MELTANO), "install", *plugins], REPOSITORY, environment(), show)


class MeltanoProject:
    """A project in ``folder`` with empty state; ``settings`` are environment variables."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = dict(settings)
        private = folder / ".meltano"
        private.mkdir(parents=True)
        for kind in ("extractors", "loaders", "utilities"):
            (private / kind).symlink_to(REPOSITORY / ".meltano" / kind, target_is_directory=True)
        (folder / "dbt").symlink_to(REPOSITORY / "dbt", target_is_directory=True)
        self.file = Path(shutil.copy(REPOSITORY / "meltano.yml", folder))

    def meltano(self, *arguments: str, show: Callable[[str], None]) -> int:
        """Run a Meltano command, give each line it prints to ``show``, return the exit status."""
        settings = {
            "MELTANO_AUTO_INSTALL": "false",
            "TAP_ZENDESK_EVENTS_MAX_RETRY_SECONDS": "30",
            **self.settings,
        }
        return run([str(MELTANO), *arguments], self.folder, environment(settings), show)


def run(
    command: list[str], folder: Path, variables: Mapping[str, str], show: Callable[[str], None]
) -> int:
    """Run a command; whatever ends this call ends the command and all that it started."""
    with _process(command, folder, variables) as process:
        watchdog = threading.Timer(PATIENCE, _end_group, [process])
        watchdog.daemon = True
        watchdog.start()
        try:
            for line in process.stdout or ():
                show(line.rstrip("\n"))
            return process.wait()
        finally:
            watchdog.cancel()


@contextmanager
def _process(
    command: list[str], folder: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                _end_group(process)


def _end_group(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def shell(commands: str, folder: Path, variables: dict[str, str]) -> str:
    """Run commands as somebody would who copies them into a terminal; return what they print."""
    output: list[str] = []
    command = ["bash", "-euo", "pipefail", "-c", commands]
    status = run(command, folder, environment({**variables, **WITH_MELTANO}), output.append)
    text = "\n".join(output)
    assert status == 0, text
    return text
