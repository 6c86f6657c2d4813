"""The fake behind a requests session, without sockets: for simulated time and thousands of runs."""

from __future__ import annotations

import errno
import http.client
import io
import os
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from . import wire
from .messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Fault
    from .server import FakeZendesk


class InProcessAdapter(HTTPAdapter):
    """Hands a session's requests to the fake; faults arrive as the exceptions of real sockets.

    Args:
        fake: who answers.
        sleep: told how long a stall or a slow answer takes, so that a simulated clock can move on.
    """

    def __init__(self, fake: FakeZendesk, sleep: Callable[[float], object] | None = None) -> None:
        super().__init__()
        self._fake = fake
        self._sleep = sleep or (lambda _: None)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002
        timeout: Any = None,
        verify: Any = True,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Any = None,  # noqa: ARG002
    ) -> requests.Response:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        headers.setdefault("host", (request.url or "").split("/")[2])
        answer = self._fake.handle(
            Request(
                request.method or "GET",
                request.path_url,
                headers,
                _bytes(request.body),
            )
        )
        fault = answer.fault
        if fault and fault.kind == "drop":
            message = "Remote end closed connection without response"
            raise requests.exceptions.ConnectionError(message, request=request)
        connecting, patience = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        if fault and fault.kind == "no_connection":
            if fault.errno == errno.ETIMEDOUT:
                self._sleep(connecting or 0.0)
            raise _no_connection(request, fault.errno)
        if fault and fault.kind == "stall":
            self._sleep(fault.seconds if patience is None else patience)
            raise requests.exceptions.ReadTimeout("Read timed out.", request=request)
        sent, content = wire.encode(answer, headers, compress=False, chunked=False)
        raw = HTTPResponse(
            body=self._body(fault, content),
            headers=HTTPHeaderDict(sent),
            status=answer.status,
            reason=http.client.responses.get(answer.status),
            preload_content=False,
            enforce_content_length=True,
            request_method=request.method,
        )
        return self.build_response(request, raw)

    def _body(self, fault: Fault | None, content: bytes) -> io.BytesIO:
        if fault is None or fault.kind != "slow":
            return io.BytesIO(content)
        return _SlowBody(content, fault, self._sleep)


class _SlowBody(io.BytesIO):
    """A body of which a piece arrives at a time."""

    def __init__(self, content: bytes, fault: Fault, sleep: Callable[[float], object]) -> None:
        super().__init__(content)
        self._size = fault.piece_size(content)
        self._pause = fault.seconds / fault.pieces
        self._sleep = sleep

    def read1(self, size: int | None = -1, /) -> bytes:
        piece = super().read1(min(self._size, size) if size and size > 0 else self._size)
        if piece:
            self._sleep(self._pause)
        return piece


def _no_connection(request: requests.PreparedRequest, number: int) -> Exception:
    """The exception of requests, put together as it and urllib3 do."""
    connection: Any = "connection"
    pool: Any = "pool"
    if number == errno.ETIMEDOUT:
        timed_out = ConnectTimeoutError(connection, "timed out")
        error = MaxRetryError(pool, request.path_url, timed_out)
        return requests.exceptions.ConnectTimeout(error, request=request)
    reason = NewConnectionError(connection, "Failed to establish a new connection")
    reason.__cause__ = OSError(number, os.strerror(number))
    error = MaxRetryError(pool, request.path_url, reason)
    return requests.exceptions.ConnectionError(error, request=request)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")
