"""The test server does what it says: pages, limits, errors, tokens, faults, and the same again."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import (
    ChunkedEncodingError,
    ConnectionError,  # noqa: A004
    ContentDecodingError,
    JSONDecodeError,
    ReadTimeout,
)

from tests.fake_zendesk import (
    Account,
    Answer,
    FakeZendesk,
    Fault,
    GeneratedEvents,
    InProcessAdapter,
    LoggedRequest,
    Request,
    big_account,
    make_events,
    plain_event,
)
from tests.fake_zendesk.encoding import shown
from tests.support.fake_requests import BEARER, EVENTS, NOW, OLD, Clock, ask, fake_of, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def account_of(*seconds: int) -> Account:
    """One event at each of these seconds, with ids that fall while time rises."""
    return Account(plain_event(9000 - 10 * n, second) for n, second in enumerate(seconds))


def seconds_of(decoded: dict[str, Any]) -> list[int]:
    return [event["timestamp"] - OLD for event in decoded["ticket_events"]]


# The page rule


def test_a_page_begins_with_the_start_second_itself(clock: Clock) -> None:
    fake = fake_of(account_of(OLD - 1, OLD, OLD + 1), clock)
    assert seconds_of(page(fake)) == [0, 1]


def test_a_full_page_over_seconds_repeats_its_last_second(clock: Clock) -> None:
    fake = fake_of(account_of(OLD, OLD + 5, OLD + 5, OLD + 5, OLD + 9), clock)
    first = page(fake, f"start_time={OLD}&per_page=3")
    assert seconds_of(first) == [0, 5, 5]
    assert (first["end_time"], first["end_of_stream"]) == (OLD + 5, False)
    second = page(fake, f"start_time={OLD + 5}&per_page=4")
    assert seconds_of(second) == [5, 5, 5, 9]
    repeated = {event["id"] for event in first["ticket_events"][1:]}
    assert repeated < {event["id"] for event in second["ticket_events"]}


def test_a_full_page_inside_one_second_grows_to_all_of_it(clock: Clock) -> None:
    fake = fake_of(account_of(*[OLD] * 7, OLD + 1), clock)
    grown = page(fake, f"start_time={OLD}&per_page=2")
    assert seconds_of(grown) == [0] * 7
    assert (grown["end_time"], grown["end_of_stream"]) == (OLD + 1, False)


def test_the_capping_rule_stands_still_in_a_crowded_second(clock: Clock) -> None:
    fake = fake_of(account_of(*[OLD] * 7, OLD + 1), clock, page_rule="capping")
    capped = page(fake, f"start_time={OLD}&per_page=2")
    assert seconds_of(capped) == [0, 0]
    assert (capped["end_time"], capped["end_of_stream"]) == (OLD, False)


def test_more_than_a_thousand_in_one_second_come_on_one_page(clock: Clock) -> None:
    fake = fake_of(Account(make_events(1700, start=OLD, spread=1)), clock)
    assert page(fake)["count"] == 1700


def test_a_page_that_is_just_full_is_not_the_last(clock: Clock) -> None:
    fake = fake_of(account_of(OLD, OLD + 3), clock)
    full = page(fake, f"start_time={OLD}&per_page=2")
    assert (full["end_time"], full["end_of_stream"]) == (OLD + 3, False)


@pytest.mark.parametrize(("form", "end_time"), [("last_event", OLD + 3), ("hold_back", NOW - 60)])
def test_the_last_page(clock: Clock, form: str, end_time: int) -> None:
    fake = fake_of(account_of(OLD, OLD + 3), clock, last_page_end_time=form)
    last = page(fake)
    assert (last["end_time"], last["end_of_stream"]) == (end_time, True)
    assert last["next_page"] == f"http://acme.test{EVENTS}?start_time={end_time}"


@pytest.mark.parametrize(("form", "end_time"), [("null", None), ("hold_back", NOW - 60)])
def test_an_empty_page(clock: Clock, form: str, end_time: int | None) -> None:
    empty = page(fake_of(account_of(), clock, empty_end_time=form))
    assert (empty["ticket_events"], empty["count"], empty["end_of_stream"]) == ([], 0, True)
    assert empty["end_time"] == end_time
    assert (empty["next_page"] is None) == (end_time is None)


def test_an_empty_page_is_full_of_nulls(clock: Clock) -> None:
    body = ask(fake_of(account_of(), clock)).body
    nothing = b'"count":0,"end_of_stream":true,"next_page":null,"end_time":null'
    assert body == b'{"ticket_events":[],' + nothing + b"}"


def scoped(*tickets: str) -> list[dict[str, Any]]:
    """An event for each ticket, its id and the ticket's from 1 on, of these support types."""
    return [
        plain_event(number, OLD + number, ticket_id=number, _scope=scope)
        for number, scope in enumerate(tickets, start=1)
    ]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [1, 3]),
        ("&support_type_scope=agent", [1, 3]),
        ("&support_type_scope=ai_agent", [2, 4]),
        ("&support_type_scope=all", [1, 2, 3, 4]),
    ],
)
def test_agents_tickets_are_shown_unless_others_are_asked_for(
    clock: Clock, query: str, ids: list[int]
) -> None:
    fake = fake_of(Account(scoped("agent", "ai_agent", "agent", "ai_agent")), clock)
    shown_page = page(fake, f"start_time={OLD}{query}")
    assert [event["id"] for event in shown_page["ticket_events"]] == ids
    assert shown_page["count"] == len(ids)
    assert all("_scope" not in event for event in shown_page["ticket_events"])
    assert query in shown_page["next_page"]


