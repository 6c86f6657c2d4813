"""The bookmark: up to where a stream is written, and which events are written already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_zendesk_events.zendesk.page import Event, Page


class Bookmark:
    """A second, and the ids of the events written at or after it.

    Zendesk repeats a page's last second on the next page, and shows some events late. So a second
    alone would either double events or lose them: what was written is told by its id.

    Args:
        second: Epoch second from which the stream is to be read.
        ids: Ids of events written at or after that second.
        is_set: Whether there is anything to keep yet. A stream that has found nothing has no
            bookmark.
    """

    def __init__(
        self,
        second: int,
        ids: Collection[int] = (),
        *,
        is_set: bool,
    ) -> None:
        self.second = second
        self.is_set = is_set
        # the time of each event written, None where an earlier run wrote it and did not tell
        self._written: dict[int, int | None] = dict.fromkeys(ids)

    @property
    def ids(self) -> list[int]:
        """Return the ids of the events written at or after the bookmark's second, sorted."""
        return sorted(self._written)

    def fresh(self, page: Page, end: int) -> list[Event]:
        """Return the events of the page that are inside the window and not written yet.

        Args:
            page: The page at hand.
            end: First epoch second outside the window.
        """
        return [event for event in self.written_of(page, end) if event.id not in self._written]

    def written_of(self, page: Page, end: int) -> list[Event]:
        """Return the events of the page that are inside and not surely in front of the bookmark.

        When the fresh ones among them are written, all of them are. Arguments as for `fresh`.
        """
        # While the walk is behind this bookmark, time tells what was written before; from the
        # bookmark on only ids do, because late events belong to any second.
        inside = page.inside(end)
        if page.start >= self.second:
            return inside
        return [event for event in inside if event.latest >= self.second]

    def reach(self, end: int) -> None:
        """Count as written up to the second `end`, where somebody else goes on."""
        self.second = max(self.second, end)
        self.is_set = True
        self._written = {}

    def pass_page(self, page: Page, end: int) -> None:
        """Move on, now that the fresh events of the page are written.

        Args:
            page: The page at hand.
            end: First epoch second outside the window.
        """
        inside = page.inside(end)
        whole = len(inside) == len(page.events) and not page.is_last
        if whole and page.next_start is not None and page.next_start <= end:
            reached = page.next_start
        else:
            # The end of the stream is no place to go on from: events may still appear before it.
            reached = max((event.time for event in inside), default=self.second)
        second = max(self.second, reached)
        advanced = second > self.second
        on_page = {event.id: event for event in self.written_of(page, end)}
        kept = {
            identifier: time
            for identifier, time in self._written.items()
            if identifier not in on_page and (not advanced or time is None or time >= second)
        }
        if advanced and page.is_last:
            # everything there is was shown: what was written once and is gone cannot come again
            kept = {identifier: time for identifier, time in kept.items() if time is not None}
        for identifier, event in on_page.items():
            if not advanced or event.doubtful or event.time >= second:
                kept[identifier] = event.time
        self.is_set = self.is_set or advanced or bool(on_page)
        self._written = kept
        self.second = second

    @property
    def value(self) -> int | str:
        """Return the second as the replication key has it."""
        return self.second

    def to_state(self, replication_key: str) -> dict[str, Any]:
        """Return the bookmark in the form that it has in STATE messages.

        Args:
            replication_key: Its name.
        """
        return {
            "replication_key": replication_key,
            "replication_key_value": self.value,
            "boundary_ids": self.ids,
            "boundary_ids_at": self.value,
        }
