"""Asks the simulated Zendesk without HTTP, at a time that only a test moves."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_zendesk import (
    Account,
    Answer,
    FakeZendesk,
    Request,
)

NOW = 1_732_339_200


OLD = NOW - 10_000


EVENTS = "/api/v2/incremental/ticket_events"
METRIC_EVENTS = "/api/v2/incremental/ticket_metric_events"


BEARER = "Bearer fake-access-token"


class Clock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def fake_of(account: Account, clock: Clock, **options: Any) -> FakeZendesk:
    """The simulated Zendesk with this account, without an allowance unless one is given."""
    return FakeZendesk(account, clock=clock, **({"rate_limit": None} | options))


def ask(
    fake: FakeZendesk,
    query: str = f"start_time={OLD}",
    *,
    path: str = EVENTS,
    authorization: str | None = BEARER,
) -> Answer:
    """The answer of an export, or of another path."""
    headers = {"host": "acme.test"}
    if authorization:
        headers["authorization"] = authorization
    return fake.handle(Request("GET", f"{path}?{query}", headers))


def page(
    fake: FakeZendesk, query: str = f"start_time={OLD}", *, path: str = EVENTS
) -> dict[str, Any]:
    """A page, decoded."""
    answer = ask(fake, query, path=path)
    assert answer.status == 200, answer
    decoded: dict[str, Any] = json.loads(answer.body)
    assert decoded["count"] == len(decoded[path.rpartition("/")[2]])
    return decoded
