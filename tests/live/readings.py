"""The answers that questions share: each is asked for when the first question needs it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tap_zendesk_events.times import epoch
from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.live.findings import NotSettledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_zendesk_events.zendesk.export import Export
    from tests.live.asking import Asker, Reading
    from tests.live.content import Shown

T = TypeVar("T")

SMALL = 10  # events asked for to see whether a small number is obeyed
FULL = 1000  # the most that Zendesk's documentation knows
TOO_MANY = 2000
YOUNGEST = 62  # seconds of age at which a start is surely not too recent
TOO_YOUNG = 10  # and at which it surely is
MOST_CROWDED = 200  # events of a second that is asked for, so that its page is no trouble

HOUR = 3600
LOOKING_BACK = {
    # seconds before now at which a last page may start: first, if that page is full, if it is empty
    TICKET_EVENTS.key: (HOUR, 300, 30 * 24 * HOUR),
    TICKET_METRIC_EVENTS.key: (4 * HOUR, 900, 30 * 24 * HOUR),
}


class Crowd(NamedTuple):
    """A second with several events, and where it stands.

    Args:
        second: The second.
        events: How many there are in it.
        before: The second before it with events.
        events_before: How many there are in that.
    """

    second: int
    events: int
    before: int
    events_before: int


class Readings:
    """The answers.

    Args:
        asker: Who asks.
        shown: Decides what of them a report shows; is told of all that comes.
    """

    def __init__(self, asker: Asker, shown: Shown) -> None:
        self.asker = asker
        self.shown = shown
        self._kept: dict[str, Any] = {}

    @property
    def all(self) -> list[Reading]:
        """Every answer so far, in order."""
        return self.asker.readings

    def pages(self, export: Export) -> list[Reading]:
        """Every page of an export so far, in order."""
        return [each for each in self.all if each.export == export and each.is_page]

    def small(self, export: Export) -> Reading:
        """A page of few events, from the start date on."""
        return self._once(f"small {export.key}", lambda: self._page(export, SMALL))

    def wide(self, export: Export) -> Reading:
        """A page of as many events as there can be, from the start date on: more are asked for."""

        def ask() -> Reading:
            reading = self.too_many(export)
            return reading if reading.is_page else self._page(export, FULL)

        return self._once(f"wide {export.key}", ask)

    def too_many(self, export: Export) -> Reading:
        """The answer to who asks for more events than a page can hold."""
        return self._once(f"many {export.key}", lambda: self._page(export, TOO_MANY))

    def scoped(self, scope: str) -> Reading:
        """A full page of events of the tickets of some."""
        if scope == self.asker.settings.support_type_scope:
            return self.wide(TICKET_EVENTS)
        return self._once(
            f"scope {scope}", lambda: self._page(TICKET_EVENTS, FULL, scope=scope, comments=False)
        )

    def with_comments(self) -> Reading:
        """A full page with the comments in it, or the answer instead."""
        return self._once(
            "comments", lambda: self._page(TICKET_EVENTS, FULL, comments=True, scope=None)
        )

    def with_comments_half(self) -> Reading:
        """The same with half as many events."""
        return self._once(
            "half", lambda: self._page(TICKET_EVENTS, FULL // 2, comments=True, scope=None)
        )

    def crowd(self) -> Crowd:
        """A second with several ticket events that is known as a whole.

        Raises:
            NotSettledError: There is none on the page.
        """
        wide = self.wide(TICKET_EVENTS)
        counts: dict[int, int] = {}
        for second in seconds_of(wide):
            counts[second] = counts.get(second, 0) + 1
        seconds = sorted(counts)
        if not wide.is_last:
            seconds = seconds[:-1]  # the last one may go on
        crowds = [
            Crowd(second, counts[second], before, counts[before])
            for before, second in pairwise(seconds)
            if 1 < counts[second] <= MOST_CROWDED and counts[before] < MOST_CROWDED
        ]
        if not crowds:
            raise NotSettledError(f"no second with several events among {len(wide.events)}")
        return max(crowds, key=lambda crowd: crowd.events)

    def in_crowd(self) -> Reading:
        """A page of one event that begins in the crowded second."""
        crowd = self.crowd()
        return self._once("in crowd", lambda: self._page(TICKET_EVENTS, 1, start=crowd.second))

    def into_crowd(self) -> Reading:
        """A page that begins before the crowded second and is full at its first event."""
        crowd = self.crowd()
        size = crowd.events_before + 1
        return self._once("into crowd", lambda: self._page(TICKET_EVENTS, size, start=crowd.before))

    def last(self, export: Export) -> Reading:
        """A last page with events.

        Raises:
            NotSettledError: None was found.
        """

        def ask() -> Reading:
            for page in self.pages(export):
                if page.is_last and page.events:
                    return page
            first, nearer, farther = LOOKING_BACK[export.key]
            page = self._page(export, FULL, start=int(self.asker.now()) - first)
            if page.is_page and not page.is_last:
                page = self._page(export, FULL, start=int(self.asker.now()) - nearer)
            elif page.is_page and not page.events:
                page = self._page(export, FULL, start=int(self.asker.now()) - farther)
            if page.is_last and page.events:
                return page
            if not page.is_page:
                raise NotSettledError(f"status {page.status}")
            reason = "no events in 30 days" if page.is_last else "too much goes on in the account"
            raise NotSettledError(f"no last page was found: {reason}")

        return self._once(f"last {export.key}", ask)

    def empty(self, export: Export) -> Reading:
        """A page without events, after the last one.

        Raises:
            NotSettledError: None was found.
        """

        def empties() -> list[Reading]:
            return [page for page in self.pages(export) if not page.content[export.key]]

        def ask() -> Reading:
            if empties():
                return empties()[0]
            page = self.last(export)
            for _ in range(2):
                start = max(seconds_of(page)) + 1
                too_young = start + YOUNGEST - self.asker.now()
                if too_young > 0:
                    self.asker.wait(too_young, "what comes after the last event is too recent yet")
                page = self._page(export, FULL, start=start)
                if empties():
                    return empties()[0]
                if not page.is_last:
                    break
            raise NotSettledError("events came all the time, so no page was empty")

        return self._once(f"empty {export.key}", ask)

    def too_recent(self) -> Reading:
        """The answer to a start that is too recent."""
        return self._once(
            "too recent",
            lambda: self._page(TICKET_EVENTS, SMALL, start=int(self.asker.now()) - TOO_YOUNG),
        )

    def without_start(self) -> Reading:
        """The answer to who names no start."""
        return self._once(
            "no start", lambda: self._noted(self.asker.ask(TICKET_EVENTS, per_page=SMALL))
        )

    def again(self, reading: Reading) -> Reading:
        """Ask the same once more."""
        return self._noted(self.asker.ask(reading.export, **reading.params))

    def since(self, export: Export, seconds: int) -> Reading:
        """A full page that begins so many seconds ago."""
        return self._page(export, FULL, start=int(self.asker.now()) - seconds)

    def _page(
        self,
        export: Export,
        per_page: int,
        *,
        start: int | None = None,
        comments: bool = False,
        scope: str | None = None,
    ) -> Reading:
        asking = export.asking_for(
            comments=comments,
            support_type_scope=scope or self.asker.settings.support_type_scope,
        )
        parameters = {
            "start_time": self.asker.settings.start if start is None else start,
            "per_page": per_page,
            **dict(asking.parameters),
        }
        return self._noted(self.asker.ask(export, **parameters))

    def _noted(self, reading: Reading) -> Reading:
        if reading.is_page:
            self.shown.saw(reading.content[reading.export.key])
        return reading

    def _once(self, name: str, ask: Callable[[], T]) -> T:
        """Return what was asked for before, also if it was in vain."""
        if name not in self._kept:
            try:
                self._kept[name] = ask()
            except NotSettledError as error:
                self._kept[name] = error
        kept = self._kept[name]
        if isinstance(kept, NotSettledError):
            raise type(kept)(*kept.args)
        found: T = kept
        return found


def page_of(reading: Reading) -> Reading:
    """Return the reading if it is a page.

    Raises:
        NotSettledError: It is none.
    """
    if not reading.is_page:
        raise NotSettledError(f"status {reading.status} instead of a page")
    return reading


def seconds_of(reading: Reading) -> list[int]:
    """Return the moments that the events of a page tell, in epoch seconds, in their order."""
    return [second for event in reading.events if (second := moment(event)) is not None]


def moment(event: dict[str, Any]) -> int | None:
    """Return the moment that an event tells, in epoch seconds."""
    for name in ("timestamp", "created_at", "time"):
        second = epoch(event.get(name))
        if second is not None:
            return second
    return None


def children_of(reading: Reading) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each child event of a page, with the event that it belongs to."""
    for event in reading.events:
        children = event.get("child_events")
        for child in children if isinstance(children, list) else []:
            if isinstance(child, dict):
                yield event, child
