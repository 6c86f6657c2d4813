"""The allowance: when the next request may go out.

Zendesk allows incremental exports 10 requests a minute (30 with the High Volume add-on), counted in
windows, and tells the state of the present window in a header of each answer:
``zendesk-ratelimit-incremental-exports: total=10; remaining=9; resets=38``
(seen on live traffic by other connectors; `resets` in whole seconds).
"""

from __future__ import annotations

import math
import re
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from tap_zendesk_events.clock import StoppableClock
from tap_zendesk_events.exceptions import RunEndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_zendesk_events.clock import Clock

HEADER = "zendesk-ratelimit-incremental-exports"
DEFAULT_ALLOWANCE = 10
MINUTE = 60.0
LONGEST_WINDOW = 900  # seconds; a header that says more is not believed, the request is tried then
LONGEST_TRAVEL = 3.0  # seconds that a request takes to reach Zendesk, at most
PERIODS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)  # seconds of windows that fit into a minute
ROUNDING = 1e-5  # seconds of a wait that are nothing but the rounding of clock values
USED_UP = "Zendesk says that the allowance is used up"

_FIELD = re.compile(r"\b(total|remaining|resets)\s*=\s*(\d{1,9})\b")


class Allowance(NamedTuple):
    """What one header says.

    Args:
        total: Requests allowed in a window.
        remaining: Requests left in the present window, after the one that is answered.
        resets: Whole seconds until the window ends.
    """

    total: int
    remaining: int
    resets: int


def read_allowance(header: str | None) -> Allowance | None:
    """Return what the rate-limit header says, or None if it is absent or says something else."""
    fields = {name: int(digits) for name, digits in _FIELD.findall(header or "")}
    if fields.keys() != {"total", "remaining", "resets"} or not fields["total"]:
        return None
    return Allowance(fields["total"], fields["remaining"], min(fields["resets"], LONGEST_WINDOW))


def window_bounds(resets: int, sent: float, read: float) -> tuple[float, float]:
    """Return the earliest and the latest moment at which the window that was told of can end.

    Args:
        resets: What the header says.
        sent: Clock seconds at which the request went out,
        read: and by which the server had written the header.

    Whether Zendesk rounds `resets` up, down or to the nearest second is not documented, and only
    live traffic can settle it. Taken here as rounded up: the server, somewhere between `sent` and
    `read`, saw more than ``resets - 1`` and at most ``resets`` seconds left. Should live traffic
    show otherwise, this is the only place to change.
    """
    return sent + max(resets - 1, 0), read + resets


def _stopped() -> RunEndedError:
    return RunEndedError("The run has ended, so nothing more is asked for.")


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return min(one[1], other[1]) - max(one[0], other[0])


