"""What belongs to one account, and what each of its exports has for itself."""

from __future__ import annotations

import logging
from typing import Any

from tap_zendesk_events.settings import read_settings
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.account import Account
from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.support.harness import CONFIG, NOW, SimulatedClock

LOG = logging.getLogger("test_account")


def an_account(clock: SimulatedClock, **more: Any) -> Account:
    settings = TapZendeskEvents(config={**CONFIG, **more}).settings
    return Account(settings, clock, "agent/1", LOG)


def test_a_cap_of_ones_own_is_shared_by_all_exports() -> None:
    clock = SimulatedClock()
    account = an_account(clock, requests_per_minute=3)
    quotas = [account.client(export).quota for export in (TICKET_EVENTS, TICKET_METRIC_EVENTS)]
    times = []
    for number in range(6):
        quota = quotas[number % 2]
        quota.answered(quota.take(), None)
        times.append(clock.time - NOW)
    assert times == [0, 0, 0, 60, 60, 60]
    assert account.meter.counts.waited == 60


def test_without_a_cap_each_export_has_an_allowance_of_its_own() -> None:
    clock = SimulatedClock()
    account = an_account(clock)
    for export in (TICKET_EVENTS, TICKET_METRIC_EVENTS):
        quota = account.client(export).quota
        for _ in range(10):
            quota.answered(quota.take(), None)
    assert clock.time == NOW
    assert account.meter.counts.waited == 0


def test_it_needs_no_network_to_be_made() -> None:
    account = an_account(SimulatedClock())
    assert account.http.session.headers["User-Agent"] == "agent/1"
    assert account.settings == read_settings({**TapZendeskEvents(config=CONFIG).config})
