"""Whose tickets are read: Zendesk shows agents' only, and says nothing of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.settings import read_settings
from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, make_events, make_metric_events, plain_event
from tests.support.harness import BEGIN, CONFIG, NOW, SimulatedClock, a_fake, run
from tests.support.selection import ALL_STREAMS, rows, selecting

SCOPES = ("all", "agent", "ai_agent")


def two_tickets() -> Account:
    """A human's ticket and a bot's, with an event each."""
    created = {"via": "Messaging", "status": "solved", "event_type": "Create"}
    bots = plain_event(51, BEGIN + 90, ticket_id=8, child_events=[{"id": 52, **created}])
    return Account([plain_event(41, BEGIN + 30, ticket_id=7), {**bots, "_scope": "ai_agent"}])


@pytest.mark.parametrize(
    ("setting", "sent", "ids"),
    [
        ({}, "all", [41, 51]),
        ({"support_type_scope": "all"}, "all", [41, 51]),
        ({"support_type_scope": "agent"}, None, [41]),
        ({"support_type_scope": "ai_agent"}, "ai_agent", [51]),
        ({"support_type_scope": ""}, "all", [41, 51]),
    ],
)
def test_the_setting_decides(setting: dict[str, Any], sent: str | None, ids: list[int]) -> None:
    clock = SimulatedClock()
    fake = a_fake(two_tickets(), clock)
    assert run(fake, clock, **setting).ids == ids
    assert {r.query.get("support_type_scope") for r in fake.export_requests} == {sent}


@pytest.mark.parametrize("scope", SCOPES)
def test_every_stream_of_the_event_export_obeys_and_the_other_export_is_not_asked(
    scope: str,
) -> None:
    clock = SimulatedClock()
    events = make_events(400, seed=3, start=BEGIN, spread=86_400, ai_agents=0.4)
    clocks = make_metric_events(100, seed=3, start=BEGIN, spread=86_400, events=events)
    fake = a_fake(Account(events, metric_events=clocks), clock)
    catalog = selecting(*ALL_STREAMS)
    output = run(fake, clock, catalog=catalog, support_type_scope=scope, page_size=50)
    wanted = {e["id"] for e in events if scope in {"all", e.get("_scope", "agent")}}
    assert 0 < len(wanted) <= len(events)
    assert {row["id"] for row in rows(output, "ticket_events")} == wanted
    for stream in ("ticket_comments", "ticket_field_changes"):
        found = {row["ticket_event_id"] for row in rows(output, stream)}
        assert found
        assert found <= wanted
    assert len(rows(output, "ticket_metric_events")) == len(clocks)
    assert all("support_type_scope" not in r.query for r in fake.metric_requests)
    assert b"_scope" not in repr(output.records).encode()


@pytest.mark.parametrize("scope", SCOPES)
def test_a_check_of_the_connection_asks_likewise(scope: str) -> None:
    fake = a_fake(two_tickets(), SimulatedClock())
    with fake.serve() as url:
        config = {**CONFIG, "api_url": url, "support_type_scope": scope}
        assert TapZendeskEvents(config=config).check_connection().startswith("ok")
    (request,) = fake.export_requests
    assert request.query.get("support_type_scope", "agent") == scope


def test_a_bots_conversation_that_a_human_takes_over_is_never_missed() -> None:
    """Without the bots' tickets its older events show up far behind the bookmark, for ever lost."""
    written: dict[str, list[int]] = {}
    for scope in ("all", "agent"):
        clock = SimulatedClock()
        account = two_tickets()
        account.add(plain_event(61, NOW - 7200, ticket_id=7))
        fake = a_fake(account, clock)
        first = run(fake, clock, support_type_scope=scope)
        account.hand_over(8, at=clock.time)
        account.add(plain_event(71, int(clock.time), ticket_id=8))
        clock.time += 3600
        second = run(fake, clock, first.state, support_type_scope=scope)
        written[scope] = [*first.ids, *second.ids]
    assert written == {"all": [41, 51, 61, 71], "agent": [41, 61, 71]}


@pytest.mark.parametrize("value", ["everybody", "ALL", 5, ["all"], True])
def test_another_word_is_refused_by_name(value: Any) -> None:
    words = "support_type_scope must be one of all, agent, ai_agent"
    with pytest.raises(ZendeskEventsError, match=words) as caught:
        TapZendeskEvents(config={**CONFIG, "support_type_scope": value})
    assert "everybody" not in str(caught.value)


def test_the_checked_setting_is_a_plain_word() -> None:
    tap = TapZendeskEvents(config={**CONFIG, "support_type_scope": "ai_agent"})
    assert read_settings(tap.config).support_type_scope == "ai_agent"
