"""The report: nothing of the account in it, and all that was found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, Fault
from tests.live import report
from tests.live.asked import a_server, asked, history
from tests.live.content import Shown, rate_headers
from tests.live.findings import Finding, Question, Verdict
from tests.live.interview import Answers
from tests.live.questions import QUESTIONS
from tests.support.harness import BEGIN, NOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.asked import Asked

SUBDOMAIN = "quuxsubdomain"
EMAIL = "quuxadmin@quuxcompany.example"
API_TOKEN = "quuxApiToken0123456789"

IDS = {name: 77_000_000_001 + 11 * n for n, name in enumerate(("event", "ticket", "user", "child"))}

MARKERS = {
    "subdomain": SUBDOMAIN,
    "api token": API_TOKEN,
    "email": EMAIL,
    "name before the at": "quuxadmin",
    "company": "quuxcompany",
    **{f"id of {name}": str(number) for name, number in IDS.items()},
    "subject": "quuxsubject",
    "comment": "quuxcomment",
    "name": "quuxperson",
    "mail address": "quuxcustomer@mail.example",
    "telephone": "+49 30 7777777",
    "location": "quuxtown",
    "network address": "203.0.113.77",
    "tag": "quux_tag",
    "id of a custom field": "360077777777",
    "value of a custom field": "quuxvalue",
    "key of the account's own": "quux_own_key",
    "attachment": "quuxinvoice.pdf",
    "unknown field's content": "quuxunknown",
    "unknown field's name": "Quux Field",
    "in the address of the next page": "quuxnextpage",
    "in a header": "quuxheader",
    "policy": "quuxpolicy",
}


def marked_event(number: int) -> dict[str, Any]:
    """An event with every marker of an event in it."""
    second = BEGIN + 600 * (number // 3)  # three in each second
    person = {"address": MARKERS["mail address"], "name": "quuxperson", "phone": "+49 30 7777777"}
    place = {"location": "quuxtown", "ip_address": "203.0.113.77", "client": "quuxperson's"}
    children: list[dict[str, Any]] = [
        {"subject": "quuxsubject", "event_type": "Create"},
        {
            "tags": ["quux_tag"],
            "added_tags": ["quux_tag"],
            "removed_tags": [],
            "event_type": "Change",
        },
        {
            "custom_ticket_fields": {"360077777777": "quuxvalue"},
            "quux_tag": {"quux_own_key": "quuxunknown"},
            "event_type": "Change",
        },
        {"event_type": "quuxperson was here"},
        {
            "_comment": True,
            "event_type": "Comment",
            "type": "Comment",
            "author_id": IDS["user"],
            "body": "quuxcomment",
            "html_body": "<p>quuxcomment</p>",
            "plain_body": "quuxcomment",
            "public": True,
            "attachments": [{"file_name": "quuxinvoice.pdf", "Quux Field": 1}],
            "audit_id": IDS["event"],
            "created_at": "2025-11-01T00:00:00Z",
            "via": {"channel": "email", "source": {"from": person, "to": {}, "rel": None}},
        },
    ]
    usual: dict[str, Any] = {"via": "quuxperson's form", "via_reference_id": None}
    return {
        "id": IDS["event"] + 1000 * number,
        "ticket_id": IDS["ticket"],
        "timestamp": second,
        "created_at": f"2025-11-01T00:{number // 3 % 60:02}:00Z",
        "updater_id": IDS["user"],
        "via": "quuxperson's form",
        "system": place,
        "event_type": "Audit",
        "Quux Field": "quuxunknown",
        "notes_of_tomorrow": {"quux_own_key": "quuxunknown"},
        "metadata": {"system": place, "custom": {"quux_own_key": "quuxvalue"}},
        "child_events": [
            {"id": IDS["child"] + n, **usual, **child} for n, child in enumerate(children)
        ],
    }


def marked_metric_event(event: dict[str, Any]) -> dict[str, Any]:
    policy = {"id": IDS["user"], "title": "quuxpolicy", "description": "quuxperson's"}
    sla = {"target": 60, "business_hours": False, "policy": policy, "Quux Field": 1}
    return {**event, "ticket_id": IDS["ticket"], "sla": sla}


def elsewhere(page: dict[str, Any]) -> dict[str, Any]:
    if page.get("next_page"):
        page["next_page"] = page["next_page"].replace(SUBDOMAIN, "quuxnextpage")
    return page


ECHO = json.dumps(
    {
        "error": "StartTimeTooRecent",
        "description": f"Dear quuxperson at https://{SUBDOMAIN}.zendesk.com ({EMAIL}): the "
        f"start_time is too recent for {SUBDOMAIN}, ask +49 30 7777777 or {IDS['user']}; quux_tag",
        "quux_own_key": "quuxsubject",
    }
)


@pytest.fixture(scope="module")
def marked() -> Asked:
    """A run against an account, and a server, full of markers."""
    events = [marked_event(number) for number in range(1200)]
    clocks = [marked_metric_event(event) for event in history()[1]]
    headers = {
        "X-Quux": "quuxheader",
        "zendesk-ratelimit-incremental-exports": "total=10; remaining=9; resets=4; quuxheader",
    }
    young = Fault(on=lambda r: int(r.query.get("start_time", 0)) > NOW - 60, status=422, body=ECHO)
    edit = Fault(kind="edit_page", edit=elsewhere, headers=headers)
    fake, clock = a_server(
        Account(events, metric_events=clocks), faults=[young, edit], api_tokens=[(EMAIL, API_TOKEN)]
    )
    settings = {"access_token": "", "email": EMAIL, "api_token": API_TOKEN, "user_agent": SUBDOMAIN}
    return asked(fake, clock, settings=settings, host=f"{SUBDOMAIN}.zendesk.com")


def test_the_markers_were_there(marked: Asked) -> None:
    assert len(MARKERS) >= 20
    assert marked.ended is None
    assert marked["keys-of-ticket-events"].verdict == "differs"
    assert marked["keys-of-metric-events"].verdict == "differs"
    assert marked["via-of-comments"].figures["comments"] > 1000
    assert marked["sideload"].figures["texts_with"] == 1000
    assert marked["envelope"].figures["same_host"] is False
    words = "StartTimeTooRecent Dear … at … the start_time is too recent for … ask … 30 … or …"
    assert words in marked["start-too-recent"].found


@pytest.mark.parametrize("name", MARKERS)
def test_nothing_of_the_account_is_in_the_report(marked: Asked, name: str) -> None:
    assert MARKERS[name].casefold() not in marked.report.casefold()
    assert not [line for line in marked.lines if MARKERS[name].casefold() in line.casefold()]


def test_what_is_unknown_is_named_without_its_content(marked: Asked) -> None:
    named = marked["keys-of-ticket-events"].figures["unknown"]
    assert named["`notes_of_tomorrow` (object) in the event"] > 1000
    assert any(name.startswith("`(a name that is not shown)` (string)") for name in named)


ACCOUNT = {"subdomain": "acme", "access_token": "", "client_id": "robot", "client_secret": "s3cret"}


@pytest.fixture
def shown() -> Shown:
    from tests.live.__main__ import settings_of  # noqa: PLC0415 - beside the one who uses it

    given = {**ACCOUNT, "start_date": "2025-11-01"}
    return Shown(settings_of({f"TAP_ZENDESK_EVENTS_{k.upper()}": v for k, v in given.items()}))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ai_agent_id", True),
        ("status", True),
        ("acme_queue", False),
        ("my robot", False),
        ("field_360001", False),
        ("Größe", False),
        ("jane@acme.com", False),
        ("a" * 41, False),
    ],
)
def test_which_keys_are_told(shown: Shown, name: str, told: bool) -> None:
    assert (shown.key(name) == name) == told


def test_words_of_errors_are_told_unless_they_may_be_somebodys(shown: Shown) -> None:
    shown.saw([{"subject": "Jane from Lisbon is older than a minute", "tags": ["wont_fix"]}])
    sentence = "Use a start_time older than 60 seconds, Jane; see https://acme.zendesk.com wont_fix"
    assert shown.words({"error": "InvalidValue", "description": sentence}) == (
        "InvalidValue Use a start_time older than 60 seconds, … see …"
    )
    assert shown.words("x " * 500).endswith("…")


def test_rate_headers_are_told_if_they_are_counts() -> None:
    name = "zendesk-ratelimit-incremental-exports"
    headers = {name: "total=10; remaining=9; resets=3", "X-Rate-Limit": "700", "Retry-After": "7"}
    assert rate_headers(headers.items()) == {key.lower(): value for key, value in headers.items()}
    assert rate_headers([(name, "total=acme"), ("Server", "7"), ("x-rate-limit-acme", "no")]) == {}


# What it looks like


def answers() -> Answers:
    verdicts = (Verdict.AGREES, Verdict.DIFFERS, Verdict.NOT_SETTLED, Verdict.NOT_TRIED)
    findings: list[tuple[Question, Finding]] = [
        (replace(QUESTIONS[n], asks=f"Question {n}?"), Finding(verdict, f"Found {n}.", {"n": n}))
        for n, verdict in enumerate(verdicts)
    ]
    return Answers(findings, requests=14, for_pages=13, most=25, waited=61.0)


ABOUT = {"version": "1.2.3", "date": "2026-12-01", "way": "access_token"}


def test_a_person_reads_first_what_differs(tmp_path: Path) -> None:
    markdown_file, json_file = report.write(tmp_path / "new" / "folder", answers(), ABOUT)
    text = markdown_file.read_text(encoding="utf-8")
    assert "14 of at most 25 requests" in text
    assert "1 differs, 1 not settled, 1 not tried, 1 agrees." in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# What Zendesk says",
        "## Differs from what is assumed",
        "### 2. Question 1?",
        "## Asked, but not settled by this account",
        "### 3. Question 2?",
        "## Not tried",
        "### 4. Question 3?",
        "## Agrees",
        "### 1. Question 0?",
    ]
    content = json.loads(json_file.read_text(encoding="utf-8"))
    assert (content["requests"], content["most_requests"]) == (14, 25)
    assert [q["verdict"] for q in content["questions"]] == [
        "agrees",
        "differs",
        "not settled",
        "not tried",
    ]


def test_a_run_that_was_ended_says_so() -> None:
    ended = replace(answers(), ended_by="an interrupt")
    assert "It was ended by an interrupt." in report.markdown(ended, ABOUT)
    assert json.loads(report.as_json(ended, ABOUT))["ended_by"] == "an interrupt"
