"""The faults that stop or corrupt other connectors: six thousand events, each exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.fake_zendesk import Account, Fault, make_events
from tests.support.harness import BEGIN, SimulatedClock, a_fake, run

COUNT = 6_000
SPREAD = 20 * 86_400
CROWD = 1_700
CROWDED = BEGIN + SPREAD // 2
HTML = "<!DOCTYPE html><html><head><title>Error</title></head><body>We are sorry</body></html>"
TOO_RECENT = (
    '{"error":"StartTimeTooRecent","description":"Too recent start_time. Use a start_time older '
    'than 5 minutes"}'
)
STEADY = Account(make_events(COUNT, seed=11, start=BEGIN, spread=SPREAD))
CROWDED_ONCE = Account(
    make_events(COUNT, seed=11, start=BEGIN, spread=SPREAD, burst=(SPREAD // 2, CROWD))
)


def at_the_third_request(times: int = 1, **fault: Any) -> dict[str, Any]:
    return {"faults": [Fault(on=range(3, 3 + times), times=times, **fault)]}


@dataclass
class Row:
    """One row of the table.

    Args:
        fake: What the server does.
        least: Fewest simulated seconds that the faults must cost.
        account: What there is to export.
        refused: Whether the run ends with a sentence instead.
        patience: For faults that are no 429, in seconds.
    """

    fake: dict[str, Any]
    least: float = 0
    account: Account = STEADY
    refused: bool = False
    patience: float = 900


TABLE = {
    "8x429": Row(
        at_the_third_request(8, status=429, headers={"Retry-After": "1"}), least=8, patience=0
    ),
    "15x429": Row(
        at_the_third_request(15, status=429, headers={"Retry-After": "1"}), least=15, patience=0
    ),
    "500 twice, HTML": Row(at_the_third_request(2, status=500, body=HTML), least=1),
    "dropped once": Row(at_the_third_request(kind="drop")),
    "dropped five times": Row(at_the_third_request(5, kind="drop"), least=5),
    "truncated JSON, 200": Row(at_the_third_request(kind="truncate")),
    "422 StartTimeTooRecent": Row(at_the_third_request(status=422, body=TOO_RECENT)),
    "crowded second, growing": Row({"page_rule": "growing"}, account=CROWDED_ONCE),
    "crowded second, capping": Row({"page_rule": "capping"}, account=CROWDED_ONCE, refused=True),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_fault(row: Row) -> None:
    clock = SimulatedClock()
    events = row.account.events()
    fake = a_fake(row.account, clock, **row.fake)
    began = clock.time

    output = run(fake, clock, page_size=1000, fails=row.refused, max_retry_seconds=row.patience)

    assert all(fault.struck == fault.times for fault in fake.faults)
    assert clock.time - began >= row.least
    written = output.ids
    if row.refused:
        # all that can be had is written, and the sentence names what cannot
        assert f"the second {CROWDED} (2025-11-11T00:00:00Z)" in str(output.error)
        before = {event["id"] for event in events if event["timestamp"] < CROWDED}
        assert before <= set(written)
        assert output.state["bookmarks"]["ticket_events"]["replication_key_value"] == CROWDED
        # once Zendesk shows a way past that second, nothing is missing and nothing comes twice
        fake.page_rule = "growing"
        output = run(fake, clock, output.state)
        written = written + output.ids
    assert sorted(written) == sorted(event["id"] for event in events)
    assert len(written) == COUNT
    assert run(fake, clock, output.state).ids == []
