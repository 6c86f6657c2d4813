"""The one place where the tap asks for the time or waits, so that a test can do both for it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """The machine's own clocks. All values are seconds."""

    def monotonic(self) -> float:
        """Return seconds from a fixed but unknown moment; never jumps."""
        return time.monotonic()

    def now(self) -> float:
        """Return the local wall clock as epoch seconds; may be wrong or jump."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait until another thread notifies the condition, which is held.

        Args:
            condition: It is let go meanwhile.
            seconds: The longest wait, or None.
        """
        condition.wait(seconds)


class StoppableClock(Clock):
    """A clock on which nobody waits any more once it is stopped, whatever thread it is.

    Args:
        clock: Tells the time and waits.
        stopped: Makes what a wait raises then.
    """

    def __init__(self, clock: Clock, stopped: Callable[[], Exception]) -> None:
        self.is_stopped = False
        self._clock = clock
        self._stopped = stopped
        self._waiting = threading.Condition()

    @override
    def monotonic(self) -> float:
        return self._clock.monotonic()

    @override
    def now(self) -> float:
        return self._clock.now()

    @override
    def sleep(self, seconds: float) -> None:
        with self._waiting:
            if not self.is_stopped:
                self._clock.wait(self._waiting, seconds)
        self.check()

    @override
    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """See the base class. Whoever stops the clock has to notify the condition too."""
        self.check()
        self._clock.wait(condition, seconds)
        self.check()

    def check(self) -> None:
        """Raise what a wait would raise, if the clock is stopped."""
        if self.is_stopped:
            raise self._stopped()

    def stop(self) -> None:
        """End all waits, and let no other begin."""
        with self._waiting:
            self.is_stopped = True
            self._waiting.notify_all()
