"""The bookmark in a state: what a stream has written, in the one form that the tap writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.times import epoch
from tap_zendesk_events.walk.coverage import Stretch, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def ahead_to_state(ahead: Sequence[Stretch], at: int | str) -> dict[str, Any]:
    """Return what a state holds of stretches ahead of the bookmark; nothing if there are none.

    Args:
        ahead: The stretches, in time order.
        at: The bookmark's value: with another one they count for nothing.
    """
    if not ahead:
        return {}
    segments = [
        {"start": each.start, "replication_key_value": each.second, "boundary_ids": [*each.ids]}
        for each in ahead
    ]
    return {"segments": segments, "segments_at": at}


class SavedBookmark(NamedTuple):
    """A bookmark as a state holds it.

    Args:
        second: Epoch second.
        ids: Ids of the events written at or after it.
        deleted: Those of them that were written as taken back; metric events only.
        ids_belong: Whether the ids were written with this second. If not, somebody has moved the
            second since, and they count for nothing: `ids` and `deleted` are empty.
        ahead: What is written ahead of it, in time order.
        ahead_belongs: The same for that.
    """

    second: int
    ids: list[int]
    deleted: list[int]
    ids_belong: bool = True
    ahead: tuple[Stretch, ...] = ()
    ahead_belongs: bool = True


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
    ids_belong = not ids or at is None or epoch(at) == second
    if not ids_belong:
        ids, deleted = [], []
    segments = state.get("segments") or []
    ahead_belongs = not segments or epoch(state.get("segments_at")) == second
    if not (segments and ahead_belongs):
        return SavedBookmark(second, ids, deleted, ids_belong, (), ahead_belongs)
    main = Stretch(-1, second, tuple(ids))
    front, *ahead = joined([main, *_read_stretches(segments, stream)])
    return SavedBookmark(front.second, [*front.ids], deleted, ids_belong, tuple(ahead))


def _read_stretches(segments: Any, stream: str) -> tuple[Stretch, ...]:
    """Return what is written ahead of the bookmark, in time order.

    Raises:
        ZendeskEventsError: It cannot be understood.
    """
    found = []
    for entry in segments if isinstance(segments, list) else [None]:
        each = entry if isinstance(entry, dict) else {}
        start, second = epoch(each.get("start")), epoch(each.get("replication_key_value"))
        ids = each.get("boundary_ids")
        if start is None or second is None or second < start or not _are_ids(ids):
            raise unusable(
                stream,
                "its segments are not objects with start, replication_key_value and boundary_ids",
            )
        found.append(Stretch(start, second, tuple(ids or ())))
    return tuple(sorted(found))


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
