"""Measures the tap beside its peers: ``python -m tests.bench``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import claims, in_parallel, measure, peers, table
from tests.bench.contenders import (
    BASELINE,
    FLOOR,
    HERE,
    OURS,
    REPOSITORY,
    TAP,
    three_streams,
)
from tests.bench.contenders import peers as peer_contenders
from tests.bench.server import BEGIN, PER_SECOND, serving
from tests.support.console import interruptible, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.claims import Claim
    from tests.bench.contenders import Contender
    from tests.bench.measure import Outcome
    from tests.bench.table import Line

NO_PEERS = (
    "zenpy and dlt are left out: they could not be installed (is a package index reachable?)."
)

PAGE = """\
# How fast the tap is, and what it costs

Measured on {date}: {machine}{load}.
{events:,} events, {size}, 1,000 on a page.
Made by `make bench`, which measures everything anew. Figures are medians of {rounds} rounds; each
ratio is taken within a round.

{table}
All read the same events from the same server on this machine and write them as RECORD lines into a
pipe. Times are those of whole processes, start-up included. The baseline is a tap as the Singer
SDK's template makes it (singer-sdk {sdk}). The floor gets, decodes and encodes the pages, and does
nothing else. Three streams write four times the records of one.
{peers}

{claims}
The windows have {requests} requests in {seconds} seconds, where Zendesk's have 10 in a minute.
Where several requests are on their way at a time, they have {more} in {more_seconds} seconds, where
Zendesk's have 30 in a minute with its add-on.
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write the files; return the exit status."""
    options = _parser().parse_args(arguments)
    three_streams()
    interruptible()
    options.load = os.getloadavg()[0]  # before anything of this is running
    if options.quick:
        options.rounds = 1
    try:
        return _bench(options)
    except KeyboardInterrupt:
        say("\nInterrupted. Everything that was started has been ended.")
        return 130
    except measure.FailedRunError as error:
        say(f"\n{error}")
        return 1


def _bench(options: argparse.Namespace) -> int:
    contenders: tuple[Contender, ...] = OURS
    note = NO_PEERS if not options.no_peers else "Peers were not asked for."
    if not options.no_peers:
        say("Setting up zenpy and dlt in .venvs/bench, unless they are there.")
        if python := peers.install():
            contenders = (*OURS[:-1], *peer_contenders(python), OURS[-1])
            note = (
                "Of dlt only the reading is measured, not normalizing and loading: no target is "
                "measured either."
            )
        else:
            say(NO_PEERS)
    rounds = _rounds(contenders, options)
    lines = table.lines(rounds, options.events, BASELINE.name, FLOOR.name)
    promises = _promises(rounds, lines, options)
    print(f"\n{table.markdown(lines)}\n{claims.markdown(promises)}")
    if not options.quick:
        _write(options, lines, promises, note)
    return 0 if all(claim.holds for claim in promises) else 1


def _rounds(
    contenders: Sequence[Contender], options: argparse.Namespace
) -> list[dict[str, Outcome]]:
    """Run everybody in turn, each time beginning with another one."""
    comments = not options.plain
    near_the_end = int(BEGIN + (options.events - 50) / PER_SECOND)
    rounds: list[dict[str, Outcome]] = []
    with serving(REPOSITORY, f"--events={options.events}", "--prepare=1000") as served:
        for contender in contenders:
            # so that nobody pays for compiling modules
            measure.run(contender, served, start=near_the_end, comments=comments)
        for number in range(options.rounds):
            found = {}
            turn = number % len(contenders)
            for contender in (*contenders[turn:], *contenders[:turn]):
                outcome = measure.run(contender, served, expected=options.events, comments=comments)
                found[contender.name] = outcome
                say(
                    f"round {number + 1} of {options.rounds}: {contender.name}, "
                    f"{outcome.seconds:.1f} s, CPU {outcome.cpu_seconds:.1f} s"
                )
            rounds.append({c.name: found[c.name] for c in contenders})
    return rounds


def _promises(
    rounds: list[dict[str, Outcome]], lines: list[Line], options: argparse.Namespace
) -> list[Claim]:
    comments = not options.plain
    tap = next(line for line in lines if line.name == TAP.name)
    found = [
        claims.server_share(rounds),
        *claims.of_table(lines),
        claims.memory(tap.peak_mb, options.events),
    ]
    if not options.quick:
        say("reading a million events")
        found += claims.of_a_million(rounds=options.rounds, comments=comments)
        say("reading a million events, several pages at a time")
        found += in_parallel.memory(comments=comments)
    say("reading through windows of the allowance")
    found += claims.allowance(windows=3 if options.quick else 6)
    say("reading from a server that takes long for a page, several at a time")
    found += in_parallel.speed(quick=options.quick)
    say("reading for a slow target")
    found += claims.overlap(pages=10 if options.quick else 40)
    say("reading from a server that is too slow for full pages")
    found.append(claims.working_size(options.events))
    return found


def _write(
    options: argparse.Namespace, lines: list[Line], promises: list[Claim], note: str
) -> None:
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    machine = (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )
    size = "0.65 KB on average" if options.plain else "1.1 KB on average, comments included"
    page = PAGE.format(
        date=date,
        machine=machine,
        load=f"; other work on it: load average {options.load:.1f}" if options.load >= 0.5 else "",
        size=size,
        rounds=options.rounds,
        table=table.markdown(lines),
        events=options.events,
        sdk=version("singer-sdk"),
        peers=note,
        claims=claims.markdown(promises),
        requests=claims.ALLOWANCE[0],
        seconds=claims.ALLOWANCE[1],
        more=in_parallel.ALLOWANCE[0],
        more_seconds=in_parallel.ALLOWANCE[1],
    )
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "results.md").write_text(page, encoding="utf-8")
    say(f"Written: {options.folder / 'results.md'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure the tap beside its peers, on this machine, in one run.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="how often everybody runs")
    add("--quick", action="store_true", help="one round, no million events, no files")
    add("--events", type=int, default=100_000, help="how many there are to be read")
    add("--plain", action="store_true", help="without the comments sideload")
    add("--no-peers", action="store_true", help="without zenpy and dlt")
    add("--folder", type=Path, default=HERE, help="where results.md goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
