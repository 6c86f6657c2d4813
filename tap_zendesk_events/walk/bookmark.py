"""The bookmark: up to where a stream is written, and which events are written already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.times import epoch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
        # While the walk is behind this bookmark, time tells what was written before; from the
        # bookmark on only ids do, because late events belong to any second.
        behind = page.start < self.second
        return [
            event
            for event in page.inside(end)
            if event.id not in self._written and not (behind and event.latest < self.second)
        ]

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
        behind = page.start < self.second
        on_page = {
            event.id: event for event in inside if not (behind and event.latest < self.second)
        }
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


class SavedBookmark(NamedTuple):
    """A bookmark as a state holds it.

    Args:
        second: Epoch second.
        ids: Ids of the events written at or after it.
        deleted: Those of them that were written as taken back; metric events only.
        ids_belong: Whether the ids were written with this second. If not, somebody has moved the
            second since, and they count for nothing: `ids` and `deleted` are empty.
    """

    second: int
    ids: list[int]
    deleted: list[int]
    ids_belong: bool = True


def read_bookmark(
    state: Mapping[str, Any], stream: str, replication_key: str
) -> SavedBookmark | None:
    """Return the bookmark in a stream's state, or None if there is none.

    Epoch seconds and ISO 8601 are both understood, and `boundary_ids` may be missing, so that a
    state can be written by hand. Meltano merges a state that it is given into the one that it has,
    and so keeps the ids of a second that is no longer there: `boundary_ids_at` tells. States of
    earlier versions lack it.

    Raises:
        ZendeskEventsError: There is a bookmark, but it cannot be understood.
    """
    value = state.get("replication_key_value")
    if value is None:
        return None
    key = state.get("replication_key", replication_key)
    second = epoch(value)
    problem = None
    if key != replication_key:
        problem = f"its replication_key is not {replication_key}"
    elif second is None:
        problem = "its replication_key_value is neither epoch seconds nor an ISO 8601 date-time"
    else:
        for name in ("boundary_ids", "deleted_ids"):
            if not _are_ids(state.get(name)):
                problem = f"its {name} are not a list of whole numbers"
                break
    if problem or second is None:
        raise unusable(stream, str(problem))
    ids, deleted = state.get("boundary_ids") or [], state.get("deleted_ids") or []
    at = state.get("boundary_ids_at")
    if ids and at is not None and epoch(at) != second:
        return SavedBookmark(second, [], [], ids_belong=False)
    return SavedBookmark(second, ids, deleted)


def _are_ids(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(type(identifier) is int for identifier in value)
    )


def unusable(stream: str, problem: str) -> ZendeskEventsError:
    """Return the sentence about a bookmark that cannot be understood."""
    return ZendeskEventsError(
        f"The state's bookmark of {stream} cannot be used, because {problem}: correct it (see "
        "State in the docs), or remove it to start from start_date."
    )
