"""The simulated account that the demo loads."""

from __future__ import annotations

from typing import Final

from tests.fake_zendesk import Account, make_events, make_metric_events

DAY: Final = 86_400
EVENTS: Final = 12_000
METRIC_EVENTS: Final = 4_000
UNSETTLED: Final = 7


def account(now: int) -> Account:
    """Make two histories of the 30 days before ``now``: a settled one, and events too young."""
    start, spread = now - 30 * DAY, 30 * DAY - 3600
    history = make_events(EVENTS, 1, start, spread, burst=(None, 1_700))
    newest = make_events(UNSETTLED, seed=2, start=now - 100, spread=40)
    clocks = make_metric_events(METRIC_EVENTS, 1, start, spread, events=history)
    return Account(history + newest, seed=1, metric_events=clocks)
