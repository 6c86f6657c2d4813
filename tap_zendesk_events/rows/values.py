"""JSON values in the few types that columns have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import logging

DEEPEST = 100
"""Levels of nesting that a file or a setting may have. What there is a use for has fewer than ten;
what reads and writes JSON gives up at some hundreds, each at another number."""
_ENCODER = msgspec.json.Encoder()


def json_text(value: Any) -> str:
    """Return the value as JSON."""
    if type(value) is int:  # at once, because most of what is no text is a number
        return str(value)
    return _ENCODER.encode(value).decode()


def as_text(value: Any) -> str | None:
    """Return text as it is, null as null, and any other value as JSON."""
    return value if value is None or isinstance(value, str) else json_text(value)


def as_json(value: Any) -> str | None:
    """Return the value as JSON, but null as null."""
    return None if value is None else json_text(value)


def nests_too_deep(value: Any, most: int = DEEPEST) -> bool:
    """Say whether lists and objects in the value lie more than `most` levels deep."""
    level = [value]
    for _ in range(most):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        if not inner:
            return False
        level = inner
    return any(isinstance(each, dict | list) for each in level)


class WarnOnce:
    """Logs a warning the first time only, and not without end.

    Args:
        log: Gets the warnings.
        most: How many different ones are logged; those after them are counted.
    """

    MOST_COUNTED = 10_000
    """How many different ones are told apart. A server that makes a name up for each event does not
    fill the memory."""

    LONGEST = 300
    """Characters of a warning that are shown: it names what Zendesk sends, of whatever length."""

    def __init__(self, log: logging.Logger, most: int = 20) -> None:
        self._log = log
        self._most = most
        self._warned: set[str] = set()

    def __call__(self, about: str, message: str) -> None:
        """Log the message, unless there has been one about the same."""
        if about in self._warned or len(self._warned) >= self.MOST_COUNTED:
            return
        self._warned.add(about)
        if len(self._warned) <= self._most:
            short = message if len(message) <= self.LONGEST else f"{message[: self.LONGEST]}…"
            self._log.warning("%s", short)
        elif len(self._warned) == self._most + 1:
            self._log.warning(
                "There are more than %d such warnings: further ones are counted, and the end of "
                "the run tells how many there were.",
                self._most,
            )

    def sum_up(self) -> None:
        """Say how many there were, if not all were shown."""
        count = len(self._warned)
        if count > self._most:
            self._log.warning(
                "%s%d different warnings of this kind, of which the first %d are shown above.",
                "At least " if count >= self.MOST_COUNTED else "",
                count,
                self._most,
            )