class Quota:
    """Hands out slots for requests: at once while some are left, else when the window has ended.

    Every request takes a slot, also a repeated one. As long as no header tells of the window, at
    most 10 requests (or what the last header allowed) go out in any 60 seconds. Several threads
    may ask for slots: what is on its way counts as used, since no answer tells of it yet.

    Args:
        clock: Tells the time and waits.
        cap: Most requests in any 60 seconds, if the user wants a cap of their own.
        on_wait: Called before each wait with its seconds and a reason.
        capped: When the last requests under the cap ended, shared with other exports: Zendesk's
            allowance is each export's own, the user's cap is one for all.
    """

    def __init__(
        self,
        clock: Clock,
        cap: int | None,
        on_wait: Callable[[float, str], None],
        capped: deque[float] | None = None,
    ) -> None:
        self.cap = cap
        self.allowance = cap or DEFAULT_ALLOWANCE
        self.ever_told = False  # whether any header has told of the allowance
        self.clock = StoppableClock(clock, _stopped)
        self._on_wait = on_wait
        self._turn = threading.Lock()  # one request waits for a slot, the others for their turn
        self._changed = threading.Condition()  # guards all below; an answer can end a wait
        self._answers = 0
        self._in_flight: list[float] = []  # when the requests were sent that have not ended
        self._alone: float | None = None  # when that one was sent beside which there was no other
        self._left: int | None = None  # least that a header told of the window; None: none told
        self._first_end = 0.0  # the window ends after this moment,
        self._last_end = 0.0  # and no later than at this one
        self._before = -math.inf, -math.inf  # the same of the window before
        self._untold: list[float] = []  # when requests ended that no header told of
        self._capped = deque[float](maxlen=cap) if cap and capped is None else capped
        self.held_until = -math.inf  # clock seconds; no request goes out before, after a 429
        self._refused = False  # whether Zendesk has ever answered 429
        self._longest = 0  # most seconds to a window's end that a header told
        self._aligned = True  # whether windows may end with the minutes of Zendesk's clock

    def take(self) -> float:
        """Wait until a request may go out, and count it. Returns the moment, in clock seconds.

        Raises:
            RunEndedError: It has been stopped, and there is a wait.
        """
        told_until = -math.inf
        with self._turn:
            while True:
                with self._changed:
                    now = self.clock.monotonic()
                    by_window, by_cap = self._waits(now)
                    wait = max(by_window, by_cap, self.held_until - now)
                    if wait <= ROUNDING:
                        self._go(now)
                        return now
                    answers = self._answers
                    why = self._reason(own_cap=by_cap >= by_window)
                news = now + wait - max(now, told_until)
                if ROUNDING < news < math.inf:
                    told_until = now + wait
                    self._on_wait(news, why)
                self._wait(wait, answers)

    def _wait(self, seconds: float, answers: int) -> None:
        """Wait; not to the end if requests are on their way and the answer of one comes."""
        with self._changed:
            if self._answers != answers:
                return
            if self._in_flight:
                self.clock.wait(self._changed, None if seconds == math.inf else seconds)
                return
        self.clock.sleep(seconds)

    def _go(self, now: float) -> None:
        if self._left is not None and (
            self._left - len(self._in_flight) <= 0 or now >= self._last_end
        ):
            self._left = None  # a new window, of which nothing is told yet
            self._before = self._first_end, self._last_end
            self._untold.clear()
        self._alone = None if self._in_flight else now
        self._in_flight.append(now)

    def hold(self, seconds: float) -> float:
        """Let no request out for so long: Zendesk has answered one of them 429.

        Returns by how many seconds that is longer than it was already.
        """
        with self._changed:
            now = self.clock.monotonic()
            longer = now + seconds - max(self.held_until, now)
            self.held_until = max(self.held_until, now + seconds)
        return longer

    def stop(self) -> None:
        """End all waits, also those of others on its clock: no request goes out any more."""
        self.clock.stop()
        with self._changed:
            self._changed.notify_all()

    def wait_while_held(self) -> None:
        """Wait as long as a 429 holds all requests. Nobody's patience ends by that."""
        while True:
            with self._changed:
                wait = self.held_until - self.clock.monotonic()
            if wait <= ROUNDING:
                return
            self.clock.sleep(wait)

    def answered(
        self, sent: float, header: str | None, *, date: int | None = None, refused: bool = False
    ) -> None:
        """Note that a request has ended.

        Args:
            sent: When it went out, as `take` returned it.
            header: What it was answered about the allowance.
            date: Epoch second of the answer's `Date` header.
            refused: Whether it was answered 429.
        """
        with self._changed:
            received = self.clock.monotonic()
            self._in_flight.remove(sent)
            self._refused = self._refused or refused
            if self._capped is not None:
                self._capped.append(received)
            told = read_allowance(header)
            if told is not None:
                self._hear(told, sent, received, date)
            elif self._left is None:
                self._untold = [*self._untold, received][-self.allowance :]
            else:
                self._left -= 1
            self._answers += 1
            self._changed.notify_all()

    def _hear(self, told: Allowance, sent: float, received: float, date: int | None) -> None:
        """Take in what a header says: the lowest number of a window is the one to go by.

        Answers may come in another order than that in which the server counted their requests,
        and some of them only when their window is over.
        """
        self.allowance = told.total
        self.ever_told = True
        read = self._read_by(told, sent, received, date)
        end = window_bounds(told.resets, sent, read)
        left = told.remaining
        if self._left is None:
            if end[0] < self._before[1]:
                return  # of the window before
        elif end[1] <= self._first_end or self._fits_better_before(end):
            return
        elif end[0] < self._last_end:
            # the same window again: each header narrows down its end
            end = max(end[0], self._first_end), min(end[1], self._last_end)
            if self._alone != sent:
                left = min(left, self._left)
        else:
            self._before = self._first_end, self._last_end
        self._first_end, self._last_end = end
        self._left = left
        self._untold.clear()

    def _fits_better_before(self, end: tuple[float, float]) -> bool:
        """Say whether a header is rather one of the window before than of the present one.

        Its window ends within these moments, and the windows may be short and the pages slow.
        """
        before, present = self._before, (self._first_end, self._last_end)
        return _overlap(end, before) > max(_overlap(end, present), 0.0)

    def _read_by(self, told: Allowance, sent: float, received: float, date: int | None) -> float:
        """Return the moment by which the server had written the header.

        It counts a request when it comes in, and the header is taken to be of that moment, however
        long the page takes then. Of Zendesk that is not known. After a 429 nothing of the kind is
        believed any more.
        """
        if self._refused:
            return received
        earlier = self._written_before(told, received - sent, date)
        if earlier == 0:
            return received
        return min(received - (earlier or 0), sent + LONGEST_TRAVEL)

    def _written_before(self, told: Allowance, took: float, date: int | None) -> int | None:
        """Return how many seconds before `Date` the header was written, or None if nothing tells.

        Zendesk's windows end with the minutes of its clock. If `resets` leads from `Date` to a full
        minute, then both are of one moment, which may be the end of the answer. If it leads some
        seconds beyond, the page took those. The same holds for shorter windows, if they fit into a
        minute; how long they are, no header tells.
        """
        if date is None:
            return None
        self._longest = max(self._longest, told.resets)
        end = date + told.resets
        beyond = min(end % period for period in PERIODS if period >= min(self._longest, MINUTE))
        if beyond <= 1:  # a part of a second is rounded away on either side
            return 0
        if beyond > took + 1:
            self._aligned = False  # windows that begin with a request, say
        # a window that happens to end like that is not enough
        return beyond if self._aligned and self._before[1] > -math.inf else None

    def seconds_until_free(self) -> float:
        """Return how long a request would have to wait now, if nothing else changes."""
        with self._changed:
            waits = self._waits(self.clock.monotonic())
        return max([0.0, *(wait for wait in waits if wait < math.inf)])

    def seconds_until_reset(self) -> float | None:
        """Return the longest that the present window can last, or None if no header told of it."""
        with self._changed:
            if self._left is None:
                return None
            return max(0.0, self._last_end - self.clock.monotonic())

    def _waits(self, now: float) -> tuple[float, float]:
        """Return the waits for the allowance's window and for the cap, in seconds.

        Infinite, if only the end of a request that is on its way can tell.
        """
        return self._window_wait(now), self._cap_wait(now)

    def _window_wait(self, now: float) -> float:
        if self._left is None:
            return self._wait_of(self._untold, self.allowance, now)
        return self._last_end - now if self._left - len(self._in_flight) <= 0 else 0.0

    def _cap_wait(self, now: float) -> float:
        if self._capped is None or self._capped.maxlen is None:
            return 0.0
        return self._wait_of(self._capped, self._capped.maxlen, now)

    def _wait_of(self, ended: Sequence[float], most: int, now: float) -> float:
        """Return for how long `most` requests, with those on their way, are of the last minute."""
        too_many = len(self._in_flight) + len(ended) - most
        if too_many < 0:
            return 0.0
        return ended[too_many] + MINUTE - now if too_many < len(ended) else math.inf

    def _reason(self, *, own_cap: bool) -> str:
        if own_cap and self._capped is not None:
            return f"the cap of {self._capped.maxlen} requests a minute (requests_per_minute)"
        return f"Zendesk's allowance of {self.allowance} requests a minute is used up"
