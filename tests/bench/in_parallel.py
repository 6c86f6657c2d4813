"""What several requests at a time promise: the whole allowance, however slow a page is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import measure
from tests.bench.claims import Claim, at_most
from tests.bench.contenders import REPOSITORY, TAP
from tests.bench.server import History, serving
from tests.support.console import say

if TYPE_CHECKING:
    from tests.bench.measure import Outcome

ALLOWANCE = (30, 12)
"""Requests, and the seconds of a window: with Zendesk's add-on, but five times as fast. The windows
begin as Zendesk's do, at multiples of their length."""

SPACING = ALLOWANCE[1] / ALLOWANCE[0]
PAGE_SECONDS = 5 * SPACING
AT_A_TIME = 6
PER_PAGE = 100
DAY = 86_400
SPAN = 4 * 365 * DAY

FEW, MANY, MEMORY_AT_A_TIME = 100_000, 1_000_000, 4
"""Events, and requests at a time, with which memory is measured."""


class Scene(NamedTuple):
    """What is read.

    Args:
        what: In words.
        pages: That its events fill.
        begin: Seconds from the start of the span to the first event.
        seconds: Over which they are spread.
    """

    what: str
    pages: int
    begin: int
    seconds: int

    @property
    def events(self) -> int:
        """The number of events: a page repeats one event of the page in front of it."""
        return self.pages * (PER_PAGE - 1)


BUNCHED = Scene("bunched into one day of four years", 60, SPAN // 2, DAY)
EVEN = Scene("spread evenly over four years", 60, 0, SPAN - DAY)


def speed(*, quick: bool = False) -> list[Claim]:
    """Read four years from a server that takes five times the allowance's spacing for a page."""
    found = []
    for scene, most in ((BUNCHED, 70), (EVEN, 65))[: 1 if quick else 2]:
        outcome, fewest = run(scene, AT_A_TIME)
        say(
            f"{scene.what}, {AT_A_TIME} at a time: {outcome.requests} requests "
            f"({fewest} one after the other) in {outcome.seconds:.1f} s"
        )
        found += of_run(scene, outcome, most)
    scene = BUNCHED._replace(pages=5 if quick else 15)
    outcome, fewest = run(scene, 1)
    say(f"{scene.what}, one at a time: {outcome.requests} requests in {outcome.seconds:.1f} s")
    name = f"one at a time, {scene.pages} pages {scene.what}"
    found += [
        at_most(
            f"{name}: time, page after page = 1", outcome.seconds / (fewest * PAGE_SECONDS), 1.1
        ),
        Claim(f"{name}: requests", str(outcome.requests), str(fewest), outcome.requests == fewest),
    ]
    return found


def run(scene: Scene, at_a_time: int) -> tuple[Outcome, int]:
    """Read it; returns what that took, and the fewest requests that it takes."""
    start = int(time.time()) - SPAN
    begin, per_second = start + scene.begin, scene.events / scene.seconds
    options = [
        f"--events={scene.events}",
        f"--begin={begin}",
        f"--per-second={per_second!r}",
        f"--delay={PAGE_SECONDS}",
        f"--allowance={ALLOWANCE[0]}/{ALLOWANCE[1]}",
        "--anchor=aligned",
    ]
    with serving(REPOSITORY, *options) as served:
        outcome = measure.run(
            TAP,
            served,
            expected=scene.events,
            start=start,
            page_size=PER_PAGE,
            at_a_time=at_a_time,
        )
    return outcome, History(scene.events, begin, per_second).fewest_requests(PER_PAGE)


def of_run(scene: Scene, outcome: Outcome, most: int) -> list[Claim]:
    """Return what a run with several requests at a time has to hold."""
    name = f"{AT_A_TIME} at a time, {scene.pages} pages {scene.what}"
    allowed = outcome.requests * SPACING / 0.9 + 2 * PAGE_SECONDS
    return [
        at_most(
            f"{name}, a page takes five times the allowance's spacing: time, as the allowance "
            "would have it (requests x spacing / 0.9 + two pages) = 1",
            outcome.seconds / allowed,
            1,
        ),
        Claim(
            f"{name}: requests", str(outcome.requests), f"at most {most}", outcome.requests <= most
        ),
        Claim(f"{name}: requests answered 429", str(outcome.refused), "0", outcome.refused == 0),
    ]


def memory(*, comments: bool) -> list[Claim]:
    """Read a hundred thousand events and a million, several pages at a time."""
    few, many = (_peak(events, comments=comments) for events in (FEW, MANY))
    name = f"{MEMORY_AT_A_TIME} at a time"
    return [
        Claim(
            f"{name}: peak memory at {MANY:,} events", f"{many:.0f} MB", "below 100 MB", many < 100
        ),
        Claim(
            f"{name}: the same, beyond that at {FEW:,} events",
            f"{many - few:+.0f} MB",
            "at most 10 MB",
            many - few <= 10,
        ),
    ]


def _peak(events: int, *, comments: bool) -> float:
    with serving(REPOSITORY, f"--events={events}") as served:
        return measure.run(
            TAP,
            served,
            expected=events,
            read=measure.at_once,
            comments=comments,
            at_a_time=MEMORY_AT_A_TIME,
        ).peak_mb
