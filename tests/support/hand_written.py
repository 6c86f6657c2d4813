"""Events written by hand, and the rows that one has to find in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.independent_reader import Row, comparable

if TYPE_CHECKING:
    from tests.fake_zendesk import Event

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class HandWritten:
    """Events written by hand, with 40 child events, and the rows that belong to them.

    Args:
        events: as the account has them, in the order of the export.
        field_changes: the expected rows, in the order of the child events and their keys.
        comments: the expected rows, in the order of the child events.
    """

    events: list[Event]
    field_changes: list[Row]
    comments: list[Row]


def load_hand_written() -> HandWritten:
    """Read the events and the rows beside them; every row is `comparable` already."""

    def load(name: str) -> list[dict[str, Any]]:
        loaded: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))
        return loaded

    return HandWritten(
        [entry["event"] for entry in load("child_events.json")],
        [comparable(row) for row in load("expected_field_changes.json")],
        [comparable(row) for row in load("expected_comments.json")],
    )
