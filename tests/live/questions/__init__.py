"""The questions, in the order in which they are asked."""

from __future__ import annotations

from tests.live.questions import errors, events, limits, optional, order, pages

QUESTIONS = (
    *pages.QUESTIONS,
    *order.QUESTIONS,
    *events.QUESTIONS,
    *limits.QUESTIONS,
    *errors.QUESTIONS,
    *optional.QUESTIONS,
)
"""Those that take requests of their own first; what only looks at answers comes after them."""
