"""Writes Singer messages to standard output, each of them a whole line."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import stat
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.helpers._util import utc_now
from singer_sdk.singerlib.encoding import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.termination import TERMINATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_zendesk_events.rows.records import Row

BLOCK = 65_536  # bytes that are written at a time: what a pipe holds
PORTION = 4 * BLOCK  # bytes of lines that are made at a time, about
FIRST_PORTION = 16  # records, before it is known how long their lines are

CANNOT_WRITE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EAGAIN}
)
"""What the system says of an output that takes no more."""


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
            ZendeskEventsError: The reader has gone, or the output cannot be written.
        """
        if not isinstance(message, StateMessage):
            TERMINATION.check()
        self.put(self.format_message(message))

    def write_records(self, stream: str, version: int | None, records: Sequence[Row]) -> None:
        """Write many RECORD messages of one stream at once, as one by one they would be written.

        Raises:
            ZendeskEventsError: The reader has gone, or the output cannot be written.
        """
        rest: dict[str, Any] = {} if version is None else {"version": version}
        rest["time_extracted"] = utc_now()
        # all but the record is the same in each line, so it is encoded once
        head = self._encoder.encode({"type": "RECORD", "stream": stream})[:-1] + b',"record":'
        tail = b"," + self._encoder.encode(rest)[1:] + b"\n"
        begin, count = 0, FIRST_PORTION
        while begin < len(records):
            portion = records[begin : begin + count]
            TERMINATION.check()
            lines = self._encoder.encode_lines(portion)
            lines = head + lines[:-1].replace(b"\n", tail + head) + tail
            self.put(lines)
            begin += count
            # never many times more than the last one: the next records may be longer
            count = max(1, min(count * PORTION // len(lines), count * 4))

    def put(self, lines: bytes) -> None:
        """Write lines, in blocks that end with a line each, so that a signal can come between."""
        view = memoryview(lines)
        begin = 0
        with TERMINATION.active():
            while begin < len(lines):
                if begin:
                    TERMINATION.check()
                end = lines.rfind(b"\n", begin, begin + BLOCK) + 1
                if not end:  # one line that is longer than a block
                    end = lines.find(b"\n", begin) + 1
                with TERMINATION:
                    _write(view[begin:end])
                begin = end


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """Write out what the block prints, which Python does when it ends, by a traceback if it fails.

    Raises:
        ZendeskEventsError: It cannot be written.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in CANNOT_WRITE or error.filename is not None:
            raise
        with contextlib.suppress(OSError, ValueError):  # not a real file, as in a test
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())  # for what is left in Python's buffer
            os.close(nowhere)
        raise _output_error(error) from None


def _output_error(error: OSError) -> ZendeskEventsError:
    """Return the sentence for an output that cannot be written."""
    if isinstance(error, BrokenPipeError | ConnectionResetError):
        return ZendeskEventsError(
            "The target has stopped reading, so the run ends here: look for its own error above. "
            "The next run goes on after the last STATE that it has stored."
        )
    return ZendeskEventsError(
        f"Standard output cannot be written to ({error.strerror or type(error).__name__}), so the "
        "run ends here: make room, or name another place for it. The next run goes on after the "
        "last STATE that was stored."
    )


def _write(lines: memoryview) -> None:
    if sys.stdout is None or sys.stdout.closed:
        raise ZendeskEventsError(
            "Standard output is closed, so there is nowhere to write to: connect it with a target "
            "or a file."
        )
    buffer: Any = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED the buffer is raw itself
    try:
        if isinstance(raw, io.FileIO):
            _flush(raw)
            _write_raw(raw, lines)
        elif buffer is not None:
            buffer.write(lines)
            sys.stdout.flush()
        else:
            sys.stdout.write(str(lines, "utf-8"))
            sys.stdout.flush()
    except OSError as error:
        raise _output_error(error) from None


def _flush(raw: io.FileIO) -> None:
    """Write what somebody else has printed before."""
    while True:
        try:
            sys.stdout.flush()
        except BlockingIOError:
            _wait_for_reader(raw)
        else:
            return


def _write_raw(raw: io.FileIO, lines: memoryview) -> None:
    """Write without Python's buffer: what stays in there after an error comes out at its end."""
    written = 0
    try:
        while written < len(lines):
            taken = raw.write(lines[written:])
            if taken is None:  # the other end made it non-blocking, and has not read yet
                _wait_for_reader(raw)
            written += taken or 0
    except OSError:
        with contextlib.suppress(OSError):
            _take_back_torn_line(raw.fileno(), lines[:written])
        raise


def _wait_for_reader(raw: io.FileIO) -> None:
    poll = select.poll()
    poll.register(raw, select.POLLOUT)
    poll.poll()


def _take_back_torn_line(descriptor: int, written: memoryview) -> None:
    """Cut off the part of a line that found room in a file, so that the rest of it can be read."""
    torn = len(written) - bytes(written).rfind(b"\n") - 1
    status = os.fstat(descriptor)
    end = status.st_size
    if torn and stat.S_ISREG(status.st_mode) and os.lseek(descriptor, 0, os.SEEK_CUR) == end:
        os.ftruncate(descriptor, end - torn)
        os.lseek(descriptor, end - torn, os.SEEK_SET)
