"""The fake on real sockets: HTTP/1.1 on loopback, a thread for each connection."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from . import wire
from .messages import Answer, Request

if TYPE_CHECKING:
    from .faults import Fault
    from .server import FakeZendesk

_PIECE = 65_536


class HttpServer:
    """Serves a fake on 127.0.0.1 from ``with`` to its end; nothing of it is left running then."""

    def __init__(self, fake: FakeZendesk, port: int = 0) -> None:
        self._server = _Server(fake, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 makes many parallel clients wait for a second connection attempt.
    request_queue_size = 128

    def __init__(self, fake: FakeZendesk, port: int) -> None:
        self.fake = fake
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; anything else is a fault of this server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End every connection, also those that stall or wait for the next request."""
        self.stopping.set()
        with self._lock:
            connections = dict(self._open)
        for connection, thread in connections.items():
            _shut(connection)
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    used: float | None = None  # when something last went over this connection

    def handle_any(self) -> None:
        if self._is_forgotten():
            self.server.stopping.wait()
            self._hang_up()
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.fake.handle(Request(self.command, self.path, headers, body))
        self._send(answer, headers)
        self.used = self.server.fake.clock()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """The fake keeps a log of its own."""

    def _is_forgotten(self) -> bool:
        """Whether a firewall has forgotten the connection, and would pass nothing on."""
        fake = self.server.fake
        idle = 0.0 if self.used is None else fake.clock() - self.used
        if fake.forgets_idle is None or idle <= fake.forgets_idle:
            return False
        fake.forgotten += 1
        return True

    def _send(self, answer: Answer, request_headers: dict[str, str]) -> None:
        fake = self.server.fake
        fault = answer.fault
        kind = fault.kind if fault else None
        if kind in {"drop", "no_connection"}:
            self._hang_up()
            return
        if fault and kind == "stall" and self.server.stopping.wait(fault.seconds):
            self._hang_up()
            return
        headers, body = wire.encode(
            answer, request_headers, compress=fake.gzip, chunked=fake.chunked
        )
        chunked = ("Transfer-Encoding", "chunked") in headers
        self._write(self._head(answer.status, headers))
        if self.command == "HEAD":
            return
        if fault and kind == "slow":
            if self._send_slowly(body, fault, chunked=chunked):
                self._hang_up()
                return
        elif chunked:
            for begin in range(0, len(body), _PIECE):
                self._write(_chunk(body[begin : begin + _PIECE]))
        else:
            self._write(body)
        if kind in {"drop_in_body", "wrong_length"}:
            self._hang_up()
        elif chunked:
            self._write(b"0\r\n\r\n")

    def _head(self, status: int, headers: list[tuple[str, str]]) -> bytes:
        phrase = http.client.responses.get(status, "Unknown")
        lines = [
            f"HTTP/1.1 {status} {phrase}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)

    def _send_slowly(self, body: bytes, fault: Fault, *, chunked: bool) -> bool:
        """Send the body in pieces; true if the server stopped meanwhile."""
        size = fault.piece_size(body)
        for begin in range(0, len(body), size):
            if self.server.stopping.wait(fault.seconds / fault.pieces):
                return True
            piece = body[begin : begin + size]
            self._write(_chunk(piece) if chunked else piece)
        return False

    def _hang_up(self) -> None:
        self.close_connection = True
        _shut(self.connection)


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        """The client was faster."""
