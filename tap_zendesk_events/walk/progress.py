"""What a run tells the person who watches it: where it starts, how far it is, what it did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tap_zendesk_events.times import duration, iso
from tap_zendesk_events.zendesk.quota import DEFAULT_ALLOWANCE

if TYPE_CHECKING:
    import logging

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.walk.window import Window
    from tap_zendesk_events.zendesk.meter import Meter
    from tap_zendesk_events.zendesk.page import Page

EVERY = 30.0  # seconds between two progress lines
MOST_ALLOWED = 30  # requests a minute, with Zendesk's High Volume add-on
_ALLOWANCE_ADVICE = {
    "cap": "your own cap sets the pace: requests_per_minute",
    "allowance": (
        "Zendesk's allowance sets the pace: its High Volume add-on would give 30 requests a minute"
    ),
    "most": "Zendesk's allowance sets the pace, and there is no larger one",
}
WORTH_ADVICE = 60.0  # seconds of a run from which it says what took the time


class Progress:
    """Counts what a run does and logs it in time.

    Args:
        clock: Tells the time.
        log: Gets the lines: INFO for a person, DEBUG for each page.
        meter: Has counted the requests and waits.
        more: A larger number of requests that can be on their way at a time, or None.
    """

    def __init__(
        self, clock: Clock, log: logging.Logger, meter: Meter, *, more: int | None = None
    ) -> None:
        self._clock = clock
        self._log = log
        self._meter = meter
        self._more = more
        self._before = meter.counts  # of an export that was read before
        self._pages = 0
        self._skipped = 0
        self._blocked = 0.0  # seconds in which there was no page to write
        self._writing = 0.0  # seconds in which the target took records
        self._written: dict[str, int] = {}
        self._began = clock.monotonic()
        self._next_line = self._began + EVERY
        self._position = 0
        self._to_do = 0  # seconds of the window that were not written when the run began,
        self._left = 0  # and that are not written yet

    @property
    def _requests(self) -> int:
        return self._meter.counts.requests - self._before.requests

    @property
    def _waited(self) -> float:
        return self._meter.counts.waited - self._before.waited

    def started(self, what: str, host: str, start: int, why: str) -> None:
        """Say where a walk starts, and why there."""
        self._log.info("Reading %s of %s from %s on: %s.", what, host, iso(start), why)

    def first_run(self, streams: str, start: int) -> None:
        """Show how `start_date` was understood, to whoever has never seen these streams' data.

        Meltano reads a date itself and passes another one on where it does not know the form.

        Args:
            streams: Those that have no bookmark.
            start: Epoch second of `start_date`.
        """
        day = datetime.fromtimestamp(start, UTC)
        self._log.info(
            "First run of %s: it begins at start_date, which is %s %d %s. Is that the day you "
            "meant?",
            streams,
            f"{day:%A}",
            day.day,
            f"{day:%B %Y, %H:%M:%S} UTC",
        )

    def window_known(self, window: Window) -> None:
        """Say which span of time the run covers, once the server's clock is known."""
        if window.end > window.start:
            self._log.info(
                "This run takes the events from %s up to, not including, %s%s.",
                iso(window.start),
                iso(window.end),
                "" if window.end_is_given else "; newer ones are left for the next run",
            )

    def page(self, page: Page, position: int, left: int, to_do: int) -> None:
        """Note that a page has been written.

        Args:
            page: The page.
            position: Epoch second up to which everything is written.
            left: Seconds of the window that are not written yet,
            to_do: and that were not when the run began. Parts may be written ahead of others.
        """
        self._pages += 1
        self._skipped += page.skipped
        self._position = position
        self._left, self._to_do = left, to_do
        self._log.debug(
            "Page %d: start %d, asked for %d, got %d, next start %s, last: %s.",
            self._pages,
            page.start,
            page.per_page,
            len(page.events),
            page.next_start,
            page.is_last,
        )
        if self._clock.monotonic() >= self._next_line:
            self._line()

    def wrote(self, stream: str, records: int) -> None:
        """Note that records of a stream have been written."""
        self._written[stream] = self._written.get(stream, 0) + records

    def waited_for_page(self, since: float) -> None:
        """Note that a page has come, for which nothing else could be done from `since` on."""
        self._blocked += self._clock.monotonic() - since

    def wrote_since(self, since: float) -> None:
        """Note that the target has taken a page's records from the moment `since` on."""
        self._writing += self._clock.monotonic() - since

    def finished(self) -> None:
        """Sum the run up. What a target does with the records is not known here: they were sent."""
        took = self._sum_up("Sent %s in %s; %s, %s of waiting for the allowance%s.", "nothing new")
        if took >= WORTH_ADVICE:
            self._advise(took)

    def stopped(self) -> None:
        """Sum up a run that ends before all is sent; why is said by whoever ends it."""
        self._sum_up(
            "Stopped early: sent %s in %s; %s, %s of waiting for the allowance%s.", "nothing"
        )

    def _sum_up(self, words: str, nothing: str) -> float:
        took = self._clock.monotonic() - self._began
        written = [(stream, count) for stream, count in self._written.items() if count]
        counts = ", ".join(f"{count:,} {stream}" for stream, count in written)
        self._log.info(
            words,
            counts or nothing,
            duration(took),
            _count_requests(self._requests),
            duration(self._waited),
            f"; {_counted(self._skipped, 'entry', 'entries')} skipped, see above"
            if self._skipped
            else "",
        )
        return took

    def _advise(self, took: float) -> None:
        """Say what a long run spent its time on, and what would make the next one faster."""
        allowance = min(self._waited, self._blocked) / took
        answers = self._blocked / took - allowance
        target = self._writing / took
        used = ""
        if allowed := self._meter.allowance:
            share = min(self._requests / (allowed * took / 60), 1.0)
            used = f"; {share:.0%} of the allowance of {allowed} requests a minute was used"
        if allowance >= max(answers, target):
            advice = _ALLOWANCE_ADVICE[self._limit()]
        elif answers >= target:
            advice = f"Zendesk's answers set the pace: {self._how_to_wait_less()}"
        else:
            advice = "the target sets the pace: look at its settings, such as larger batches"
        self._log.info(
            "Of the time %.0f%% went into waiting for the allowance, %.0f%% into waiting for "
            "answers, %.0f%% into the target%s. %s.",
            allowance * 100,
            answers * 100,
            target * 100,
            used,
            advice[0].upper() + advice[1:],
        )

    def _how_to_wait_less(self) -> str:
        """Say what would use more of the allowance while answers take their time."""
        if self._more is None:
            return "nothing on this side would be faster"
        return f"with parallel_requests: {self._more} more of them would be on their way at a time"

    def _limit(self) -> str:
        """Say whose limit the waits were for."""
        cap, allowance = self._meter.cap, self._meter.allowance or DEFAULT_ALLOWANCE
        if cap is not None and cap < allowance:
            return "cap"
        return "most" if allowance >= MOST_ALLOWED else "allowance"

    def _line(self) -> None:
        now = self._clock.monotonic()
        self._next_line = now + EVERY
        share = self._share()
        percent, left = "", ""
        if share is not None:
            percent = f" ({min(int(share * 100), 99)}% of the time span)"
            seconds = (now - self._began) * (1 - share) / share if share else 0
            if seconds >= 1:
                left = f", about {duration(seconds)} left"
        self._log.info(
            "At %s%s: %s, %s, %s of waiting for the allowance%s.",
            iso(self._position),
            percent,
            _counted(sum(self._written.values()), "record", "records"),
            _count_requests(self._requests),
            duration(self._waited),
            left,
        )

    def _share(self) -> float | None:
        return min(max(1 - self._left / self._to_do, 0.0), 1.0) if self._to_do > 0 else None


def _count_requests(number: int) -> str:
    return _counted(number, "request", "requests")


def _counted(number: int, one: str, more: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {more}"
