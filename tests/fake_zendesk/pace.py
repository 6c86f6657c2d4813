"""How long a page takes to be made."""

from __future__ import annotations

import random


class Pace:
    """Seconds for a page: so many for each, so many for each event on it, and some of it by chance.

    Args:
        page: seconds that each page takes.
        event: seconds that each event on it takes besides.
        spread: by how much of it a page is faster or slower at random, from 0 to 1.
        seed: decides that.
    """

    def __init__(
        self, page: float = 0.0, event: float = 0.0, spread: float = 0.0, seed: int = 0
    ) -> None:
        self._page = page
        self._event = event
        self._spread = spread
        self._rng = random.Random(f"pace {seed}")

    def __call__(self, events: int) -> float:
        """The seconds for a page of so many events."""
        chance = self._rng.uniform(1 - self._spread, 1 + self._spread)
        return (self._page + self._event * events) * chance
