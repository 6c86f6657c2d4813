"""What a stream has written of the time line: up to its bookmark, and perhaps ahead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_zendesk_events.walk.bookmark import Bookmark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tap_zendesk_events.zendesk.page import Event, Page


MOST_KNOWN = 2000
"""Ids of doubtful events above which only those are kept that surely can come again."""


class Stretch(NamedTuple):
    """A part of the time line that a stream has written ahead of its bookmark.

    Args:
        start: First epoch second.
        second: First one that is not written yet.
        ids: Ids of events written at or after that second.
    """

    start: int
    second: int
    ids: tuple[int, ...] = ()


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches, in time order, with one in place of those that touch.

    Where one reaches the next, the next one's second and ids hold. One that says nothing is left
    out, but for the first.
    """
    front, *rest = stretches
    found = [front]
    for stretch in rest:
        last = found[-1]
        if stretch.start > last.second:
            if stretch.second > stretch.start or stretch.ids:
                found.append(stretch)
        elif stretch.second > last.second:
            found[-1] = Stretch(last.start, stretch.second, stretch.ids)
        elif stretch.second == last.second:
            ids = tuple(sorted({*last.ids, *stretch.ids}))
            found[-1] = Stretch(last.start, last.second, ids)
    return found


class Coverage:
    """One stream's, as a run finds it, and what all its segments have to know of each other.

    Args:
        main: The stream's bookmark.
        ahead: What is written ahead of it, in time order.
        by_time: Whether the bookmark goes by the events' times, which may be doubtful.
    """

    def __init__(
        self, main: Bookmark, ahead: Sequence[Stretch] = (), *, by_time: bool = True
    ) -> None:
        self.main = main
        self.ahead = ahead
        ids = [*main.ids, *(id_ for stretch in ahead for id_ in stretch.ids)]
        begin = max([main.second, *(stretch.second for stretch in ahead)])
        self.known = Known(ids, begin) if by_time else None

    def bookmark_at(self, start: int) -> Bookmark:
        """Return the bookmark with which the stream begins a segment that starts there.

        It is that of the last stretch which starts at or before the segment. If that ends in front
        of the segment, nothing of the segment is written.
        """
        last = Stretch(-1, self.main.second, tuple(self.main.ids))
        for stretch in self.ahead:
            if stretch.start <= start:
                last = stretch
        if last.second < start:
            return Bookmark(start, is_set=False)
        return Bookmark(last.second, last.ids, is_set=True)


class Known:
    """Ids of events that may come up again in any segment, whatever time they seem to have.

    What the state brought; and what was written with a time that cannot be, or that lies outside
    of its segment. On another page such an event may seem to have another time: it is known until
    an event behind it that tells its time is written too. One that tells its own is no such case.

    Args:
        ids: Of events that an earlier run wrote.
        begin: Epoch second from which on it has written nothing else.
    """

    def __init__(self, ids: Iterable[int], begin: int) -> None:
        self._begin = begin
        # where each of them stands in the server's order; None: no page has shown it yet
        self._places: dict[int, _Place | None] = dict.fromkeys(ids)
        self._told: list[int] = []  # epoch seconds, one of each page, that events surely have

    @property
    def ids(self) -> Collection[int]:
        """Return all of them."""
        return self._places.keys()

    def unknown(self, events: Iterable[Event]) -> list[Event]:
        """Return those of the events that are not known."""
        return [event for event in events if event.id not in self._places]

    def note(self, page: Page, written: Iterable[Event], start: int, end: int) -> None:
        """Take in a page that is written.

        Args:
            page: The page at hand.
            written: Those of its events that are written, by this run or before.
            start: First epoch second of the segment that it belongs to.
            end: First one outside of it.
        """
        for event in written:
            if event.doubtful or not start <= event.time < end:
                self._places.setdefault(event.id, None)
        for event in page.events if self._places else ():
            if event.id in self._places:
                place = _Place(event.latest, is_sure=not event.doubtful)
                before = self._places[event.id]
                self._places[event.id] = place if before is None else min(place, before)
        told = max((event.time for event in page.events if not event.doubtful), default=None)
        if told is not None:
            self._told.append(told)

    def forget(self, before: int) -> None:
        """Forget what cannot come again, now that everything is written before this second."""
        told = max((second for second in self._told if second < before), default=-1)
        self._told = [told, *(second for second in self._told if second >= before)]
        # hardly any event tells its time where so many do not
        too_many = len(self._places) > MOST_KNOWN
        gone = [
            id_
            for id_, place in self._places.items()
            if place and place.latest < (before if place.is_sure or too_many else told)
        ]
        for id_ in gone:
            del self._places[id_]

    def saw_all(self) -> None:
        """Note that all there is was shown: what was not lies in front of where the run began."""
        for id_, place in self._places.items():
            if place is None:
                self._places[id_] = _Place(self._begin, is_sure=False)


class _Place(NamedTuple):
    """Where an event stands in the server's order, so far as a page tells.

    Args:
        latest: Epoch second that the server's own time for it cannot exceed.
        is_sure: Whether it tells just that time itself.
    """

    latest: int
    is_sure: bool