def test_a_scope_that_is_none_is_refused(clock: Clock) -> None:
    answer = ask(fake_of(Account(), clock), f"start_time={OLD}&support_type_scope=bots")
    assert answer.status == 400
    assert b"support_type_scope" in answer.body


def test_a_ticket_that_is_handed_over_shows_its_old_events(clock: Clock) -> None:
    account = Account(scoped("agent", "ai_agent"))
    account.hand_over(2, at=NOW + 50)
    fake = fake_of(account, clock)
    assert page(fake)["count"] == 1
    assert page(fake, f"start_time={OLD}&support_type_scope=ai_agent")["count"] == 1
    clock.now = NOW + 50
    assert page(fake)["count"] == 2
    assert page(fake, f"start_time={OLD}&support_type_scope=ai_agent")["count"] == 0


def test_made_tickets_may_be_ai_agents(clock: Clock) -> None:
    events = make_events(900, start=OLD, spread=900, ai_agents=0.3)
    tickets = {event["ticket_id"]: event.get("_scope", "agent") for event in events}
    assert all(event.get("_scope", "agent") == tickets[event["ticket_id"]] for event in events)
    assert 0.15 < list(tickets.values()).count("ai_agent") / len(tickets) < 0.45
    shown_ids = {event["id"] for event in page(fake_of(Account(events), clock))["ticket_events"]}
    assert shown_ids == {event["id"] for event in events if "_scope" not in event}


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}.json"])
def test_next_page_keeps_path_and_parameters_in_alphabetical_order(clock: Clock, path: str) -> None:
    query = f"start_time={OLD}&sort_by=x&per_page=2&include=comment_events"
    answer = ask(fake_of(account_of(OLD, OLD + 1), clock), query, path=path)
    expected = f"include=comment_events&per_page=2&sort_by=x&start_time={OLD + 1}"
    assert json.loads(answer.body)["next_page"] == f"http://acme.test{path}?{expected}"


def test_next_page_may_name_another_host(clock: Clock) -> None:
    fake = fake_of(account_of(OLD), clock, public_url="https://acme.zendesk.com")
    assert page(fake)["next_page"].startswith(f"https://acme.zendesk.com{EVENTS}?")


@pytest.mark.parametrize(
    ("asked", "count"), [("", 1000), ("&per_page=5000", 1000), ("&per_page=0", 1)]
)
def test_a_page_holds_1_to_1000(clock: Clock, asked: str, count: int) -> None:
    fake = fake_of(account_of(*range(OLD, OLD + 1200)), clock)
    assert page(fake, f"start_time={OLD}{asked}")["count"] == count


def test_a_walk_meets_every_event(clock: Clock) -> None:
    events = make_events(3000, seed=3, start=OLD - 80_000, spread=80_000, burst=(None, 400))
    fake = fake_of(Account(events), clock)
    start, seen = 0, set()
    while True:
        decoded = page(fake, f"start_time={start}&per_page=100")
        seen |= {event["id"] for event in decoded["ticket_events"]}
        if decoded["end_of_stream"]:
            break
        assert decoded["end_time"] > start
        start = decoded["end_time"]
    assert seen == {event["id"] for event in events}


def test_order_inside_a_second_is_not_by_id_but_stable(clock: Clock) -> None:
    fake = fake_of(account_of(*[OLD] * 50), clock)
    first, again = page(fake), page(fake)
    ids = [event["id"] for event in first["ticket_events"]]
    assert ids not in (sorted(ids), sorted(ids, reverse=True))
    assert [event["id"] for event in again["ticket_events"]] == ids


# What shows when


def test_the_newest_minute_is_held_back(clock: Clock) -> None:
    fake = fake_of(account_of(NOW - 61, NOW - 60, NOW - 59), clock)
    assert seconds_of(page(fake)) == [9939, 9940]
    clock.now += 0.9
    assert seconds_of(page(fake)) == [9939, 9940]
    clock.now += 0.1
    assert seconds_of(page(fake)) == [9939, 9940, 9941]


def test_late_arrivals_show_at_their_moment(clock: Clock) -> None:
    account = account_of(OLD, OLD + 9)
    account.add(plain_event(1, OLD + 5), visible_at=NOW + 30)
    fake = fake_of(account, clock)
    assert seconds_of(page(fake)) == [0, 9]
    assert fake.stats()["settled_events"] == 2
    clock.now = NOW + 30
    assert seconds_of(page(fake)) == [0, 5, 9]
    assert fake.stats()["settled_events"] == 3


def test_events_can_be_added_meanwhile(clock: Clock) -> None:
    fake = fake_of(account_of(OLD), clock)
    assert page(fake)["count"] == 1
    fake.account.add(plain_event(1, OLD))
    assert page(fake)["count"] == 2


