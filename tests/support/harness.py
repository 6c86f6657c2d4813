"""Runs the tap in this process, against the fake, on simulated time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jsonschema

from tap_zendesk_events.clock import Clock
from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.singer.writer import MessageWriter
from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, InProcessAdapter, make_events, plain_event

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    import pytest
    import requests

    from tap_zendesk_events.zendesk.account import Account as ZendeskAccount
    from tests.fake_zendesk import LoggedRequest


TIMES = int(os.environ.get("TIMES", "1"))
"""How many times as many examples as usual hypothesis tries; `make soak` sets it."""

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
CLIENT = {"client_id": "fake-client", "client_secret": "fake-client-secret"}
"""The settings of an OAuth client."""

AS_CLIENT: dict[str, Any] = {"access_token": None, **CLIENT}
"""What `run` is given to authenticate with that client."""


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

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        if seconds is None:
            assert condition.wait(60), "only another thread can end this"
        else:
            self.sleep(seconds)

    def server_time(self) -> float:
        """The fake's clock: always right."""
        return self.time


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing more is written."""


class ListWriter(MessageWriter):
    """Keeps messages as the target would get them; can be killed after a number of them."""

    def __init__(self, kill_after: int | None = None) -> None:
        super().__init__()
        self.lines: list[bytes] = []
        self.kill_after = kill_after

    def put(self, lines: bytes) -> None:
        for line in lines.splitlines():
            if self.kill_after is not None and len(self.lines) >= self.kill_after:
                raise KilledError
            self.lines.append(line)


@dataclass
class Output:
    """What a run wrote.

    Args:
        messages: Every message, decoded.
        error: The sentence that the run ended with, if it ended with one.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None

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


class SlowAdapter(InProcessAdapter):
    """Lets time pass on the way to the fake and back.

    Args:
        fake: Who answers.
        sleep: Lets time pass.
        latency: Gives the seconds that one way takes, each time it is asked.
    """

    def __init__(
        self, fake: FakeZendesk, sleep: Callable[[float], None], latency: Callable[[], float]
    ) -> None:
        super().__init__(fake, sleep)
        self._pass = sleep
        self._latency = latency

    def send(self, *args: Any, **options: Any) -> requests.Response:
        self._travel()
        try:
            return super().send(*args, **options)
        finally:
            self._travel()

    def _travel(self) -> None:
        if seconds := self._latency():
            self._pass(seconds)


class SimulatedTap(TapZendeskEvents):
    """The tap with its HTTP session wired to a fake in this process."""

    reads_ahead = False
    fake: FakeZendesk
    latency: Callable[[], float] = staticmethod(lambda: 0.0)

    def account(self, *, once: bool = False) -> ZendeskAccount:
        account = super().account(once=once)
        adapter = SlowAdapter(self.fake, self.clock.sleep, self.latency)
        account.http.session.mount("http://", adapter)
        return account


def plain_account(count: int, every: float = 60.0, begin: int = BEGIN) -> Account:
    """An account with plain events, ids from 1: one at `begin`, then one each `every` seconds."""
    return Account([plain_event(1 + n, begin + int(n * every)) for n in range(count)])


def run_of_forty(catalog: dict[str, Any] | None = None, **settings: Any) -> Output:
    """Run the tap once over forty events, some with fields that no column is for."""
    clock = SimulatedClock()
    events = make_events(40, seed=6, start=BEGIN, spread=86_400, unknown_fields=True)
    return run(a_fake(Account(events), clock), clock, catalog=catalog, **settings)


def a_fake(account: Account, clock: SimulatedClock, **options: Any) -> FakeZendesk:
    """A fake on simulated time, without an allowance unless `rate_limit` says so."""
    usual: dict[str, Any] = {"rate_limit": None, "sleep": clock.sleep}
    return FakeZendesk(account, clock=clock.server_time, **usual | options)


def on_token(request: LoggedRequest) -> bool:
    """Say whether a request is for a token, for faults that strike those alone."""
    return request.path_kind == "token"


def token_requests(fake: FakeZendesk) -> list[LoggedRequest]:
    """The requests for a token."""
    return [request for request in fake.log if on_token(request)]


def lines(caplog: pytest.LogCaptureFixture, *levels: str) -> list[str]:
    """The messages that were logged at these levels."""
    return [record.getMessage() for record in caplog.records if record.levelname in levels]


def bookmark(output: Output) -> Mapping[str, Any]:
    """The bookmark of the stream in the last STATE."""
    bookmarks: dict[str, Mapping[str, Any]] = output.state["bookmarks"]
    return bookmarks["ticket_events"]


def state_of(second: Any, *boundary_ids: int, **more: Any) -> dict[str, Any]:
    """A state with a bookmark of the stream, in the form that the tap writes if it has ids."""
    fields = {"replication_key": "timestamp", "replication_key_value": second}
    if boundary_ids:
        fields["boundary_ids"] = list(boundary_ids)
    fields |= more
    if "boundary_ids" in fields:
        fields.setdefault("boundary_ids_at", second)
    return {"bookmarks": {"ticket_events": fields}}


def run(
    fake: FakeZendesk,
    clock: SimulatedClock,
    state: dict[str, Any] | None = None,
    *,
    kill_after: int | None = None,
    catalog: dict[str, Any] | None = None,
    latency: Callable[[], float] | None = None,
    fails: bool | None = False,
    **settings: Any,
) -> Output:
    """Run the tap once and return what it wrote, also if it was killed.

    Args:
        fake: The account.
        clock: The time; must be the fake's too.
        state: The STATE to start from.
        kill_after: Number of messages after which the process dies.
        catalog: A Singer catalog.
        latency: Gives the seconds that one way to the server takes.
        fails: Whether the run has to end with an error for the user; None: it may.
        settings: Settings beside or instead of the usual ones; None removes one.
    """
    writer = ListWriter(kill_after)
    config = {name: v for name, v in {**CONFIG, **settings}.items() if v is not None}
    copied = json.loads(json.dumps(state or {}))
    error = None
    try:
        tap = SimulatedTap(config=config, state=copied, catalog=catalog, message_writer=writer)
        tap.clock = clock
        tap.fake = fake
        if latency:
            tap.latency = latency
        tap.sync_all()
    except KilledError:
        pass
    except ZendeskEventsError as caught:
        if fails is False:
            raise
        error = str(caught)
    assert fails is None or bool(error) == fails
    return Output([json.loads(line) for line in writer.lines], error)
