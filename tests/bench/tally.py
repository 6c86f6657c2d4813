"""Counts what came out of a run: records, events, and what was written twice."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.support.selection import KEYS


class _Record(msgspec.Struct):
    id: int | None = None
    child_event_id: int | None = None
    field_name: str | None = None


class _Message(msgspec.Struct):
    type: str
    stream: str = ""
    record: _Record | None = None


_DECODER = msgspec.json.Decoder(_Message)
_PLAIN_KEYS = {name: key[0] for name, key in KEYS.items() if len(key) == 1}


class Tally:
    """Takes the output in pieces of any size."""

    def __init__(self) -> None:
        self.records = 0
        self._keys: dict[str, set[Any]] = {}
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Count the messages that end in this piece."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            message = _DECODER.decode(line)
            record = message.record
            if message.type != "RECORD" or record is None:
                continue
            self.records += 1
            keys = self._keys.setdefault(message.stream, set())
            plain = _PLAIN_KEYS.get(message.stream)
            if plain is None:
                keys.add(tuple(getattr(record, name) for name in KEYS[message.stream]))
            else:
                keys.add(getattr(record, plain))

    @property
    def events(self) -> int:
        """Return how many events came, each counted once."""
        return len(self._keys.get("ticket_events", ()))

    @property
    def doubles(self) -> int:
        """Return how many records were written more often than once, each further time counted."""
        return self.records - sum(map(len, self._keys.values()))
