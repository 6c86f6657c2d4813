"""Who is measured, and how each is told to read the same events."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.bench.floor import TOKEN
from tests.bench.server import BEGIN, INCLUDE, PATH
from tests.support.cli import COMMAND, environment
from tests.support.selection import EVENT_STREAMS, selecting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Task:
    """What to read.

    Args:
        url: The test server's address.
        folder: An empty folder for files that a contender needs.
        start: Epoch second to start at.
        page_size: Events on a page.
        comments: Whether the sideload with the comments is asked for.
        at_a_time: Most requests that this tap has on their way at a time.
    """

    url: str
    folder: Path
    start: int = BEGIN
    page_size: int = 1000
    comments: bool = True
    at_a_time: int = 1

    @property
    def include(self) -> str:
        """The value of the parameter `include`."""
        return INCLUDE if self.comments else ""

    @property
    def start_date(self) -> str:
        """The start as ISO 8601 text."""
        return datetime.fromtimestamp(self.start, UTC).isoformat()

    def file(self, name: str, content: Any) -> str:
        """Write a JSON file and return its path."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


@dataclass(frozen=True)
class Command:
    """A process to start."""

    arguments: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path = REPOSITORY


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    Args:
        name: As the table calls it.
        command: Makes the process that does a task.
    """

    name: str
    command: Callable[[Task], Command]


def _tap(task: Task) -> Command:
    settings = {
        "api_url": task.url,
        "access_token": TOKEN,
        "start_date": task.start_date,
        "page_size": str(task.page_size),
        "include_comments": str(task.comments).lower(),
        "parallel_requests": str(task.at_a_time),
    }
    # not in the repository's folder, whose .env is the user's
    return Command([*COMMAND, "--config=ENV"], environment(settings), task.folder)


def _tap_three_streams(task: Task) -> Command:
    command = _tap(task)
    catalog = task.file("catalog.json", three_streams())
    return replace(command, arguments=[*command.arguments, f"--catalog={catalog}"])


@cache
def three_streams() -> dict[str, Any]:
    """Return the catalog for it. The tap that makes it takes the process's signals over."""
    return selecting(*EVENT_STREAMS)


def _baseline(task: Task) -> Command:
    config = {
        "api_url": task.url,
        "auth_token": TOKEN,
        "start_date": task.start_date,
        "page_size": task.page_size,
        "include_comments": task.comments,
    }
    path = task.file("config.json", config)
    return Command([sys.executable, "-m", "tests.bench.baseline", f"--config={path}"])


def _floor(task: Task) -> Command:
    query = {"start_time": str(task.start), "per_page": str(task.page_size)}
    if task.include:
        query |= {"include": task.include}
    url = f"{task.url}{PATH}?{urlencode(query)}"
    return Command([sys.executable, "-m", "tests.bench.floor", url])


TAP = Contender("this tap, `ticket_events`", _tap)
THREE_STREAMS = Contender("this tap, three event streams", _tap_three_streams)
BASELINE = Contender("a tap on SDK defaults", _baseline)
FLOOR = Contender("floor: decode and encode, no more", _floor)
OURS = (TAP, THREE_STREAMS, BASELINE, FLOOR)


def peers(python: Path) -> tuple[Contender, ...]:
    """Return the contenders that run in the peers' environment."""

    def zenpy(task: Task) -> Command:
        variables = {
            "ZENPY_FORCE_NETLOC": task.url.removeprefix("http://"),
            "ZENPY_FORCE_SCHEME": "http",
        }
        script = [str(python), str(HERE / "with_zenpy.py")]
        return Command(
            [*script, str(task.start), str(task.page_size), task.include], variables, task.folder
        )

    def dlt(task: Task) -> Command:
        variables = {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "WARNING",
            "DLT_DATA_DIR": str(task.folder),
            "DLT_PROJECT_DIR": str(task.folder),
        }
        script = [str(python), str(HERE / "with_dlt.py"), task.url]
        return Command(
            [*script, str(task.start), str(task.page_size), task.include], variables, task.folder
        )

    return (Contender("zenpy, `tickets.events`", zenpy), Contender("dlt, `rest_api`", dlt))


def airbyte(python: Path) -> Contender:
    """Return the reader that runs in the environment of Airbyte's CDK."""

    def read(task: Task) -> Command:
        script = [str(python), str(HERE / "with_airbyte.py"), task.url]
        return Command(
            [*script, str(task.start), str(task.page_size), task.include], {}, task.folder
        )

    return Contender("airbyte-cdk, a declarative source", read)


def variables(command: Command) -> dict[str, str]:
    """Return the environment for a command: loopback only, and compiled files are kept."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, **command.variables, "NO_PROXY": "127.0.0.1"}
