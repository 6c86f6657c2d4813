"""What exists in the account, and from when on it can be seen."""

from __future__ import annotations

import threading
import zlib
from bisect import bisect_left, bisect_right, insort
from datetime import datetime
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from .encoding import SCOPE_MARK, shown, to_json
from .generated import GeneratedEvents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .events import Event

_by_key = attrgetter("key")
_by_timestamp = attrgetter("timestamp")


class Entry:
    """One event with its place on the time line."""

    __slots__ = ("_json", "event", "key", "timestamp", "visible_at")

    def __init__(
        self, event: Event, timestamp: int, order: tuple[int, int], visible_at: float | None
    ) -> None:
        self.event = event
        self.timestamp = timestamp
        self.key = (timestamp, *order)
        self.visible_at = visible_at
        self._json: list[bytes | None] = [None, None]

    def json(self, *, comments: bool) -> bytes:
        """The event as the export shows it; kept, because most are asked for more than once."""
        text = self._json[comments]
        if text is None:
            text = self._json[comments] = to_json(shown(self.event, comments=comments))
        return text


class GeneratedEntry:
    """The same for an event that is made when it is needed, and not kept."""

    __slots__ = ("_events", "_number", "key", "timestamp")

    def __init__(self, events: GeneratedEvents, number: int, timestamp: int) -> None:
        self._events = events
        self._number = number
        self.timestamp = timestamp
        self.key = (timestamp, -1, number)

    @property
    def event(self) -> Event:
        """The event itself."""
        return self._events[self._number]

    def json(self, *, comments: bool) -> bytes:
        """The event as the export shows it."""
        return self._events.json(self._number, comments=comments)


class TimeLine:
    """Events of one kind, in the order in which the export shows them.

    Within one second they stand in an order that the seed decides, not by id; it never changes
    between requests.
    """

    def __init__(self, events: Iterable[Event] = (), seed: int = 0) -> None:
        self.seed = seed
        self.lock = threading.RLock()
        self._added = 0
        self._late: list[Entry] = []
        self._handed_over: dict[int, float] = {}
        self._entries: list[Entry] = []
        if isinstance(events, GeneratedEvents):
            self._generated = events
        else:
            self._generated = GeneratedEvents(0)
            self._entries = sorted((self._entry(event, None) for event in events), key=_by_key)

    def __len__(self) -> int:
        return len(self._generated) + len(self._entries)

    def add(
        self, event: Event, visible_at: float | None = None, sorted_at: int | None = None
    ) -> None:
        """Add an event.

        Args:
            event: The event.
            visible_at: Until then nobody sees it (a late arrival).
            sorted_at: The second by which the export files it, if not the one that it tells, such
                as the moment at which it was recorded.
        """
        with self.lock:
            entry = self._entry(event, visible_at, sorted_at)
            insort(self._entries, entry, key=_by_key)
            if visible_at is not None:
                self._late.append(entry)

    def change(self, event: Event, sorted_at: int | None = None) -> None:
        """Put an event in the place of the one with its id, filed where that was unless told."""
        with self.lock:
            (old,) = [entry for entry in self._entries if entry.event["id"] == event["id"]]
            self._entries.remove(old)
            self._late = [entry for entry in self._late if entry is not old]
            sorted_at = old.timestamp if sorted_at is None else sorted_at
            self.add(event, old.visible_at, sorted_at)

    def hand_over(self, ticket_id: int, at: float = 0) -> None:
        """Give an AI agent's ticket to a human: from ``at`` on all its events are agents'."""
        with self.lock:
            self._handed_over[ticket_id] = at

    def visible(
        self, start: float, until: float, now: float, scope: str = "all"
    ) -> Iterator[Entry | GeneratedEntry]:
        """What shows at ``now`` of the seconds from ``start`` to ``until``, both included.

        Args:
            start: the first second.
            until: the last second.
            now: when somebody looks.
            scope: whose tickets: "all", "agent" or "ai_agent"; generated events are agents'.
        """
        added = self._visible_entries(start, until, now)
        if scope != "all":
            added = (entry for entry in added if self._scope(entry, now) == scope)
        if not len(self._generated) or scope == "ai_agent":
            return added
        return merge(self._visible_generated(start, until), added, key=_by_key)

    def count(self, before: float, now: float) -> int:
        """How many events before this second show at ``now``."""
        with self.lock:
            exist = bisect_left(self._entries, before, key=_by_timestamp)
            hidden = [e for e in self._late if e.timestamp < before and not _is_visible(e, now)]
            return self._generated.position(before) + exist - len(hidden)

    def events(self) -> list[Event]:
        """Every event, visible or not, in export order (not for millions)."""
        everything = float("inf")
        with self.lock:
            return [entry.event for entry in self.visible(-everything, everything, everything)]

    def _scope(self, entry: Entry, now: float) -> str:
        """The support type, at ``now``, of the ticket that an event belongs to."""
        handed_over = self._handed_over.get(entry.event.get("ticket_id", 0))
        if handed_over is not None and handed_over <= now:
            return "agent"
        scope: str = entry.event.get(SCOPE_MARK, "agent")
        return scope

    def _entry(self, event: Event, visible_at: float | None, sorted_at: int | None = None) -> Entry:
        self._added += 1
        order = zlib.crc32(f"{self.seed} {event.get('id')}".encode())
        second = event_second(event) if sorted_at is None else sorted_at
        return Entry(event, second, (order, self._added), visible_at)

    def _visible_entries(self, start: float, until: float, now: float) -> Iterator[Entry]:
        first = bisect_left(self._entries, start, key=_by_timestamp)
        last = bisect_right(self._entries, until, key=_by_timestamp)
        for number in range(first, last):
            entry = self._entries[number]
            if _is_visible(entry, now):
                yield entry

    def _visible_generated(self, start: float, until: float) -> Iterator[GeneratedEntry]:
        for number in range(self._generated.position(start), len(self._generated)):
            timestamp = self._generated.timestamp(number)
            if timestamp > until:
                return
            yield GeneratedEntry(self._generated, number, timestamp)


class Account(TimeLine):
    """An account: its ticket events, and beside them its ticket metric events.

    Args:
        events: the ticket events.
        seed: decides their order within a second.
        metric_events: the ticket metric events, a time line of their own.
    """

    def __init__(
        self, events: Iterable[Event] = (), seed: int = 0, metric_events: Iterable[Event] = ()
    ) -> None:
        super().__init__(events, seed)
        self.metrics = TimeLine(metric_events, seed)

    def add_metric_event(
        self, event: Event, visible_at: float | None = None, sorted_at: int | None = None
    ) -> None:
        """Add a metric event; arguments as for ``add``."""
        self.metrics.add(event, visible_at, sorted_at)


def big_account(
    count: int, start: int = 1_700_000_000, per_second: float = 3, seed: int = 1
) -> Account:
    """An account with any number of events that takes no memory for them."""
    return Account(GeneratedEvents(count, start, per_second, seed), seed)


def event_second(event: Event) -> int:
    """The second under which the export files an event of any shape."""
    for name in ("timestamp", "created_at", "time"):
        value: Any = event.get(name)
        if isinstance(value, int):
            return value
        if isinstance(value, str):
            return int(datetime.fromisoformat(value).timestamp())
    raise ValueError("an event needs a timestamp, a created_at or a time")


def _is_visible(entry: Entry, now: float) -> bool:
    return entry.visible_at is None or entry.visible_at <= now
