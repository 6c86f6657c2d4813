"""The clock is the machine's own."""

from __future__ import annotations

import time

from tap_zendesk_events.clock import Clock


def test_it_tells_the_machines_time_and_waits() -> None:
    clock = Clock()
    before, begin = time.time(), clock.monotonic()
    told = clock.now()
    clock.sleep(0.001)
    assert before <= told <= time.time()
    assert clock.monotonic() - begin >= 0.001
