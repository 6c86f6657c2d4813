"""Tickets and what their fields were, found by replaying raw events in the order they happened in.

Above all this knows what no table tells: in which order the events of one second happened, because
the list of events is in that order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Row: TypeAlias = dict[str, Any]
Value: TypeAlias = str | None

CHANGES = ("Create", "Change")


@dataclass
class Spell:
    """How long a field had a value; `known` is false where it had it before all that is loaded."""

    value: Value
    begin: int
    end: int | None
    updater_ids: set[int | None]
    known: bool

    @property
    def seconds(self) -> int | None:
        return self.end - self.begin if self.known and self.end is not None else None

    def holds_at_the_end_of(self, second: int) -> bool:
        return self.begin <= second and (self.end is None or self.end > second)


@dataclass
class Ticket:
    """A ticket's events, in the order in which they happened, and what follows from them."""

    id: int
    first_loaded: int
    events: list[Row] = field(default_factory=list)
    merged_into: int | None = None

    def created(self) -> int | None:
        seconds = [
            event["timestamp"]
            for event in self.events
            for child in event["child_events"]
            if child["event_type"] == "Create"
        ]
        return min(seconds, default=None)

    def spells(self, name: str) -> list[Spell]:
        """The spells of a field, those without a value too."""
        spells: list[Spell] = []
        created = self.created()
        for second, events in groupby(self.events, key=lambda event: int(event["timestamp"])):
            told = [
                (_value(child, name), _previous(child, name), child, event)
                for event in events
                for child in event["child_events"]
                if _tells(child, name)
            ]
            if not told:
                continue
            value, first = told[-1][0], told[0]
            passed = {each[0] for each in told}
            if not spells and len(passed) > 1 and value == first[1]:
                continue  # round in a circle, and where it began is not told
            if not spells and first[2]["event_type"] != "Create" and first[1] is not None:
                begin = self.first_loaded if created is None else created
                if begin < second:
                    spells.append(Spell(first[1], begin, None, {None}, created is not None))
            if spells and spells[-1].value == value:
                continue
            if spells:
                spells[-1].end = second
            updaters = {
                child.get("updater_id", event["updater_id"])
                for told_value, _, child, event in told
                if told_value == value
            }
            spells.append(Spell(value, second, None, updaters, known=True))
        return spells

    def value(self, name: str) -> Value:
        spells = self.spells(name)
        return spells[-1].value if spells else None


def tickets_of(events: Iterable[Row]) -> dict[int, Ticket]:
    """Group events by ticket; they come oldest first, and no earlier ones are loaded."""
    loaded = list(events)
    first = min(
        event["timestamp"]
        for event in loaded
        if any(child["event_type"] in CHANGES for child in event["child_events"])
    )
    tickets: dict[int, Ticket] = {}
    for event in loaded:
        number = event["ticket_id"]
        tickets.setdefault(number, Ticket(number, first)).events.append(event)
    for event in loaded:
        for merged in event.get("merged_ticket_ids") or []:
            if merged in tickets:
                tickets[merged].merged_into = event["ticket_id"]
    return tickets


def _tells(child: Row, name: str) -> bool:
    return child["event_type"] in CHANGES and name in child


def _value(child: Row, name: str) -> Value:
    return _text(name, child[name])


def _previous(child: Row, name: str) -> Value:
    return _text(name, child.get("previous_value"))


def _text(name: str, value: Any) -> Value:
    if value is None or value == "" or (name in ("priority", "type") and value == "0"):
        return None
    return value if isinstance(value, str) else json.dumps(value)
