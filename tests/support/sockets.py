"""A server of bare sockets, for what no HTTP server would do, and the layer that asks it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.clock import Clock
from tap_zendesk_events.settings import read_settings
from tap_zendesk_events.zendesk.http import Http
from tests.support.harness import (
    CONFIG,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def an_http(url: str, clock: Clock | None = None, **settings: Any) -> Http:
    """The HTTP layer for an address, with little patience."""
    checked = read_settings(
        {
            **CONFIG,
            "api_url": url,
            "settling_seconds": 300,
            "support_type_scope": "all",
            "include_comments": False,
            "page_size": 9,
            "parallel_requests": 1,
            "request_timeout": 0.3,
            "max_retry_seconds": 9,
            **settings,
        }
    )
    return Http(checked, "agent/1", clock or Clock(), logging.getLogger("tap-zendesk-events"))


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Something that listens, and does one thing with each connection; gives the port."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopping = threading.Event()

        def serve() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                kept.append(connection)
                with contextlib.suppress(OSError):
                    answer(connection)

        server.settimeout(0.05)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopping.set()
            thread.join()
            for connection in kept:
                connection.close()
