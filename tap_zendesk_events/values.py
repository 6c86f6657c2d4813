"""JSON values in the few types that columns have."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import logging

INT64_LEAST, INT64_MOST = -(2**63), 2**63 - 1
_ENCODER = msgspec.json.Encoder()
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def json_text(value: Any) -> str:
    """Return the value as JSON."""
    return _ENCODER.encode(value).decode()


def as_text(value: Any) -> str | None:
    """Return text as it is, null as null, and any other value as JSON."""
    return value if value is None or isinstance(value, str) else json_text(value)


def as_json(value: Any) -> str | None:
    """Return the value as JSON, but null as null."""
    return None if value is None else json_text(value)


def as_integer(value: Any) -> int | None:
    """Return a whole number that a target can store in 64 bits, and null for anything else."""
    return value if type(value) is int and INT64_LEAST <= value <= INT64_MOST else None


def is_moment(value: Any) -> bool:
    """Say whether the value is a date-time in the one form that JSON schema knows (RFC 3339)."""
    return isinstance(value, str) and _is_moment(value)


@lru_cache(maxsize=1024)  # an event, its children and its neighbours have the same time
def _is_moment(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:  # the 30th of February
        return False
    return True


class WarnOnce:
    """Logs a warning the first time only.

    Args:
        log: Gets the warnings.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._warned: set[str] = set()

    def __call__(self, about: str, message: str) -> None:
        """Log the message, unless there has been one about the same."""
        if about not in self._warned:
            self._warned.add(about)
            self._log.warning("%s", message)