def test_the_documented_shape_is_filed_under_its_time(clock: Clock) -> None:
    metric = {
        "id": 5,
        "instance_id": 1,
        "metric": "reply_time",
        "ticket_id": 3,
        "time": "2024-11-23T00:00:00Z",
        "type": "breach",
    }
    assert page(fake_of(Account([metric]), clock), "start_time=0")["ticket_events"] == [metric]


SECONDS = st.integers(OLD, OLD + 12)


@given(
    seconds=st.lists(SECONDS, max_size=30),
    late=st.lists(st.tuples(SECONDS, st.integers(-3, 3)), max_size=5),
    start=SECONDS,
    per_page=st.integers(1, 8),
    hold_back=st.integers(0, 20),
)
def test_a_page_is_what_a_plain_reading_of_the_rule_gives(
    seconds: list[int], late: list[tuple[int, int]], start: int, per_page: int, hold_back: int
) -> None:
    now = OLD + 15
    account = account_of(*seconds)
    for number, (second, delay) in enumerate(late):
        account.add(plain_event(100_000 + 10 * number, second), visible_at=now + delay)
    fake = fake_of(account, Clock(), too_recent=None, hold_back=hold_back)
    fake.clock = lambda: float(now)
    shown = sorted([*seconds, *(second for second, delay in late if delay <= 0)])
    shown = [second for second in shown if start <= second <= now - hold_back]
    expected = shown[:per_page]
    full = len(expected) == per_page
    end_time = expected[-1] if expected else None
    if full and expected[0] == expected[-1]:
        expected = [second for second in shown if second == expected[0]]
        end_time = expected[0] + 1
    decoded = page(fake, f"start_time={start}&per_page={per_page}")
    assert [event["timestamp"] for event in decoded["ticket_events"]] == expected
    assert (decoded["end_of_stream"], decoded["end_time"]) == (not full, end_time)


# The comment sideload


def test_comments_are_stripped_without_the_sideload(clock: Clock) -> None:
    fake = fake_of(Account(make_events(2_500, start=OLD, spread=1)), clock)
    raw = {event["id"]: event for event in fake.account.events()}
    kinds: Counter[str] = Counter()
    for event in page(fake)["ticket_events"]:
        assert "metadata" not in event
        for child in event["child_events"]:
            full = next(c for c in raw[event["id"]]["child_events"] if c["id"] == child["id"])
            if full.get("_comment"):
                kinds[child["event_type"]] += 1
                names = "id via via_reference_id comment_present comment_public event_type"
                assert list(child) == names.split()
                assert child["via"] == event["via"]
                assert child["comment_present"] is True
                assert child["comment_public"] is full["public"]
            else:
                assert child == full
    assert kinds["Comment"] > 500
    others = "FacebookComment VoiceComment VoiceApiComment ConversationTurn ComicStripComment"
    assert set(kinds) == {"Comment", *others.split()}


def test_the_sideload_shows_everything(clock: Clock) -> None:
    fake = fake_of(Account(make_events(300, start=OLD, spread=900)), clock)
    full = page(fake, f"start_time={OLD}&include=last_audits,comment_events")["ticket_events"]
    assert full == [shown(event, comments=True) for event in fake.account.events()]
    assert '"_' not in json.dumps(full)
    assert all("metadata" in event for event in full)


def test_a_lone_surrogate_is_sent_as_its_escape(clock: Clock) -> None:
    fake = fake_of(Account([plain_event(1, OLD, via="half \ud83d an emoji \x00")]), clock)
    assert b"half \\ud83d an emoji \\u0000" in ask(fake).body
    assert page(fake)["ticket_events"][0]["via"] == "half \ud83d an emoji \x00"


# The allowance


def header_of(answer: Answer) -> str:
    return answer.headers["zendesk-ratelimit-incremental-exports"]


def test_the_window_may_begin_with_its_first_request(clock: Clock) -> None:
    fake = fake_of(account_of(OLD), clock, rate_limit=(2, 60.0), rate_window="first_request")
    assert header_of(ask(fake)) == "total=2; remaining=1; resets=60"
    clock.now += 21.5
    assert header_of(ask(fake)) == "total=2; remaining=0; resets=39"
    clock.now += 0.5
    refused = ask(fake)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "38")
    text = "Number of allowed incremental export API requests per minute exceeded"
    assert json.loads(refused.body) == {"error": "APIRateLimitExceeded", "description": text}
    assert refused.headers["Content-Type"].startswith("application/json")
    assert refused.headers["Cache-Control"] == "max-age=38, public"
    assert header_of(refused) == "total=2; remaining=0; resets=38"
    clock.now = NOW + 59.99
    assert header_of(ask(fake)) == "total=2; remaining=0; resets=1"
    clock.now = NOW + 60
    assert header_of(ask(fake)) == "total=2; remaining=1; resets=60"
    assert [r.status for r in fake.export_requests] == [200, 200, 429, 429, 200]


def test_the_window_is_aligned_to_the_clock(clock: Clock) -> None:
    fake = fake_of(account_of(OLD), clock, rate_limit=(10, 20.0))
    clock.now = NOW - NOW % 20 + 13.2
    assert header_of(ask(fake)) == "total=10; remaining=9; resets=7"
    clock.now += 6.8
    assert header_of(ask(fake)) == "total=10; remaining=9; resets=20"


