"""Patience: a request is tried again, with growing waits, until it works or patience ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import backoff

from tap_zendesk_events.errors import ZendeskEventsError
from tap_zendesk_events.http import AnotherTryError
from tap_zendesk_events.times import duration

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.progress import Progress
    from tap_zendesk_events.settings import Settings

T = TypeVar("T")

LONGEST_PAUSE = 60.0
FIRST_CONTACT = 30.0
"""Seconds of patience with an address that nobody answers at, before it ever answered: then it is
more often a wrong setting than a fault that passes."""


class Patience:
    """What is left of the patience for one request.

    Args:
        seconds: How long to go on after the first failure. Waits for the rate limit do not count.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self._pauses = _growing()
        self._throttled = _growing()

    def pause(self, error: AnotherTryError, until_reset: float | None) -> float | None:
        """Return the seconds to wait before the next try, or None if patience has ended.

        Args:
            error: What came of the try.
            until_reset: Seconds until the present rate-limit window ends, if known.
        """
        if error.throttled:
            # told "0 seconds", or nothing: never in a tight loop
            return error.wait or until_reset or next(self._throttled)
        if self.left <= 0:
            return None
        wait = next(self._pauses) if error.wait is None else error.wait
        return min(wait, self.left)


def _growing() -> Generator[float, None, None]:
    """Yield waits that double from about 1 second to about 60, half of each by chance."""
    steps = backoff.expo(max_value=LONGEST_PAUSE)
    next(steps)
    for step in steps:
        yield step / 2 + backoff.full_jitter(step / 2)


class Retry:
    """Tries a request until it works, or until it is clear that it will not.

    Args:
        clock: Tells the time and waits.
        log: Gets a WARNING line for each failed try.
        progress: Counts the waits, and names the longer ones.
        settings: The patience, and the address that messages name.
    """

    def __init__(
        self, clock: Clock, log: logging.Logger, progress: Progress, settings: Settings
    ) -> None:
        self.clock = clock
        self.seconds = settings.max_retry_seconds
        self.once = False  # whether the first failure is the last
        self.answered = False  # whether the host has ever answered in this run
        self._log = log
        self._progress = progress
        self._host = settings.host
        self._address_setting = settings.address_setting

    def patience(self) -> Patience:
        """Return fresh patience for one request."""
        return Patience(self.seconds)

    def patiently(self, ask: Callable[[], T], what: str) -> T:
        """Return what `ask` returns, trying again while it raises AnotherTryError."""
        patience = self.patience()
        while True:
            began = self.clock.monotonic()
            try:
                return ask()
            except AnotherTryError as error:
                self.wait(patience, error, began, what)

    def wait(
        self,
        patience: Patience,
        error: AnotherTryError,
        began: float,
        what: str,
        until_reset: float | None = None,
    ) -> None:
        """Wait after a failed try.

        Args:
            patience: What is left; is used up by the try and the wait.
            error: What came of the try.
            began: When the try began, in clock seconds.
            what: What was asked for, in the words of a message.
            until_reset: Seconds until the present rate-limit window ends, if known.

        Raises:
            ZendeskEventsError: Patience has ended.
        """
        if self.once:
            raise self.failed(error)
        if not error.throttled:
            patience.left -= self.clock.monotonic() - began
        if error.unreachable and not self.answered:
            patience.left = min(patience.left, FIRST_CONTACT)
        seconds = patience.pause(error, until_reset)
        if seconds is None:
            raise self._given_up(error, what)
        self._log.warning(
            "%s: %s; trying again in %s.", what[:1].upper() + what[1:], error, duration(seconds)
        )
        if error.throttled:
            self._progress.waiting(seconds, "Zendesk says that the allowance is used up")
        else:
            patience.left -= seconds
        self.clock.sleep(seconds)

    def failed(self, error: AnotherTryError) -> ZendeskEventsError:
        """Return the sentence for a try that nothing follows."""
        if error.unreachable:
            return self._unreachable(error)
        return ZendeskEventsError(
            f"{self._host} gave no good answer ({error.reason}): try again in a minute, and ask "
            "Zendesk support if it stays like this."
        )

    def _given_up(self, error: AnotherTryError, what: str) -> ZendeskEventsError:
        if error.unreachable and not self.answered:
            return self._unreachable(error)
        return ZendeskEventsError(
            f"{self._host} gave no good answer to {what} within {duration(self.seconds)} "
            f"({error.reason}): run the tap again later, it goes on where it stopped; "
            "max_retry_seconds sets the patience."
        )

    def _unreachable(self, error: AnotherTryError) -> ZendeskEventsError:
        return ZendeskEventsError(
            f"{self._host} cannot be reached ({error.reason}): check {self._address_setting}, and "
            "the network of this machine."
        )
