"""Events that look as Zendesk's are known to, which are passed on as they came.

To build all that is nested in an event, only to write it out again, is most of the work of a run.
So an event's JSON text is kept, and the decoder checks that it has known fields of known types.
What does not fit is decoded in the general way (`decoding`), event by event, or the page as a whole
where its text itself may not be passed on.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from typing_extensions import override

from tap_zendesk_events.times import epoch, is_date_time
from tap_zendesk_events.zendesk.decoding import INT64_LEAST, INT64_MOST, decode

Int64 = Annotated[int, msgspec.Meta(ge=INT64_LEAST, le=INT64_MOST)]
Second = Annotated[int, msgspec.Meta(ge=0, le=9_999_999_999)]

LIKE_ZERO = bytes.maketrans(b"123456789+E", b"0000000000e")
"""Makes all numbers look alike, so that one search finds those that are written in some way."""

EXPONENT = re.compile(rb"[eE]\+?\d{3}\d*\s*[,}\]]")
"""The end of a number that may be too large for a float."""

MOST_DIGITS = 200  # of a number that anything can read
PIECE = 65_536  # bytes that are looked at at a time: text of a whole page would take memory


class AnyObject(msgspec.Struct):
    """An object, whatever is in it."""


class AnyArray(msgspec.Struct, array_like=True):
    """An array, whatever is in it."""


class TicketEvent(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket event with the types of its columns; most fields are there only at times."""

    id: Int64
    timestamp: Second
    created_at: str
    ticket_id: Int64 | None = None
    updater_id: Int64 | None = None
    via: str | None = None
    system: AnyObject | None = None
    event_type: str | None = None
    child_events: AnyArray | None = None
    merged_ticket_ids: AnyArray | None = None
    metadata: AnyObject | None = None
    instance_id: Int64 | None = None
    metric: str | None = None
    time: str | None = None
    type: str | None = None

    def second(self) -> int | None:
        """Return the event's time in epoch seconds, or None if a date-time is none."""
        fits = is_date_time(self.created_at) and (self.time is None or is_date_time(self.time))
        return self.timestamp if fits else None


class TicketMetricEvent(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket metric event with the types of its columns."""

    id: Int64
    time: str
    ticket_id: Int64 | None = None
    instance_id: Int64 | None = None
    metric: str | None = None
    type: str | None = None
    status: AnyObject | None = None
    sla: AnyObject | None = None
    group_sla: AnyObject | None = None
    deleted: bool | msgspec.UnsetType | None = msgspec.UNSET

    def second(self) -> int | None:
        """Return the event's time in epoch seconds, or None if it tells none."""
        return epoch(self.time) if is_date_time(self.time) else None


class Envelope(msgspec.Struct):
    """What an answer says beside its events. Of any type: `page` looks at it."""

    end_of_stream: Any = None
    end_time: Any = None
    next_page: Any = None


class TicketEvents(Envelope, kw_only=True):
    """An answer of the ticket event export."""

    ticket_events: list[msgspec.Raw]


class TicketMetricEvents(Envelope, kw_only=True):
    """An answer of the ticket metric event export."""

    ticket_metric_events: list[msgspec.Raw]


DECODERS: dict[str, tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]] = {
    "ticket_events": (
        msgspec.json.Decoder(TicketEvents),
        msgspec.json.Decoder(TicketEvent),
    ),
    "ticket_metric_events": (
        msgspec.json.Decoder(TicketMetricEvents),
        msgspec.json.Decoder(TicketMetricEvent),
    ),
}
"""For each export, by the name of the list of its events: decoders of an answer and of an event."""


class Nested(msgspec.Struct):
    """The one nested field that rows look into."""

    child_events: Any = msgspec.UNSET


NESTED = msgspec.json.Decoder(Nested)


class SentEvent(Mapping[str, Any]):
    """The fields of an event that fits its columns. Decoded when somebody looks at them.

    Args:
        checked: What the decoder has checked; what is nested is not in there.
        second: Its time, in epoch seconds.
        json: The event as Zendesk sent it: an object, on one line.
    """

    __slots__ = ("_fields", "_nested", "checked", "id", "json", "second")

    def __init__(self, checked: Any, second: int, json: msgspec.Raw) -> None:
        self.id: int = checked.id
        self.second = second
        self.checked = checked
        self.json = json
        self._nested: Nested | None = None
        self._fields: dict[str, Any] | None = None

    def _decoded(self) -> dict[str, Any]:
        if self._fields is None:
            self._fields = msgspec.json.decode(self.json)
        return self._fields

    @override
    def __getitem__(self, name: str) -> Any:
        return self._decoded()[name]

    @override
    def get(self, name: str, default: Any = None) -> Any:
        if name == "deleted":  # each metric event is asked for it
            value = getattr(self.checked, name, msgspec.UNSET)
        elif name == "child_events":
            if self._nested is None:
                self._nested = NESTED.decode(self.json)
            value = self._nested.child_events
        else:
            return self._decoded().get(name, default)
        return default if value is msgspec.UNSET else value

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    @override
    def __len__(self) -> int:
        return len(self._decoded())


def decode_page(body: bytes, key: str) -> Any:
    """Decode the body of an answer. In its list `key`, events that fit are `SentEvent`s.

    Raises:
        CutShortError: This is no JSON, but how it begins may be.
        BrokenPageError: This is no JSON.
    """
    if key in DECODERS and may_pass(body.strip()):
        answers, events = DECODERS[key]
        try:
            answer = answers.decode(body)
            entries = [_entry(json, events) for json in getattr(answer, key)]
        except (msgspec.MsgspecError, RecursionError):
            pass  # the general way says what is wrong, or makes the best of it
        else:
            return {
                **{name: getattr(answer, name) for name in Envelope.__struct_fields__},
                key: entries,
            }
    return decode(body)


def _entry(json: msgspec.Raw, events: Any) -> Any:
    """Return an event that fits as it came, and any other entry decoded."""
    try:
        event = events.decode(json)
    except msgspec.ValidationError:
        return msgspec.json.decode(json)
    second = event.second()
    return msgspec.json.decode(json) if second is None else SentEvent(event, second, json)


def may_pass(body: bytes) -> bool:
    """Say whether values in this JSON text may be written as they stand, if it is JSON at all.

    The decoder checks the form of what it passes over, so also that no text in it has a line break
    or half a character in escapes. It does not look for:

    * line breaks between values, which would end a RECORD line in its middle;
    * NUL characters, which PostgreSQL cannot store;
    * bytes that are no UTF-8;
    * numbers that readers take for infinite, or not at all.
    """
    return not (
        b"\n" in body
        or b"\r" in body
        or body.rfind(rb"\u0000") >= 0  # much faster than `in`
        or _has_odd_number(body)
        or not _is_utf8(body)
    )


def _has_odd_number(body: bytes) -> bool:
    """Say whether there is a number that may be too large, or text that looks like it."""
    # a regular expression alone would take longer than all the rest
    alike = body.translate(LIKE_ZERO)
    if b"0" * MOST_DIGITS in alike:
        return True
    # backwards, because what is looked for begins with what is rarer than what it ends in
    place = alike.rfind(b"0e000")
    while place >= 0:
        if EXPONENT.match(body, place + 1):
            return True
        place = alike.rfind(b"0e000", 0, place + 4)
    return False


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    try:
        for begin in range(0, len(body), PIECE):
            decoder.decode(view[begin : begin + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
