"""What Zendesk answers to a start that it does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.findings import Question, compared

if TYPE_CHECKING:
    from tests.live.asking import Reading
    from tests.live.findings import Finding
    from tests.live.readings import Readings

ENVELOPE = frozenset(
    {"error", "description", "details", "errors", "error_description", "status", "title", "detail"}
)
"""The keys of Zendesk's errors; others are not told."""


def _too_recent(readings: Readings) -> Finding:
    return _error(readings, readings.too_recent(), 422, "InvalidValue")


def _missing(readings: Readings) -> Finding:
    return _error(readings, readings.without_start(), 400, "ParameterMissing")


def _error(readings: Readings, reading: Reading, status: int, code: str) -> Finding:
    if reading.status == 200:
        text = f"status 200, with {len(reading.events)} events."
        return compared(False, text, status=200, events=len(reading.events))
    content = reading.content
    keys = sorted(ENVELOPE & content.keys()) if isinstance(content, dict) else []
    found = content.get("error") if isinstance(content, dict) else None
    words = readings.shown.words(content)
    form = f"JSON with {', '.join(f'`{key}`' for key in keys)}" if keys else "no object"
    agree = reading.status == status and found == code
    text = f'status {reading.status}, {form}, says "{words}".'
    return compared(agree, text, status=reading.status, keys=keys, words=words)


QUESTIONS = (
    Question(
        name="start-too-recent",
        asks="What is answered to a start that is too recent?",
        assumed="Status 422, `InvalidValue`.",
        evidence="second-hand",
        matters='the tap takes 400 and 422 for a young start for "nothing new yet"',
        answer=_too_recent,
    ),
    Question(
        name="start-missing",
        asks="What is answered if the start is missing?",
        assumed="Status 400, `ParameterMissing`.",
        evidence="guessed",
        matters="the test server only: the tap always names a start",
        answer=_missing,
    ),
)
