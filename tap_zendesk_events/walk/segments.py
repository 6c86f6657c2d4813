"""Segments: the span that a run covers, cut into parts that are walked at the same time.

Pure logic: no request, no thread and no clock. Somebody else asks for the pages that are wanted,
says which ones have arrived, and writes what is fresh on them.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_zendesk_events.settings import MOST_PARALLEL_REQUESTS
from tap_zendesk_events.walk.bookmark import Bookmark
from tap_zendesk_events.walk.coverage import Stretch, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_zendesk_events.walk.coverage import Coverage
    from tap_zendesk_events.zendesk.page import Event, Page

K = TypeVar("K", bound=Hashable)

FEWEST_LEFT = 2  # pages; a segment of fewer is not cut, as each cut may cost a page
FARTHEST = 16  # pages ahead; how dense events are further on, a page does not tell
SLACK = 0.25  # pages by which a cut lies earlier, so that the last page in front surely reaches it
ALIKE = 2  # times the seconds of the page before: up to that, events are as dense as they were


class Segment(Generic[K]):
    """A part of the span, walked by itself from its start to its end.

    Args:
        start: First epoch second.
        end: First epoch second outside. At an inner one another segment begins.
        bookmarks: Each stream's.
        is_inner: Whether another segment begins at the end.
        stop: Epoch second from which on there is nothing to ask for; the end, or later.
    """

    def __init__(
        self, start: int, end: int, bookmarks: dict[K, Bookmark], *, is_inner: bool, stop: int
    ) -> None:
        self.start = start
        self.end = end
        self.bookmarks = bookmarks
        self.is_inner = is_inner
        self.stop = stop
        begins = [max(start, mark.second) for mark in bookmarks.values() if mark.second < end]
        self.position = min(begins, default=end)
        self.is_awaited = False
        self.is_over = not begins  # nothing more is to be asked for
        self.is_written = not begins  # nothing more is to be written
        self._span = 0  # seconds that the latest page covers; 0: no page yet
        self._cuts = 0  # that may still be made before another page is here

    def ask(self) -> int:
        """Note that the next page is asked for; returns its start."""
        self.is_awaited = True
        return self.position

    def arrived(self, page: Page | None) -> None:
        """Note that the page is here, or that there is none yet."""
        self.is_awaited = False
        if page is None:
            self.is_over = True
            return
        self._measure(page)
        self.is_over = self._ends_with(page)
        if page.next_start is not None and not self.is_over:
            self.position = page.next_start

    def _measure(self, page: Page) -> None:
        """Note how dense the events of the page are, and what that lets expect of the next ones.

        One page may be a burst, and cuts by its measure would cost a page each. Two of a kind are
        no accident.
        """
        before, span = self._span, 0
        if page.events:
            times = [event.time for event in page.events]
            span = max(times) - min(times)
        elif page.next_start is not None:
            span = page.next_start - page.start
        self._span = max(span, 1)
        steady = before and max(before, self._span) <= ALIKE * min(before, self._span)
        self._cuts = MOST_PARALLEL_REQUESTS if steady else 1

    def _ends_with(self, page: Page) -> bool:
        return page.is_last or page.next_start is None or page.next_start >= self.stop

    @property
    def pages_left(self) -> float:
        """Return about how many pages are left after the one on its way; 0 if nobody knows."""
        return (self.end - self.position) / self._span - 1 if self._span else 0.0

    @property
    def seconds_left(self) -> int:
        """Return the seconds that are not written yet."""
        return 0 if self.is_written else max(0, self.end - self.position)

    @property
    def can_be_cut(self) -> bool:
        """Say whether a cut is worth the page that it may cost."""
        return not self.is_over and self._cuts > 0 and self.pages_left >= FEWEST_LEFT

    def cut(self) -> Segment[K]:
        """Give the farther part of what is left away, as a segment of its own."""
        pages = min(max(round(self.pages_left / 2), 1), FARTHEST) - SLACK
        at = self.position + self._span + max(int(pages * self._span), 1)
        self._cuts -= 1
        ours: dict[K, Bookmark] = {}
        theirs: dict[K, Bookmark] = {}
        for stream, mark in self.bookmarks.items():
            if mark.second >= at:
                ours[stream], theirs[stream] = Bookmark(at, is_set=False), mark
            else:
                ours[stream], theirs[stream] = mark, Bookmark(at, is_set=False)
        other = Segment(at, self.end, theirs, is_inner=self.is_inner, stop=self.stop)
        self.bookmarks = ours
        self.end = self.stop = at
        self.is_inner = True
        return other

    def fresh(self, page: Page, stream: K) -> list[Event]:
        """Return the events of the page that are inside and not written in the segment yet."""
        return [] if self.is_written_by(stream) else self.bookmarks[stream].fresh(page, self.end)

    def written_of(self, page: Page, stream: K) -> list[Event]:
        """Return the events of the page that are written when its fresh ones are."""
        if self.is_written_by(stream):
            return []
        return self.bookmarks[stream].written_of(page, self.end)

    def is_written_by(self, stream: K) -> bool:
        """Say whether an earlier run has written all of the segment for this stream."""
        return self.is_inner and self.bookmarks[stream].second >= self.end

    def pass_page(self, page: Page) -> None:
        """Move the bookmarks on, now that the fresh events of the page are written."""
        for stream, mark in self.bookmarks.items():
            if self.is_written_by(stream):
                continue
            if self.is_inner and self._ends_with(page):
                mark.reach(self.end)
            else:
                mark.pass_page(page, self.end)
        self.is_written = self._ends_with(page)

    def follow(self, other: Segment[K]) -> None:
        """Take the segment in front in, which is written."""
        self.start = other.start


class Segments(Generic[K]):
    """All segments of a run, and what each stream has written of the time line because of them.

    Args:
        coverages: What the streams have written, as the run finds it.
        at_a_time: Most pages on their way at a time.
    """

    def __init__(self, coverages: Mapping[K, Coverage], at_a_time: int) -> None:
        self.first = min(coverage.main.second for coverage in coverages.values())
        self._coverages = coverages
        self._at_a_time = at_a_time
        self._all: list[Segment[K]] = []
        self._beyond: dict[K, list[Stretch]] = {}
        self._several = False  # whether there has ever been more than one
        self._saw_the_end = False
        self.to_do = 0
        """Seconds that were not written when the segments were opened."""

    def open(self, end: int, stop: int) -> Segment[K]:
        """Lay the segments out when the first page has told the end; returns that page's segment.

        Args:
            end: First epoch second outside of the run's window.
            stop: Epoch second from which on there is nothing to ask for; the end, or later.
        """
        coverages = self._coverages
        starts = {s.start for coverage in coverages.values() for s in coverage.ahead}
        edges = [self.first, *sorted(s for s in starts if self.first < s < end), end]
        self._beyond = {
            stream: [stretch for stretch in coverage.ahead if stretch.start >= end]
            for stream, coverage in coverages.items()
        }
        for start, until in pairwise(edges):
            is_first, is_inner = start == self.first, until != end
            marks = {
                stream: coverage.main if is_first else coverage.bookmark_at(start)
                for stream, coverage in coverages.items()
            }
            segment = Segment(
                start, until, marks, is_inner=is_inner, stop=until if is_inner else stop
            )
            self._all.append(segment)
        self._several = len(self._all) > 1 or any(self._beyond.values())
        self.to_do = self.seconds_left
        self._all[0].ask()
        return self._all[0]

    @property
    def awaited(self) -> int:
        """Return how many pages are on their way."""
        return sum(segment.is_awaited for segment in self._all)

    def wanted(self) -> Iterator[tuple[Segment[K], int]]:
        """Yield the pages to ask for now: a segment, and the epoch second of the page's start."""
        awaited = self.awaited
        while awaited < self._at_a_time:
            segment = next((s for s in self._all if not (s.is_over or s.is_awaited)), None)
            if segment is None and self._cut():
                continue
            if segment is None:
                return
            awaited += 1
            yield segment, segment.ask()

    def _cut(self) -> bool:
        """Cut the segment with the most left, if that is worth a page."""
        can_be = [segment for segment in self._all if segment.can_be_cut]
        if not can_be:
            return False
        longest = max(can_be, key=lambda segment: segment.end - segment.position)
        self._several = True
        self._all.insert(self._all.index(longest) + 1, longest.cut())
        return True

    def fresh(self, segment: Segment[K], page: Page, stream: K) -> list[Event]:
        """Return the events of a segment's page that are to be written to the stream."""
        fresh = segment.fresh(page, stream)
        known = self._coverages[stream].known
        return fresh if known is None else known.unknown(fresh)

    def pass_page(self, segment: Segment[K], page: Page) -> None:
        """Move on, now that the fresh events of a segment's page are written."""
        for stream, coverage in self._coverages.items():
            if coverage.known is not None:
                written = segment.written_of(page, stream)
                coverage.known.note(page, written, segment.start, segment.end)
        segment.pass_page(page)
        if page.is_last and not segment.is_inner:
            self._saw_the_end = True
        self._join()
        done = self._saw_the_end and all(s.is_written for s in self._all)
        for stream, coverage in self._coverages.items():
            if coverage.known is not None:
                if done:
                    coverage.known.saw_all()
                coverage.known.forget(self._stretches(stream)[0].second)

    def _join(self) -> None:
        """Let those that are written become a part of the one behind them."""
        for front, behind in list(pairwise(self._all)):
            if front.is_written:
                behind.follow(front)
                self._all.remove(front)

    def standing(self, stream: K) -> tuple[Bookmark, list[Stretch]]:
        """Return up to where a stream is written, and what is written ahead of that."""
        known = self._coverages[stream].known
        mark = self._all[0].bookmarks[stream]
        if known is None or not (self._several or known.ids):
            return mark, []
        front, *ahead = self._stretches(stream)
        is_set = mark.is_set or self._several
        return Bookmark(front.second, {*front.ids, *known.ids}, is_set=is_set), ahead

    def _stretches(self, stream: K) -> list[Stretch]:
        """Return what a stream has written, in time order, joined where there is nothing between.

        Where one reaches the next, the next one's second and ids hold.
        """
        found: list[Stretch] = []
        for segment in self._all:
            mark = segment.bookmarks[stream]
            found.append(Stretch(segment.start, mark.second, tuple(mark.ids)))
        return joined([*found, *self._beyond[stream]])

    @property
    def position(self) -> int:
        """Return the epoch second up to which everything is written."""
        front = next((s for s in self._all if not s.is_written), self._all[-1])
        return front.end if front.is_written else min(front.position, front.end)

    @property
    def seconds_left(self) -> int:
        """Return the seconds that are not written yet, of all segments."""
        return sum(segment.seconds_left for segment in self._all)
