"""Writes Singer messages to standard output, and ends a run without tearing a line."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.helpers._util import utc_now
from singer_sdk.singerlib.encoding import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from tap_zendesk_events.exceptions import ZendeskEventsError

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.helpers.types import Record

BLOCK = 65_536  # bytes that are written at a time: what a pipe holds

LAST_RESORT = 8.0
"""Seconds after a signal at which the process ends even in the middle of a line, because nobody
reads it. Orchestrators send SIGKILL after 10."""


class TerminatedError(SystemExit):
    """A signal ends the run; exit status 128 + signal, as shells have it."""

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.name = signal.Signals(signum).name


class Termination:
    """Ends the run on SIGTERM and Ctrl-C: at once, or as soon as what has to be whole is whole.

    Used as a context manager around what a signal must not come into the middle of: it then waits
    for the end of the outermost block, or for the next call of `check`.

    The SDK's own handler writes a STATE from inside the signal, possibly into the middle of a
    RECORD line, and exits with status 0. Here none is written, because the one of the last whole
    page is out already.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a handler may run while its own thread holds it
        self._holds = 0
        self._signum: int | None = None

    def install(self) -> None:
        """Take the signals over. Does nothing outside the main thread, as Python demands."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handle)
            signal.signal(signal.SIGTERM, self._handle)

    def __enter__(self) -> None:
        with self._lock:
            self._holds += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._holds -= 1
            signum = None if self._holds else self._signum
        if signum is None:
            return
        if threading.current_thread() is threading.main_thread():
            raise TerminatedError(signum)
        # the main thread has to end, and it listens to signals only
        os.kill(os.getpid(), signum)

    def check(self) -> None:
        """End the run here, within one block, if a signal has come.

        Raises:
            TerminatedError: It has.
        """
        with self._lock:
            signum = self._signum if self._holds <= 1 else None
        if signum is not None:
            raise TerminatedError(signum)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if self._signum is None and hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + signum))
            signal.setitimer(signal.ITIMER_REAL, LAST_RESORT)
        self._signum = signum
        if not self._holds:
            raise TerminatedError(signum)


TERMINATION = Termination()
"""The one of the process, as signals are the process's."""


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages as lines of JSON, each of them whole."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")

    def serialize_message(self, message: Message) -> bytes:
        """Return the message as a line, in bytes of its own (the SDK's writer shares a buffer)."""
        return self._encoder.encode(message.to_dict()) + b"\n"

    def write_message(self, message: Message) -> None:
        """Write one message and flush it.

        Raises:
            ZendeskEventsError: The reader has gone.
        """
        if not isinstance(message, StateMessage):
            TERMINATION.check()
        self.put(self.format_message(message))

    def write_records(self, stream: str, version: int | None, records: list[Record]) -> None:
        """Write many RECORD messages of one stream at once, as one by one they would be written.

        Raises:
            ZendeskEventsError: The reader has gone.
        """
        common = {"type": "RECORD", "stream": stream}
        rest: dict[str, Any] = {} if version is None else {"version": version}
        rest["time_extracted"] = utc_now()
        messages = [{**common, "record": record, **rest} for record in records]
        TERMINATION.check()
        self.put(self._encoder.encode_lines(messages))

    def put(self, lines: bytes) -> None:
        """Write lines, in blocks that end with a line each, so that a signal can come between."""
        view = memoryview(lines)
        begin = 0
        while begin < len(lines):
            if begin:
                TERMINATION.check()
            end = lines.rfind(b"\n", begin, begin + BLOCK) + 1
            if not end:  # one line that is longer than a block
                end = lines.find(b"\n", begin) + 1
            with TERMINATION:
                try:
                    _write(view[begin:end])
                except BrokenPipeError:
                    _discard_output()
                    raise ZendeskEventsError(
                        "The target has stopped reading, so the run ends here: look for its own "
                        "error above. The next run goes on after the last STATE that it has stored."
                    ) from None
            begin = end


def _write(lines: memoryview) -> None:
    buffer: Any = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(str(lines, "utf-8"))
    else:
        # with PYTHONUNBUFFERED this is the raw file, which may take a part only
        while lines:
            lines = lines[buffer.write(lines) or 0 :]
    sys.stdout.flush()


def _discard_output() -> None:
    """Let what is left in the buffer go nowhere, or Python complains about it when it exits."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real file, as in a test
        return
