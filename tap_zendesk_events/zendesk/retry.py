"""Patience: a request is tried again until it works or patience ends.

Waits grow, and a `Retry-After` can make them longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

import backoff

from tap_zendesk_events.exceptions import (
    NotConnectedError,
    NotFromZendeskError,
    RetriableError,
    ThrottledError,
    TooLargeError,
    ZendeskEventsError,
)
from tap_zendesk_events.times import duration
from tap_zendesk_events.zendesk.quota import USED_UP

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.settings import Settings
    from tap_zendesk_events.zendesk.meter import Meter
    from tap_zendesk_events.zendesk.quota import Quota

T = TypeVar("T")
Sleep: TypeAlias = "Callable[[float], None]"
"""Waits so many seconds; raises RunEndedError if what it waits for is no longer wanted."""


LONGEST_PAUSE = 60.0
LEAST_THROTTLED = 1.0
"""Seconds that count as told after a 429. Told less, or nothing, the tap waits longer each time."""

FIRST_CONTACT = 30.0
"""Seconds of patience with an address that nobody answers at, before it ever answered, or at which
somebody else than Zendesk does: then it is more often a wrong setting than a fault that passes."""


class Patience:
    """What is left of the patience for one request.

    Args:
        seconds: How long to go on after the first try was sent. Waits that a 429 asks for, and
            those for a free slot of the allowance in front of the first try, do not count.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self._seconds = seconds
        self._retrying = False  # whether the wait in front of the latest try was a retry's
        self._pauses = _growing()
        self._throttled = _growing()

    def failed(self, error: RetriableError, wanted: float, sent: float, now: float) -> None:
        """Use up what a try has cost.

        Args:
            error: What came of it.
            wanted: When the request was to go out, in clock seconds,
            sent: when the allowance let it go,
            now: and when it had failed.
        """
        throttled = isinstance(error, ThrottledError)
        if self._retrying:
            self.left -= sent - wanted
        if not throttled:
            self.left -= now - sent
        self._retrying = not throttled

    def shorten(self, seconds: float) -> None:
        """Let patience be `seconds` at most, from its beginning on."""
        if self._seconds > seconds:
            self.left -= self._seconds - seconds
            self._seconds = seconds

    def pause(
        self, error: RetriableError, until_reset: float | None, until_free: float
    ) -> float | None:
        """Return the seconds to wait before the next try, or None if patience has ended.

        Args:
            error: What came of the try.
            until_reset: Seconds until the present rate-limit window ends, if known.
            until_free: Seconds for which the allowance lets no request out.
        """
        told = error.wait or 0.0
        if isinstance(error, ThrottledError):
            if told < LEAST_THROTTLED:
                told = max(told, until_reset or 0.0)
            # never in a tight loop
            return told if told >= LEAST_THROTTLED else max(told, next(self._throttled))
        if self.left <= 0 or until_free > self.left:
            return None
        wait = min(max(next(self._pauses), told), self.left)
        self.left -= wait
        return wait


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
        meter: Counts the waits, and names the longer ones.
        settings: The patience, and the address that messages name.
        rest: Called before each wait with its seconds.
        once: Whether the first failure is the last.
    """

    def __init__(
        self,
        clock: Clock,
        log: logging.Logger,
        meter: Meter,
        settings: Settings,
        *,
        rest: Callable[[float], None] = lambda _: None,
        once: bool = False,
    ) -> None:
        self.clock = clock
        self.seconds = settings.max_retry_seconds
        self.once = once
        self._reached = False  # whether anybody has ever answered in this run,
        self._answered = False  # and whether Zendesk has
        self._log = log
        self._meter = meter
        self._rest = rest
        self._host = settings.host
        self._address_setting = settings.address_setting

    def reached(self) -> None:
        """Note that somebody has answered at the address, whatever the answer was."""
        self._reached = True

    def answered(self) -> None:
        """Note that there was a good answer: it can only be Zendesk's."""
        self._reached = self._answered = True

    def patience(self) -> Patience:
        """Return fresh patience for one request."""
        return Patience(self.seconds)

    def patiently(self, ask: Callable[[], T], what: str, sleep: Sleep) -> T:
        """Return what `ask` returns, trying again while it raises RetriableError."""
        patience = self.patience()
        while True:
            began = self.clock.monotonic()
            try:
                return ask()
            except RetriableError as error:
                self.wait(patience, error, began, began, what, sleep=sleep)

    def wait(
        self,
        patience: Patience,
        error: RetriableError,
        wanted: float,
        sent: float,
        what: str,
        *,
        sleep: Sleep,
        quota: Quota | None = None,
    ) -> None:
        """Wait after a failed try.

        Args:
            patience: What is left; is used up by the try and the wait.
            error: What came of the try.
            wanted: When the try was to begin, in clock seconds.
            sent: When it began.
            what: What was asked for, in the words of a message.
            sleep: Waits.
            quota: The allowance that the try was under; after a 429 no other request may go out
                either.

        Raises:
            ZendeskEventsError: Patience has ended, or the failure is one that stays.
        """
        if isinstance(error, TooLargeError):
            raise self._too_large(error, what)
        if self.once:
            raise self._failed(error)
        patience.failed(error, wanted, sent, self.clock.monotonic())
        if self._is_first_contact(error):
            patience.shorten(FIRST_CONTACT)
        until_reset = quota.seconds_until_reset() if quota else None
        until_free = quota.seconds_until_free() if quota else 0.0
        seconds = patience.pause(error, until_reset, until_free)
        if seconds is None:
            raise self.given_up(error, what)
        self._log.warning(
            "%s: %s; trying again in %s.", what[:1].upper() + what[1:], error, duration(seconds)
        )
        if isinstance(error, ThrottledError):
            longer = quota.hold(seconds) if quota else seconds
            if longer > 0:
                self._meter.waiting(longer, USED_UP)
        self._rest(seconds)
        sleep(seconds)

    def given_up(self, error: RetriableError, what: str) -> ZendeskEventsError:
        """Return the sentence for the end of patience."""
        if isinstance(error, NotFromZendeskError):
            return self._not_from_zendesk(error)
        if self._is_first_contact(error):
            return self._unreachable(error)
        return ZendeskEventsError(
            f"{self._host} gave no good answer to {what} within {duration(self.seconds)} "
            f"({error.reason}): run the tap again later, it goes on where it stopped; "
            "max_retry_seconds sets the patience."
        )

    def _is_first_contact(self, error: RetriableError) -> bool:
        if isinstance(error, NotConnectedError):
            return not self._reached
        return isinstance(error, NotFromZendeskError) and not self._answered

    def _failed(self, error: RetriableError) -> ZendeskEventsError:
        """Return the sentence for a try that nothing follows."""
        if isinstance(error, NotFromZendeskError):
            return self._not_from_zendesk(error)
        if isinstance(error, NotConnectedError):
            return self._unreachable(error)
        return ZendeskEventsError(
            f"{self._host} gave no good answer ({error.reason}): try again in a minute, and ask "
            "Zendesk support if it stays like this."
        )

    def _unreachable(self, error: RetriableError) -> ZendeskEventsError:
        return ZendeskEventsError(
            f"{self._host} cannot be reached ({error.reason}): check {self._address_setting}, and "
            "the network of this machine."
        )

    def _not_from_zendesk(self, error: RetriableError) -> ZendeskEventsError:
        return ZendeskEventsError(
            f"something in front of {self._host} answers in its place ({error.reason}), a proxy or "
            "a firewall: have requests to that host let through, and run the tap again, it goes on "
            "where it stopped; if nothing stands in between, check that the credentials are an "
            "admin's."
        )

    def _too_large(self, error: RetriableError, what: str) -> ZendeskEventsError:
        return ZendeskEventsError(
            f"{self._host} answered {what} with more than the tap takes ({error.reason}): look at "
            "what stands between this machine and Zendesk, and ask Zendesk support if it is "
            "nothing."
        )
