"""How many events to ask for: fewer while full pages are too slow for Zendesk, then more again."""

from __future__ import annotations

import threading

FIRST_REST = 16  # good pages before a size that has proved too slow is tried again; then doubled


class PageSize:
    """Finds the largest page that is answered.

    A page that is too slow is halved. Good pages let it grow back, doubling at first: a hiccup
    costs little. If that fails too, the size is not a hiccup: it is searched for between the
    largest size that was answered and the smallest that was not, and left alone for a while.
    Several threads may ask for pages at a time.

    Args:
        most: The configured size, never exceeded.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.current = most
        self.largest_answered = 0
        self._good = 0  # largest size answered below the one that is too slow
        self._bad: int | None = None  # smallest size known to be too slow
        self._search = False
        self._rest = FIRST_REST
        self._pages = 0  # good pages since the size was left alone
        self._lock = threading.Lock()

    def too_slow(self, size: int) -> int | None:
        """Note that a page of `size` was too slow.

        Several pages of a size may be too slow at a time, and only the first of them says
        something new. If smaller pages have let the size grow meanwhile, this one says more than
        they do. Returns the size to ask for now, or None if it said nothing new.
        """
        with self._lock:
            if size > self.current:
                return None
            self._shrink(size)
            return self.current

    def answered(self, size: int) -> None:
        """Note that a page of `size` was answered."""
        with self._lock:
            self.largest_answered = max(self.largest_answered, size)
            if size == self.current:
                self._grow(size)

    def answered_once(self, size: int) -> None:
        """Note that a page of `size` was answered which says nothing about the pages to come."""
        with self._lock:
            self.largest_answered = max(self.largest_answered, size)

    def _shrink(self, failed: int) -> None:
        if self._good >= failed:
            self._good = 0  # it was answered once, but times have changed
        elif self._good:
            self._search = True
        self._bad = failed
        self._pages = 0
        self.current = max(1, failed // 2, self._good)

    def _grow(self, size: int) -> None:
        self._good = size
        if self._bad is None or size >= self._bad:
            self._bad = None
            self._search = False
            self.current = min(self.most, size * 2)
        elif not self._search:
            self.current = min(self.most, size * 2)
        elif self._bad - size > max(1, size // 16):
            self.current = (size + self._bad) // 2
        else:
            self._pages += 1
            if self._pages > self._rest:
                self._rest *= 2
                self._pages = 0
                self.current = min(self.most, self._bad)
