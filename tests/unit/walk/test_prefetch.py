"""The next page is fetched while the present one is written, and no page more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.walk.prefetch import prefetch
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.support.harness import BEGIN, CONFIG, ListWriter, SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Maker:
    """Makes numbers, one when it is told to."""

    def __init__(self, most: int, error: BaseException | None = None) -> None:
        self.begun = 0
        self.may_make = threading.Semaphore(0)
        self.making = threading.Semaphore(0)
        self._most = most
        self._error = error

    def items(self) -> Iterator[int]:
        for number in range(self._most):
            self.begun += 1
            self.making.release()
            self.may_make.acquire()
            yield number
        if self._error:
            raise self._error


def test_the_next_one_is_in_the_making_while_one_is_used() -> None:
    maker = Maker(3)
    ahead = prefetch(maker.items())
    maker.may_make.release()
    assert next(ahead) == 0
    # it began with the second one by itself, and with no third one
    assert maker.making.acquire(timeout=5)
    assert maker.making.acquire(timeout=5)
    assert not maker.making.acquire(timeout=0.05)
    assert maker.begun == 2
    maker.may_make.release(2)
    assert list(ahead) == [1, 2]


def test_all_come_in_their_order() -> None:
    assert list(prefetch(iter(range(1000)))) == list(range(1000))
    assert list(prefetch(iter(()))) == []


def test_an_error_comes_after_what_was_before_it() -> None:
    maker = Maker(2, ZendeskEventsError("stop"))
    maker.may_make.release(2)
    ahead = prefetch(maker.items())
    assert next(ahead) == 0
    assert next(ahead) == 1
    with pytest.raises(ZendeskEventsError, match="stop"):
        next(ahead)


def test_whoever_stops_early_waits_for_nobody() -> None:
    maker = Maker(3)
    ahead = prefetch(maker.items())
    maker.may_make.release()
    next(ahead)
    threads = [thread for thread in threading.enumerate() if thread.name == "next-page"]
    ahead.close()  # type: ignore[attr-defined]
    assert all(thread.daemon for thread in threads)
    maker.may_make.release(3)
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


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
