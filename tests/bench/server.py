"""A server of ready-made pages, as a process of its own, so that it takes no time of a contender's.

The pages are those of ``tests.fake_zendesk``, to the byte, but made once and kept. Ends when its
standard input does, so that it never outlives whoever started it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

from tests.fake_zendesk.account import big_account
from tests.fake_zendesk.encoding import to_json
from tests.fake_zendesk.limits import RateWindow
from tests.fake_zendesk.pages import cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_zendesk.limits import Anchor

BEGIN = 1_700_000_000
PER_SECOND = 3.0
PATH = "/api/v2/incremental/ticket_events"
INCLUDE = "comment_events"
MOST_KEPT = 200_000
"""From this number of events on pages are made when asked for: they would take too much memory."""

_OPENER = build_opener(ProxyHandler({}))


class Part(NamedTuple):
    """What a page holds, whatever its address.

    Args:
        events: Its events as JSON, without the brackets.
        number: How many.
        end_time: The second where it ends.
        is_last: Whether nothing comes after it.
    """

    events: bytes
    number: int
    end_time: int | None
    is_last: bool


class History:
    """Events at a steady pace, and the pages that they make.

    Args:
        count: How many.
        begin: Epoch second of the first.
        per_second: The pace.
    """

    def __init__(self, count: int, begin: int = BEGIN, per_second: float = PER_SECOND) -> None:
        self.count = count
        self._begin = begin
        self._account = big_account(count, begin, per_second)
        self._parts: dict[tuple[int, int, bool], Part] = {}

    def part(self, start: int, per_page: int, *, comments: bool) -> Part:
        """Return a page's content."""
        key = (start, per_page, comments)
        part = self._parts.get(key)
        if part is None:
            page = self._cut(start, per_page)
            events = b",".join([entry.json(comments=comments) for entry in page.entries])
            end = page.next_start
            if end is None and page.entries:
                end = page.entries[-1].timestamp
            part = Part(events, len(page.entries), end, page.next_start is None)
            if self.count <= MOST_KEPT:
                self._parts[key] = part
        return part

    def prepare(self, per_page: int, *, comments: bool) -> None:
        """Make the pages that a run from the beginning asks for."""
        if self.count > MOST_KEPT:
            return
        start: int | None = self._begin
        while start is not None:
            part = self.part(start, per_page, comments=comments)
            start = None if part.is_last else part.end_time

    def fewest_requests(self, per_page: int) -> int:
        """Return how many requests it takes to read everything, if none is wasted."""
        requests, start = 0, self._begin
        while True:
            requests += 1
            page = self._cut(start, per_page)
            if page.next_start is None:
                return requests
            start = page.next_start

    def _cut(self, start: int, per_page: int) -> Any:
        everything = float("inf")
        return cut(self._account.visible(start, everything, everything), per_page, "growing")


class PageServer(ThreadingHTTPServer):
    """Answers the export and ``/stats``.

    Args:
        history: What it shows.
        delay: Seconds that each page takes.
        most: More events on a page than this, and the answer is 504.
        allowance: Requests, and the seconds of a window.
        anchor: Where the windows begin: with a request, or at multiples of their length.
    """

    daemon_threads = True

    def __init__(
        self,
        history: History,
        delay: float = 0.0,
        most: int | None = None,
        allowance: tuple[int, float] = (1_000_000, 60.0),
        anchor: Anchor = "first_request",
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.history = history
        self.delay = delay
        self.most = most
        self.window = RateWindow(*allowance, anchor)
        self.moments: list[float] = []
        self.statuses: dict[int, int] = {}
        self.lock = threading.Lock()

    def answer(self, path: str, query: dict[str, str], host: str) -> tuple[int, list[bytes]]:
        """Return status and body of a page, the body in pieces."""
        start, per_page = int(query["start_time"]), int(query.get("per_page", "1000"))
        comments = INCLUDE in query.get("include", "").split(",")
        part = self.history.part(start, per_page, comments=comments)
        if self.most is not None and part.number > self.most:
            return 504, [b"upstream request timeout"]
        following = urlencode(sorted((query | {"start_time": str(part.end_time)}).items()))
        rest = {
            "count": part.number,
            "end_of_stream": part.is_last,
            "next_page": None if part.end_time is None else f"http://{host}{path}?{following}",
            "end_time": part.end_time,
        }
        return 200, [b'{"ticket_events":[', part.events, b"]," + to_json(rest)[1:]]

    def stats(self) -> bytes:
        """Return what has happened so far, as JSON."""
        with self.lock:
            return json.dumps(
                {
                    "moments": self.moments,
                    "statuses": {str(status): n for status, n in self.statuses.items()},
                    "cpu_seconds": time.process_time(),
                }
            ).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: PageServer

    def do_GET(self) -> None:
        server = self.server
        split = urlsplit(self.path)
        if split.path == "/stats":
            self._send(200, "", [server.stats()])
            return
        if not split.path.startswith(PATH):
            self._send(404, "", [b"{}"])
            return
        with server.lock:
            now = time.time()
            server.moments.append(time.monotonic())
            allowed = server.window.take(now)
            left, resets = server.window.remaining, server.window.resets(now)
        header = (
            "zendesk-ratelimit-incremental-exports: "
            f"total={server.window.total}; remaining={left}; resets={resets}\r\n"
        )
        if allowed:
            query = dict(parse_qsl(split.query))
            status, body = server.answer(split.path, query, self.headers.get("Host", ""))
            if status == 200 and server.delay:
                time.sleep(server.delay)
        else:
            status, body = 429, [b"{}"]
            header += f"Retry-After: {resets}\r\n"
        with server.lock:
            server.statuses[status] = server.statuses.get(status, 0) + 1
        self._send(status, header, body)

    def _send(self, status: int, header: str, body: list[bytes]) -> None:
        head = (
            f"HTTP/1.1 {status} {self.responses[status][0]}\r\n"
            f"Date: {formatdate(usegmt=True)}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {sum(map(len, body))}\r\n"
            f"{header}\r\n"
        )
        body[0] = head.encode("latin-1") + body[0]
        for piece in body:
            self.wfile.write(piece)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Served(NamedTuple):
    """A running server, seen from outside."""

    url: str

    def stats(self) -> dict[str, Any]:
        """Return what has happened so far."""
        with _OPENER.open(f"{self.url}/stats", timeout=30) as answer:
            content: dict[str, Any] = json.loads(answer.read())
        return content


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Served]:
    """Run a server with these options while the block runs; ``folder`` holds this repository."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.server", *options],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the test server did not start")
            yield Served(url)
        finally:
            process.kill()


def main(arguments: list[str] | None = None) -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--begin", type=int, default=BEGIN, metavar="EPOCH_SECOND")
    parser.add_argument("--per-second", type=float, default=PER_SECOND, metavar="EVENTS")
    parser.add_argument("--prepare", type=int, nargs="*", default=[], metavar="PAGE_SIZE")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--most", type=int, metavar="EVENTS", help="504 for larger pages")
    parser.add_argument("--allowance", default="1000000/60", metavar="REQUESTS/SECONDS")
    parser.add_argument("--anchor", choices=("first_request", "aligned"), default="first_request")
    options = parser.parse_args(arguments)
    requests, seconds = options.allowance.split("/")
    history = History(options.events, options.begin, options.per_second)
    for per_page in options.prepare:
        for comments in (False, True):
            history.prepare(per_page, comments=comments)
    allowance = (int(requests), float(seconds))
    server = PageServer(history, options.delay, options.most, allowance, options.anchor)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(server.url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