def test_the_allowance_can_be_secret_or_absent(clock: Clock) -> None:
    name = "zendesk-ratelimit-incremental-exports"
    secret = fake_of(account_of(OLD), clock, rate_limit=(1, 60.0), rate_headers=False)
    assert name not in ask(secret).headers
    refused = ask(secret)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
    assert name not in refused.headers
    assert name not in ask(fake_of(account_of(OLD), clock)).headers


def test_every_answer_carries_the_account_wide_headers(clock: Clock) -> None:
    headers = ask(fake_of(account_of(OLD), clock)).headers
    assert parsedate_to_datetime(headers["Date"]).timestamp() == NOW
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert (headers["x-rate-limit"], headers["x-rate-limit-remaining"]) == ("700", "699")
    assert len(headers["X-Request-Id"]) == 32
    assert "Date" not in ask(fake_of(account_of(OLD), clock, date_header=False)).headers


# Errors

NOT_ADMIN = {
    "title": "Forbidden",
    "message": "You do not have access to this page. Please contact the account owner of this help"
    " desk for further help.",
}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic !",
        "Negotiate x",
        basic("admin@example.com/token", "wrong"),
        basic("admin@example.com", "fake-api-token"),
    ],
)
def test_wrong_basic_credentials(clock: Clock, authorization: str | None) -> None:
    answer = ask(fake_of(account_of(), clock), authorization=authorization)
    assert answer.status == 401
    assert json.loads(answer.body) == {"error": "Couldn't authenticate you"}


def test_a_wrong_bearer_token(clock: Clock) -> None:
    answer = ask(fake_of(account_of(), clock), authorization="Bearer wrong")
    assert answer.status == 401
    assert json.loads(answer.body) == {
        "error": "invalid_token",
        "error_description": "The access token provided is expired, revoked, malformed or invalid"
        " for other reasons.",
    }


def test_an_api_token(clock: Clock) -> None:
    authorization = basic("admin@example.com/token", "fake-api-token")
    assert ask(fake_of(account_of(), clock), authorization=authorization).status == 200


@pytest.mark.parametrize(
    ("who", "authorization"),
    [
        ("admin@example.com", basic("admin@example.com/token", "fake-api-token")),
        ("fake-access-token", BEARER),
    ],
)
def test_somebody_who_is_no_admin(clock: Clock, who: str, authorization: str) -> None:
    answer = ask(fake_of(account_of(), clock, non_admins={who}), authorization=authorization)
    assert answer.status == 403
    assert json.loads(answer.body) == {"error": NOT_ADMIN}


def test_a_wrong_subdomain(clock: Clock) -> None:
    answer = ask(fake_of(account_of(), clock, no_help_desk=True))
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["title"] == "No help desk at acme.test"


def test_an_unknown_path(clock: Clock) -> None:
    answer = ask(fake_of(account_of(), clock), path="/api/v2/incremental/nothing")
    assert answer.status == 404
    assert json.loads(answer.body) == {"error": "InvalidEndpoint", "description": "Not found"}


@pytest.mark.parametrize(
    "query", ["start_time=", "start_time=-1", "start_time=1.5", "start_time=x"]
)
def test_a_bad_start_time(clock: Clock, query: str) -> None:
    answer = ask(fake_of(account_of(), clock), query)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["title"] == "Invalid attribute"


def test_a_missing_start_time(clock: Clock) -> None:
    answer = ask(fake_of(account_of(), clock), "per_page=1")
    assert answer.status == 400
    error = {"error": "ParameterMissing", "description": "Parameter start_time is required"}
    assert json.loads(answer.body) == error
    other = ask(fake_of(account_of(), clock, missing_start="invalid"), "per_page=1")
    assert json.loads(other.body)["error"]["title"] == "Invalid attribute"


TOO_RECENT = "Too recent start_time. Use a start_time older than 5 minutes"


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        ("422", 422, json.dumps({"error": "InvalidValue", "description": TOO_RECENT})),
        ("400", 400, json.dumps({"error": "StartTimeTooRecent", "description": TOO_RECENT})),
        ("422-text", 422, json.dumps(TOO_RECENT)),
    ],
)
def test_a_start_in_the_newest_minute(clock: Clock, form: str, status: int, body: str) -> None:
    fake = fake_of(account_of(), clock, too_recent=form)
    assert ask(fake, f"start_time={NOW - 60}").status == 200
    answer = ask(fake, f"start_time={NOW - 59}")
    text = answer.body.decode()
    content = text if answer.headers["Content-Type"].startswith("text/plain") else json.loads(text)
    assert (answer.status, content) == (status, json.loads(body))


def test_a_start_in_the_newest_minute_may_be_an_empty_page(clock: Clock) -> None:
    fake = fake_of(account_of(NOW), clock, too_recent=None)
    assert page(fake, f"start_time={NOW}")["count"] == 0


def test_a_heavy_page_is_answered_504(clock: Clock) -> None:
    fake = fake_of(account_of(*range(OLD, OLD + 50)), clock, page_limit_504=20)
    answer = ask(fake)
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    assert page(fake, f"start_time={OLD}&per_page=20")["count"] == 20


