"""Writes what one export holds to all the streams that come out of it, page by page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.termination import TERMINATION
from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.prefetch import prefetch
from tap_zendesk_events.walk.progress import Progress
from tap_zendesk_events.walk.walk import Walk

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.helpers.types import Record

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.streams import ZendeskStream
    from tap_zendesk_events.walk.bookmark import Bookmark
    from tap_zendesk_events.zendesk.account import Account
    from tap_zendesk_events.zendesk.page import Page

DAY = 86_400  # seconds, for a local clock that is not quite right


class ExportSync:
    """Walks one export for several streams, each with its own bookmark.

    Args:
        account: Whose export.
        streams: The selected streams that come out of it, one at least.
        write_state: Writes a STATE with all bookmarks.
        clock: Tells the time.
        log: Gets the lines about the run.
        ahead: Whether the next page is fetched while the present one is written.
    """

    def __init__(
        self,
        account: Account,
        streams: Sequence[ZendeskStream],
        write_state: Callable[[], None],
        clock: Clock,
        log: logging.Logger,
        *,
        ahead: bool,
    ) -> None:
        self._account = account
        self._export = streams[0].export
        self._streams = streams
        self._write_state = write_state
        self._clock = clock
        self._log = log
        self._ahead = ahead

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
        bookmark = stream.load_bookmark(self._account.settings.start)
        walk = self._walk(bookmark.second, self._progress())
        for page in walk.pages():
            for event in bookmark.fresh(page, walk.window_end):
                yield from stream.rows(event)
            bookmark.pass_page(page, walk.window_end)

    def _run(self) -> None:
        settings = self._account.settings
        bookmarks = {stream: stream.load_bookmark(settings.start) for stream in self._streams}
        first = min(bookmark.second for bookmark in bookmarks.values())
        progress = self._progress()
        progress.started(self._export.what, settings.host, first, _reasons(bookmarks))
        new = [s.name for s, mark in bookmarks.items() if s.keeps_bookmark and not mark.is_set]
        if new:
            progress.first_run(", ".join(new), settings.start)
        self._warn_of_the_future(bookmarks)
        self._warn_of_comments()
        try:
            self._write_pages(self._walk(first, progress), bookmarks, progress)
        except BaseException:
            self._sum_up_warnings()
            progress.stopped()
            raise
        progress.finished()
        self._sum_up_warnings()

    def _progress(self) -> Progress:
        return Progress(self._clock, self._log, self._account.meter)

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
        )

    def _write_pages(
        self, walk: Walk, bookmarks: dict[ZendeskStream, Bookmark], progress: Progress
    ) -> None:
        """Write what is new in each stream, page by page."""
        pages = prefetch(walk.pages()) if self._ahead else walk.pages()
        idle_since = self._clock.monotonic()
        for page in pages:
            progress.waited_for_page(idle_since)
            busy_since = self._clock.monotonic()
            end = walk.window_end
            try:
                # a signal must not come between a page's last record and its STATE
                with TERMINATION:
                    self._write(page, end, bookmarks, progress)
            except RecursionError:
                raise ZendeskEventsError(
                    f"An event of the page that starts at {page.start} ({iso(page.start)}) nests "
                    "too deep to be written: report it, without the event's content."
                ) from None
            progress.wrote_since(busy_since)
            progress.page(page, end if page.next_start is None else min(page.next_start, end))
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
        self, page: Page, end: int, bookmarks: dict[ZendeskStream, Bookmark], progress: Progress
    ) -> None:
        """Write what is new on the page, for each stream, and then a STATE if that changes it."""
        for stream, bookmark in bookmarks.items():
            rows = [row for event in bookmark.fresh(page, end) for row in stream.rows(event)]
            stream.write(rows)
            progress.wrote(stream.name, len(rows))
        changed = False
        for stream, bookmark in bookmarks.items():
            bookmark.pass_page(page, end)
            if bookmark.is_set and stream.keeps_bookmark:
                stream.store_bookmark(bookmark)
                changed = True
        if changed:
            self._write_state()


def _reasons(bookmarks: dict[ZendeskStream, Bookmark]) -> str:
    """Say where the streams go on, those that the walk starts with first."""
    groups: dict[str, list[str]] = {}
    for stream, bookmark in sorted(bookmarks.items(), key=lambda item: item[1].second):
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
    return "; ".join(words)
