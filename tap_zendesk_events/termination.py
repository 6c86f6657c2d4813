"""Ends a run on SIGTERM and Ctrl-C, at a moment when no line is torn and no token is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

LAST_RESORT = 8.0
"""Seconds after a signal at which the run ends even in the middle of a line, because nobody reads
it. Orchestrators send SIGKILL after 10."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TerminatedError(SystemExit):
    """A signal ends the run; exit status 128 + signal, as shells have it."""

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.name = signal.Signals(signum).name


class _Vital(NamedTuple):
    """What every end waits for: see `Termination.outlasting`."""

    seconds: float
    say: Callable[[str | None], None]
    done: threading.Event


class Termination:
    """Ends the run on a signal: at once, or as soon as what has to be whole is whole.

    Used as a context manager around what a signal must not come into the middle of: it then waits
    for the end of the outermost block, or for the next call of `check`. The signal becomes a
    `TerminatedError` in the main thread, once, however many signals come.

    The signals are this object's while an `active` block runs. Afterwards they are again what they
    were, because the process may be somebody else's: a notebook, an orchestrator, a test. Only
    what the last resort is differs for a process of our own, see `owning_process`.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a handler may run while its own thread holds it
        self._holds = 0
        self._vital: list[_Vital] = []
        self._is_last = False  # whether nothing vital may begin any more
        self._owns_process = False
        self._previous: dict[signal.Signals, Any] = {}
        self._news: SimpleQueue[None] | None = None  # wakes the watch; None: not active
        self._forget()

    def _forget(self) -> None:
        self._signum: int | None = None  # the first one that came
        self._since = 0.0  # when the last resort's time began, in seconds of time.monotonic
        self._raised = False
        self._forced = False

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Handle the signals while the block runs, and give them back to whom they belong.

        Does nothing outside the main thread, as Python demands, or within another such block.
        """
        if self._news is not None or not _in_main_thread():
            yield
            return
        try:
            try:
                self._take()
                try:
                    yield
                finally:
                    self._wait_for_vital()
            finally:
                self._give_back()
        finally:
            self._give_back()  # if a signal came just before it was done

    @contextlib.contextmanager
    def owning_process(self) -> Iterator[None]:
        """Handle the signals to the end of the process, which is there for this run alone.

        Its last resort is to end the process. After the block signals change nothing any more, and
        nothing that has to be outlasted begins.
        """
        self._owns_process = True
        self._take()
        try:
            try:
                yield
            finally:
                self._wait_for_vital(last=True)
        finally:
            self._raised = True
            if self._signum is not None:
                # Python's end takes handlers away, and another signal would set the exit status
                for signum in SIGNALS:
                    signal.signal(signum, signal.SIG_IGN)

    @contextlib.contextmanager
    def outlasting(self, seconds: float, say: Callable[[str | None], None]) -> Iterator[None]:
        """Let the block come to its end, whatever signals or errors come, even at the last resort.

        Args:
            seconds: How long after the signal, or the error in another thread, even this is given
                up.
            say: Is told when somebody has to wait for the block: the signal's name, or None.

        Raises:
            TerminatedError: A signal has come, and the block is through.
            SystemExit: The process is ending, and the block has not begun.
        """
        vital = _Vital(seconds, say, threading.Event())
        with self.active():
            try:
                with self._lock:
                    if self._is_last:
                        raise SystemExit
                    self._vital.append(vital)
                self._wake()
                yield
            finally:
                with self._lock:
                    if vital in self._vital:
                        self._vital.remove(vital)
                    self._since = time.monotonic()  # an end of the usual kind takes time too
                vital.done.set()
                self._wake()
                self._end_if_due()

    def __enter__(self) -> None:
        with self._lock:
            self._holds += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._holds -= 1
        self._end_if_due()

    def check(self) -> None:
        """End the run here, within one block, if a signal has come.

        Raises:
            TerminatedError: It has.
        """
        with self._lock:
            signum = None if self._holds > 1 or self._vital else self._signum
        if signum is not None:
            raise self._error(signum)

    def _wait_for_vital(self, *, last: bool = False) -> None:
        """Wait for what another thread has to bring to its end, when this one has ended.

        Args:
            last: Whether nothing of the kind may begin any more.
        """
        began, said = time.monotonic(), False
        while True:
            with self._lock:
                vital = list(self._vital)
                self._is_last = last
            left = began + max((one.seconds for one in vital), default=0.0) - time.monotonic()
            if left <= 0:
                return
            if not said:
                said = True
                self._say(vital[0], None)
            vital[0].done.wait(left)

    @staticmethod
    def _say(vital: _Vital, name: str | None) -> None:
        # in a thread of its own, because nobody may read what is logged either
        threading.Thread(target=vital.say, args=(name,), daemon=True).start()

    def _take(self) -> None:
        self._news = SimpleQueue()
        threading.Thread(
            target=self._watch, args=(self._news,), name="last-resort", daemon=True
        ).start()
        for signum in SIGNALS:
            previous = signal.getsignal(signum)
            if previous is not None:  # else it is not Python's, and could not be given back
                self._previous[signum] = previous
                signal.signal(signum, self._handle)

    def _give_back(self) -> None:
        with self._lock:
            self._holds += 1  # from here on nothing is raised
            while self._previous:
                signum, previous = self._previous.popitem()
                signal.signal(signum, previous)
            came = None if self._raised else self._signum
            self._forget()
            self._wake()
            self._news = None
            self._holds -= 1
        if came is not None:
            # too late for this run, so it is meant for whoever goes on
            signal.raise_signal(came)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if self._signum is None:
            self._signum = signum  # first, as another signal's handler may come in at any call
            self._since = time.monotonic()
            self._wake()
        if self._forced or not (self._raised or self._holds or self._vital):
            raise self._error(self._signum)

    def _end_if_due(self) -> None:
        with self._lock:
            signum = self._signum
            if signum is None or self._holds or self._vital:
                return
            if not _in_main_thread():
                _signal_main_thread(signum)
        raise self._error(signum)

    def _error(self, signum: int) -> TerminatedError:
        if _in_main_thread():
            # a handler's next one would come into the middle of what ends the run
            self._raised = True
            self._forced = False
        return TerminatedError(signum)

    def _wake(self) -> None:
        if self._news is not None:
            self._news.put(None)  # unlike a lock's methods, a handler may call this at any time

    def _watch(self, news: SimpleQueue[None]) -> None:
        """Wait for a signal, and then for the last resort."""
        said = False
        while True:
            with self._lock:
                if news is not self._news:
                    return
                signum, since, vital = self._signum, self._since, list(self._vital)
            if signum is None:
                news.get()
                continue
            if vital and not said:
                said = True
                self._say(vital[0], signal.Signals(signum).name)
            left = since + max([LAST_RESORT, *(one.seconds for one in vital)]) - time.monotonic()
            if left <= 0:
                self._force(news, signum)
                return
            with contextlib.suppress(Empty):
                news.get(timeout=left)

    def _force(self, news: SimpleQueue[None], signum: int) -> None:
        """End what does not end by itself: the process if it is ours, else the run in it."""
        if self._owns_process:
            os._exit(128 + signum)
        with self._lock:
            if news is self._news:
                self._forced = True
                _signal_main_thread(signum)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _signal_main_thread(signum: int) -> None:
    """Send a signal to the thread that runs the handlers, so that it wakes up."""
    signal.pthread_kill(threading.main_thread().ident or 0, signum)


TERMINATION = Termination()
"""The one of the process, as signals are the process's."""
