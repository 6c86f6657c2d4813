"""An interview with the test server on simulated time, for the tests."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.fake_zendesk import (
    Account,
    FakeZendesk,
    InProcessAdapter,
    make_events,
    make_metric_events,
)
from tests.live.__main__ import OPTIONS, about, settings_of
from tests.live.asking import MOST_REQUESTS, Asker
from tests.live.interview import interview
from tests.live.report import as_json, markdown
from tests.support.harness import BEGIN, NOW, START_DATE, SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tests.fake_zendesk import Event
    from tests.live.findings import Finding
    from tests.live.interview import Answers

SECONDS = 13.4  # into the minute, so that a window that begins with a request shows


@dataclass
class Asked:
    """What an interview left behind.

    Args:
        answers: The answers.
        lines: What a person saw.
        ended: What ended it before its end.
        about: What the report says besides.
    """

    answers: Answers
    ended: BaseException | None
    about: dict[str, str]
    lines: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Finding:
        (found,) = [f for question, f in self.answers.findings if question.name == name]
        return found

    def names(self, verdict: str) -> set[str]:
        return {question.name for question, f in self.answers.findings if f.verdict == verdict}

    @property
    def report(self) -> str:
        """Both forms of the report."""
        return markdown(self.answers, self.about) + as_json(self.answers, self.about)


@cache
def history() -> tuple[Sequence[Event], Sequence[Event]]:
    """Ticket events and metric events of some weeks up to now."""
    events = make_events(4000, seed=3, start=BEGIN, spread=NOW - BEGIN, ai_agents=0.2)
    clocks = make_metric_events(1300, seed=3, start=BEGIN, spread=NOW - BEGIN, events=events)
    return events, clocks


@cache
def usual_account() -> Account:
    """An account that nobody changes."""
    events, clocks = history()
    return Account(events, metric_events=clocks)


def a_server(account: Account | None = None, **options: Any) -> tuple[FakeZendesk, SimulatedClock]:
    """A test server with the allowance of Zendesk's, and its clock."""
    clock = SimulatedClock(NOW + SECONDS)
    usual = {"sleep": clock.sleep, "page_seconds": lambda events: 0.3 + events / 1000}
    fake = FakeZendesk(account or usual_account(), clock=clock.server_time, **usual | options)
    return fake, clock


def asked(
    fake: FakeZendesk,
    clock: SimulatedClock,
    options: Collection[str] = OPTIONS,
    most: int = MOST_REQUESTS,
    settings: Mapping[str, str] | None = None,
    host: str | None = None,
) -> Asked:
    """Ask the test server, over loopback, or under the name of a host without sockets.

    Args:
        fake: The server.
        clock: Its time.
        options: The optional questions that are asked.
        most: Requests that are sent at most.
        settings: Settings beside or instead of the usual ones; an empty one is left out.
        host: The host; if it is given, no sockets are used.
    """
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log = logging.getLogger("tests.live.asked")
    log.handlers[:] = [Lines()]
    log.setLevel(logging.INFO)
    log.propagate = False
    with nullcontext(f"https://{host}") if host else fake.serve() as url:
        given = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": START_DATE,
            **(settings or {}),
        }
        environment = {f"TAP_ZENDESK_EVENTS_{k.upper()}": v for k, v in given.items() if v}
        checked = settings_of(environment)
        asker = Asker(checked, clock, "test/1", log, most)
        if host:
            asker.http.session.mount("https://", InProcessAdapter(fake, clock.sleep))
        try:
            answers, ended = interview(asker, options, lines.append)
        finally:
            asker.http.close_idle()
    return Asked(answers, ended, about(checked), lines)
