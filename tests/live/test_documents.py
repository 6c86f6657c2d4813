"""What is written of the questions is what is asked."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.live.asking import MOST_REQUESTS
from tests.live.questions import QUESTIONS
from tests.live.report import NAMES

REPOSITORY = Path(__file__).resolve().parents[2]
ARCHITECTURE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_architecture_lists_every_assumption_with_its_evidence() -> None:
    _, _, below = ARCHITECTURE.partition("## What is assumed of Zendesk\n")
    part, _, _ = below.partition("\n## ")
    rows = [line for line in part.splitlines() if line.startswith("| ")][2:]
    expected = [f"| {q.asks} | {q.assumed} | {q.evidence} |" for q in QUESTIONS]
    assert rows == expected, "docs/architecture.md should hold:\n\n" + "\n".join(expected)
    for way in {question.evidence for question in QUESTIONS}:
        assert f"* *{way}*: " in part


def test_questions_have_names_of_their_own() -> None:
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)
    assert len({question.asks for question in QUESTIONS}) == len(QUESTIONS)
    assert all(question.asks.endswith("?") for question in QUESTIONS)


def test_contributing_says_how_to_run_it() -> None:
    assert f"at most {MOST_REQUESTS} requests" in CONTRIBUTING
    for option in {question.option for question in QUESTIONS if question.option}:
        assert f"--{option}" in CONTRIBUTING
    assert all(name in CONTRIBUTING for name in NAMES)


def test_the_forms_ask_for_the_report() -> None:
    forms = REPOSITORY / ".github" / "ISSUE_TEMPLATE"
    live = yaml.safe_load((forms / "live.yml").read_text(encoding="utf-8"))
    assert live["name"] == "What Zendesk says"
    assert f"*{live['name']}*" in CONTRIBUTING
    labels = [field["attributes"].get("label") for field in live["body"]]
    assert set(NAMES) <= set(labels)
    bug = yaml.safe_load((forms / "bug.yml").read_text(encoding="utf-8"))
    assert any("make live" in str(field["attributes"].get("label")) for field in bug["body"])
