"""The allowance: a number of requests in a fixed window."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Anchor: TypeAlias = Literal["first_request", "aligned"]


class RateWindow:
    """Counts requests in windows; they begin at multiples of the period, or with a request."""

    def __init__(self, total: int, period: float, anchor: Anchor = "aligned") -> None:
        self.total = total
        self.period = period
        self.anchor = anchor
        self._begin = -math.inf
        self._used = 0

    def take(self, now: float) -> bool:
        """Use one request up, if one is left."""
        if not self._begin <= now < self._begin + self.period:
            aligned = self.anchor == "aligned"
            self._begin = math.floor(now / self.period) * self.period if aligned else now
            self._used = 0
        if self._used >= self.total:
            return False
        self._used += 1
        return True

    @property
    def remaining(self) -> int:
        """Requests left in the present window."""
        return self.total - self._used

    def resets(self, now: float) -> int:
        """Whole seconds until the present window ends, rounded up."""
        return max(math.ceil(self._begin + self.period - now), 0)
