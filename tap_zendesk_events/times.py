"""Moments as whole epoch seconds, the unit of Zendesk's time line."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that datetime knows
_DIGITS = re.compile(r"-?\d{1,12}(\.\d+)?", re.ASCII)
# fromisoformat takes any character between date and time, so also a digit of a longer number
_ISO = re.compile(r"\d{4}(-?\d\d-?\d\d|-?W\d\d(-?\d)?)([Tt ].*)?", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def epoch(value: Any) -> int | None:
    """Return `value` as epoch seconds, rounded down, or None if it is no date-time.

    Understood are whole and broken numbers (the SDK reads those of a file as decimals), numbers as
    text, and ISO 8601 text (no zone: UTC). Eight digits as text are a date if they can be one, such
    as ``20240101``.
    """
    if isinstance(value, str):
        text = value.strip()
        seconds = iso_seconds(text)
        value = float(text) if seconds is None and _DIGITS.fullmatch(text) else seconds
    elif isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # written so that NaN fails the comparison too
    return math.floor(value) if 0 <= value <= _LATEST else None


def iso_seconds(text: str) -> float | None:
    """Return ISO 8601 `text` (a date or date-time; no zone: UTC) as epoch seconds, or None."""
    if not _ISO.fullmatch(text):
        return None
    try:
        date_time = datetime.fromisoformat(text)
        if date_time.tzinfo is None:
            date_time = date_time.replace(tzinfo=UTC)
        second = date_time.timestamp()
    except (ValueError, OverflowError):
        return None
    return second if second <= _LATEST else None


def is_date_time(value: Any) -> bool:
    """Say whether the value is a date-time in the one form that JSON schema knows (RFC 3339)."""
    return isinstance(value, str) and _is_date_time(value)


@lru_cache(maxsize=1024)  # an event, its children and its neighbours have the same time
def _is_date_time(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:  # the 30th of February
        return False
    return True


def http_date(text: str | None) -> int | None:
    """Return an HTTP date (as in the headers ``Date`` and ``Retry-After``) as epoch seconds."""
    if not text:
        return None
    try:
        date_time = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if date_time.tzinfo is None:
        date_time = date_time.replace(tzinfo=UTC)
    return int(date_time.timestamp())


def iso(second: int) -> str:
    """Return epoch seconds as ISO 8601 text in UTC, such as ``2024-11-23T05:20:00Z``."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Return a span of seconds as a person says it: ``48 s``, ``12 min``, ``3 h 20 min``."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
