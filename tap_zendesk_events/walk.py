"""The walk along Zendesk's time line: page after page, from a second on, until nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_zendesk_events.client import StartTooRecentError, TooSlowError
from tap_zendesk_events.errors import ZendeskEventsError
from tap_zendesk_events.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zendesk_events.client import ExportClient
    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.page import Page
    from tap_zendesk_events.progress import Progress

MOST = 1000  # events in a page, says Zendesk


class Window(NamedTuple):
    """The half-open span of whole seconds that a run covers.

    Args:
        start: First epoch second inside.
        end: First epoch second outside.
        end_is_given: Whether `end` is the `end_date` setting, not the edge of what has settled.
    """

    start: int
    end: int
    end_is_given: bool


class Walk:
    """Walks one export endpoint.

    Args:
        client: Gets the pages.
        start: Epoch second to start at.
        end: Epoch second before which events are wanted, or None.
        settling_seconds: How old an event must be to be taken.
        clock: Tells the time if the server does not.
        progress: Hears of the window.
        disorder: Whether pages may hold events in any order. Then the walk goes on to the last
            page, because events of the window may stand behind others that are past it.
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
        disorder: bool = False,
    ) -> None:
        self._window: Window | None = None
        self._client = client
        self._start = start
        self._end = end
        self._settling_seconds = settling_seconds
        self._clock = clock
        self._progress = progress
        self._disorder = disorder

    def pages(self) -> Iterator[Page]:
        """Yield the pages in their order; the last one may reach beyond the window.

        Raises:
            ZendeskEventsError: A page cannot be had, or a second has too many events.
        """
        position = self._start
        if self._end is not None and position >= self._end:
            return
        while True:
            try:
                page = self._page_that_moves(position)
            except StartTooRecentError:
                if self._end is not None and self._end <= self._settled(int(self._clock.now())):
                    # whoever loads history by windows does not come back to one that ended well
                    raise ZendeskEventsError(
                        f"Zendesk calls {iso(position)} too recent to export, although end_date is "
                        "in the past: nothing was exported, so run this window again."
                    ) from None
                return
            yield page
            if page.is_last or page.next_start is None:
                return
            position = page.next_start
            if position >= self.window_end and not self._disorder:
                return

    @property
    def window_end(self) -> int:
        """Return the first epoch second outside the window. Known from the first page on."""
        if self._window is None:
            raise AssertionError("no page has been asked for yet")
        return self._window.end

    def _page_that_moves(self, position: int) -> Page:
        """Return the page at `position`, larger than usual where a second is crowded."""
        page = self._client.page(position)
        if self._window is None:
            self._window = self._window_at(page.server_time)
            self._progress.window_known(self._window)
        over = position >= self._window.end and not self._disorder
        if not page.is_stuck or over:
            return page
        for size in (MOST, self._client.size.largest_answered):
            if size <= page.asked:
                continue
            try:
                larger = self._client.page_of(position, size)
            except TooSlowError:
                continue
            if not larger.is_stuck:
                return larger
            page = larger
        raise ZendeskEventsError(
            f"more events happened in the second {position} ({iso(position)}) than a page of "
            f"{page.asked} holds, and Zendesk shows no way past it: ask Zendesk support how to "
            "export that second, or skip it by setting the bookmark's replication_key_value to "
            f"{position + 1}; everything before it is exported."
        )

    def _window_at(self, server_time: int | None) -> Window:
        """Return the window: by the server's clock, since a wrong local one must lose nothing."""
        now = int(self._clock.now()) if server_time is None else server_time
        settled = self._settled(now)
        if self._end is not None and self._end <= settled:
            return Window(self._start, self._end, end_is_given=True)
        return Window(self._start, settled, end_is_given=False)

    def _settled(self, now: int) -> int:
        """Return the first epoch second whose events have not settled yet."""
        return max(0, now - self._settling_seconds)
