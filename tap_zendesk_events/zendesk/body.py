"""Reads the body of an answer: in pieces, unzipped, bounded in bytes and in time."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Protocol

import urllib3

from tap_zendesk_events.exceptions import (
    CutShortError,
    SlowBodyError,
    TooLargeError,
    TooSlowError,
)
from tap_zendesk_events.times import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_zendesk_events.clock import Clock

LARGEST_BODY = 512 * 2**20
"""Most bytes of an unzipped body. A page of 1000 events with comments of the greatest length that
Zendesk takes (64 KB, sent as text, HTML and plain text) stays below half of it."""

PIECE = 65_536  # bytes read at a time
PART = 1_048_576  # bytes unzipped at a time
SHORTEST_LIMIT = 5.0  # seconds that any body may take, also where there is no patience at all
SLOW_LINE = 60.0  # seconds that it may take at least, if it comes at the pace of
SLOW_PACE = 10_000  # bytes a second: a slow line, not a drip
WORTH_A_LINE = 30.0  # seconds after which a line says that a body is waited for


class Raw(Protocol):
    """The part of urllib3's response that is used here."""

    def read1(self, amt: int, *, decode_content: bool) -> bytes:
        """Return what has arrived, at most `amt` bytes; nothing at the end."""


class Body:
    """Reads one body.

    Args:
        headers: The answer's headers.
        clock: Measures the time.
        limit: Seconds after which a body that drips is given up.
        on_wait: Called once if it takes long, with the bytes so far, the seconds that it has taken
            and those after which it is given up.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        clock: Clock,
        limit: float,
        on_wait: Callable[[int, float, float], None],
    ) -> None:
        self._headers = headers
        self._clock = clock
        self._limit = max(limit, SHORTEST_LIMIT)
        self._on_wait = on_wait

    def read(self, raw: Raw) -> bytes:
        """Return the whole body, unzipped.

        A body is unzipped here, because urllib3 would go on reading for as long as nothing comes
        out of what it unzips, and older versions of it unzip without a bound.

        Raises:
            SlowBodyError: It has taken too long as a whole.
            TooSlowError: There was silence for too long.
            TooLargeError: It is larger than any page should be.
            CutShortError: Its end is missing, or it is damaged.
        """
        zipped = self._headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip", "deflate"}
        unzip = Unzip() if zipped else None
        # not a list of pieces: to join them would take twice the memory
        whole = io.BytesIO()
        began = self._clock.monotonic()
        arrived, told = 0, False
        while piece := self._piece(raw):
            arrived += len(piece)
            took = self._clock.monotonic() - began
            if self._drips(arrived, took):
                reason = f"only {arrived:,} bytes of the answer came in {duration(took)}"
                raise SlowBodyError(reason, took, self._headers)
            if not told and took >= min(WORTH_A_LINE, self._limit / 2):
                told = True
                self._on_wait(arrived, took, self._limit)
            for part in unzip.parts(piece, self._headers) if unzip else [piece]:
                if whole.tell() + len(part) > LARGEST_BODY:
                    reason = f"the answer is larger than {LARGEST_BODY // 2**20} MB"
                    raise TooLargeError(reason, headers=self._headers)
                whole.write(part)
        if unzip and arrived and not unzip.is_whole:
            raise CutShortError("cut short", headers=self._headers)
        return whole.getvalue()

    def _piece(self, raw: Raw) -> bytes:
        try:
            return raw.read1(PIECE, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError:
            raise TooSlowError("the answer stopped in the middle", headers=self._headers) from None
        except urllib3.exceptions.HTTPError:
            raise CutShortError("cut short or damaged", headers=self._headers) from None

    def _drips(self, arrived: int, took: float) -> bool:
        if took <= self._limit:
            return False
        return took > SLOW_LINE or arrived < took * SLOW_PACE


class Unzip:
    """Unzips a body that comes in pieces."""

    def __init__(self) -> None:
        self.is_whole = False  # whether the stream has come to its end
        self._stream = self._new()

    def parts(self, piece: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Yield what comes out of a piece, in parts of PART bytes at most.

        Raises:
            CutShortError: This is no such stream.
        """
        try:
            while piece:
                if self.is_whole:
                    self._stream = self._new()  # a stream may have several members
                yield self._stream.decompress(piece, PART)
                self.is_whole = self._stream.eof
                piece = self._stream.unused_data or self._stream.unconsumed_tail
        except zlib.error:
            raise CutShortError("damaged", headers=headers) from None

    @staticmethod
    def _new() -> zlib._Decompress:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # finds out whether gzip or deflate
