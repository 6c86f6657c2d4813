"""Runs the tap in this process, against the fake, on simulated time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
from singer_sdk.singerlib.encoding import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message

from tap_zendesk_events.clock import Clock
from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import FakeZendesk, InProcessAdapter

if TYPE_CHECKING:
    from tap_zendesk_events.connection import Connection

NOW = 1_764_000_000
"""The simulated present: 2025-11-24T16:00:00Z."""

START_DATE = "2025-11-01"
BEGIN = 1_761_955_200
"""START_DATE as epoch seconds."""
API_URL = "http://127.0.0.1:1"
CONFIG: dict[str, Any] = {
    "api_url": API_URL,
    "access_token": "fake-access-token",
    "start_date": START_DATE,
}


class SimulatedClock(Clock):
    """Time that passes only when somebody waits, or when a test says so."""

    def __init__(self, now: float = NOW) -> None:
        self.time = now
        self.wrong_by = 0.0  # how far the local wall clock is off
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.time - NOW + 1000

    def now(self) -> float:
        return self.time + self.wrong_by

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.sleeps.append(seconds)
        self.time += seconds

    def server_time(self) -> float:
        """The fake's clock: always right."""
        return self.time


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing more is written."""


class ListWriter(GenericSingerWriter[bytes, Message]):
    """Keeps messages as the target would get them; can be killed after a number of them."""

    def __init__(self, kill_after: int | None = None) -> None:
        super().__init__()
        self.lines: list[bytes] = []
        self.kill_after = kill_after

    def serialize_message(self, message: Message) -> bytes:
        return msgspec.json.encode(message.to_dict(), enc_hook=str)

    def write_message(self, message: Message) -> None:
        if self.kill_after is not None and len(self.lines) >= self.kill_after:
            raise KilledError
        self.lines.append(self.format_message(message))


@dataclass
class Output:
    """What a run wrote.

    Args:
        messages: Every message, decoded.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD"]

    @property
    def ids(self) -> list[int]:
        return [record["id"] for record in self.records]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def schemas(self) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == "SCHEMA"]

    @property
    def state(self) -> dict[str, Any]:
        """The last STATE, or an empty one."""
        return self.states[-1] if self.states else {}

    def check_records(self) -> None:
        """Validate every record against the SCHEMA message that came before it."""
        validators: dict[str, Any] = {}
        for message in self.messages:
            if message["type"] == "SCHEMA":
                validators[message["stream"]] = jsonschema.Draft202012Validator(
                    message["schema"], format_checker=jsonschema.FormatChecker()
                )
            elif message["type"] == "RECORD":
                validators[message["stream"]].validate(message["record"])


class SimulatedTap(TapZendeskEvents):
    """The tap with its HTTP session wired to a fake in this process."""

    fake: FakeZendesk

    def connect(self) -> Connection:
        connection = super().connect()
        adapter = InProcessAdapter(self.fake, self.clock.sleep)
        connection.http.session.mount("http://", adapter)
        return connection


def run(
    fake: FakeZendesk,
    clock: SimulatedClock,
    state: dict[str, Any] | None = None,
    *,
    kill_after: int | None = None,
    catalog: dict[str, Any] | None = None,
    **settings: Any,
) -> Output:
    """Run the tap once and return what it wrote, also if it was killed.

    Args:
        fake: The account.
        clock: The time; must be the fake's too.
        state: The STATE to start from.
        kill_after: Number of messages after which the process dies.
        catalog: A Singer catalog.
        settings: Settings beside or instead of the usual ones; None removes one.
    """
    writer = ListWriter(kill_after)
    config = {name: v for name, v in {**CONFIG, **settings}.items() if v is not None}
    copied = json.loads(json.dumps(state or {}))
    tap = SimulatedTap(config=config, state=copied, catalog=catalog, message_writer=writer)
    tap.clock = clock
    tap.fake = fake
    try:
        tap.sync_all()
    except KilledError:
        pass
    finally:
        output = Output([json.loads(line) for line in writer.lines])
    return output
