"""Whatever happens in an account and to the tap: with any number of pages at a time nothing is lost
and nothing doubled.

Each history is a life of some runs: any density of events, crowded seconds, late ones, some that do
not tell their time; streams that are switched on and off, windows that end in the past, another
page size, another number of pages at a time, and kills after any message. Pages are answered in any
order. What counts is a plain comparison with what the account holds.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tests.behaviour.any_order import run_in_any_order
from tests.fake_zendesk import Account, plain_event
from tests.support.harness import NOW, TIMES, SimulatedClock, a_fake
from tests.support.selection import (
    EVENT_STREAMS,
    rows,
    selecting,
    written_after_the_last_state,
)

BEGIN = NOW - 200_000
SETTLING = 300
PLAIN = {"replication_key", "replication_key_value", "boundary_ids", "boundary_ids_at"}
CATALOGS: dict[Any, dict[str, Any]] = {}


def catalog(streams: list[str], full: list[str]) -> dict[str, Any]:
    key = (tuple(streams), tuple(full))
    if key not in CATALOGS:
        CATALOGS[key] = selecting(*streams, full_table=tuple(full))
    return CATALOGS[key]


def an_event(number: int, moment: int, told: int | None) -> dict[str, Any]:
    """An event that makes one row in each stream; `told` is the time that it tells, if any."""
    event = plain_event(10 * number, moment if told is None else told)
    comment = {"event_type": "Comment", "type": "Comment", "via": "Mail", "body": "Hello"}
    event["child_events"].append({"id": event["id"] + 5, **comment})
    if told is None:
        del event["timestamp"], event["created_at"]
    return event


@dataclass
class Life:
    """One history.

    Args:
        seed: Decides everything else.
        untimed: Share of the events that do not tell their time.
        wrong: Share of those that tell a wrong one.
        most: Most pages at a time.
    """

    seed: int
    untimed: float = 0.0
    wrong: float = 0.0
    most: int = 8
    sorted_at: dict[int, int] = field(default_factory=dict)
    written: Counter[tuple[str, int]] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.account = Account(seed=self.seed)
        self._make_events()
        rng = self.rng
        ends = sorted(self.sorted_at.values())
        now = rng.choice([ends[0] + 500, ends[len(ends) // 2], ends[-1] + 500, ends[-1] + 5000])
        self.clock = SimulatedClock(now)
        self.fake = a_fake(
            self.account,
            self.clock,
            page_rule=rng.choice(["growing", "capping"]),
            last_page_end_time=rng.choice(["last_event", "hold_back"]),
            end_of_stream=rng.random() < 0.8,
        )
        self.size = rng.choice([1, 2, 3, 7, 20])
        self.begin = rng.choice([BEGIN - 100, BEGIN, BEGIN + 5])
        self.last = ends[-1]

    def _make_events(self) -> None:
        rng = self.rng
        moments, moment = [], BEGIN
        for _ in range(rng.randint(5, 120)):
            chance = rng.random()
            if chance < 0.55:
                moment += rng.choice([1, 1, 2, 5, 30, 400, 3000])
            elif chance > 0.97:
                moment += rng.choice([20_000, 100_000])
            moments.append(moment)
        if rng.random() < 0.4:  # a crowded second, aimed at a cut
            half, quarter = (moment - BEGIN) // 2, (moment - BEGIN) // 4
            crowded = rng.choice([BEGIN + half, BEGIN + quarter, moments[len(moments) // 2]])
            moments += [crowded] * rng.randint(3, 40)
        latest = rng.choice([0, 100, 240, 299])
        for number, second in enumerate(moments, 1):
            told: int | None = second
            if rng.random() < self.untimed:
                told = None
            elif rng.random() < self.wrong:
                told = second + rng.choice([-40, -3, -1, 1, 30, 2000])
            late = rng.choice([0, 0, 0, rng.randint(0, latest)])
            event = an_event(number, second, told)
            self.sorted_at[event["id"]] = second
            self.account.add(event, visible_at=second + late, sorted_at=second)

    def live(self) -> None:
        """Run the tap again and again, then to the end of all there is."""
        rng, stop = self.rng, max(self.last, self.clock.time) + 3000
        runs = 0
        while self.clock.time < stop or runs < 6:
            runs += 1
            streams = [stream for stream in EVENT_STREAMS if rng.random() < 0.75]
            full = [stream for stream in streams if rng.random() < 0.1]
            end = None if rng.random() > 0.25 else rng.randint(self.begin + 1, self.last + 10)
            size = rng.choice([self.size, 1, 3, 20]) if rng.random() < 0.3 else self.size
            kill = rng.choice([None, None, rng.randint(3, 60), rng.randint(3, 400)])
            if streams:
                self._run(streams, full, end, size, kill)
            left = max(1, int(stop - self.clock.time) // 3)
            self.clock.time += rng.choice([20, 100, 300, 700, left])
        self.clock.time = max(self.clock.time, stop)
        for _ in range(3):
            self._run(list(EVENT_STREAMS), [], None, self.size, None)

    def _run(
        self, streams: list[str], full: list[str], end: int | None, size: int, kill: int | None
    ) -> None:
        at_a_time = self.rng.choice([n for n in (1, 1, 2, 3, 6, 8) if n <= self.most])
        now = int(self.clock.time)
        output, killed = run_in_any_order(
            self.fake,
            self.clock,
            self.rng,
            self.state,
            kill_after=kill,
            catalog=catalog(streams, full),
            start_date=iso(self.begin),
            end_date=None if end is None else iso(end),
            page_size=size,
            parallel_requests=at_a_time,
            settling_seconds=SETTLING,
        )
        for stream in streams:
            name = "id" if stream == "ticket_events" else "ticket_event_id"
            ids = [row[name] for row in rows(output, stream)]
            if stream not in full:
                self.written.update((stream, each) for each in ids)
            elif not killed:
                self._check_full(ids, min(now - SETTLING, now if end is None else end))
        if killed:
            self.allowed += written_after_the_last_state(output)
        self.state = output.state or self.state
        for stream, bookmark in self.state.get("bookmarks", {}).items():
            if not killed and stream in streams and stream not in full and bookmark:
                beyond = bookmark.get("segments", [])
                if end is None:
                    assert not beyond
                assert bookmark.keys() == PLAIN or beyond

    def _check_full(self, ids: list[int], until: int) -> None:
        """What a stream without a bookmark wrote: all there is, once."""
        if self.wrong:
            return
        assert len(ids) == len(set(ids))
        if not self.untimed:
            inside = {i for i, second in self.sorted_at.items() if self.begin <= second < until}
            assert inside <= set(ids)

    def faults(self) -> tuple[int, int]:
        """How many events were lost, and how many written more often than kills explain."""
        lost = doubled = 0
        wanted = [i for i, second in self.sorted_at.items() if second >= self.begin]
        for stream in EVENT_STREAMS:
            lost += sum(not self.written[stream, each] for each in wanted)
            doubles = sum(times - 1 for (name, _), times in self.written.items() if name == stream)
            doubled += max(0, doubles - self.allowed[stream])
        return lost, doubled


seeds = st.integers(0, 10**9)
slow = settings(
    max_examples=20 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@slow
@given(seeds)
def test_right_times(seed: int) -> None:
    life = Life(seed)
    life.live()
    assert life.faults() == (0, 0)


@slow
@given(seeds)
def test_times_that_are_missing(seed: int) -> None:
    life = Life(seed, untimed=0.1)
    life.live()
    assert life.faults() == (0, 0)


@slow
@given(seeds)
def test_one_page_at_a_time(seed: int) -> None:
    life = Life(seed, untimed=0.1, most=1)
    life.live()
    assert life.faults() == (0, 0)