# Tokens


def buy_token(
    fake: FakeZendesk, *, form: bool = False, **fields: Any
) -> tuple[int, dict[str, Any]]:
    asked = {
        "grant_type": "client_credentials",
        "client_id": "fake-client",
        "client_secret": "fake-client-secret",
        "scope": "read",
    } | fields
    body = urlencode(asked) if form else json.dumps(asked)
    headers = {"content-type": "application/x-www-form-urlencoded" if form else "application/json"}
    answer = fake.handle(Request("POST", "/oauth/tokens", headers, body.encode()))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("form", [False, True])
def test_client_credentials_buy_a_token_that_ends(clock: Clock, form: bool) -> None:
    fake = fake_of(account_of(), clock)
    status, bought = buy_token(fake, form=form)
    token = bought.pop("access_token")
    assert (status, bought) == (200, {"token_type": "bearer", "scope": "read", "expires_in": 1800})
    assert fake.tokens_issued == [token]
    assert fake.log[0].path_kind == "token"
    clock.now += 1799.9
    assert ask(fake, authorization=f"Bearer {token}").status == 200
    clock.now += 0.1
    assert ask(fake, authorization=f"Bearer {token}").status == 401


def test_tokens_can_be_revoked(clock: Clock) -> None:
    fake = fake_of(account_of(), clock)
    token = buy_token(fake)[1]["access_token"]
    fake.expire_tokens()
    assert ask(fake, authorization=f"Bearer {token}").status == 401
    assert buy_token(fake)[1]["access_token"] != token


@pytest.mark.parametrize(
    ("life", "answered"),
    [
        ({"expires_in": None}, {"expires_in": None}),
        ({}, {}),
        ({"expires_in": 5}, {"expires_in": 5}),
    ],
)
def test_a_token_may_last_for_ever(clock: Clock, life: Any, answered: Any) -> None:
    fake = fake_of(account_of(), clock, clients={("me", "secret"): life})
    bought = buy_token(fake, client_id="me", client_secret="secret")[1]
    assert {name: bought[name] for name in bought if name == "expires_in"} == answered


def test_a_token_may_be_asked_to_last_longer(clock: Clock) -> None:
    fake = fake_of(account_of(), clock)
    assert buy_token(fake, expires_in=172_800)[1]["expires_in"] == 172_800
    assert buy_token(fake, expires_in=300)[1]["expires_in"] == 1800


def test_wrong_clients_and_grants(clock: Clock) -> None:
    fake = fake_of(account_of(), clock)
    status, body = buy_token(fake, client_secret="wrong")
    assert (status, body["error"]) == (401, "invalid_client")
    assert "error_description" in body
    status, body = buy_token(fake, grant_type="password")
    assert (status, body["error"]) == (400, "unsupported_grant_type")


def test_a_token_of_another_scope_or_owner_is_of_no_use(clock: Clock) -> None:
    fake = fake_of(account_of(), clock, non_admins={"fake-client"})
    scoped = buy_token(fake, scope="tickets")[1]["access_token"]
    answer = ask(fake, authorization=f"Bearer {scoped}")
    assert answer.status == 403
    description = "You are missing the following required scopes: read"
    assert json.loads(answer.body) == {"error": "Forbidden", "description": description}
    plain = buy_token(fake)[1]["access_token"]
    answer = ask(fake, authorization=f"Bearer {plain}")
    assert (answer.status, json.loads(answer.body)) == (403, {"error": NOT_ADMIN})


# The log, the numbers, the seed


def test_the_log_knows_every_request(clock: Clock) -> None:
    fake = fake_of(account_of(OLD, OLD), clock)
    buy_token(fake)
    ask(fake, path="/elsewhere")
    ask(fake, f"start_time={OLD}&per_page=7")
    assert [(r.number, r.path_kind, r.status) for r in fake.log] == [
        (0, "token", 200),
        (0, "other", 404),
        (1, "export", 200),
    ]
    (request,) = fake.export_requests
    assert (request.method, request.path, request.time, request.events) == ("GET", EVENTS, NOW, 2)
    assert request.query == {"start_time": str(OLD), "per_page": "7"}
    assert request.authorization == request.headers["authorization"] == BEARER


def test_stats_count_what_is_settled(clock: Clock) -> None:
    fake = fake_of(account_of(NOW - 302, NOW - 301, NOW - 300, NOW), clock)
    ask(fake)
    ask(fake, "start_time=x")
    stats = json.loads(ask(fake, "", path="/fake/stats", authorization=None).body)
    assert stats == {
        "now": NOW,
        "settled_before": NOW - 300,
        "settled_events": 2,
        "total_events": 4,
        "requests": 2,
        "status_counts": {"200": 1, "400": 1},
    }
    before = json.loads(ask(fake, f"before={NOW + 9}", path="/fake/stats").body)
    assert before["settled_events"] == 3, "what is held back is not settled"
    assert len(fake.log) == 2


