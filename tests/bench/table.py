"""From the outcomes of several rounds to medians and ratios."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.bench.measure import Outcome


@dataclass(frozen=True)
class Line:
    """One contender's medians over all rounds.

    Args:
        name: The contender.
        to_baseline: Events a second, whole process, as a multiple of the baseline's.
        to_floor: The same, as a part of the floor's.
        cpu_to_baseline: CPU seconds, as a part of the baseline's.
        cpu_per_million: CPU seconds for a million events.
        peak_mb: Most memory held, the largest of all rounds.
        requests: Requests sent.
        doubles: Records written more than once.
    """

    name: str
    to_baseline: float
    to_floor: float
    cpu_to_baseline: float
    cpu_per_million: float
    peak_mb: float
    requests: float
    doubles: float


def lines(
    rounds: Sequence[Mapping[str, Outcome]], events: int, baseline: str, floor: str
) -> list[Line]:
    """Return a line for each contender that took part in every round.

    Each ratio is taken within a round, where all had the same machine under the same load; the
    median comes after that.
    """
    names = [name for name in rounds[0] if all(name in round_ for round_ in rounds)]
    return [
        Line(
            name,
            to_baseline=ratio(rounds, lambda o: 1 / o.seconds, name, baseline),
            to_floor=ratio(rounds, lambda o: 1 / o.seconds, name, floor),
            cpu_to_baseline=ratio(rounds, lambda o: o.cpu_seconds, name, baseline),
            cpu_per_million=median(r[name].cpu_seconds for r in rounds) * 1_000_000 / events,
            peak_mb=max(r[name].peak_mb for r in rounds),
            requests=median(r[name].requests for r in rounds),
            doubles=median(r[name].doubles for r in rounds),
        )
        for name in names
    ]


def ratio(
    rounds: Sequence[Mapping[str, Outcome]],
    figure: Callable[[Outcome], float],
    name: str,
    other: str,
) -> float:
    """Return the median of one contender's figure as a multiple of another's."""
    return median(figure(r[name]) / figure(r[other]) for r in rounds)


def markdown(lines: Sequence[Line]) -> str:
    """Return the lines as a Markdown table."""
    head = [
        "contender",
        "events/s, baseline = 1",
        "events/s, floor = 1",
        "CPU seconds per million events",
        "peak memory, MB",
        "requests",
        "written twice",
    ]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    rows += [
        [
            line.name,
            f"{line.to_baseline:.2f}",
            f"{line.to_floor:.2f}",
            f"{line.cpu_per_million:.1f}",
            f"{line.peak_mb:.0f}",
            f"{line.requests:.0f}",
            f"{line.doubles:.0f}",
        ]
        for line in lines
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
