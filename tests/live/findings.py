"""What a question is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.readings import Readings


class Verdict(StrEnum):
    """How an answer compares with what the project assumes."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_SETTLED = "not settled"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Finding:
    """An answer.

    Args:
        verdict: Whether it is as assumed.
        found: What was found, in a sentence or two: numbers, statuses, names that may be shown.
        figures: The same for programs: numbers, truth values, such names, and lists or objects of
            them.
    """

    verdict: Verdict
    found: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """Something that only live traffic can settle.

    Args:
        name: A word for programs.
        asks: The question.
        assumed: What the project, and the test server, take for true.
        evidence: How that is known: ``recorded`` (live answers of this or a sister export),
            ``documented`` (by Zendesk), ``second-hand`` (other people's code and reports) or
            ``guessed``.
        matters: What depends on it.
        answer: Finds it out.
        option: The command line's option without which it is not tried.
    """

    name: str
    asks: str
    assumed: str
    evidence: str
    matters: str
    answer: Callable[[Readings], Finding]
    option: str | None = None


class NotSettledError(Exception):
    """The account, or the answers, do not settle a question; the message says why."""


def compared(agree: bool, found: str, **figures: Any) -> Finding:
    """Return a finding that agrees with the assumption or differs from it."""
    return Finding(Verdict.AGREES if agree else Verdict.DIFFERS, found, figures)
