"""Each question agrees with the test server, and names what is otherwise."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, plain_event
from tests.live.asked import a_server, asked, history
from tests.live.questions import QUESTIONS
from tests.support.harness import BEGIN, NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_zendesk import Answer, LoggedRequest, Request

ALL = {question.name for question in QUESTIONS}
OPTIONAL = {question.name for question in QUESTIONS if question.option}


def test_all_agree_with_the_test_server() -> None:
    fake, clock = a_server()
    found = asked(fake, clock)
    assert found.ended is None
    assert {name: found[name].found for name in ALL - found.names("agrees")} == {}
    assert len(fake.log) == found.answers.requests <= 25
    assert {(r.method, r.path_kind) for r in fake.log} == {
        ("GET", "export"),
        ("GET", "metric_export"),
    }
    assert Counter(r.status for r in fake.log if r.status != 200) == {422: 1, 400: 1}


def test_without_options_what_takes_long_is_not_tried() -> None:
    fake, clock = a_server()
    found = asked(fake, clock, options=())
    assert found.names("not tried") == OPTIONAL
    assert found.names("agrees") == ALL - OPTIONAL
    assert "optional: `make live LIVE=--late`" in found["late-arrivals"].found
    assert len(fake.log) <= 19


def forget(name: str, kind: str) -> Fault:
    """A server that does not know a parameter of an export."""

    def on(request: LoggedRequest) -> bool:
        if request.path_kind == kind:
            request.query.pop(name, None)
        return False

    return Fault(on=on)


def scope_is_ignored(request: LoggedRequest) -> bool:
    if "support_type_scope" in request.query:
        request.query["support_type_scope"] = "all"
    return False


def edited(change: Callable[[dict[str, Any]], object], kind: Any = "export") -> Fault:
    """A change of every page of an export."""

    def edit(page: dict[str, Any]) -> dict[str, Any]:
        change(page)
        return page

    return Fault(kind="edit_page", edit=edit, path_kind=kind)


def other_via(page: dict[str, Any]) -> None:
    for event in page["ticket_events"]:
        for child in event["child_events"]:
            if child.get("comment_present"):
                child["via"] = "Something else"


def texts_always(page: dict[str, Any]) -> None:
    for event in page["ticket_events"]:
        for child in event["child_events"]:
            if child.get("comment_present"):
                child["body"] = "a text"


def a_field_of_another_type(page: dict[str, Any]) -> None:
    for event in page["ticket_metric_events"]:
        event["instance_id"] = str(event["instance_id"])
        event["type"] = "paused_by_robot"


TOO_SLOW = Fault(
    on=lambda r: "include" in r.query and int(r.query["per_page"]) > 500,
    status=504,
    body="upstream request timeout",
)

BROKEN: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "per_page is not known": (
        {"faults": [forget("per_page", "export")]},
        {
            "per-page-of-ticket-events": "10 asked for, 1000 came.",
            "end-in-crowded-second": "1000 came",
            "crowded-second": "1000 came",
            "envelope": "next_page has other parameters",
        },
    ),
    "per_page is not known to the other export": (
        {"faults": [forget("per_page", "metric_export")]},
        {
            "per-page-of-metric-events": "10 asked for, 1000 came.",
            "envelope": "next_page has other parameters",
        },
    ),
    "fewer on a page": (
        {"most_per_page": 300, "metric_page_size": 755},
        {
            "most-ticket-events": "2000 asked for, 300 came.",
            "most-metric-events": "2000 asked for, 300 came.",
        },
    ),
    "fewer metric events on a page": (
        {"metric_page_size": 755},
        {"most-metric-events": "2000 asked for, 755 came."},
    ),
    "pages do not grow": (
        {"page_rule": "capping"},
        {"crowded-second": "1 came, end_time is the second"},
    ),
    "the last page ends now": (
        {"last_page_end_time": "hold_back"},
        {
            "last-page-of-ticket-events": "s after the last event's second",
            "last-page-of-metric-events": "s after the last event's second",
        },
    ),
    "an empty page ends now": (
        {"empty_end_time": "hold_back"},
        {"empty-page": "end_time is a number, next_page is there, end_of_stream true."},
    ),
    "the end is not told": (
        {"faults": [edited(lambda page: page.pop("end_of_stream"))]},
        {
            "envelope": "end_of_stream is not told: ",
            "empty-page": "end_time null, next_page null, end_of_stream absent.",
        },
    ),
    "too recent is another status": (
        {"too_recent": "400"},
        {"start-too-recent": 'status 400, JSON with `description`, `error`, says "StartTimeToo'},
    ),
    "too recent is no error": (
        {"too_recent": None},
        {"start-too-recent": "status 200, with 0 events."},
    ),
    "a missing start is another error": (
        {"missing_start": "invalid"},
        {"start-missing": 'says "Invalid attribute You passed an invalid value'},
    ),
    "both exports share the allowance": (
        {"metric_shares_allowance": True},
        {"shared-allowance": "they used up 1 of"},
    ),
    "metric events tell an allowance": (
        {"metric_rate_limit": (10, 60.0), "metric_rate_headers": True},
        {"rate-limit-headers": "zendesk-ratelimit-incremental-exports: total=10; remaining=9"},
    ),
    "windows begin with a request": (
        {"rate_window": "first_request"},
        {"window": "seconds of `Date` and `resets` together: "},
    ),
    "metric events in disorder": (
        {"metric_disorder": True},
        {"order-of-metric-events": "earlier than the one before, by"},
    ),
    "ticket events in disorder": (
        {"faults": [edited(lambda page: page["ticket_events"].reverse())]},
        {"order-of-ticket-events": "earlier than the one before, by"},
    ),
    "the scope is ignored": (
        {"faults": [Fault(on=scope_is_ignored)]},
        {"support-type-scope": "of which "},
    ),
    "a comment's via is another": (
        {"faults": [edited(other_via)]},
        {"via-of-comments": ": 0 have the event's title"},
    ),
    "texts come without the sideload": (
        {"faults": [edited(texts_always)]},
        {"sideload": "without it "},
    ),
    "metric events have other types": (
        {"faults": [edited(a_field_of_another_type, "metric_export")]},
        {"keys-of-metric-events": "instance_id is of the type string ("},
    ),
    "pages with comments are too slow": (
        {"faults": [TOO_SLOW]},
        {"page-time": "with comments: status 504 in 0.0 s; with, half comments: 500 events in"},
    ),
    "bodies are plain": (
        {"gzip": False, "chunked": False},
        {"transport": "0 zipped, 0 in chunks"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_assumption_is_named(name: str) -> None:
    options, expected = BROKEN[name]
    found = asked(*a_server(**options), options=())
    assert {each: found[each].found for each in found.names("differs") - expected.keys()} == {}
    for question, text in expected.items():
        assert found[question].verdict == "differs", question
        assert text in found[question].found
        assert found[question].found in found.report


def test_unknown_keys_are_named() -> None:
    events = make_events(3000, seed=5, start=BEGIN, spread=NOW - BEGIN, unknown_fields=True)
    _, clocks = history()
    fake, clock = a_server(Account(events, metric_events=clocks))
    finding = asked(fake, clock, options=())["keys-of-ticket-events"]
    assert finding.verdict == "differs"
    named = set(finding.figures["unknown"])
    assert {"`workspace` (object) in the event", "`routing_score` (number) in the event"} <= named
    assert "`(a name that is not shown)` (array) in the event" in named
    assert not any("Queue" in name for name in named)


@pytest.mark.parametrize(("age", "verdict"), [(100, "agrees"), (400, "differs")])
def test_late_events_are_seen(age: int, verdict: str) -> None:
    account = Account(history()[0])
    account.add(plain_event(64, NOW - age), visible_at=NOW + 400)
    fake, clock = a_server(account)
    finding = asked(fake, clock)["late-arrivals"]
    assert (finding.verdict, finding.figures["ticket_events"]["late"]) == (verdict, 1)


class OneAtATime(FakeZendesk):
    """Answers 503 to one of two equal requests that are there at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.both_there = threading.Barrier(2, timeout=20)
        self.refuses = False

    def handle(self, request: Request) -> Answer:
        wanted = f"?start_time={BEGIN}&per_page=1000&support_type_scope=all"
        if not request.target.endswith(wanted):
            return super().handle(request)
        place = self.both_there.wait()
        answer = super().handle(request)
        if place and self.refuses:
            answer.status, answer.body = 503, b"{}"
        return answer


