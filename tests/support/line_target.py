"""A target that stores whole lines, over several runs of the tap."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.selection import KEYS


@dataclass
class Target:
    """What a target that stores whole lines only has got, over all runs.

    Args:
        rows: How often each row came, by stream and key.
        state: The last STATE.
    """

    rows: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    state: dict[str, Any] = field(default_factory=dict)
    _times: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    _run: int = 0

    def take(self, output: bytes) -> list[str]:
        """Store one run's output. Returns the types of the messages in it."""
        self._run += 1
        kinds = []
        for line in output.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break  # torn by the kill: nobody can read it
            message = json.loads(line)
            kinds.append(message["type"])
            if message["type"] == "STATE":
                self.state = message["value"]
            elif message["type"] == "RECORD":
                stream, row = message["stream"], message["record"]
                self.rows[(stream, *(row[name] for name in KEYS[stream]))] += 1
                event = row["id"] if stream == "ticket_events" else row["ticket_event_id"]
                self._times.setdefault((stream, event), set()).add(self._run)
        return kinds

    def keys(self, stream: str) -> set[tuple[Any, ...]]:
        return {key[1:] for key in self.rows if key[0] == stream}

    def events(self, stream: str) -> int:
        """How many different events have made rows."""
        return sum(1 for name, _ in self._times if name == stream)

    def repeats(self, stream: str) -> int:
        """How often an event came again in a later run."""
        return sum(len(runs) - 1 for (name, _), runs in self._times.items() if name == stream)
