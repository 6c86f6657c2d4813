"""Fetches pages: several at a time in threads of their own, or one by one when they are taken."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zendesk_events.zendesk.page import Page

K = TypeVar("K")


class Fetcher(Protocol[K]):
    """Gets the pages that it is asked for, in any order."""

    def ask(self, key: K, position: int) -> None:
        """Ask for the page that starts at the epoch second `position`.

        Args:
            key: Comes back with the page.
            position: Where it starts.
        """

    def take(self) -> tuple[K, Page | None]:
        """Return a page that was asked for, with its key; wait for it if there is none yet.

        Raises:
            Exception: Whatever has prevented one of the pages.
        """

    def close(self) -> None:
        """Ask for nothing more, and wait for nobody."""


class OneByOne(Generic[K]):
    """Gets each page when it is taken, first asked, first taken.

    Args:
        fetch: Returns the page that starts at an epoch second, or None if there is none yet.
    """

    def __init__(self, fetch: Callable[[int], Page | None]) -> None:
        self._fetch = fetch
        self._asked: deque[tuple[K, int]] = deque()

    def ask(self, key: K, position: int) -> None:
        """See `Fetcher`."""
        self._asked.append((key, position))

    def take(self) -> tuple[K, Page | None]:
        """See `Fetcher`."""
        key, position = self._asked.popleft()
        return key, self._fetch(position)

    def close(self) -> None:
        """See `Fetcher`."""
        self._asked.clear()


class InThreads(Generic[K]):
    """Gets pages in threads, as many as are asked for at a time, and gives them as they come.

    Whoever asks for a page only after taking another one never has more of them in memory than
    are on their way at a time. No thread keeps the process alive.

    Args:
        fetch: Returns the page that starts at an epoch second, or None if there is none yet.
    """

    def __init__(self, fetch: Callable[[int], Page | None]) -> None:
        self._fetch = fetch
        self._asked: SimpleQueue[tuple[K, int] | None] = SimpleQueue()
        self._made: SimpleQueue[tuple[K, Page | None, BaseException | None]] = SimpleQueue()
        self._on_their_way = 0
        self._threads = 0

    def ask(self, key: K, position: int) -> None:
        """See `Fetcher`."""
        self._on_their_way += 1
        if self._on_their_way > self._threads:
            self._threads += 1
            threading.Thread(target=self._work, name="next-page", daemon=True).start()
        self._asked.put((key, position))

    def take(self) -> tuple[K, Page | None]:
        """See `Fetcher`."""
        key, page, error = self._made.get()
        self._on_their_way -= 1
        if error is not None:
            raise error
        return key, page

    def close(self) -> None:
        """See `Fetcher`."""
        for _ in range(self._threads):
            self._asked.put(None)

    def _work(self) -> None:
        while True:
            asked = self._asked.get()
            if asked is None:
                return
            key, position = asked
            try:
                self._made.put((key, self._fetch(position), None))
            except BaseException as error:  # noqa: BLE001 - raised again by the one who takes it
                self._made.put((key, None, error))
