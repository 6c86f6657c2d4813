"""Requests and waits, counted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_zendesk_events.zendesk.meter import Counts, Meter
from tap_zendesk_events.zendesk.quota import Quota
from tests.support.harness import SimulatedClock

if TYPE_CHECKING:
    import pytest

LOG = logging.getLogger("test_meter")


def test_requests_and_waits_add_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    meter, quota = Meter(LOG), Quota(SimulatedClock(), None, lambda *_: None)
    assert meter.counts == Counts(requests=0, waited=0.0)
    before = meter.counts
    for _ in range(3):
        meter.request(quota)
    meter.waiting(2.5, "the first reason")
    meter.waiting(60.0, "the second reason")
    assert meter.counts == Counts(requests=3, waited=62.5)
    assert before == Counts(requests=0, waited=0.0)
    # a short wait is not worth a line
    assert caplog.messages == ["Waiting 60 s: the second reason."]


def test_an_allowance_is_known_when_a_header_has_told_it() -> None:
    clock = SimulatedClock()
    meter, quota = Meter(LOG), Quota(clock, 7, lambda *_: None)
    assert (meter.allowance, meter.cap) == (None, None)
    meter.request(quota)
    assert (meter.allowance, meter.cap) == (None, 7)
    quota.answered(quota.take(), "total=30; remaining=29; resets=60")
    assert (meter.allowance, meter.cap) == (30, 7)