def test_the_same_seed_gives_the_same_bytes() -> None:
    def answers(seed: int) -> list[Answer]:
        fake = fake_of(Account(make_events(200, seed=seed, start=OLD), seed=seed), Clock())
        return [ask(fake, f"start_time={start}&per_page=50") for start in (0, OLD, OLD + 9999)]

    assert answers(4) == answers(4)
    assert answers(4) != answers(5)


def test_made_events_are_as_varied_as_real_ones() -> None:
    events = make_events(
        4000, seed=2, start=OLD, spread=86_400, burst=(60, 250), unknown_fields=True
    )
    assert len({event["id"] for event in events}) == len(events) == 4000
    assert {len(str(event["id"])) for event in events} == {12, 13, 14}
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert times.count(OLD + 60) >= 250
    ids = [event["id"] for event in events]
    assert ids != sorted(ids)
    children = [child for event in events for child in event["child_events"]]
    assert len({child["id"] for child in children} | set(ids)) == len(children) + len(ids)
    keys = {
        key for child in children for key in child if child["event_type"] in {"Create", "Change"}
    }
    assert keys >= {
        "subject",
        "status",
        "priority",
        "type",
        "assignee_id",
        "group_id",
        "requester_id",
        "organization_id",
        "tags",
        "added_tags",
        "removed_tags",
        "brand_id",
        "satisfaction_score",
        "ticket_form_id",
        "custom_status_id",
        "custom_ticket_fields",
        "rel",
        "updater_id",
        "previous_value",
    }
    previous = [
        child.get("previous_value", ...) for child in children if child["event_type"] == "Change"
    ]
    assert {type(value) for value in previous} == {str, list, dict, type(None), type(...)}
    assert "0" in previous
    custom = [v for c in children for v in c.get("custom_ticket_fields", {}).values()]
    assert {type(value) for value in custom} == {str, int, float, bool, type(None), list, dict}
    assert any(event["updater_id"] == -1 and event["system"] == {} for event in events)
    kinds = {child["event_type"] for child in children}
    assert {"CommentRedactionEvent", "AttachmentRedactionEvent", "CommentPrivacyChange"} < kinds
    assert any(event.get("merged_ticket_ids") and event["via"] == "Merge" for event in events)
    assert any(not event["child_events"] for event in events)
    comments = [child for child in children if child.get("_comment")]
    assert {"VoiceApiComment", "VoiceComment", "FacebookComment", "Comment"} < {
        comment["event_type"] for comment in comments
    }
    nothing = {"client": None, "location": None, "latitude": None, "longitude": None}
    systems = [event["system"] for event in events]
    assert 0.05 < systems.count(nothing) / len(events) < 0.3
    assert systems.count({}) > systems.count(nothing)
    assert {type(comment["via"]) for comment in comments} == {dict, str, type(None)}
    assert any(comment["attachments"] for comment in comments)
    assert any("data" in comment for comment in comments)
    assert {comment["public"] for comment in comments} == {True, False}
    odd = json.dumps(make_events(1000, odd_text=True))
    assert "\\u0000" in odd
    assert "\\ud83d" in odd
    known = set(make_events(1)[0]) | {"merged_ticket_ids"}
    assert any(set(event) - known for event in events)
    assert not any(set(event) - known for event in make_events(1000))


def test_a_big_account_costs_nothing_until_it_is_read(clock: Clock) -> None:
    begun = time.process_time()
    account = big_account(1_000_000, start=NOW - 400_000, per_second=3, seed=6)
    account.add(plain_event(1, NOW - 400_000 + 3))
    fake = fake_of(account, clock)
    start, seen = NOW - 400_000, []
    for _ in range(3):
        decoded = page(fake, f"start_time={start}")
        seen += [event["id"] for event in decoded["ticket_events"]]
        start = decoded["end_time"]
    assert 1 in seen
    assert len(set(seen)) in range(2990, 2999)
    assert fake.stats()["settled_events"] == 1_000_001
    assert page(fake, f"start_time={NOW - 400_000 + 333_333}")["count"] == 1
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("comments", [False, True])
def test_big_accounts_write_what_they_hold(clock: Clock, comments: bool) -> None:
    events = GeneratedEvents(1200, OLD, 0.5)
    fake = fake_of(Account(events), clock)
    sideload = "&include=comment_events" * comments
    decoded = page(fake, f"start_time={OLD}{sideload}")["ticket_events"]
    assert [event["timestamp"] for event in decoded] == list(range(OLD, OLD + 2000, 2))
    assert decoded == [shown(event, comments=comments) for event in events[:1000]]


def test_big_accounts_have_different_ids_throughout() -> None:
    account = big_account(20_000)
    events = account.events()
    children = [child["id"] for event in events for child in event["child_events"]]
    assert len({event["id"] for event in events} | set(children)) == 20_000 + len(children)


# Over real sockets and in process

Make: TypeAlias = "Callable[..., tuple[FakeZendesk, Callable[..., requests.Response]]]"


