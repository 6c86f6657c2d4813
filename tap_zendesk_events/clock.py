"""The one place where the tap asks for the time or waits, so that a test can do both for it."""

from __future__ import annotations

import time


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
