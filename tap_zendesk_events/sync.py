"""Writes what one export holds to all the streams that come out of it, page by page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeAlias

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.rows.records import as_dict
from tap_zendesk_events.settings import MOST_PARALLEL_REQUESTS
from tap_zendesk_events.termination import TERMINATION
from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.fetcher import OneByOne
from tap_zendesk_events.walk.progress import Progress
from tap_zendesk_events.walk.segments import Segment, Segments
from tap_zendesk_events.walk.walk import Walk

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Iterator, Sequence

    from singer_sdk.helpers.types import Record

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.streams import ZendeskStream
    from tap_zendesk_events.walk.bookmark import Bookmark
    from tap_zendesk_events.walk.coverage import Coverage
    from tap_zendesk_events.walk.fetcher import Fetcher
    from tap_zendesk_events.zendesk.account import Account
    from tap_zendesk_events.zendesk.page import Page

Asked: TypeAlias = "Segment[ZendeskStream] | None"
"""What a page is asked for: a segment, or None for the first page of all, which opens them."""

DAY = 86_400  # seconds, for a local clock that is not quite right


class ExportSync:
    """Walks one export for several streams, each with its own bookmark.

    Args:
        account: Whose export.
        streams: The selected streams that come out of it, one at least.
        write_state: Writes a STATE with all bookmarks.
        clock: Tells the time.
        log: Gets the lines about the run.
        fetcher: Makes who gets the pages of a walk, from what gets one.
    """

    def __init__(
        self,
        account: Account,
        streams: Sequence[ZendeskStream],
        write_state: Callable[[], None],
        clock: Clock,
        log: logging.Logger,
        fetcher: Callable[[Callable[[int], Page | None]], Fetcher[Asked]],
    ) -> None:
        self._account = account
        self._export = streams[0].export
        wanted = account.settings.parallel_requests
        self._at_a_time = wanted if self._export.can_be_cut else 1
        self._streams = streams
        self._write_state = write_state
        self._clock = clock
        self._log = log
        self._fetcher = fetcher

    def run(self) -> None:
        """Write all records of the streams and, after each page, a STATE.

        Raises:
            ZendeskEventsError: The walk cannot go on.
            TerminatedError: A signal ends it.
        """
        with TERMINATION.active(), contextlib.ExitStack() as meters:
            for stream in self._streams:
                meters.enter_context(stream.metered())
            self._run()

    def records(self, stream: ZendeskStream) -> Iterator[Record]:
        """Yield the records of one of the streams as they are read, and write nothing."""
        coverage = stream.load_coverage(self._account.settings.start)
        segments = Segments({stream: coverage}, 1)
        walk = self._walk(segments.first, self._progress())
        for segment, page in self._pages(walk, segments, OneByOne(walk.page)):
            for event in segments.fresh(segment, page, stream):
                yield from map(as_dict, stream.rows(event))
            segments.pass_page(segment, page)

    def _run(self) -> None:
        settings = self._account.settings
        coverages = {stream: stream.load_coverage(settings.start) for stream in self._streams}
        bookmarks = {stream: coverage.main for stream, coverage in coverages.items()}
        segments = Segments(coverages, self._at_a_time)
        progress = self._progress()
        progress.started(self._export.what, settings.host, segments.first, _reasons(coverages))
        new = [s.name for s, mark in bookmarks.items() if s.keeps_bookmark and not mark.is_set]
        if new:
            progress.first_run(", ".join(new), settings.start)
        self._warn_of_the_future(bookmarks)
        self._warn_of_comments()
        try:
            self._write_pages(self._walk(segments.first, progress), segments, progress)
        except BaseException:
            self._sum_up_warnings()
            progress.stopped()
            raise
        progress.finished()
        self._sum_up_warnings()

    def _progress(self) -> Progress:
        return Progress(self._clock, self._log, self._account.meter, more=self._can_be_more)

    @property
    def _can_be_more(self) -> int | None:
        """Return a larger number of pages that can be on their way at a time, or None."""
        more = min(self._at_a_time * 2, MOST_PARALLEL_REQUESTS)
        return more if self._export.can_be_cut and more > self._at_a_time else None

    def _walk(self, start: int, progress: Progress) -> Walk:
        settings = self._account.settings
        export = self._export.asking_for(
            comments=settings.include_comments
            or any(stream.wants_comments for stream in self._streams),
            support_type_scope=settings.support_type_scope,
        )
        return Walk(
            self._account.client(export),
            start,
            settings.end,
            max(settings.settling_seconds, export.min_settling_seconds),
            self._clock,
            progress,
            unordered=export.unordered,
            in_order=self._at_a_time == 1,
        )

    def _pages(
        self, walk: Walk, segments: Segments[ZendeskStream], fetcher: Fetcher[Asked]
    ) -> Generator[tuple[Segment[ZendeskStream], Page]]:
        """Yield the pages of all segments as they come; each has to be written when it is here.

        The next one is asked for before the present one is written.
        """
        if walk.is_empty:
            return
        try:
            # the first page goes alone: it tells where the window ends, and how dense events are
            fetcher.ask(None, segments.first)
            while True:
                asked, page = fetcher.take()
                if asked is None and page is None:
                    return
                segment = asked or segments.open(walk.window_end, walk.stop)
                segment.arrived(page)
                for wanted, position in segments.wanted():
                    fetcher.ask(wanted, position)
                if page is not None:
                    yield segment, page
                del page
                if not segments.awaited:
                    return
        finally:
            fetcher.close()
            walk.close()

    def _write_pages(
        self, walk: Walk, segments: Segments[ZendeskStream], progress: Progress
    ) -> None:
        """Write what is new in each stream, page by page."""
        idle_since = self._clock.monotonic()
        # closed here and not when Python comes to it: nothing more is asked for then
        with contextlib.closing(self._pages(walk, segments, self._fetcher(walk.page))) as pages:
            for segment, page in pages:
                progress.waited_for_page(idle_since)
                busy_since = self._clock.monotonic()
                # a signal must not come between a page's last record and its STATE
                with _nesting_bounded(page), TERMINATION:
                    self._write(segment, page, segments, progress)
                progress.wrote_since(busy_since)
                progress.page(page, segments.position, segments.seconds_left, segments.to_do)
                idle_since = self._clock.monotonic()

    def _sum_up_warnings(self) -> None:
        for stream in self._streams:
            stream.warn.sum_up()

    def _warn_of_comments(self) -> None:
        for stream in self._streams:
            if stream.wants_comments:
                # Meltano selects every stream where nobody has chosen
                stream.logger.warning(
                    "Comment bodies will be exported to %s. If that is not wanted, take it out of "
                    "`select` in meltano.yml, or of the catalog.",
                    stream.name,
                )

    def _warn_of_the_future(self, bookmarks: dict[ZendeskStream, Bookmark]) -> None:
        for stream, bookmark in bookmarks.items():
            if bookmark.is_set and bookmark.second > self._clock.now() + DAY:
                stream.logger.warning(
                    "The bookmark of %s, %s, lies in the future: nothing is read until then. If "
                    "that is wrong, correct the state (see State in the docs).",
                    stream.name,
                    iso(bookmark.second),
                )

    def _write(
        self,
        segment: Segment[ZendeskStream],
        page: Page,
        segments: Segments[ZendeskStream],
        progress: Progress,
    ) -> None:
        """Write what is new on the page, for each stream, and then a STATE if that changes it."""
        for stream in self._streams:
            fresh = segments.fresh(segment, page, stream)
            rows = [row for event in fresh for row in stream.rows(event)]
            stream.write(rows)
            progress.wrote(stream.name, len(rows))
        segments.pass_page(segment, page)
        changed = False
        for stream in self._streams:
            bookmark, ahead = segments.standing(stream)
            if bookmark.is_set and stream.keeps_bookmark:
                stream.store(bookmark, ahead)
                changed = True
        if changed:
            self._write_state()


@contextlib.contextmanager
def _nesting_bounded(page: Page) -> Iterator[None]:
    """Say which page it is, if an event of it nests too deep to be written."""
    try:
        yield
    except RecursionError:
        raise ZendeskEventsError(
            f"An event of the page that starts at {page.start} ({iso(page.start)}) nests "
            "too deep to be written: report it, without the event's content."
        ) from None


def _reasons(coverages: dict[ZendeskStream, Coverage]) -> str:
    """Say where the streams go on, those that the walk starts with first."""
    groups: dict[str, list[str]] = {}
    for stream, coverage in sorted(coverages.items(), key=lambda item: item[1].main.second):
        bookmark = coverage.main
        if bookmark.is_set:
            where = f"bookmark {iso(bookmark.second)}"
        elif stream.keeps_bookmark:
            where = "start_date, no bookmark yet"
        else:
            where = "start_date, as FULL_TABLE demands"
        groups.setdefault(where, []).append(stream.name)
    words = [f"{', '.join(names)} from {where}" for where, names in groups.items()]
    if len(groups) > 1:
        words.append("what a stream has already is read again, but not written again")
    if any(coverage.ahead for coverage in coverages.values()):
        words.append("what is written ahead of a bookmark is left out")
    return "; ".join(words)
