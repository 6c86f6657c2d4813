"""The bookmark of the metric events, which goes by pages and never by the times that they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.bookmark import Bookmark

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_zendesk_events.zendesk.page import Event, Page


class MetricBookmark(Bookmark):
    """A page's start, and the ids of the events that pages from the latest settled one on showed.

    Zendesk adds metric events many minutes late, stamped with the time of the change, and nothing
    proves by which of the two times it sorts them. So a told time says only whether an event lies
    in the window; where to go on, and what is written already, pages and ids say.

    A page is settled if it is not the last and its next start is not past the window's end: then
    nothing can still appear in front of that. From the first page on that is not settled, the
    bookmark stays at that page's start, and the ids of every later page are kept.

    Args:
        second: Epoch second from which the stream is to be read.
        ids: Ids of events written at or after that second.
        deleted: Those of them that were written as taken back (`deleted`).
        is_set: Whether there is anything to keep yet.
    """

    def __init__(
        self,
        second: int,
        ids: Collection[int] = (),
        deleted: Collection[int] = (),
        *,
        is_set: bool,
    ) -> None:
        super().__init__(second, is_set=is_set)
        self._kept = set(ids)
        self._deleted = set(deleted) & self._kept
        # of an earlier run, and not shown by a page of this one yet: it may still come
        self._unseen = set(ids)
        self._frozen = False

    @property
    @override
    def ids(self) -> list[int]:
        return sorted(self._kept)

    @property
    def deleted_ids(self) -> list[int]:
        """Return the ids of the events that were written as taken back, sorted."""
        return sorted(self._deleted)

    @override
    def fresh(self, page: Page, end: int) -> list[Event]:
        return [
            event
            for event in _inside(page, end)
            if event.id not in self._kept or (_is_deleted(event) and event.id not in self._deleted)
        ]

    @override
    def pass_page(self, page: Page, end: int) -> None:
        inside = _inside(page, end)
        shown = {event.id for event in inside}
        # what an earlier run wrote is known, although it lies outside of this run's window
        shown |= {event.id for event in page.events if event.id in self._unseen}
        deleted = self._deleted | {event.id for event in inside if _is_deleted(event)}
        self._unseen -= shown
        second = self.second
        if not self._frozen and page.next_start is not None and _is_settled(page, end):
            second = max(second, page.next_start)
            self._kept = shown | self._unseen
        else:
            if not self._frozen:
                second = max(second, page.start)
            self._frozen = True
            self._kept |= shown
        if page.is_last:
            # everything there is was shown: what is gone cannot come again
            self._kept -= self._unseen
            self._unseen.clear()
        self._deleted = deleted & self._kept
        self.is_set = self.is_set or second > self.second or bool(self._kept)
        self.second = second

    @property
    @override
    def value(self) -> str:
        return iso(self.second)

    @override
    def to_state(self, replication_key: str) -> dict[str, Any]:
        state = super().to_state(replication_key)
        return {**state, "deleted_ids": self.deleted_ids} if self._deleted else state


def _is_settled(page: Page, end: int) -> bool:
    return not page.is_last and page.next_start is not None and page.next_start <= end


def _inside(page: Page, end: int) -> list[Event]:
    if _is_settled(page, end):
        return page.events
    return [event for event in page.events if event.time < end]


def _is_deleted(event: Event) -> bool:
    return event.fields.get("deleted") is True
