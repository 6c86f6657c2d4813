"""One page of the export: which events it holds, where it ends, and its JSON."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .account import Entry, GeneratedEntry

PageRule: TypeAlias = Literal["growing", "capping"]


@dataclass(frozen=True, slots=True)
class Cut:
    """The events of a page, and the second where the next page starts (None: there is none)."""

    entries: list[Entry | GeneratedEntry]
    next_start: int | None


def cut(visible: Iterator[Entry | GeneratedEntry], per_page: int, rule: PageRule) -> Cut:
    """Take one page from the events that are visible from its start on."""
    entries = list(islice(visible, per_page))
    if len(entries) < per_page:
        return Cut(entries, None)
    second = entries[-1].timestamp
    if entries[0].timestamp != second or rule == "capping":
        # The last second comes again on the next page, because it may go on there.
        return Cut(entries, second)
    entries.extend(takewhile(lambda entry: entry.timestamp == second, visible))
    return Cut(entries, second + 1)


def shuffled(page: Cut, seed: str) -> Cut:
    """The same page with its events in disorder, always the same for one seed."""
    entries = list(page.entries)
    random.Random(seed).shuffle(entries)
    return Cut(entries, page.next_start)


def page_body(name: str, page: Cut, rest: dict[str, Any], *, comments: bool) -> bytes:
    """The whole page as JSON, its events under their name."""
    events = b",".join([entry.json(comments=comments) for entry in page.entries])
    return to_json({name: []})[:-2] + events + b"]," + to_json(rest)[1:]
