"""A week of runs every five minutes: each event once, flat memory, a small state."""

from __future__ import annotations

import gc
import json
import logging
import random
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, plain_event
from tests.fake_zendesk.events import iso
from tests.support.harness import NOW, SimulatedClock, a_fake, run
from tests.support.selection import rows, selecting

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400
FIVE_MINUTES = 300
LATEST = 250  # seconds by which an event may be late; events settle for 300
MOST_STATE = 10_000  # bytes
MOST_GROWTH = 500_000  # bytes between the first day and the last


class GrowingHelpDesk:
    """An account where things happen all the time, and some of them show late.

    What is older than a day is forgotten, here as in the test's own books, so that the memory
    that is measured is the tap's.

    Args:
        clock: The present.
        seed: Chooses what happens.
    """

    def __init__(self, clock: SimulatedClock, seed: int) -> None:
        self.account = Account(seed=seed)
        self.events = 0
        self._clock = clock
        self._rng = random.Random(f"help desk {seed}")
        self._until = int(clock.time)

    def live_until(self, moment: int) -> None:
        """Let happen what happens until then."""
        while self._until < moment:
            # quiet minutes, busy ones, and now and then a bulk update of one second
            self._until += self._rng.choice((1, 3, 20, 90))
            for _ in range(self._rng.choice((1, 1, 1, 2, 30 if self._rng.random() < 0.02 else 1))):
                self.events += 1
                late = self._rng.choice((0, 0, 0, 2, 30, self._rng.randrange(LATEST + 1)))
                event = plain_event(self.events, self._until)
                self.account.add(event, visible_at=self._until + late)

    def forget(self, before: int) -> None:
        """Drop what no run will ask for again."""
        kept = [entry for entry in self.account._entries if entry.timestamp >= before]
        self.account._entries = kept
        self.account._late = [entry for entry in self.account._late if entry.timestamp >= before]


def live(days: float, every: int, streams: tuple[str, ...]) -> list[int]:
    """Run the tap for so long; returns the bytes in use at the end of each day."""
    clock = SimulatedClock()
    desk = GrowingHelpDesk(clock, seed=7)
    fake = a_fake(desk.account, clock)
    written = bytearray(1)
    state: dict[str, Any] = {}
    options: dict[str, Any] = {
        "start_date": "2025-11-24T16:00:00Z",
        "catalog": selecting(*streams),
        "page_size": 20,
    }
    in_use = []

    def a_run() -> None:
        nonlocal state
        output = run(fake, clock, state, **options)
        written.extend(bytes(desk.events + 1 - len(written)))
        for row in rows(output, "ticket_events"):
            written[row["id"]] += 1
        state = output.state or state
        assert len(json.dumps(state)) < MOST_STATE

    for number in range(1, round(days * DAY / every) + 1):
        moment = NOW + number * every
        desk.live_until(moment)
        clock.time = max(clock.time, moment)
        a_run()
        fake.log.clear()
        if number % (DAY // every) == 0:
            desk.forget(moment - 2 * every - 3600)
            iso.cache_clear()  # of the server: it remembers thousands of dates
            gc.collect()
            in_use.append(tracemalloc.get_traced_memory()[0])
    clock.time += 2 * FIVE_MINUTES
    a_run()
    assert desk.events > 1_000
    assert written.count(1) == desk.events
    assert len(written) == desk.events + 1
    return in_use


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep the log lines of a week out of the memory that is measured."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_a_day_of_runs_every_half_hour_writes_every_event_once() -> None:
    live(1, 1800, ("ticket_events",))


@pytest.mark.soak
def test_a_week_of_runs_every_five_minutes() -> None:
    tracemalloc.start()
    try:
        in_use = live(7, FIVE_MINUTES, ("ticket_events", "ticket_field_changes"))
    finally:
        tracemalloc.stop()
    print("kB in use at the end of each day:", [size // 1000 for size in in_use])
    assert in_use[-1] - in_use[0] < MOST_GROWTH
