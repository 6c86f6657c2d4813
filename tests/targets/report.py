"""From outcomes to the tables of results.md, one of which docs/targets.md shows too."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tests.support.selection import ALL_STREAMS
from tests.targets.candidate import USUAL_PYTHON, Candidate
from tests.targets.compare import HARMLESS, listed
from tests.targets.hub import AS_OF, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.targets.cases import Outcome
    from tests.targets.compare import Problem


USEFUL = ("works", "sends everything")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
PAGE = """\
# Which targets store what the tap sends

{text}

{table}
What the cells say:

* works: every row is there once, with every value as it was sent.
* sends everything: the service itself was not there (*checked offline only*); what the target gave
  it to load holds every row once, with every value as it was sent. What becomes of a row that comes
  again is then read off the keys in the target's MERGE statement.
* JSON: nested columns are stored as JSON. JSON text: as text that holds JSON.
* The tap flattens: with `flattening_enabled: true` and `flattening_max_depth: 1`.

## What was wrong, and how often

{details}"""

TEXT = """\
Made by `python -m tests.targets --write`, which installs each target in an environment of its own,
pipes the tap into it, and reads back what it has stored. Without `--write` it compares what it
finds with this page, but for the days. The versions of everything that is installed are in
`requirements`; where a repository is named, the target is that repository's commit, because Meltano
Hub has users install it from there. What the Hub lists first is what it was on {listed}.

{rows}, on several pages. Among them are unknown fields, child events that are deeply nested, NUL
characters and half emoji, texts such as `null`, `007` and an empty one, and ids up to 2^63-1. The
second run goes on from the state that the target has written, and brings {new}. A third one goes on
from the first one's state, so the same rows come again. The fourth loads `ticket_events` alone.
"""

HEAD = (
    "Target",
    "Meltano Hub",
    "Its settings",
    "The tap by itself",
    "The tap flattens",
    "A row that comes again",
    "Tried",
)


@dataclass(frozen=True)
class Line:
    """What the tables say of a target with some settings.

    Args:
        candidate: The target.
        shown: Its settings.
        outcomes: What has become of it without and with the tap's flattening.
    """

    candidate: Candidate
    shown: Mapping[str, Any]
    outcomes: tuple[Outcome, Outcome]


def table(lines: Iterable[Line], tried_on: date) -> str:
    """Return the table; settings that make no difference share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for line in lines:
        offline = bool(line.candidate.offline)
        plain, flat = (verdict(outcome, offline=offline) for outcome in line.outcomes)
        again = sorted({outcome.again for outcome in line.outcomes} - {""})
        if flat == plain and not plain.startswith(USEFUL):
            flat = "the same"
        first = (target(line.candidate), listing(line.candidate))
        cells = (*first, plain, flat, " or ".join(again) or "-", str(tried_on))
        rows.setdefault(cells, []).append(settings(line.shown))
    body = [
        [name, listed_as, "; or ".join(ways), *rest]
        for (name, listed_as, *rest), ways in rows.items()
    ]
    return _markdown([HEAD, [":---"] * len(HEAD), *body])


def details(lines: Iterable[Line]) -> str:
    """Return everything that was wrong, stream by stream, of those that load something."""
    head = ["Target", "Its settings", "Flattened", *(f"`{name}`" for name in ALL_STREAMS)]
    rows: list[Sequence[str]] = [[*head, "Second run", "`ticket_events` alone"]]
    rows.append([":---"] * len(rows[0]))
    for line in lines:
        for flat, outcome in zip(("no", "yes"), line.outcomes, strict=True):
            if any(outcome.streams.values()) or outcome.second or outcome.alone:
                rows.append(
                    [
                        target(line.candidate),
                        settings(line.shown),
                        flat,
                        *(_sentences(outcome.streams[stream]) for stream in ALL_STREAMS),
                        _sentences(outcome.second),
                        _sentences(outcome.alone),
                    ]
                )
    return _markdown(rows)


