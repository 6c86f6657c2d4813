"""From an event as Zendesk sends it to a record that is valid under the announced schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tap_zendesk_events.rows.schema import ARRAY, BOOLEAN, INTEGER, OBJECT, TEXT
from tap_zendesk_events.rows.values import json_text
from tap_zendesk_events.times import epoch, is_date_time, iso
from tap_zendesk_events.zendesk.decoding import as_integer
from tap_zendesk_events.zendesk.typed import SentEvent

if TYPE_CHECKING:
    from tap_zendesk_events.rows.values import WarnOnce
    from tap_zendesk_events.zendesk.page import Event

EXTRA = "extra_fields"

Row: TypeAlias = dict[str, Any] | msgspec.Raw
"""A record, or the JSON text of one that is to be written as it stands."""

_EXPECTED: dict[str, type] = {TEXT: str, INTEGER: int, OBJECT: dict, ARRAY: list, BOOLEAN: bool}


def as_dict(row: Row) -> dict[str, Any]:
    """Return the record as a dict of its own, for who wants to change it."""
    return msgspec.json.decode(row) if isinstance(row, msgspec.Raw) else dict(row)


class RawRecords:
    """Makes records of a stream whose columns are an event's own fields.

    Args:
        schema: The stream's JSON schema.
        warn: Gets one warning for each new field name in a run.
    """

    def __init__(self, schema: dict[str, Any], warn: WarnOnce) -> None:
        columns = schema["properties"]
        self._kinds: dict[str, str] = {
            name: column["type"][0] for name, column in columns.items() if name != EXTRA
        }
        self._date_times = {name for name, column in columns.items() if "format" in column}
        self._warn = warn

    def record(self, event: Event) -> Row:
        """Return the record of an event: each field in its column, the rest in `extra_fields`."""
        fields = event.fields
        return fields.json if isinstance(fields, SentEvent) else self._adapted(event)

    def _adapted(self, event: Event) -> dict[str, Any]:
        record: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, value in event.fields.items():
            kind = self._kinds.get(name)
            if kind is None:
                self._to_extra(name, value, extra, f"the field {name!r}, which has no column")
            elif value is None or (type(value) is _EXPECTED[kind] and self._fits(name, value)):
                record[name] = value
            elif kind == TEXT and name not in self._date_times:
                record[name] = json_text(value)
            elif name != "id":
                self._to_extra(
                    name, value, extra, f"a value for {name!r} that its column cannot hold"
                )
        self._complete(record, event, extra)
        if extra:
            record[EXTRA] = extra
        return record

    def _complete(self, record: dict[str, Any], event: Event, extra: dict[str, Any]) -> None:
        """Fill in the columns that no record may lack."""

    def _fits(self, name: str, value: Any) -> bool:
        if type(value) is int:
            return as_integer(value) is not None
        return name not in self._date_times or is_date_time(value)

    def _to_extra(self, name: str, value: Any, extra: dict[str, Any], what: str) -> None:
        self._warn(name, f"Zendesk sends {what}; it is kept in the column {EXTRA}.")
        extra[name] = value


class TicketEventRecords(RawRecords):
    """Makes records of the stream ``ticket_events``."""

    def _complete(self, record: dict[str, Any], event: Event, extra: dict[str, Any]) -> None:
        told = record.get("timestamp")
        record["timestamp"] = event.time
        if told is not None and told != event.time:
            self._to_extra("timestamp", told, extra, "a value for 'timestamp' that is no date-time")
        elif epoch(extra.get("timestamp")) == event.time:
            del extra["timestamp"]  # it says the same in another form
        if record.get("created_at") is None:
            # the other documented form of an event has `time` instead
            own = record.get("time")
            record["created_at"] = iso(event.time) if own is None else own


class TicketMetricEventRecords(RawRecords):
    """Makes records of the stream ``ticket_metric_events``."""

    def _complete(self, record: dict[str, Any], event: Event, extra: dict[str, Any]) -> None:
        del extra
        if record.get("time") is None:
            record["time"] = iso(event.time)
