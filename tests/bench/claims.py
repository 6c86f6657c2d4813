"""What the tap promises about speed and cost, each as a figure that comes out ok or not."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import measure
from tests.bench.contenders import BASELINE, FLOOR, REPOSITORY, TAP, THREE_STREAMS, Contender
from tests.bench.server import History, serving
from tests.bench.table import ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.contenders import Command, Task
    from tests.bench.measure import Outcome
    from tests.bench.table import Line

ALLOWANCE = (10, 5)
"""Requests, and the seconds of a window: Zendesk's, but twelve times as fast."""

SLOW = 0.25
"""Seconds that server and target take for a page each."""


class Claim(NamedTuple):
    """One promise.

    Args:
        what: In words.
        found: The figure.
        wanted: What it has to be.
        holds: Whether it is.
    """

    what: str
    found: str
    wanted: str
    holds: bool


def of_table(lines: Sequence[Line]) -> list[Claim]:
    """Return what the table says about the promises."""
    by_name = {line.name: line for line in lines}
    tap, three = by_name[TAP.name], by_name[THREE_STREAMS.name]
    return [
        at_least("`ticket_events`: events a second, baseline = 1", tap.to_baseline, 5.5),
        at_least("three event streams: events a second, baseline = 1", three.to_baseline, 3),
        at_most("`ticket_events`: CPU seconds, baseline = 1", tap.cpu_to_baseline, 0.25),
    ]


def server_share(rounds: Sequence[Mapping[str, Outcome]]) -> Claim:
    """Return how far the test server is from holding anybody up."""
    share = max(r[FLOOR.name].server_cpu_seconds / r[FLOOR.name].seconds for r in rounds)
    return at_most("the test server is no bottleneck: its work in the floor's time", share, 0.2)


def memory(peak_mb: float, events: int) -> Claim:
    """Return whether memory stays small."""
    return Claim(
        f"`ticket_events`: peak memory at {events:,} events",
        f"{peak_mb:.0f} MB",
        "below 100 MB",
        peak_mb < 100,
    )


def of_a_million(*, rounds: int, comments: bool) -> list[Claim]:
    """Read a million events, beside which starting up is little: the tap and the floor in turn."""
    events = 1_000_000
    with serving(REPOSITORY, f"--events={events}") as served:
        found = [
            {
                contender.name: measure.run(
                    contender, served, expected=events, read=measure.at_once, comments=comments
                )
                for contender in (TAP, FLOOR)
            }
            for _ in range(rounds)
        ]
    what = f"`ticket_events` at {events:,} events:"
    names = (TAP.name, FLOOR.name)
    return [
        memory(max(round_[TAP.name].peak_mb for round_ in found), events),
        at_least(
            f"{what} events a second, floor = 1", ratio(found, lambda o: 1 / o.seconds, *names), 1.1
        ),
        at_most(
            f"{what} CPU seconds, floor = 1", ratio(found, lambda o: o.cpu_seconds, *names), 0.8
        ),
    ]


def allowance(*, windows: int) -> list[Claim]:
    """Read through fixed windows of ten requests, in real time."""
    requests, seconds = ALLOWANCE
    page_size, events = 100, 100 * requests * windows - 100 * requests // 2
    with serving(REPOSITORY, f"--events={events}", f"--allowance={requests}/{seconds}") as served:
        outcome = measure.run(TAP, served, expected=events, page_size=page_size)
    fewest = History(events).fewest_requests(page_size)
    return [
        at_least(
            f"windows of {requests} requests: share of the allowance that is used",
            used_share(outcome.moments, requests, seconds),
            0.97,
        ),
        Claim(
            f"windows of {requests} requests: requests answered 429",
            str(outcome.refused),
            "0",
            outcome.refused == 0,
        ),
        Claim(
            f"windows of {requests} requests: requests sent",
            str(outcome.requests),
            f"the fewest possible: {fewest}",
            outcome.requests == fewest,
        ),
    ]


def used_share(moments: Sequence[float], requests: int, seconds: float) -> float:
    """Return the share of the allowance that was used, from when the requests came.

    Counted are the windows before the last one: what matters is when that one began.
    """
    windows = math.ceil(len(moments) / requests)
    last = moments[(windows - 1) * requests]
    return (windows - 1) * seconds / (last - moments[0])


def overlap(pages: int) -> list[Claim]:
    """Read for a target that is as slow as the server."""
    events = pages * 1000 - 3 * pages  # a page repeats the last second of the one before
    with serving(REPOSITORY, f"--events={events}", "--prepare=1000", f"--delay={SLOW}") as served:
        found = [
            measure.run(contender, served, expected=events, read=measure.slowly(SLOW, 1000))
            for contender in (TAP, _ALTERNATING, BASELINE)
        ]
    tap, alternating, baseline = (outcome.seconds for outcome in found)
    strict = found[0].requests * 2 * SLOW
    return [
        at_most(
            f"server and target take {SLOW} s a page each: time, both one after the other = 1 "
            f"(baseline {baseline / strict:.2f})",
            tap / strict,
            0.6,
        ),
        at_most("the same: time, this tap without reading ahead = 1", tap / alternating, 0.6),
    ]


def working_size(events: int) -> Claim:
    """Read from a server that cannot make pages of more than 300 events."""
    with serving(REPOSITORY, f"--events={events}", "--prepare=300", "--most=300") as served:
        found, known = (
            measure.run(TAP, served, expected=events, page_size=size).requests
            for size in (1000, 300)
        )
    return at_most(
        f"504 above 300 events a page: requests, a run that had known it ({known}) = 1",
        found / known,
        1.1,
    )


def _alternating(task: Task) -> Command:
    command = TAP.command(task)
    code = (
        "from tap_zendesk_events.tap import TapZendeskEvents as T; "
        "T.reads_ahead = False; T.cli(prog_name='tap-zendesk-events')"
    )
    return replace(command, arguments=[sys.executable, "-c", code, *command.arguments[3:]])


_ALTERNATING = Contender("this tap without reading ahead", _alternating)


def at_least(what: str, figure: float, least: float) -> Claim:
    """Return whether a figure is large enough."""
    return Claim(what, f"{figure:.2f}", f"at least {least:g}", figure >= least)


def at_most(what: str, figure: float, most: float) -> Claim:
    """Return whether a figure is small enough."""
    return Claim(what, f"{figure:.2f}", f"at most {most:g}", figure <= most)


def markdown(claims: Sequence[Claim]) -> str:
    """Return the claims as a Markdown table."""
    return "| what is promised | found | wanted | |\n| --- | ---: | ---: | --- |\n" + "".join(
        f"| {claim.what} | {claim.found} | {claim.wanted} | {'ok' if claim.holds else 'not ok'} |\n"
        for claim in claims
    )
