"""The span of time that a run covers."""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """The half-open span of whole seconds that a run covers.

    Args:
        start: First epoch second inside.
        end: First epoch second outside.
        end_is_given: Whether `end` is the `end_date` setting, not the edge of what has settled.
    """

    start: int
    end: int
    end_is_given: bool
