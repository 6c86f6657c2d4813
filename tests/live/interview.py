"""Asks the questions, one after the other, and keeps what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.exceptions import ZendeskEventsError
from tests.live.asking import AllSpentError
from tests.live.content import Shown
from tests.live.findings import Finding, NotSettledError, Verdict
from tests.live.questions import QUESTIONS
from tests.live.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.live.asking import Asker
    from tests.live.findings import Question


@dataclass
class Answers:
    """What came of an interview.

    Args:
        findings: The questions and what was found, in the order of the questions.
        requests: How many requests were sent, those for tokens included.
        for_pages: How many of them were for the exports.
        most: How many there may be.
        waited: Seconds of waiting for the allowance.
        ended_by: Why it ended before its end, if it did: a word for the report.
    """

    findings: list[tuple[Question, Finding]] = field(default_factory=list)
    requests: int = 0
    for_pages: int = 0
    most: int = 0
    waited: float = 0.0
    ended_by: str | None = None


def interview(
    asker: Asker, options: Collection[str], say: Callable[[str], None]
) -> tuple[Answers, BaseException | None]:
    """Ask everything that can be asked.

    Args:
        asker: Sends the requests.
        options: The optional questions that are wanted, by their option.
        say: Gets the lines for whoever watches.

    Returns:
        The answers, and what ended it before its end, if anything did.
    """
    readings = Readings(asker, Shown(asker.settings))
    answers = Answers(most=asker.http.most)
    ended: BaseException | None = None
    for number, question in enumerate(QUESTIONS, 1):
        say(f"[{number}/{len(QUESTIONS)}] {question.asks}")
        if ended is not None:
            finding = _not_tried("the run had ended before")
        elif question.option is not None and question.option not in options:
            finding = _not_tried(f"optional: `make live LIVE=--{question.option}`")
        else:
            try:
                finding = question.answer(readings)
            except AllSpentError as error:
                finding = _not_tried(str(error))
            except NotSettledError as error:
                finding = Finding(Verdict.NOT_SETTLED, f"{error}.")
            except (KeyboardInterrupt, SystemExit, ZendeskEventsError) as error:
                ended = error
                answers.ended_by = _named(error)
                finding = _not_tried("the run ended here")
        say(f"      {finding.verdict}: {finding.found}")
        answers.findings.append((question, finding))
    answers.requests = asker.http.sent
    answers.for_pages = asker.meter.counts.requests
    answers.waited = asker.meter.counts.waited
    return answers, ended


def _not_tried(why: str) -> Finding:
    figures: dict[str, Any] = {}
    return Finding(Verdict.NOT_TRIED, f"{why}.", figures)


def _named(error: BaseException) -> str:
    return "an error" if isinstance(error, ZendeskEventsError) else "an interrupt"