@pytest.mark.parametrize("refuses", [False, True])
def test_two_requests_are_sent_at_once(refuses: bool) -> None:
    usual, clock = a_server()
    fake = OneAtATime(usual.account, clock=clock.server_time, sleep=clock.sleep)
    fake.refuses = refuses
    finding = asked(fake, clock, options=("together",))["two-at-once"]
    assert not fake.both_there.broken
    assert finding.verdict == ("differs" if refuses else "agrees")
    assert ("1 of 2 failed (status 503)" in finding.found) == refuses


# What the account cannot settle


def test_a_small_account_leaves_questions_open() -> None:
    fake, clock = a_server(Account([plain_event(64, BEGIN + 9, via="Web form")]))
    found = asked(fake, clock, options=())
    assert found.names("differs") == set()
    assert found["most-ticket-events"].verdict == "not settled"
    assert found["most-ticket-events"].found == (
        "the account has 1 of them, fewer than fit on a page."
    )
    assert found["crowded-second"].found == "no second with several events among 1."
    assert found["last-page-of-ticket-events"].verdict == "agrees"
    assert found["last-page-of-metric-events"].verdict == "not settled"


def test_an_account_in_which_something_goes_on_all_the_time() -> None:
    fake, clock = a_server()
    number = iter(range(100_000, 200_000))

    def busy(request: LoggedRequest) -> bool:
        if request.path_kind == "export":
            second = int(request.time) - 61
            fake.account.add(plain_event(64 * next(number), second))
        return False

    fake.account = Account(history()[0])
    fake.faults.append(Fault(on=busy))
    finding = asked(fake, clock, options=())["empty-page"]
    assert (finding.verdict, finding.found) == (
        "not settled",
        "events came all the time, so no page was empty.",
    )


