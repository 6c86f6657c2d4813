"""A history that is made while it is read, so that a million events cost no memory."""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, overload

from .encoding import shown, to_json
from .events import Event, EventMaker, iso

if TYPE_CHECKING:
    from collections.abc import Callable

_MODELS: Final = 499
# Ids walk through a span of 2^38 blocks of 64 in odd steps: all different, none in order.
_SPAN: Final = 1 << 38
_STEP: Final = 0x1F_3D5B_79AB
_MARK: Final = re.compile(r'"<<(\w+)>>"')


class GeneratedEvents(Sequence[Event]):
    """Events at a steady pace: some hundred models again and again, each with its own ids and time.

    Args:
        count: how many.
        start: the second of the first.
        per_second: their pace; below 1 is possible.
        seed: chooses models and ids.
    """

    def __init__(
        self, count: int, start: int = 1_700_000_000, per_second: float = 3, seed: int = 1
    ) -> None:
        self._length = count
        self._start = start
        self._per_second = per_second
        maker = EventMaker(seed)
        self._models = [maker.event(start) for _ in range(min(count, _MODELS))]
        self._shift = random.Random(seed).randrange(_SPAN)
        # Encoding whole events would be most of the cost of a page: texts with gaps are faster.
        self._text = lru_cache(maxsize=None)(self._make_text)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._length))]
        number = range(self._length)[index]
        event_id = self._id(number)
        timestamp = self.timestamp(number)
        return _fill(
            self._models[number % _MODELS],
            lambda offset: event_id + offset,
            self._ticket_id(number),
            timestamp,
            iso(timestamp),
        )

    def json(self, number: int, *, comments: bool) -> bytes:
        """The event as the export shows it, without making it first."""
        event_id = self._id(number)
        timestamp = self.timestamp(number)
        values = {
            "ticket": str(self._ticket_id(number)),
            "second": str(timestamp),
            "iso": f'"{iso(timestamp)}"',
        }
        parts = list(self._text(number % _MODELS, comments))
        for place in range(1, len(parts), 2):
            name = parts[place]
            parts[place] = values.get(name) or str(event_id + int(name))
        return "".join(parts).encode()

    def timestamp(self, number: int) -> int:
        """The second of an event."""
        return self._start + int(number / self._per_second)

    def position(self, second: float) -> int:
        """The number of events before this second."""
        return bisect_left(range(self._length), second, key=self.timestamp)

    def _id(self, number: int) -> int:
        return 10**11 + (number * _STEP + self._shift) % _SPAN * 64

    def _ticket_id(self, number: int) -> int:
        ticket_id: int = self._models[number % _MODELS]["ticket_id"]
        return ticket_id + 1000 * (number // _MODELS)

    def _make_text(self, model_number: int, comments: bool) -> list[str]:
        """The JSON of a model, split at the gaps; every second part names what belongs there."""
        marked = _fill(
            self._models[model_number],
            lambda offset: f"<<{offset}>>",
            "<<ticket>>",
            "<<second>>",
            "<<iso>>",
        )
        return _MARK.split(to_json(shown(marked, comments=comments)).decode())


def _fill(
    model: Event, id_at: Callable[[int], Any], ticket_id: Any, timestamp: Any, created_at: Any
) -> Event:
    """A copy of a model with other ids and times."""
    children = []
    for original in model["child_events"]:
        child = {**original, "id": id_at(original["id"] - model["id"])}
        if "audit_id" in child:
            child |= {"audit_id": id_at(0), "created_at": created_at}
        children.append(child)
    return {
        **model,
        "child_events": children,
        "id": id_at(0),
        "ticket_id": ticket_id,
        "timestamp": timestamp,
        "created_at": created_at,
    }
