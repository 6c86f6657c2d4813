"""Tries the targets: ``python -m tests.targets``."""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.console import interruptible, say
from tests.support.postgres import running_postgres
from tests.support.selection import ALL_STREAMS
from tests.targets import environments, report
from tests.targets.candidate import HERE
from tests.targets.candidates import CANDIDATES
from tests.targets.cases import Case, Outcome, TapFaultError, find_truth

if TYPE_CHECKING:
    from datetime import date

    from tests.support.postgres import Postgres
    from tests.targets.candidate import Candidate
    from tests.targets.cases import Truth

RESULTS = HERE / "results.md"


def main(arguments: list[str] | None = None) -> int:
    """Try, print, compare with results.md or write it; return the exit status."""
    options = _parser().parse_args(arguments)
    interruptible()
    chosen = [c for c in CANDIDATES if not options.only or {c.name, c.slug} & {*options.only}]
    try:
        if options.pin:
            for candidate in chosen:
                environments.pin(candidate)
        return _try(chosen, options)
    except KeyboardInterrupt:
        say("\nInterrupted. Everything that was started has been ended.")
        return 130
    except TapFaultError as error:
        say(f"\n{error}")
        return 2


def _try(chosen: list[Candidate], options: argparse.Namespace) -> int:
    began = time.monotonic()
    say("setting up what is not there yet in .venvs/targets")
    with ThreadPoolExecutor(options.at_a_time) as pool:
        found = dict(zip((c.slug for c in chosen), pool.map(_set_up, chosen), strict=True))
    programs = {slug: what for slug, what in found.items() if what is not None}
    chosen = [candidate for candidate in chosen if candidate.slug in programs]
    if not any(isinstance(found, Path) for found in programs.values()):
        say("None could be installed. Is a package index reachable?")
        return 2
    with tempfile.TemporaryDirectory(prefix="tap-targets-") as name:
        folder = Path(name)
        with running_postgres(folder / "postgres") as postgres:
            truth = find_truth(folder)
            interruptible()  # to make a catalog, the tap was set up here, with its own handling
            installed = [(candidate, programs[candidate.slug]) for candidate in chosen]
            lines = _lines(installed, truth, folder, postgres, options.at_a_time)
    page = _page(lines, truth)
    print(report.table(lines, _today()))
    print(report.details(lines))
    say(f"{time.monotonic() - began:.0f} seconds")
    return _conclude(page, write=options.write)


def _set_up(candidate: Candidate) -> Path | str | None:
    """Return the folder of a target's programs, or why there is none; None: nobody can tell."""
    try:
        return environments.install(candidate)
    except environments.CannotInstallError as error:
        return str(error)
    except environments.NotHereError as error:
        say(f"{error} {candidate.name} is left out.")
        return None


def _lines(
    installed: list[tuple[Candidate, Path | str]],
    truth: Truth,
    folder: Path,
    postgres: Postgres,
    at_a_time: int,
) -> list[report.Line]:
    """Run every case, a few at a time, and put the outcomes in order."""

    def outcome(number: int, *, flatten: bool) -> Outcome:
        candidate, found, variant = ways[number]
        if isinstance(found, str):
            return Outcome(missing=found)
        case = Case(candidate, variant, found, truth, flatten=flatten)
        result = case.run(folder / f"case_{number}_{int(flatten)}", postgres)
        what = report.verdict(result, offline=bool(candidate.offline))
        say(f"{candidate.slug} {variant.shown or ''}: {what}")
        return result

    ways = [(c, programs, variant) for c, programs in installed for variant in c.variants]
    pool = ThreadPoolExecutor(at_a_time)
    try:
        running = [
            [pool.submit(outcome, number, flatten=flatten) for flatten in (False, True)]
            for number in range(len(ways))
        ]
        return [
            report.Line(candidate, variant.shown, (one.result(), two.result()))
            for (candidate, _, variant), (one, two) in zip(ways, running, strict=True)
        ]
    finally:
        # the cases that are running end by themselves, within seconds
        pool.shutdown(cancel_futures=True)


def _today() -> date:
    return datetime.now(tz=UTC).date()


def _page(lines: list[report.Line], truth: Truth) -> str:
    first = {name: len(sent.rows) for name, sent in truth.first.items()}
    new = sum(len(sent.rows) for sent in truth.second.values()) - sum(first.values())
    counts = [f"{first[name]:,} rows of `{name}`" for name in ALL_STREAMS]
    rows = f"The account gives {', '.join(counts[:-1])} and {counts[-1]}"
    return report.page(lines, rows, f"{new} new rows", _today())


def _conclude(page: str, *, write: bool) -> int:
    known = RESULTS.read_text(encoding="utf-8")
    page = report.merged(page, known, [report.target(candidate) for candidate in CANDIDATES])
    if write:
        RESULTS.write_text(page, encoding="utf-8")
        say(f"Written: {RESULTS.name}")
        return 0
    old, new = map(report.without_days, (known, page))
    found = list(difflib.unified_diff(old, new, RESULTS.name, "found now"))
    for line in found:
        say(line.rstrip("\n"))
    say(f"Not what {RESULTS.name} says." if found else f"As {RESULTS.name} says.")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.targets",
        description="Load the tap's streams into real targets and read them back.",
    )
    add = parser.add_argument
    add("--only", nargs="+", metavar="TARGET", help="try only these, by name or slug")
    add("--write", action="store_true", help="write what was found into results.md")
    add("--at-a-time", type=int, default=4, metavar="N", help="how many (4; they mostly wait)")
    add("--pin", action="store_true", help="first look up the newest version of what they need")
    return parser


if __name__ == "__main__":
    sys.exit(main())