# Few requests, inside the allowance


def test_no_more_requests_than_allowed_are_sent() -> None:
    fake, clock = a_server()
    found = asked(fake, clock, most=6)
    assert len(fake.log) == found.answers.requests == 6
    assert found["empty-page"].verdict == "not tried"
    assert "6 requests that are sent at most were used up" in found["empty-page"].found
    assert found["window"].verdict == "agrees"


def test_faults_use_requests_up_and_no_more_than_there_are() -> None:
    fake, clock = a_server(faults=[Fault(on=range(3, 1000), status=503, body="{}")])
    found = asked(fake, clock)
    assert len(fake.log) == 25
    assert found["crowded-second"].found == "no good answer in 3 tries (status 503)."
    assert found.names("not tried") >= {"two-at-once"}


@pytest.mark.parametrize("rate", [(10, 60.0), (3, 60.0), (30, 60.0)])
def test_nothing_is_sent_beyond_the_allowance(rate: tuple[int, float]) -> None:
    fake, clock = a_server(rate_limit=rate, metric_shares_allowance=True)
    asked(fake, clock)
    assert not [r for r in fake.log if r.status == 429]


def test_a_429_is_waited_for_and_explained() -> None:
    headers = {"Retry-After": "42"}
    fault = Fault(on=2, status=429, headers=headers, body="{}")
    fake, clock = a_server(faults=[fault])
    found = asked(fake, clock)
    assert found.names("agrees") == ALL
    assert "Waiting 42 s: Zendesk says that the allowance is used up." in found.lines


def test_a_token_is_fetched_and_counts() -> None:
    fake, clock = a_server()
    settings = {
        "access_token": "",
        "client_id": "fake-client",
        "client_secret": "fake-client-secret",
    }
    found = asked(fake, clock, settings=settings)
    assert found.names("agrees") == ALL
    assert Counter(r.path_kind for r in fake.log)["token"] == 1
    assert found.answers.requests == found.answers.for_pages + 1 == len(fake.log)


def test_whoever_watches_is_told_what_happens() -> None:
    fake, clock = a_server(rate_limit=(10, 60.0))
    lines = asked(fake, clock).lines
    for number, question in enumerate(QUESTIONS, 1):
        at = lines.index(f"[{number}/{len(QUESTIONS)}] {question.asks}")
        following = [line for line in lines[at + 1 :] if not line.startswith("Waiting ")]
        assert following[0].startswith("      agrees: ")
    waits = [line for line in lines if line.startswith("Waiting ")]
    allowance = "Zendesk's allowance of 10 requests a minute is used up."
    assert any(allowance in line for line in waits)
    assert "Waiting 600 s: then the same minutes are read again, to see what came late." in waits


def test_a_wrong_credential_ends_it_with_the_taps_own_sentence() -> None:
    fake, clock = a_server()
    found = asked(fake, clock, settings={"access_token": "wrong"})
    assert "does not accept the credentials" in str(found.ended)
    assert found.names("not tried") == ALL
    assert len(fake.log) == 1


def test_an_export_that_is_refused_leaves_the_other() -> None:
    fault = Fault(path_kind="metric_export", status=403, body='{"error":"Forbidden"}')
    fake, clock = a_server(faults=[fault])
    found = asked(fake, clock, options=())
    assert found.ended is None
    assert found["per-page-of-metric-events"].found == "refused with status 403."
    assert found["per-page-of-ticket-events"].verdict == "agrees"
