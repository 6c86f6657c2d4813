"""Fetches the next page while the present one is written."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

MORE, STOP = 1, 0


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """Yield what `items` yields, with the next one in the making in another thread.

    Never more than one is ahead, so that memory holds two pages at most. What `items` raises is
    raised here, after everything before it was yielded. Whoever stops early waits for nobody: the
    thread does not keep the process alive.
    """
    wanted: SimpleQueue[int] = SimpleQueue()
    made: SimpleQueue[tuple[list[T], BaseException | None]] = SimpleQueue()

    def make() -> None:
        while wanted.get():
            try:
                made.put(([next(items)], None))
            except StopIteration:
                made.put(([], None))
            except BaseException as error:  # noqa: BLE001 - raised again by the one who asked
                made.put(([], error))

    threading.Thread(target=make, name="next-page", daemon=True).start()
    try:
        wanted.put(MORE)
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if not item:
                return
            wanted.put(MORE)
            yield item[0]
    finally:
        wanted.put(STOP)
