"""The test server's ticket metric events: a time line, an allowance and a disorder of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fake_zendesk import (
    Account,
    Event,
    FakeZendesk,
    Fault,
    InProcessAdapter,
    LoggedRequest,
    Request,
    big_account,
    make_events,
    make_metric_events,
    plain_event,
)
from tests.fake_zendesk.events import iso
from tests.support import fake_requests
from tests.support.fake_requests import BEARER, EVENTS, METRIC_EVENTS, NOW, OLD, Clock, fake_of

ask = partial(fake_requests.ask, path=METRIC_EVENTS)
page = partial(fake_requests.page, path=METRIC_EVENTS)

HEADER = "zendesk-ratelimit-incremental-exports"


def metric_event(event_id: int, second: int, **fields: Any) -> Event:
    return {
        "id": event_id,
        "ticket_id": 1,
        "instance_id": 1,
        "metric": "reply_time",
        "type": "activate",
        "time": iso(second),
        **fields,
    }


def account_of(*seconds: int) -> Account:
    """A metric event at each of these seconds, and one ticket event."""
    metric_events = [metric_event(9000 - n, second) for n, second in enumerate(seconds)]
    return Account([plain_event(1, OLD)], metric_events=metric_events)


def second_of(event: Event) -> int:
    return int(datetime.fromisoformat(event["time"]).timestamp())


def seconds_of(decoded: dict[str, Any]) -> list[int]:
    return [second_of(event) - OLD for event in decoded["ticket_metric_events"]]


def walk(fake: FakeZendesk, start: int, query: str = "") -> list[dict[str, Any]]:
    """Every page from this second on."""
    pages = []
    while True:
        pages.append(page(fake, f"start_time={start}{query}"))
        if pages[-1]["end_of_stream"]:
            return pages
        assert pages[-1]["end_time"] > start
        start = pages[-1]["end_time"]


# The endpoint


@pytest.mark.parametrize("path", [METRIC_EVENTS, f"{METRIC_EVENTS}.json"])
def test_pages_follow_the_time_based_protocol(clock: Clock, path: str) -> None:
    fake = fake_of(account_of(OLD - 1, OLD, OLD + 5, OLD + 5, OLD + 9), clock)
    first = json.loads(ask(fake, f"start_time={OLD}&per_page=2", path=path).body)
    assert list(first) == [
        "ticket_metric_events",
        "count",
        "end_of_stream",
        "next_page",
        "end_time",
    ]
    assert seconds_of(first) == [0, 5]
    assert (first["end_time"], first["end_of_stream"]) == (OLD + 5, False)
    assert first["next_page"] == f"http://acme.test{path}?per_page=2&start_time={OLD + 5}"
    grown = page(fake, f"start_time={OLD + 5}&per_page=1")
    assert (seconds_of(grown), grown["end_time"]) == ([5, 5], OLD + 6)
    last = page(fake, f"start_time={OLD + 6}")
    assert (seconds_of(last), last["end_of_stream"], last["end_time"]) == ([9], True, OLD + 9)


def test_the_two_exports_do_not_mix(clock: Clock) -> None:
    fake = fake_of(account_of(OLD + 3), clock)
    assert [event["id"] for event in page(fake)["ticket_metric_events"]] == [9000]
    ticket_events = json.loads(ask(fake, path=EVENTS).body)
    assert [event["id"] for event in ticket_events["ticket_events"]] == [1]
    assert fake.account.metrics.events() == [metric_event(9000, OLD + 3)]


def test_an_account_without_metric_events_shows_an_empty_page(clock: Clock) -> None:
    empty = page(fake_of(Account(), clock))
    assert (empty["ticket_metric_events"], empty["end_of_stream"]) == ([], True)
    assert (empty["end_time"], empty["next_page"]) == (None, None)


def test_the_export_shows_each_event_as_it_is(clock: Clock) -> None:
    made = make_metric_events(300, start=OLD, spread=9000)
    shown = [
        event
        for decoded in walk(fake_of(Account(metric_events=made), clock), OLD)
        for event in decoded["ticket_metric_events"]
    ]
    assert sorted(shown, key=lambda event: event["id"]) == sorted(made, key=lambda e: e["id"])


def test_a_page_may_hold_less_than_asked_for(clock: Clock) -> None:
    fake = fake_of(account_of(*range(OLD, OLD + 1600)), clock, metric_page_size=755)
    assert [decoded["count"] for decoded in walk(fake, OLD)] == [755, 755, 92]
    assert page(fake, f"start_time={OLD}&per_page=7")["count"] == 7
    assert page(fake_of(fake.account, clock))["count"] == 1000


def test_errors_are_those_of_the_other_export(clock: Clock) -> None:
    fake = fake_of(account_of(*range(OLD, OLD + 30)), clock, page_limit_504=20)
    assert ask(fake, "start_time=x").status == 400
    assert ask(fake, f"start_time={NOW - 59}").status == 422
    assert ask(fake).status == 504
    refused = fake.handle(Request("GET", f"{METRIC_EVENTS}?start_time=0"))
    assert refused.status == 401
    assert fake.handle(Request("POST", METRIC_EVENTS)).status == 404


# Disorder and lateness


def test_pages_may_be_in_disorder(clock: Clock) -> None:
    account = account_of(*range(OLD, OLD + 100))
    fake = fake_of(account, clock, metric_disorder=True)
    pages = walk(fake, OLD, "&per_page=40")
    for decoded in pages:
        seconds = seconds_of(decoded)
        assert seconds != sorted(seconds)
        assert decoded["end_time"] == OLD + max(seconds)
    assert [sorted(seconds_of(decoded)) for decoded in pages] == [
        list(range(40)),
        list(range(39, 79)),
        list(range(78, 100)),
    ]
    assert page(fake, f"start_time={OLD}&per_page=40") == pages[0], "the same disorder each time"
    other = Account(seed=1, metric_events=account.metrics.events())
    assert seconds_of(page(fake_of(other, clock, metric_disorder=True))) != seconds_of(page(fake))


def test_disorder_leaves_ticket_events_alone(clock: Clock) -> None:
    account = Account(plain_event(10 * n, OLD + n) for n in range(50))
    events = json.loads(ask(fake_of(account, clock, metric_disorder=True), path=EVENTS).body)
    assert [event["timestamp"] - OLD for event in events["ticket_events"]] == list(range(50))


def test_late_additions_show_at_their_moment(clock: Clock) -> None:
    fake = fake_of(account_of(OLD, OLD + 9), clock)
    fake.account.add_metric_event(metric_event(5, OLD + 5), visible_at=NOW + 1500)
    fake.account.add_metric_event(metric_event(6, OLD + 6))
    assert seconds_of(page(fake)) == [0, 6, 9]
    clock.now += 1500
    assert seconds_of(page(fake)) == [0, 5, 6, 9]


def test_the_newest_minute_is_held_back(clock: Clock) -> None:
    fake = fake_of(account_of(NOW - 61, NOW - 59), clock)
    assert seconds_of(page(fake)) == [9939]


# The allowance


def test_usually_nothing_is_limited_or_told(clock: Clock) -> None:
    fake = fake_of(account_of(OLD), clock, rate_limit=(1, 60.0))
    assert HEADER in ask(fake, path=EVENTS).headers
    for _ in range(30):
        answer = ask(fake)
        assert (answer.status, HEADER in answer.headers) == (200, False)


@pytest.mark.parametrize("told", [False, True])
def test_an_allowance_of_its_own(clock: Clock, told: bool) -> None:
    fake = fake_of(
        account_of(OLD),
        clock,
        rate_limit=(9, 60.0),
        metric_rate_limit=(2, 20.0),
        metric_rate_headers=told,
    )
    answers = [ask(fake) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "20"
    expected = [f"total=2; remaining={n}; resets=20" for n in (1, 0, 0)] if told else [None] * 3
    assert [answer.headers.get(HEADER) for answer in answers] == expected
    assert ask(fake, path=EVENTS).headers[HEADER] == "total=9; remaining=8; resets=60"
    clock.now += 20
    assert ask(fake).status == 200


def test_one_allowance_for_both(clock: Clock) -> None:
    fake = fake_of(account_of(OLD), clock, rate_limit=(3, 60.0), metric_shares_allowance=True)
    assert HEADER not in ask(fake).headers
    assert ask(fake, path=EVENTS).headers[HEADER] == "total=3; remaining=1; resets=60"
    fake.metric_rate_headers = True
    assert ask(fake).headers[HEADER] == "total=3; remaining=0; resets=60"
    assert [ask(fake, path=path).status for path in (METRIC_EVENTS, EVENTS)] == [429, 429]


# The log, the numbers, the faults


def test_the_log_tells_which_export_was_asked(clock: Clock) -> None:
    fake = fake_of(account_of(OLD, OLD), clock)
    for path in (EVENTS, METRIC_EVENTS, f"{METRIC_EVENTS}.json", EVENTS):
        ask(fake, path=path)
    assert [(r.number, r.path, r.path_kind, r.events) for r in fake.log] == [
        (1, EVENTS, "export", 1),
        (1, METRIC_EVENTS, "metric_export", 2),
        (2, f"{METRIC_EVENTS}.json", "metric_export", 2),
        (2, EVENTS, "export", 1),
    ]
    assert [request.path for request in fake.export_requests] == [EVENTS, EVENTS]
    assert [request.number for request in fake.metric_requests] == [1, 2]


def test_stats_count_metric_events_apart(clock: Clock) -> None:
    fake = fake_of(account_of(NOW - 1802, NOW - 1801, NOW - 1800, NOW - 301), clock)
    fake.account.add_metric_event(metric_event(5, NOW - 1805), visible_at=NOW + 1)
    ask(fake)
    ask(fake, "start_time=x")
    stats = json.loads(ask(fake, "", path="/fake/stats").body)
    assert stats == {
        "now": NOW,
        "settled_before": NOW - 300,
        "settled_events": 1,
        "total_events": 1,
        "requests": 0,
        "status_counts": {},
        "metric_settled_before": NOW - 1800,
        "settled_metric_events": 2,
        "total_metric_events": 5,
        "metric_requests": 2,
        "metric_status_counts": {"200": 1, "400": 1},
    }
    later = json.loads(ask(fake, f"metric_before={NOW + 9}", path="/fake/stats").body)
    assert (later["settled_metric_events"], later["settled_events"]) == (4, 1)
    clock.now += 1
    assert fake.stats()["settled_metric_events"] == 4


def test_a_fault_is_meant_for_one_of_the_exports(clock: Clock) -> None:
    def any_json(request: LoggedRequest) -> bool:
        return request.path.endswith(".json")

    faults = [Fault(on=2, path_kind="metric_export"), Fault(on=any_json, status=500)]
    fake = fake_of(account_of(OLD), clock, faults=faults)
    for path in (
        EVENTS,
        METRIC_EVENTS,
        EVENTS,
        METRIC_EVENTS,
        METRIC_EVENTS,
        f"{METRIC_EVENTS}.json",
    ):
        ask(fake, path=path)
    assert [request.status for request in fake.export_requests] == [200, 200]
    assert [request.status for request in fake.metric_requests] == [200, 503, 200, 500]
    fake = fake_of(account_of(OLD), clock, faults=[Fault()])
    assert [ask(fake, path=path).status for path in (EVENTS, METRIC_EVENTS)] == [503, 200]


def test_a_page_can_be_edited(clock: Clock) -> None:
    edit = Fault(kind="edit_page", edit=lambda page: page | {"x": 1}, path_kind="metric_export")
    assert page(fake_of(account_of(OLD), clock, faults=[edit]))["x"] == 1


def test_it_answers_a_session_too(clock: Clock) -> None:
    with requests.Session() as session:
        session.mount("http://", InProcessAdapter(fake_of(account_of(OLD), clock)))
        url = f"http://127.0.0.1:1{METRIC_EVENTS}?start_time=0"
        response = session.get(url, headers={"Authorization": BEARER})
    assert response.json()["count"] == 1


# Made-up metric events


def test_the_number_the_window_and_the_seed() -> None:
    for count in (0, 1, 2, 7, 30, 500):
        for spread in (0, 1, 5000):
            made = make_metric_events(count, seed=count, start=OLD, spread=spread)
            assert len(made) == count
            seconds = [second_of(event) for event in made]
            assert seconds == sorted(seconds)
            assert not set(seconds) - set(range(OLD, OLD + max(spread, 1)))
    assert make_metric_events(200, 3) == make_metric_events(200, 3)
    assert make_metric_events(200, 3) != make_metric_events(200, 4)
    few = make_events(3)
    with pytest.raises(ValueError, match="metric events, not 5000"):
        make_metric_events(5000, events=few)


def test_the_tickets_are_those_of_the_ticket_events() -> None:
    born: dict[int, int] = {}
    for event in make_events(3000, seed=8, start=OLD, spread=86_400):
        born.setdefault(event["ticket_id"], event["timestamp"])
    made = make_metric_events(1000, seed=8, start=OLD, spread=86_400)
    assert len({event["ticket_id"] for event in made}) > 20
    assert all(second_of(event) >= born[event["ticket_id"]] for event in made)
    crowded = make_events(900, seed=8, start=OLD, burst=(60, 300))
    tickets = {event["ticket_id"] for event in crowded}
    made = make_metric_events(300, seed=8, start=OLD, events=crowded)
    assert {event["ticket_id"] for event in made} <= tickets


def clocks(made: list[Event]) -> dict[tuple[int, str, int], list[Event]]:
    """The events of each clock, in order."""
    found = defaultdict(list)
    for event in made:
        found[event["ticket_id"], event["metric"], event["instance_id"]].append(event)
    return found


def test_made_metric_events_have_every_shape() -> None:
    made = make_metric_events(3000, seed=2)
    ids = [event["id"] for event in made]
    assert len(set(ids)) == len(ids)
    assert ids != sorted(ids)
    assert max(ids) > 2**31
    assert len({event["metric"] for event in made}) == 7
    common = {"id", "ticket_id", "instance_id", "metric", "type", "time"}
    extra = {
        "apply_sla": {"sla"},
        "apply_group_sla": {"group_sla"},
        "update_status": {"status"},
    }
    kinds = set()
    for event in made:
        kinds.add(event["type"])
        expected = common | extra.get(event["type"], set())
        assert set(event) - {"deleted"} == expected
        assert event["time"].endswith("Z")
        assert (event["instance_id"] == 0) == (event["type"] == "measure")
        for rules in (event.get("sla"), event.get("group_sla")):
            assert rules is None or set(rules) == {"target", "business_hours", "policy"}
            assert rules is None or set(rules["policy"]) == {"id", "title", "description"}
        if "status" in event:
            assert event["status"]["calendar"] >= event["status"]["business"] >= 0
    assert kinds == {*extra, "activate", "pause", "fulfill", "breach", "measure"}
    assert {event.get("deleted") for event in made} == {None, False, True}
    assert {event["type"] for event in made if event.get("deleted")} == {"breach"}
    business = {event["sla"]["business_hours"] for event in made if "sla" in event}
    assert business == {False, True}


def test_clocks_start_run_and_end() -> None:
    answered = breached = 0
    for (_, metric, instance), events in clocks(make_metric_events(3000, seed=5)).items():
        kinds = [event["type"] for event in events]
        if instance == 0:
            assert kinds == ["measure"]
            continue
        assert kinds[0] == "activate"
        assert kinds.count("fulfill") <= 1
        running = [kind for kind in kinds if kind in {"activate", "pause", "fulfill"}]
        assert all(kind != after for kind, after in pairwise(running))
        applied = [kind for kind in kinds if kind.startswith("apply_")]
        expected = "apply_group_sla" if metric == "group_ownership_time" else "apply_sla"
        assert applied in ([], [expected])
        if "breach" in kinds:
            breached += 1
            assert applied
        answered += metric == "reply_time" and "fulfill" in kinds
    assert answered > 30
    assert breached > 30


def test_reply_times_and_breaches_can_be_computed() -> None:
    kept = broken = 0
    for (_, metric, instance), events in clocks(make_metric_events(5000, seed=6)).items():
        by_kind = {event["type"]: event for event in events}
        if metric != "reply_time" or instance == 0 or "fulfill" not in by_kind:
            continue
        took = second_of(by_kind["fulfill"]) - second_of(by_kind["activate"])
        assert by_kind["update_status"]["status"]["calendar"] == took // 60
        rules = by_kind.get("apply_sla", {}).get("sla")
        real = "breach" in by_kind and not by_kind["breach"].get("deleted")
        if rules and not rules["business_hours"]:
            assert real == (took > rules["target"] * 60)
            kept, broken = kept + (not real), broken + real
    assert kept > 10
    assert broken > 10


# By itself


def test_it_can_be_started_by_itself(tmp_path: Path) -> None:
    ready = tmp_path / "url"
    command = [sys.executable, "-m", "tests.fake_zendesk", "--events", "60", "--days", "3"]
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
        headers = {"Authorization": BEARER}
        answer = requests.get(f"{url}{METRIC_EVENTS}?start_time=0", headers=headers, timeout=5)
        stats = requests.get(f"{url}/fake/stats", timeout=5).json()
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=10)
    assert answer.json()["count"] in {19, 20}, "the newest minute may hold one"
    assert (stats["total_metric_events"], stats["metric_requests"]) == (20, 1)
    assert "60 ticket events and 20 ticket metric events" in output


def test_a_big_account_can_have_metric_events_too(clock: Clock) -> None:
    account = big_account(200_000, start=OLD)
    account.add_metric_event(metric_event(7, OLD))
    assert seconds_of(page(fake_of(account, clock))) == [0]
