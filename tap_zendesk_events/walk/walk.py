"""The walk along Zendesk's time line: a page at a second, and what it says of the end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import (
    BrokenPageError,
    StartTooRecentError,
    TooSlowError,
    ZendeskEventsError,
)
from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.window import Window

if TYPE_CHECKING:
    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.walk.progress import Progress
    from tap_zendesk_events.zendesk.client import ExportClient
    from tap_zendesk_events.zendesk.page import Page

MAX_PER_PAGE = 1000  # events, says Zendesk
NEWEST = 120
"""Seconds before a run's now. An answer without `end_of_stream` that leads there and is not full is
the last one: where `end_time` follows the clock, it would lead on for ever."""


class Walk:
    """Walks one export endpoint.

    The first page goes alone, because it tells the window. Then several threads may ask for one.

    Args:
        client: Gets the pages.
        start: Epoch second to start at.
        end: Epoch second before which events are wanted, or None.
        settling_seconds: How old an event must be to be taken.
        clock: Tells the time if the server does not.
        progress: Hears of the window.
        unordered: Whether the server may sort events by another time than they tell. Then the walk
            goes on past the window's end by as much as an event may be recorded late.
        in_order: Whether pages are asked for one after the other, so that everything before the
            one at hand is exported.
    """

    def __init__(
        self,
        client: ExportClient,
        start: int,
        end: int | None,
        settling_seconds: int,
        clock: Clock,
        progress: Progress,
        *,
        unordered: bool = False,
        in_order: bool = True,
    ) -> None:
        self._window: Window | None = None
        self._now = 0
        self._client = client
        self._start = start
        self._end = end
        self._settling_seconds = settling_seconds
        self._clock = clock
        self._progress = progress
        self._beyond = settling_seconds if unordered else 0
        self._in_order = in_order

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to ask for, because it starts at its end or behind it."""
        return self._end is not None and self._start >= self._end

    def page(self, position: int) -> Page | None:
        """Return the page that starts there, or None if Zendesk has nothing there yet.

        It may reach beyond the window.

        Raises:
            ZendeskEventsError: A page cannot be had, or a second has too many events.
        """
        try:
            return self._page_that_moves(position)
        except StartTooRecentError:
            if self._is_past_window(position):
                # whoever loads history by windows does not come back to one that ended well
                nothing = "nothing" if self._window is None else "nothing from there on"
                raise ZendeskEventsError(
                    f"Zendesk calls {iso(position)} too recent to export, although end_date is "
                    f"in the past: {nothing} was exported, so run this window again."
                ) from None
            return None

    def close(self) -> None:
        """Ask for nothing any more, whatever threads still try to."""
        self._client.close()

    @property
    def window_end(self) -> int:
        """Return the first epoch second outside the window. Known from the first page on."""
        if self._window is None:
            raise AssertionError("no page has been asked for yet")
        return self._window.end

    @property
    def stop(self) -> int:
        """Return the first epoch second from which on nothing can be of the window."""
        return self.window_end + self._beyond

    def _is_over(self, position: int) -> bool:
        """Say whether nothing of the window can stand at or after `position`."""
        return position >= self.stop

    def _is_past_window(self, position: int) -> bool:
        """Say whether `position` lies in a window that ends in the past by `end_date`."""
        settled = self._settled(self._now or int(self._clock.now()))
        return self._end is not None and position < self._end <= settled

    def _page_that_moves(self, position: int) -> Page:
        """Return the page at `position`, larger than usual where a second is crowded."""
        page = self._ended(self._client.page(position, self._check))
        if not page.is_stuck or self._is_over(position):
            return page
        larger = (MAX_PER_PAGE, self._client.size.largest_answered)
        for size in larger if page.is_full else larger[:1]:
            if page.is_full and size <= page.per_page:
                continue
            try:
                page = self._ended(self._client.page_of(position, size, self._check))
            except TooSlowError:
                continue
            if not page.is_stuck:
                return page
        raise self._crowded(page)

    def _check(self, page: Page) -> None:
        """Look at a page that has just come, and at the clock if it is the first.

        Raises:
            BrokenPageError: It says that more events follow, is not full and yet does not lead on.
        """
        if self._window is None:
            self._window = self._window_at(page)
            self._progress.window_known(self._window)
        if page.is_stuck and page.tells_end and not (page.is_full or self._is_over(page.start)):
            raise BrokenPageError(
                f"{len(page.events)} events where {page.per_page} were asked for, which says that "
                "it is not the last one and leads back to its own start"
            )

    def _ended(self, page: Page) -> Page:
        """Return the page, marked as the last one if it is that and the answer does not tell."""
        if page.tells_end or page.is_full or page.next_start is None:
            return page
        if page.next_start < self._now - NEWEST:
            if not page.is_stuck:
                return page
            # All there is, or all that the server gives at a time: what is behind it tells.
            after = page.next_start + 1
            if after < self.stop and self._shows_something(after):
                return page
        return replace(page, is_last=True)

    def _shows_something(self, position: int) -> bool:
        try:
            return bool(self._client.page(position, self._check).events)
        except StartTooRecentError:
            return False

    def _crowded(self, page: Page) -> ZendeskEventsError:
        second = f"{page.start} ({iso(page.start)})"
        before = "; everything before it is exported" if self._in_order else ""
        if not page.is_full:
            return ZendeskEventsError(
                f"Zendesk gives {len(page.events)} events of the second {second} and no way to the "
                f"events behind it: ask Zendesk support how to export that second{before}."
            )
        # a bookmark that is set past parts which are not written yet would lose them
        first = "" if self._in_order else "first run with parallel_requests: 1 up to it, then "
        return ZendeskEventsError(
            f"more events happened in the second {second} than a page of {page.per_page} holds, "
            "and Zendesk shows no way past it: ask Zendesk support how to export that second, or, "
            f"to skip it, {first}set the bookmark's replication_key_value to {page.start + 1}"
            f"{before}."
        )

    def _window_at(self, page: Page) -> Window:
        """Return the window: by the server's clock, since a wrong local one must lose nothing.

        The page was read when its request came in, not when its last byte went out: an event that
        showed in between is on no page yet.
        """
        now = self._clock.now() if page.server_time is None else page.server_time
        self._now = math.floor(now - page.seconds)
        settled = self._settled(self._now)
        if self._end is not None and self._end <= settled:
            return Window(self._start, self._end, end_is_given=True)
        return Window(self._start, settled, end_is_given=False)

    def _settled(self, now: int) -> int:
        """Return the first epoch second whose events have not settled yet."""
        return max(0, now - self._settling_seconds)
