"""From an event as Zendesk sends it to a record that is valid under the announced schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tap_zendesk_events.schema import ARRAY, INTEGER, OBJECT, TEXT, TICKET_EVENTS
from tap_zendesk_events.times import epoch, iso, iso_moment

if TYPE_CHECKING:
    import logging

    from tap_zendesk_events.page import Event

EXTRA = "extra_fields"
INT64 = range(-(2**63), 2**63)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

_COLUMNS: dict[str, str] = {
    name: column["type"][0] for name, column in TICKET_EVENTS["properties"].items() if name != EXTRA
}
_MOMENTS = frozenset(
    name for name, column in TICKET_EVENTS["properties"].items() if "format" in column
)
_EXPECTED: dict[str, type] = {TEXT: str, INTEGER: int, OBJECT: dict, ARRAY: list}


class TicketEventRecords:
    """Makes records of the stream ``ticket_events``.

    Args:
        log: Gets one warning for each new field name in a run.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._warned: set[str] = set()

    def record(self, event: Event) -> dict[str, Any]:
        """Return the record of an event: each field in its column, the rest in `extra_fields`."""
        record: dict[str, Any] = {"id": event.id, "timestamp": event.time}
        extra: dict[str, Any] = {}
        for name, value in event.fields.items():
            kind = _COLUMNS.get(name)
            if name in record and (value == record[name] or epoch(value) == record[name]):
                continue
            if kind is None:
                self._warn(name, f"Zendesk sends the field {name!r}, which has no column")
                extra[name] = value
            elif name in record:
                self._warn(name, f"Zendesk sends a value for {name!r} that is no moment")
                extra[name] = value
            elif value is None or (type(value) is _EXPECTED[kind] and _fits(name, value)):
                record[name] = value
            else:
                self._adapt(name, kind, value, record, extra)
        if record.get("created_at") is None:
            # the other documented form of an event has `time` instead
            own = record.get("time")
            record["created_at"] = iso(event.time) if own is None else own
        if extra:
            record[EXTRA] = extra
        return record

    def _adapt(
        self,
        name: str,
        kind: str,
        value: Any,
        record: dict[str, Any],
        extra: dict[str, Any],
    ) -> None:
        """Put a value of another type where it can be stored."""
        if kind == TEXT and name not in _MOMENTS:
            record[name] = msgspec.json.encode(value).decode()
            return
        record[name] = None
        self._warn(name, f"Zendesk sends a value for {name!r} that its column cannot hold")
        extra[name] = value

    def _warn(self, name: str, what: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            self._log.warning("%s; it is kept in the column extra_fields.", what)


def _fits(name: str, value: Any) -> bool:
    if type(value) is int:
        return value in INT64
    if name in _MOMENTS:
        return _RFC3339.fullmatch(value) is not None and iso_moment(value) is not None
    return True
