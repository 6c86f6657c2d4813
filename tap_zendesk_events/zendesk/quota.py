"""The allowance: when the next request may go out.

Zendesk allows incremental exports 10 requests a minute (30 with the High Volume add-on), counted in
windows, and tells the state of the present window in a header of each answer:
``zendesk-ratelimit-incremental-exports: total=10; remaining=9; resets=38``
(seen on live traffic by other connectors; `resets` in whole seconds).
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zendesk_events.clock import Clock

HEADER = "zendesk-ratelimit-incremental-exports"
DEFAULT_ALLOWANCE = 10
MINUTE = 60.0
LONGEST_WINDOW = 900  # seconds; a header that says more is not believed, the request is tried then

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


def window_bounds(resets: int, sent: float, received: float) -> tuple[float, float]:
    """Return the earliest and the latest moment at which the window that was told of can end.

    `sent` and `received` are clock seconds around the answer. Whether Zendesk rounds `resets` up,
    down or to the nearest second is not documented, and only live traffic can settle it. Taken
    here as rounded up: the server, somewhere between `sent` and `received`, saw more than
    ``resets - 1`` and at most ``resets`` seconds left. Should live traffic show otherwise, this is
    the only place to change.
    """
    return sent + max(resets - 1, 0), received + resets


class Quota:
    """Hands out slots for requests: at once while some are left, else when the window has ended.

    Every request takes a slot, also a repeated one. As long as no header tells of the window, at
    most 10 requests (or what the last header allowed) go out in any 60 seconds.

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
        self._clock = clock
        self._on_wait = on_wait
        self._left: int | None = None  # slots left in the window, None while no header told of it
        self._first_end = 0.0  # the window ends after this moment,
        self._last_end = 0.0  # and no later than at this one
        self._untold: list[float] = []  # when requests ended that no header told of
        self._capped = deque[float](maxlen=cap) if cap and capped is None else capped

    def take(self) -> float:
        """Wait until a request may go out, and count it. Returns the moment, in clock seconds."""
        now = self._clock.monotonic()
        by_window, by_cap = self._waits(now)
        wait = max(by_window, by_cap)
        if wait > 0:
            self._on_wait(wait, self._reason(own_cap=by_cap >= by_window))
            self._clock.sleep(wait)
            now = self._clock.monotonic()
        if self._left is not None:
            if self._left <= 0 or now >= self._last_end:
                self._left = None  # a new window, of which nothing is told yet
                self._untold.clear()
            else:
                self._left -= 1
        return now

    def answered(self, sent: float, header: str | None) -> None:
        """Note that the request that went out at `sent` has ended, and with which header."""
        received = self._clock.monotonic()
        if self._capped is not None:
            self._capped.append(received)
        told = read_allowance(header)
        if told is None:
            if self._left is None:
                self._untold = [*self._untold, received][-self.allowance :]
            return
        first_end, last_end = window_bounds(told.resets, sent, received)
        if self._left is not None and first_end < self._last_end and last_end > self._first_end:
            # the same window again: each header narrows down its end
            first_end = max(first_end, self._first_end)
            last_end = min(last_end, self._last_end)
        self._first_end, self._last_end = first_end, last_end
        self._left = told.remaining
        self.allowance = told.total
        self.ever_told = True
        self._untold.clear()

    def seconds_until_free(self) -> float:
        """Return how long a request would have to wait now."""
        return max(0.0, *self._waits(self._clock.monotonic()))

    def seconds_until_reset(self) -> float | None:
        """Return the longest that the present window can last, or None if no header told of it."""
        if self._left is None:
            return None
        return max(0.0, self._last_end - self._clock.monotonic())

    def _waits(self, now: float) -> tuple[float, float]:
        """Return the waits for the allowance's window and for the cap, in seconds."""
        return self._window_wait(now), self._cap_wait(now)

    def _window_wait(self, now: float) -> float:
        if self._left is None:
            full = len(self._untold) >= self.allowance
            return self._untold[-self.allowance] + MINUTE - now if full else 0.0
        return self._last_end - now if self._left <= 0 else 0.0

    def _cap_wait(self, now: float) -> float:
        if self._capped is None or len(self._capped) != self._capped.maxlen:
            return 0.0
        return self._capped[0] + MINUTE - now

    def _reason(self, *, own_cap: bool) -> str:
        if own_cap and self._capped is not None:
            return f"the cap of {self._capped.maxlen} requests a minute (requests_per_minute)"
        return f"Zendesk's allowance of {self.allowance} requests a minute is used up"
