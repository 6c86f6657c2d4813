"""A signal ends a run, at a moment when nothing is torn, and only a run."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tap_zendesk_events.termination import (
    SIGNALS,
    TERMINATION,
    TerminatedError,
    Termination,
)

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

    def say(name: str | None) -> None:
        order.append(str(name))
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


@pytest.mark.parametrize("how", ["in a program", "in a process of its own"])
def test_an_error_waits_for_what_has_to_come_to_its_end_in_another_thread(how: str) -> None:
    termination = Termination()
    entered, failed = threading.Event(), threading.Event()
    order: list[str] = []

    def say(name: str | None) -> None:
        order.append(f"waits, for no signal: {name}")
        failed.set()

    def spend() -> None:
        with termination.outlasting(5, say):
            entered.set()
            failed.wait(5)
            order.append("kept")

    thread = threading.Thread(target=spend)
    before = [signal.getsignal(signum) for signum in SIGNALS]
    block = termination.active if how == "in a program" else termination.owning_process
    try:
        with pytest.raises(ValueError, match="of another segment"), block():  # noqa: PT012
            thread.start()
            assert entered.wait(5)
            raise ValueError("of another segment")
        order.append("over")
        thread.join(5)
        assert order == ["waits, for no signal: None", "kept", "over"]
        if how == "in a process of its own":
            # nothing of the kind can begin any more
            with pytest.raises(SystemExit), termination.outlasting(5, say):
                pytest.fail("too late")
        else:
            with termination.outlasting(5, say):
                order.append("of the next run")
            assert order[-1] == "of the next run"
    finally:
        for signum, handler in zip(SIGNALS, before, strict=True):
            signal.signal(signum, handler)


def test_an_error_does_not_wait_for_ever() -> None:
    termination = Termination()
    entered, end = threading.Event(), threading.Event()

    def spend() -> None:
        with termination.outlasting(0.05, lambda _: None):
            entered.set()
            end.wait(10)

    thread = threading.Thread(target=spend)
    with termination.active():
        thread.start()
        assert entered.wait(5)
    assert thread.is_alive()
    end.set()
    thread.join(5)


def test_a_signal_that_comes_too_late_for_a_run_is_the_programs(own_handler: list[int]) -> None:
    with TERMINATION.active():
        TERMINATION.__enter__()
        os.kill(os.getpid(), signal.SIGTERM)
        assert own_handler == []
        # so late that nothing of the run is left to be ended
        TERMINATION._holds -= 1
    assert own_handler == [signal.SIGTERM]
