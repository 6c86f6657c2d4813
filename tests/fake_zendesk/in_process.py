"""The fake behind a requests session, without sockets: for simulated time and thousands of runs."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from . import wire
from .messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable

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
        if fault and fault.kind == "stall":
            patience = timeout[1] if isinstance(timeout, tuple) else timeout
            self._sleep(fault.seconds if patience is None else patience)
            raise requests.exceptions.ReadTimeout("Read timed out.", request=request)
        if fault and fault.kind == "slow":
            self._sleep(fault.seconds)
        sent, content = wire.encode(answer, headers, compress=False, chunked=False)
        raw = HTTPResponse(
            body=io.BytesIO(content),
            headers=HTTPHeaderDict(sent),
            status=answer.status,
            reason=http.client.responses.get(answer.status),
            preload_content=False,
            enforce_content_length=True,
            request_method=request.method,
        )
        return self.build_response(request, raw)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")
