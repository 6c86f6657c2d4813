"""One page of the export: decoded once, checked, and turned into events with a time each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tap_zendesk_events.exceptions import BrokenPageError, ZendeskEventsError
from tap_zendesk_events.times import epoch, iso
from tap_zendesk_events.zendesk.decoding import as_integer
from tap_zendesk_events.zendesk.typed import SentEvent, decode_page

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

NO_END = 253_402_300_799  # 9999-12-31, for a page whose end is not known


class Event(NamedTuple):
    """One event of a page.

    Args:
        id: Zendesk's id. Does not follow time.
        time: Epoch second: `timestamp`, else `created_at`, else `time`, else that of the event
            before it (first on the page: the page's start).
        latest: Epoch second that the server's own, unseen time cannot exceed, so far as the
            page tells.
        doubtful: Whether `time` cannot be the time by which the server sorts, because it was
            borrowed, or is earlier than the page's start or than one in front of it on the page.
        fields: The event as Zendesk sent it; a `SentEvent` if it fits its columns.
    """

    id: int
    time: int
    latest: int
    doubtful: bool
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """A page of events.

    Args:
        start: The `start_time` that was asked for, in epoch seconds.
        per_page: The `per_page` that was asked for.
        events: The events in the order in which they came; of two versions of one, the later.
        skipped: Entries that are no object or have no integer id.
        next_start: Where the next page starts, in epoch seconds. None only on a last page.
        is_last: Whether the walk ends here.
        server_time: Epoch second of the answer's `Date` header, or None.
        seconds: How long the request took, until the whole body was there.
        is_full: Whether it holds as many entries as were asked for, or more.
        tells_end: Whether the answer itself says if the stream ends here (`end_of_stream`, or no
            `next_page`). If not, `is_last` is false, and the walk has to find out.
    """

    start: int
    per_page: int
    events: list[Event]
    skipped: int
    next_start: int | None
    is_last: bool
    server_time: int | None
    seconds: float = 0.0
    is_full: bool = False
    tells_end: bool = True

    @property
    def is_stuck(self) -> bool:
        """Say whether the walk would ask for the same second again, without end."""
        return self.next_start is not None and not self.is_last and self.next_start <= self.start

    def inside(self, end: int) -> list[Event]:
        """Return the events before the second `end`."""
        # A page that ends before `end` lies before it as a whole: the server's order is to be
        # trusted more than one event's odd time stamp, which else would stop the walk for ever.
        if self.next_start is not None and self.next_start < end and not self.is_last:
            return self.events
        return [event for event in self.events if event.time < end]


def read_page(
    body: bytes,
    key: str,
    start: int,
    per_page: int,
    server_time: int | None,
    log: logging.Logger,
    *,
    seconds: float = 0.0,
) -> Page:
    """Read a page from the body of an answer.

    Args:
        body: The body, already unzipped.
        key: Name of the list of events in the body.
        start: The `start_time` that was asked for.
        per_page: The `per_page` that was asked for.
        server_time: Epoch second of the answer's `Date` header, if known.
        log: Gets an ERROR line for each entry that has to be skipped.
        seconds: How long the request took, until the whole body was there.

    Raises:
        BrokenPageError: The body is no page.
        ZendeskEventsError: It has two entries or more, and none of them can be stored.
    """
    content = decode_page(body, key)
    if not isinstance(content, dict):
        raise BrokenPageError("JSON, but no object")
    entries = content.get(key)
    if not isinstance(entries, list):
        raise BrokenPageError(f"an object without the list `{key}`")
    next_start = _next_start(content)
    told_last = _told_last(content)
    is_last = bool(told_last)
    if next_start is None and not is_last:
        raise BrokenPageError("neither `end_time` nor `next_page` says where the next page starts")
    if len(entries) > 1 and all(_identifier(entry) is None for entry in entries):
        # one odd entry may be; a whole page is another shape of answer, and must not be passed by
        raise _nothing_usable(len(entries), start)
    page_end = NO_END if next_start is None or is_last else next_start
    events = list(_events(entries, start, page_end, log))
    return Page(
        start=start,
        per_page=per_page,
        events=_latest_versions(events),
        skipped=len(entries) - len(events),
        next_start=next_start,
        is_last=is_last,
        server_time=server_time,
        seconds=seconds,
        is_full=len(entries) >= per_page,
        tells_end=told_last is not None,
    )


def _nothing_usable(entries: int, start: int) -> ZendeskEventsError:
    return ZendeskEventsError(
        f"none of the {entries} entries on the page that starts at {start} ({iso(start)}) is an "
        "object with a whole number of 64 bits as `id`, so nothing of it can be stored: look "
        "whether something between Zendesk and the tap changes the answers, and report it with the "
        "tap's version if not. The bookmark has not moved past this page."
    )


def _next_start(content: dict[str, Any]) -> int | None:
    end_time = epoch(content.get("end_time"))
    if end_time is not None:
        return end_time
    address = content.get("next_page")
    if not isinstance(address, str):
        return None
    try:
        values = parse_qs(urlsplit(address).query).get("start_time", [])
    except ValueError:
        return None
    return epoch(values[0]) if values else None


def _told_last(content: dict[str, Any]) -> bool | None:
    """Return whether the answer says that it is the last one, or None if it does not tell."""
    end_of_stream = content.get("end_of_stream")
    if isinstance(end_of_stream, bool):
        return end_of_stream
    if end_of_stream is not None:
        raise BrokenPageError("`end_of_stream` is neither true nor false")
    return None if content.get("next_page") else True


def _events(entries: list[Any], start: int, page_end: int, log: logging.Logger) -> Iterator[Event]:
    times = [_own_time(entry) for entry in entries]
    bounds = _bounds(times, page_end)
    before = latest_before = start
    for position, (entry, own) in enumerate(zip(entries, times, strict=True)):
        identifier = _identifier(entry)
        if identifier is None:
            log.error(
                "Skipped entry %d of the page that starts at %d (%s): it is no object with a "
                "whole number of 64 bits as `id`, and nothing can be stored without a key.",
                position,
                start,
                iso(start),
            )
            continue
        time = before if own is None else own
        doubtful = own is None or own < latest_before
        latest = max(time, bounds[position]) if doubtful else time
        yield Event(identifier, time, latest, doubtful, entry)
        before = time
        latest_before = max(latest_before, time)


def _bounds(times: list[int | None], page_end: int) -> list[int]:
    """Return for each entry the first time that is told behind it, at last the page's end."""
    bounds = [page_end] * len(times)
    for position in range(len(times) - 1, 0, -1):
        told = times[position]
        bounds[position - 1] = bounds[position] if told is None else told
    return bounds


def _latest_versions(events: list[Event]) -> list[Event]:
    """Return the events without those that come again further on, perhaps with more in them."""
    latest: dict[int, Event] = {}
    for event in reversed(events):
        latest.setdefault(event.id, event)
    return events if len(latest) == len(events) else list(reversed(latest.values()))


def _identifier(entry: Any) -> int | None:
    """Return the id that an entry can be stored under, if it has one."""
    if isinstance(entry, SentEvent):
        return entry.id
    return as_integer(entry.get("id")) if isinstance(entry, dict) else None


def _own_time(entry: Any) -> int | None:
    if isinstance(entry, SentEvent):
        return entry.second
    if not isinstance(entry, dict):
        return None
    for name in ("timestamp", "created_at", "time"):
        second = epoch(entry.get(name))
        if second is not None:
            return second
    return None
