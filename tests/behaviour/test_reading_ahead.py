"""The next page is fetched while the present one is written, and no page more."""

from __future__ import annotations

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.support.harness import BEGIN, CONFIG, ListWriter, SimulatedClock


def a_run(fake: FakeZendesk) -> ListWriter:
    clock = SimulatedClock()
    writer = ListWriter()
    with fake.serve() as url:
        config = {**CONFIG, "api_url": url, "page_size": 100}
        tap = TapZendeskEvents(config=config, message_writer=writer)
        tap.clock = clock
        assert tap.reads_ahead
        try:
            tap.sync_all()
        except ZendeskEventsError:
            writer.lines.append(b"error")
    return writer


def test_a_run_that_reads_ahead_writes_the_same() -> None:
    events = make_events(950, seed=2, start=BEGIN, spread=86_400)
    clock = SimulatedClock()
    fake = FakeZendesk(Account(events), clock=clock.server_time, rate_limit=(10_000, 60.0))
    writer = a_run(fake)
    assert sum(b'"type":"RECORD"' in line for line in writer.lines) == 950
    assert len(fake.export_requests) == 10
    assert b'"type":"STATE"' in writer.lines[-1]


def test_an_error_ahead_leaves_the_page_at_hand_whole_and_its_state_out() -> None:
    events = make_events(950, seed=2, start=BEGIN, spread=86_400)
    clock = SimulatedClock()
    fake = FakeZendesk(
        Account(events),
        clock=clock.server_time,
        rate_limit=(10_000, 60.0),
        faults=[Fault(on=4, status=403)],
    )
    writer = a_run(fake)
    assert writer.lines[-1] == b"error"
    assert b'"type":"STATE"' in writer.lines[-2]
    assert sum(b'"type":"RECORD"' in line for line in writer.lines) == pytest.approx(300, abs=5)
    assert sum(b'"type":"STATE"' in line for line in writer.lines) == 3