@pytest.fixture(params=["http", "in process"])
def get(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a fake and a function that asks it, over HTTP and in process."""
    with ExitStack() as stack:

        def make(**options: Any) -> tuple[FakeZendesk, Callable[..., requests.Response]]:
            account = Account(make_events(40, start=int(time.time()) - 9000, spread=8000))
            fake = FakeZendesk(account, **({"rate_limit": None} | options))
            session = stack.enter_context(requests.Session())
            session.headers["Authorization"] = BEARER
            if request.param == "http":
                url = stack.enter_context(fake.serve())
            else:
                url = "http://127.0.0.1:1"
                session.mount("http://", InProcessAdapter(fake))

            def ask_it(**kwargs: Any) -> requests.Response:
                return session.get(f"{url}{EVENTS}", params={"start_time": 0}, **kwargs)

            return fake, ask_it

        yield make


@pytest.mark.parametrize(
    "options", [{}, {"gzip": False}, {"chunked": False}, {"chunked": False, "gzip": False}]
)
def test_a_page_arrives_whole(get: Make, options: dict[str, Any]) -> None:
    fake, ask_it = get(**options)
    for _ in range(2):
        response = ask_it()
        assert response.status_code == 200
        assert response.json()["count"] == 40
    assert len(fake.export_requests) == 2


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("drop", ConnectionError),
        ("drop_in_body", ChunkedEncodingError),
        ("wrong_length", ChunkedEncodingError),
        ("broken_gzip", ContentDecodingError),
        ("stall", ReadTimeout),
        ("truncate", JSONDecodeError),
    ],
)
@pytest.mark.parametrize("options", [{}, {"gzip": False}, {"chunked": False}])
def test_faults_strike_once_and_pass(
    get: Make, kind: Any, error: type[Exception], options: Any
) -> None:
    fake, ask_it = get(faults=[Fault(on={2}, kind=kind)], **options)
    assert ask_it().json()["count"] == 40
    with pytest.raises(error) as caught:
        ask_it(timeout=0.1 if kind == "stall" else 5).json()
    assert caught.type is error
    assert ask_it().json()["count"] == 40
    assert [r.status for r in fake.export_requests] == [200, 0 if kind == "drop" else 200, 200]


def test_pages_are_chunked_and_zipped_unless_told_otherwise(clock: Clock) -> None:
    for options, headers in (
        ({}, {"transfer-encoding": "chunked", "content-encoding": "gzip"}),
        ({"gzip": False}, {"transfer-encoding": "chunked"}),
        ({"chunked": False}, {"content-encoding": "gzip", "content-length": "…"}),
    ):
        with fake_of(account_of(OLD), clock, **options).serve() as url:
            answer = requests.get(f"{url}{EVENTS}?start_time=0", headers={"Authorization": BEARER})
        names = ("transfer-encoding", "content-encoding", "content-length")
        told = {name: answer.headers[name] for name in names if name in answer.headers}
        if "content-length" in told:
            told["content-length"] = "…"
        assert told == headers
        assert answer.json()["count"] == 1


def test_cookies_are_given_until_they_come_back_and_a_header_stands_twice(get: Make) -> None:
    _, ask_it = get()
    first = ask_it().raw.headers
    given = first.getlist("set-cookie")
    assert [line.partition("=")[0] for line in given] == ["__cfruid", "_zendesk_cookie"]
    ids = first.getlist("x-request-id")
    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert "set-cookie" not in ask_it(cookies={"_zendesk_cookie": "x"}).raw.headers


def test_cookies_and_doubled_headers_can_be_left_out(get: Make) -> None:
    _, ask_it = get(cookies=False, doubled_headers=False)
    headers = ask_it().raw.headers
    assert "set-cookie" not in headers
    assert len(headers.getlist("x-request-id")) == 1


def test_a_slow_answer_arrives(get: Make) -> None:
    _, ask_it = get(faults=[Fault(kind="slow", seconds=0.1)])
    assert ask_it().json()["count"] == 40


def test_an_answer_can_be_replaced(get: Make) -> None:
    fault = Fault(status=503, body="<h1>Down</h1>", headers={"Retry-After": "7"}, times=2)
    fake, ask_it = get(faults=[fault], rate_limit=(10, 60.0))
    for remaining in (9, 8):
        response = ask_it()
        assert (response.status_code, response.text) == (503, "<h1>Down</h1>")
        assert response.headers["Retry-After"] == "7"
        assert response.headers["Content-Type"].startswith("text/html")
        header = response.headers["zendesk-ratelimit-incremental-exports"]
        assert f"remaining={remaining};" in header
    assert ask_it().status_code == 200
    assert [r.events for r in fake.export_requests] == [0, 0, 40]


@pytest.mark.parametrize(
    ("edit", "body"),
    [
        (lambda page: page | {"end_time": None, "ticket_events": []}, None),
        (lambda page: {"count": page["count"]}, b'{"count":40}'),
        (lambda _: [1], b"[1]"),
        (lambda _: None, b"null"),
        (lambda _: b"\xff\x00", b"\xff\x00"),
    ],
)
def test_a_page_can_be_edited(get: Make, edit: Any, body: bytes | None) -> None:
    _, ask_it = get(faults=[Fault(kind="edit_page", edit=edit)])
    response = ask_it()
    if body is None:
        assert response.json()["end_time"] is None
    else:
        assert response.content == body


@pytest.mark.parametrize(
    ("on", "struck"),
    [
        (2, [2]),
        (range(2, 4), [2, 3]),
        ({1, 4}, [1, 4]),
        (None, [1, 2, 3, 4]),
        (lambda request: request.query["start_time"] == str(OLD + 3), [3]),
    ],
)
def test_what_a_fault_hits(clock: Clock, on: Any, struck: list[int]) -> None:
    fake = fake_of(account_of(OLD), clock, faults=[Fault(on=on)])
    for number in range(1, 5):
        ask(fake, f"start_time={OLD + number}")
    assert [r.number for r in fake.export_requests if r.status == 503] == struck


def test_a_rule_may_hit_the_token_endpoint(clock: Clock) -> None:
    def for_tokens(request: LoggedRequest) -> bool:
        return request.path_kind == "token"

    fault = Fault(on=for_tokens, times=1, status=500, body="{}")
    fake = fake_of(account_of(OLD), clock, faults=[fault])
    assert buy_token(fake)[0] == 500
    assert buy_token(fake)[0] == 200


def test_simulated_sleep_is_told_of_a_stall(clock: Clock) -> None:
    fake = fake_of(account_of(), clock, faults=[Fault(kind="stall"), Fault(kind="slow")])
    slept: list[float] = []
    with requests.Session() as session:
        session.mount("http://", InProcessAdapter(fake, sleep=slept.append))
        url = f"http://127.0.0.1:1{EVENTS}?start_time=0"
        with pytest.raises(ReadTimeout):
            session.get(url, timeout=120, headers={"Authorization": BEARER})
    assert slept == [120]


def test_one_connection_serves_many_requests_without_delay() -> None:
    fake = FakeZendesk(account_of(OLD), rate_limit=None)
    with fake.serve() as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
        connection.connect()
        socket = connection.sock
        begun = time.monotonic()
        for _ in range(50):
            connection.request("GET", f"{EVENTS}?start_time=0", headers={"Authorization": BEARER})
            assert json.load(connection.getresponse())["count"] == 1
        # Nagle's algorithm against delayed acknowledgements would cost 40 ms each time.
        assert time.monotonic() - begun < 1.5
        assert connection.sock is socket
        connection.close()


def test_a_stall_ends_when_the_server_stops() -> None:
    fake = FakeZendesk(account_of(OLD), rate_limit=None, faults=[Fault(kind="stall", seconds=60)])
    begun = time.monotonic()
    with (
        fake.serve() as url,
        pytest.raises(ReadTimeout),
        requests.get(f"{url}{EVENTS}?start_time=0", timeout=0.1, headers={"Authorization": BEARER}),
    ):
        pass
    assert time.monotonic() - begun < 3


def test_it_can_be_started_by_itself(tmp_path: Path) -> None:
    ready = tmp_path / "url"
    command = [sys.executable, "-m", "tests.fake_zendesk", "--events", "50", "--live", "0.01"]
    process = subprocess.Popen(
        [*command, "--ready-file", str(ready)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        url = ready.read_text(encoding="utf-8").strip()
        stats = {"total_events": 0}
        while stats["total_events"] <= 50 and time.monotonic() < deadline:
            stats = requests.get(f"{url}/fake/stats", timeout=5).json()
        assert stats["settled_events"] <= 50 < stats["total_events"]
        address = f"{url}{EVENTS}?start_time=0"
        shown_page = requests.get(address, headers={"Authorization": BEARER}, timeout=5).json()
        last = shown_page["ticket_events"][-1]["timestamp"]
        assert (shown_page["end_of_stream"], shown_page["end_time"]) == (True, last)
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert f"export TAP_ZENDESK_EVENTS_API_URL={url}" in output
    assert output.endswith("Stopped.\n")


def test_a_connection_that_was_idle_is_forgotten() -> None:
    now = [float(NOW)]
    fake = FakeZendesk(account_of(OLD), clock=lambda: now[0], rate_limit=None, forgets_idle=30.0)
    with fake.serve() as url, requests.Session() as session:
        for idle in (0, 30):
            now[0] += idle
            answer = session.get(
                f"{url}{EVENTS}?start_time=0", timeout=5, headers={"Authorization": BEARER}
            )
            assert answer.status_code == 200
        now[0] += 31
        with pytest.raises(ReadTimeout):
            session.get(f"{url}{EVENTS}?start_time=0", timeout=0.1)
        assert fake.forgotten == 1
        assert len(fake.log) == 2
        session.close()  # and a new connection is known
        assert session.get(f"{url}{EVENTS}?start_time=0", timeout=5).status_code == 401


def test_a_slow_body_comes_in_pieces() -> None:
    slept: list[float] = []
    fake = FakeZendesk(
        account_of(OLD), rate_limit=None, faults=[Fault(kind="slow", seconds=40, pieces=8)]
    )
    session = requests.Session()
    session.mount("http://", InProcessAdapter(fake, slept.append))
    answer = session.get(
        f"http://fake{EVENTS}?start_time=0", stream=True, headers={"Authorization": BEARER}
    )
    assert slept == []
    pieces = []
    while piece := answer.raw.read1(65_536, decode_content=False):
        pieces.append(piece)
    assert json.loads(b"".join(pieces))["count"] == 1
    assert 7 <= len(pieces) <= 8
    assert slept == [5.0] * len(pieces)
