"""The SDK's own suite of tests for taps, and what it does not really check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import (
    Account,
    FakeZendesk,
    InProcessAdapter,
    make_events,
    make_metric_events,
    plain_event,
)
from tests.support.harness import BEGIN, CONFIG, SimulatedClock, run
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.account import Account as ZendeskAccount

# The suite builds the tap when it is collected, so the fake is one for all its tests.
EVENTS = [
    *make_events(300, start=BEGIN, spread=86_400, unknown_fields=True),
    # one with the fields of the form that Zendesk's reference shows
    plain_event(
        77, BEGIN, instance_id=1, metric="reply_time", time="2025-11-01T00:00:00Z", type="breach"
    ),
]
CLOCKS = make_metric_events(240, start=BEGIN, spread=86_400)
CLOCKS[0] = {**CLOCKS[0], "novelty": 1, "deleted": False}
FAKE = FakeZendesk(Account(EVENTS, metric_events=CLOCKS), metric_rate_headers=True)


class TapOfTheSuite(TapZendeskEvents):
    """The tap, wired to the fake."""

    reads_ahead = False  # a thread of its own would have a session of its own

    def account(self, *, once: bool = False) -> ZendeskAccount:
        account = super().account(once=once)
        account.http.session.mount("http://", InProcessAdapter(FAKE))
        return account


TestTap: Any = get_tap_test_class(
    TapOfTheSuite,
    config={**CONFIG, "include_comments": True},
    catalog=selecting(*ALL_STREAMS),
    suite_config=SuiteConfig(max_records_limit=250),
)


def test_primary_keys_are_unique_and_the_final_state_is_whole() -> None:
    clock = SimulatedClock()
    events = make_events(2500, seed=9, start=BEGIN, spread=86_400, unknown_fields=True)
    fake = FakeZendesk(Account(events), clock=clock.server_time)
    output = run(fake, clock, page_size=100)
    assert len(output.ids) == len(set(output.ids)) == 2500
    assert len(output.states) == 26
    for state in output.states:
        assert state.keys() == {"bookmarks"}
        assert state["bookmarks"].keys() == {"ticket_events"}
        bookmark = state["bookmarks"]["ticket_events"]
        assert bookmark.keys() == {
            "replication_key",
            "replication_key_value",
            "boundary_ids",
            "boundary_ids_at",
        }
        assert bookmark["replication_key"] == "timestamp"
    latest = max(event["timestamp"] for event in events)
    assert bookmark["replication_key_value"] == latest
    assert bookmark["boundary_ids"] == sorted(
        event["id"] for event in events if event["timestamp"] == latest
    )


def test_state_follows_the_records_of_its_page() -> None:
    clock = SimulatedClock()
    events = make_events(95, seed=1, start=BEGIN, spread=86_400)
    fake = FakeZendesk(Account(events), clock=clock.server_time)
    output = run(fake, clock, page_size=10)
    written: set[int] = set()
    for message in output.messages:
        if message["type"] == "RECORD":
            written.add(message["record"]["id"])
        elif message["type"] == "STATE":
            second = message["value"]["bookmarks"]["ticket_events"]["replication_key_value"]
            assert {e["id"] for e in events if e["timestamp"] < second} <= written