def page(lines: Sequence[Line], rows: str, new: str, tried_on: date) -> str:
    """Return results.md."""
    text = TEXT.format(rows=rows, new=new, listed=in_words(date.fromisoformat(AS_OF)))
    paragraphs = text.split("\n\n")
    text = "\n\n".join(textwrap.fill(part, 99, break_on_hyphens=False) for part in paragraphs)
    return PAGE.format(text=text, table=table(lines, tried_on), details=details(lines))


def merged(new: str, old: str, targets: Sequence[str]) -> str:
    """Return results.md with the rows of those that were tried now, and the old ones of the others.

    Args:
        new: The page of what was tried now.
        old: The page as it was.
        targets: What the first cell says of each target, in the order of the tables.
    """
    tried = {_first(row) for row in _tables(new)[0]}
    for fresh, known in zip(_tables(new), _tables(old), strict=True):
        rows = [*fresh[2:], *(row for row in known[2:] if _first(row) not in tried)]
        rows = [row for row in rows if _first(row) in targets]
        rows.sort(key=lambda row: targets.index(_first(row)))
        new = new.replace("".join(fresh), "".join([*fresh[:2], *rows]))
    return new


def without_days(text: str) -> list[str]:
    """Return the lines of results.md without the days in the last column."""
    return re.sub(r" \d{4}-\d\d-\d\d \|$", "", text, flags=re.MULTILINE).splitlines()


def _tables(text: str) -> list[list[str]]:
    """The lines of each table."""
    lines = text.splitlines(keepends=True)
    groups = groupby(lines, key=lambda line: line.startswith("|"))
    return [list(group) for is_table, group in groups if is_table]


def _first(row: str) -> str:
    return row.split(" | ", maxsplit=1)[0].removeprefix("| ")


def in_words(value: date) -> str:
    """Return a day as the pages tell it."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def target(candidate: Candidate) -> str:
    """Return name, version, year, and what has to be installed beside it."""
    text = f"`{candidate.name}` {candidate.version} ({candidate.released})"
    if candidate.source:
        source = candidate.source
        text = f"`{source.repository}` {candidate.version}, `{source.commit[:7]}`"
        text += f" ({candidate.released})"
    if candidate.offline:
        text += ", checked offline only"
    if candidate.beside:
        text += f", with {listed(candidate.beside)}"
    if candidate.python != USUAL_PYTHON:
        text += f", on Python {candidate.python}"
    return text


def settings(shown: Mapping[str, Any]) -> str:
    """Return settings as they stand in meltano.yml."""
    return ", ".join(f"`{name}: {_yaml(value)}`" for name, value in shown.items()) or "none"


def verdict(outcome: Outcome, *, offline: bool = False) -> str:
    """Say in a line whether it works, with which streams, or what stands in the way."""
    if outcome.error:
        return f"no: {in_a_cell(outcome.error)}"
    if outcome.missing:
        return f"cannot be installed: {in_a_cell(outcome.missing)}"
    wrong = {}
    for stream, problems in outcome.streams.items():
        if serious := [problem for problem in problems if problem.what not in HARMLESS]:
            wrong[stream] = serious
    right = [stream for stream in outcome.streams if stream not in wrong]
    later = [*outcome.second, *outcome.alone]
    if not wrong:
        how = "first run only" if later else USEFUL[offline]
        how += f": {' or '.join(sorted(outcome.nested))}"
        if outcome.blurred:
            how += "; null is an empty cell"
        elif any(outcome.streams.values()):
            how += f"; {_merged(outcome.streams.values())}"
    elif right:
        how = f"only {listed(right)}; in the others: {_merged(wrong.values())}"
    else:
        how = f"no: {_merged(wrong.values())}"
    return f"{how}; {_merged([later])}" if later else how


def in_a_cell(text: str) -> str:
    """Return text of a program for a cell of a table."""
    text = re.sub(r"(?:/[\w.+-]+){2,}/", "", text)
    return f"`{text.replace('`', '').replace('|', '/')}`"


def _merged(problems: Iterable[Iterable[Problem]]) -> str:
    """Each kind of problem once."""
    return "; ".join(dict.fromkeys(problem.what for some in problems for problem in some))


def _sentences(problems: Iterable[Problem]) -> str:
    return "; ".join(map(str, problems))


def _yaml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value) if re.search(r"[{%\\\n]", value) else value
    return json.dumps(value)


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
