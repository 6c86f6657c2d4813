"""Faults that a test schedules: what goes wrong, on which requests, how often."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .messages import JSON, TEXT, Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from .messages import LoggedRequest

Kind: TypeAlias = Literal[
    "answer",  # this answer instead of the page
    "drop",  # the connection closes before the answer
    "drop_in_body",  # it closes within the body
    "truncate",  # a complete answer, its body cut in half
    "wrong_length",  # the whole body, but Content-Length promises more
    "broken_gzip",  # bytes that are no gzip stream
    "stall",  # nothing for ``seconds``, then the answer (in process: always a time-out)
    "no_connection",  # none is made, with ``errno`` (in process only; ETIMEDOUT: after a time-out)
    "slow",  # the body in ``pieces``, over ``seconds``
    "edit_page",  # the page as ``edit`` changes it
]
On: TypeAlias = "Callable[[LoggedRequest], bool] | Container[int] | int | None"


@dataclass(slots=True)
class Fault:
    """One fault.

    Args:
        on: the export requests that it hits: a number (from 1), several, or None for all; or a
            rule that is asked for every request, those for tokens included.
        times: how often it strikes; None for ever.
        status: of the answer (kind "answer").
        headers: of the answer; with every kind they are added to those of the real answer.
        body: of the answer (kind "answer").
        kind: what goes wrong.
        edit: gets the decoded page; returns a page, any JSON value, or the bytes to send (kind
            "edit_page").
        seconds: of kinds "stall" and "slow".
        after: seconds until the answer (kind "answer"); others are answered meanwhile.
        errno: why there is no connection (kind "no_connection").
        pieces: in how many pieces the body comes (kind "slow").
        path_kind: the export that ``on`` speaks of: "export" or "metric_export".
    """

    on: On = None
    times: int | None = None
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | str = b""
    kind: Kind = "answer"
    edit: Callable[[dict[str, Any]], Any] | None = None
    seconds: float = 30.0
    after: float = 0.0
    pieces: int = 20
    errno: int = errno.ECONNREFUSED
    path_kind: Literal["export", "metric_export"] = "export"
    struck: int = field(default=0, init=False)

    def hits(self, request: LoggedRequest) -> bool:
        """Whether it is this fault's turn."""
        if self.times is not None and self.struck >= self.times:
            return False
        if callable(self.on):
            return self.on(request)
        if request.path_kind != self.path_kind:
            return False
        if self.on is None:
            return True
        return request.number == self.on if isinstance(self.on, int) else request.number in self.on

    def piece_size(self, body: bytes) -> int:
        """Length of a piece of this body (kind "slow")."""
        return len(body) // self.pieces + 1

    def answer(self) -> Answer:
        """The answer of kind "answer"."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        content_type = {b"{": JSON, b"[": JSON, b"<": "text/html; charset=utf-8"}.get(
            body[:1], TEXT
        )
        answer = Answer(self.status, body, {"Content-Type": content_type})
        answer.seconds = self.after
        return answer
