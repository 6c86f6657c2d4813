"""The clock is the machine's own; its waits can be ended."""

from __future__ import annotations

import threading
import time

import pytest

from tap_zendesk_events.clock import Clock, StoppableClock
from tests.support.harness import SimulatedClock


def test_it_tells_the_machines_time_and_waits() -> None:
    clock = Clock()
    before, begin = time.time(), clock.monotonic()
    told = clock.now()
    clock.sleep(0.001)
    assert before <= told <= time.time()
    assert clock.monotonic() - begin >= 0.001


class StoppedError(Exception):
    pass


def test_a_clock_that_can_be_stopped_tells_the_time_of_the_other_one_and_waits_on_it() -> None:
    simulated = SimulatedClock()
    clock = StoppableClock(simulated, StoppedError)
    clock.sleep(30)
    condition = threading.Condition()
    with condition:
        clock.wait(condition, 12)
    assert simulated.sleeps == [30, 12]
    assert (clock.now(), clock.monotonic()) == (simulated.now(), simulated.monotonic())


def test_whoever_stops_it_ends_the_waits_of_other_threads_and_lets_no_other_begin() -> None:
    clock = StoppableClock(Clock(), StoppedError)
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(StoppedError):
            clock.sleep(1000)
        ended.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(0.05)
    assert not ended.is_set()
    clock.stop()
    thread.join(5)
    assert ended.is_set()
    with pytest.raises(StoppedError):
        clock.sleep(1000)
    with pytest.raises(StoppedError):
        clock.check()
    condition = threading.Condition()
    with condition, pytest.raises(StoppedError):
        clock.wait(condition, 1000)
