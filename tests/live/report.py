"""The report: what agrees, what differs, what was not tried, for a person and for a program."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.times import duration
from tests.live.findings import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.findings import Finding, Question
    from tests.live.interview import Answers

NAMES = ("report.md", "report.json")

TOP = """\
# What Zendesk says

tap-zendesk-events {version}, {date}, signed in with {way}. {requests} of at most {most} requests
were sent ({for_pages} for pages), {waited} of waiting for the allowance.{ended}

{summary}

It holds names of keys and kinds, types, counts, times, headers of rate limits and words of errors.
The account, its users and what stands in tickets are not in it. Please read it before you attach
it.
"""

HEADINGS = {
    Verdict.DIFFERS: "Differs from what is assumed",
    Verdict.NOT_SETTLED: "Asked, but not settled by this account",
    Verdict.NOT_TRIED: "Not tried",
    Verdict.AGREES: "Agrees",
}
"""The parts, what needs a look first."""


def markdown(answers: Answers, about: dict[str, str]) -> str:
    """Return the report for a person.

    Args:
        answers: What came of the interview.
        about: ``version``, ``date`` and ``way`` (to authenticate, by its settings).
    """
    numbered = list(enumerate(answers.findings, 1))
    counts = Counter(finding.verdict for _, finding in answers.findings)
    lines = [
        TOP.format(
            **about,
            requests=answers.requests,
            most=answers.most,
            for_pages=answers.for_pages,
            waited=duration(answers.waited),
            ended=f" It was ended by {answers.ended_by}." if answers.ended_by else "",
            summary=", ".join(f"{counts[verdict]} {verdict}" for verdict in HEADINGS) + ".",
        )
    ]
    for verdict, heading in HEADINGS.items():
        found = [(n, q, f) for n, (q, f) in numbered if f.verdict is verdict]
        if found:
            lines.append(f"## {heading}\n")
            lines += [_entry(*each) for each in found]
    return "\n".join(lines)


def as_json(answers: Answers, about: dict[str, str]) -> str:
    """Return the same for a program."""
    content: dict[str, Any] = {
        **about,
        "requests": answers.requests,
        "requests_for_pages": answers.for_pages,
        "most_requests": answers.most,
        "seconds_waited": round(answers.waited, 1),
        "ended_by": answers.ended_by,
        "questions": [
            {
                "name": question.name,
                "asks": question.asks,
                "assumed": question.assumed,
                "evidence": question.evidence,
                "verdict": finding.verdict,
                "found": finding.found,
                "figures": finding.figures,
            }
            for question, finding in answers.findings
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path, answers: Answers, about: dict[str, str]) -> list[Path]:
    """Write both, and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in NAMES]
    for path, make in zip(paths, (markdown, as_json), strict=True):
        path.write_text(make(answers, about), encoding="utf-8")
    return paths


def _entry(number: int, question: Question, finding: Finding) -> str:
    return (
        f"### {number}. {question.asks}\n\n"
        f"* Assumed ({question.evidence}): {question.assumed}\n"
        f"* Found: {finding.found}\n"
        f"* It matters for: {question.matters}.\n"
    )
