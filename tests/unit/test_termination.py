"""A signal ends a run, at a moment when nothing is torn, and only a run."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tap_zendesk_events.termination import TERMINATION, TerminatedError

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_signal_becomes_one_error_however_many_come() -> None:
    def a_run() -> None:
        with TERMINATION.active():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                pytest.fail("the first one ends the run")
            finally:
                for _ in range(3):
                    os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TerminatedError) as caught:
        a_run()
    assert caught.value.code == 143


def test_a_signal_waits_for_the_end_of_the_outermost_block() -> None:
    reached = []

    def a_run() -> None:
        with TERMINATION.active():
            with TERMINATION:
                with TERMINATION:
                    os.kill(os.getpid(), signal.SIGTERM)
                    TERMINATION.check()
                    reached.append("inner")
                with pytest.raises(TerminatedError):
                    TERMINATION.check()
                reached.append("outer")
            pytest.fail("the outermost block is through")

    with pytest.raises(TerminatedError):
        a_run()
    assert reached == ["inner", "outer"]


@pytest.fixture
def own_handler() -> Iterator[list[int]]:
    """A program's handler for SIGTERM, as the list of what it got."""
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda signum, _: got.append(signum))
    yield got
    signal.signal(signal.SIGTERM, before)


def test_a_signal_for_a_run_that_is_over_is_the_programs(own_handler: list[int]) -> None:
    with TERMINATION.active():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    assert own_handler == [signal.SIGTERM]


def test_in_another_thread_signals_stay_the_programs(own_handler: list[int]) -> None:
    def a_run() -> None:
        with TERMINATION.active(), TERMINATION:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=a_run)
    thread.start()
    thread.join(5)
    assert own_handler == [signal.SIGTERM]


def test_what_must_come_to_its_end_in_another_thread_ends_the_run_then() -> None:
    order: list[str] = []
    entered, signalled = threading.Event(), threading.Event()

    def say(name: str) -> None:
        order.append(name)
        signalled.set()

    def spend() -> None:
        with suppress(TerminatedError), TERMINATION.outlasting(5, say):
            entered.set()
            signalled.wait(5)
            order.append("kept")

    thread = threading.Thread(target=spend)

    def a_run() -> None:
        with TERMINATION.active():
            thread.start()
            assert entered.wait(5)
            os.kill(os.getpid(), signal.SIGTERM)
            TERMINATION.check()  # not yet
            threading.Event().wait(5)
            pytest.fail("this thread is woken up")

    with pytest.raises(TerminatedError):
        a_run()
    thread.join(5)
    assert order == ["SIGTERM", "kept"]


def test_a_signal_that_comes_too_late_for_a_run_is_the_programs(own_handler: list[int]) -> None:
    with TERMINATION.active():
        TERMINATION.__enter__()
        os.kill(os.getpid(), signal.SIGTERM)
        assert own_handler == []
        # so late that nothing of the run is left to be ended
        TERMINATION._holds -= 1
    assert own_handler == [signal.SIGTERM]
