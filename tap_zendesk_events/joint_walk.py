"""One walk for all the streams that come out of it, each with its own bookmark."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tap_zendesk_events.ahead import one_ahead
from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.termination import TERMINATION
from tap_zendesk_events.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Record

    from tap_zendesk_events.bookmark import Bookmark
    from tap_zendesk_events.client import Endpoint
    from tap_zendesk_events.connection import Connection
    from tap_zendesk_events.page import Page
    from tap_zendesk_events.streams import ZendeskStream
    from tap_zendesk_events.tap import TapZendeskEvents

DAY = 86_400  # seconds, for a local clock that is not quite right


class JointWalk:
    """Walks one export for several streams.

    Args:
        tap: Holds the state that is written after each page.
        connection: To the account.
        endpoint: The export.
        streams: The selected streams that come out of it.
    """

    def __init__(
        self,
        tap: TapZendeskEvents,
        connection: Connection,
        endpoint: Endpoint,
        streams: Sequence[ZendeskStream],
    ) -> None:
        self._tap = tap
        self._connection = connection
        self._endpoint = endpoint
        self._streams = streams

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
        bookmark = stream.load_bookmark(self._connection.settings.start)
        walk = self._connection.walk(self._endpoint, bookmark.second)
        for page in walk.pages():
            for event in bookmark.fresh(page, walk.window_end):
                yield from stream.rows(event)
            bookmark.pass_page(page, walk.window_end)

    def _run(self) -> None:
        start = self._connection.settings.start
        bookmarks = {stream: stream.load_bookmark(start) for stream in self._streams}
        first = min(bookmark.second for bookmark in bookmarks.values())
        progress = self._connection.progress
        why = _reasons(bookmarks)
        progress.started(self._endpoint.what, self._connection.settings.host, first, why)
        new = [s.name for s, mark in bookmarks.items() if s.keeps_bookmark and not mark.moved]
        if new:
            progress.first_run(", ".join(new), start)
        self._warn_of_the_future(bookmarks)
        try:
            self._walk(bookmarks, first)
        except BaseException:
            self._sum_up_warnings()
            progress.stopped()
            raise
        progress.finished()
        self._sum_up_warnings()

    def _walk(self, bookmarks: dict[ZendeskStream, Bookmark], first: int) -> None:
        """Walk from the epoch second `first` on, and write what is new in each stream."""
        progress = self._connection.progress
        walk = self._connection.walk(self._endpoint, first)
        pages = one_ahead(walk.pages()) if self._tap.reads_ahead else walk.pages()
        clock = self._tap.clock
        idle_since = clock.monotonic()
        for page in pages:
            progress.waited_for_page(idle_since)
            busy_since = clock.monotonic()
            end = walk.window_end
            try:
                # a signal must not come between a page's last record and its STATE
                with TERMINATION:
                    self._write(page, end, bookmarks)
            except RecursionError:
                raise ZendeskEventsError(
                    f"An event of the page that starts at {page.start} ({iso(page.start)}) nests "
                    "too deep to be written: report it, without the event's content."
                ) from None
            progress.wrote_since(busy_since)
            progress.page(page, end if page.next_start is None else min(page.next_start, end))
            idle_since = clock.monotonic()

    def _sum_up_warnings(self) -> None:
        for stream in self._streams:
            stream.warn.sum_up()

    def _warn_of_the_future(self, bookmarks: dict[ZendeskStream, Bookmark]) -> None:
        for stream, bookmark in bookmarks.items():
            if bookmark.moved and bookmark.second > self._tap.clock.now() + DAY:
                stream.logger.warning(
                    "The bookmark of %s, %s, lies in the future: nothing is read until then. If "
                    "that is wrong, correct the state (see State in the docs).",
                    stream.name,
                    iso(bookmark.second),
                )

    def _write(self, page: Page, end: int, bookmarks: dict[ZendeskStream, Bookmark]) -> None:
        """Write what is new on the page, for each stream, and then a STATE."""
        for stream, bookmark in bookmarks.items():
            rows = [row for event in bookmark.fresh(page, end) for row in stream.rows(event)]
            stream.write(rows)
            self._connection.progress.wrote(stream.name, len(rows))
        self._pass(page, end, bookmarks)

    def _pass(self, page: Page, end: int, bookmarks: dict[ZendeskStream, Bookmark]) -> None:
        """Move the bookmarks on and write a STATE, unless nothing has changed."""
        changed = False
        for stream, bookmark in bookmarks.items():
            bookmark.pass_page(page, end)
            if bookmark.moved and stream.keeps_bookmark:
                stream.store_bookmark(bookmark)
                changed = True
        if changed:
            self._tap.state_writer.write_state(self._tap.state)


def _reasons(bookmarks: dict[ZendeskStream, Bookmark]) -> str:
    """Say where the streams go on, those that the walk starts with first."""
    groups: dict[str, list[str]] = {}
    for stream, bookmark in sorted(bookmarks.items(), key=lambda item: item[1].second):
        if bookmark.moved:
            where = f"bookmark {iso(bookmark.second)}"
        elif stream.keeps_bookmark:
            where = "start_date, no bookmark yet"
        else:
            where = "start_date, as FULL_TABLE demands"
        groups.setdefault(where, []).append(stream.name)
    words = [f"{', '.join(names)} from {where}" for where, names in groups.items()]
    if len(groups) > 1:
        words.append("what a stream has already is read again, but not written again")
    if any(stream.name == "ticket_comments" for stream in bookmarks):
        words.append("comment bodies will be exported to ticket_comments")
    return "; ".join(words)
