"""Several pages on their way, in a process of its own: every end is the end of them all."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Fault, plain_event
from tests.support.cli import started
from tests.support.harness import CLIENT, on_token, token_requests
from tests.support.line_target import Target

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_zendesk import LoggedRequest

BEGIN = 1_700_000_000
EVENTS = 3000
PER_PAGE = 30
GOOD = 40  # requests that are answered before the others hang
at_a_time = pytest.mark.parametrize("at_a_time", [4, 1])


class Hanging:
    """A server whose answers hang from a request on, those that a fault strikes excepted.

    Args:
        faults: What goes wrong.
        good: How many requests are answered soon.
    """

    def __init__(self, *faults: Fault, good: int = GOOD) -> None:
        events = [plain_event(n, BEGIN + 10 * n) for n in range(1, EVENTS + 1)]
        self.fake = FakeZendesk(
            Account(events),
            rate_limit=(1_000_000, 60.0),
            page_seconds=self._seconds,
            sleep=self._sleep,
            faults=faults,
        )
        self._good = good
        self._released = threading.Event()
        self._hanging = threading.Semaphore(0)

    def _seconds(self, _: int) -> float:
        return 0.02 if len(self.fake.export_requests) <= self._good else 60.0

    def _sleep(self, seconds: float) -> None:
        if seconds < 60:
            time.sleep(seconds)
            return
        self._hanging.release()
        self._released.wait(seconds)

    @contextmanager
    def serve(self) -> Iterator[str]:
        with self.fake.serve() as url:
            try:
                yield url
            finally:
                self._released.set()

    def wait_until_hanging(self, requests: int) -> None:
        for _ in range(requests):
            assert self._hanging.acquire(timeout=30)

    def release(self) -> None:
        """Let everything be answered from now on."""
        self._good = 1_000_000
        self._released.set()


class Run:
    """The tap as a process, whose output is read as it comes.

    Args:
        url: Where the server is.
        at_a_time: Most pages on their way.
        folder: For the state.
        state: To go on from.
        leaves: Whether the reader goes away after the first STATE.
        settings: Settings beside the usual ones.
    """

    def __init__(
        self,
        url: str,
        at_a_time: int,
        folder: Path,
        state: Any = None,
        *,
        leaves: bool = False,
        **settings: str,
    ) -> None:
        config = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": "2023-11-14",
            "page_size": str(PER_PAGE),
            "parallel_requests": str(at_a_time),
            **settings,
        }
        path = folder / "state.json"
        path.write_text(json.dumps(state or {}))
        self.process: subprocess.Popen[bytes] = started(config, "--state", str(path))
        self._leaves = leaves
        self.output = bytearray()
        self.errors = bytearray()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, into), daemon=True)
            for stream, into in (
                (self.process.stdout, self.output),
                (self.process.stderr, self.errors),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, into: bytearray) -> None:
        with stream:
            while piece := os.read(stream.fileno(), 65_536):
                into += piece
                if self._leaves and b'"type":"STATE"' in piece:
                    return

    def end(self, seconds: float = 10) -> int:
        """Wait for the end, no longer than anything here would hang."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(5)
        return code

    def wait_until_quiet(self) -> None:
        """Wait until what has been answered is written."""
        size = -1
        while size != len(self.output):
            size = len(self.output)
            time.sleep(0.2)

    @property
    def log(self) -> str:
        return self.errors.decode()


def check_whole(run: Run, target: Target) -> None:
    """Check that no line is torn, and that the STATE is out for all that is written."""
    assert run.output.endswith(b"\n")
    kinds = target.take(bytes(run.output))
    assert len(kinds) == run.output.count(b"\n")
    assert kinds[-1] == "STATE"
    assert "Traceback" not in run.log
    assert "Exception ignored" not in run.log


def check_the_rest(server: Hanging, url: str, target: Target, folder: Path) -> None:
    """Go on from the last STATE; with it, every event is there once."""
    server.release()
    server.fake.faults.clear()
    run = Run(url, 2, folder, target.state)
    assert run.end(60) == 0
    target.take(bytes(run.output))
    assert target.events("ticket_events") == EVENTS
    assert set(target.rows.values()) == {1}
    assert "segments" not in json.dumps(target.state)


@at_a_time
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_at_once(at_a_time: int, signum: signal.Signals, tmp_path: Path) -> None:
    server = Hanging()
    with server.serve() as url:
        run = Run(url, at_a_time, tmp_path)
        server.wait_until_hanging(at_a_time)
        run.wait_until_quiet()
        run.process.send_signal(signum)
        assert run.end() == 128 + signum
        target = Target()
        check_whole(run, target)
        assert run.log.count("Stopped by ") == 1
        # all that was answered is written: no page of repeats
        assert 0 < target.events("ticket_events") < EVENTS
        check_the_rest(server, url, target, tmp_path)


class SamePage:
    """Strikes one page, and each time that it is asked for again."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._start = ""

    def __call__(self, request: LoggedRequest) -> bool:
        if request.number == self._number:
            self._start = request.query["start_time"]
        return request.query.get("start_time") == self._start


FORBIDDEN = {"error": {"title": "Forbidden", "message": "You do not have access to this page."}}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, json.dumps(FORBIDDEN), "status 403"),
        (200, '{"ticket_events": 5}', "gave no good answer to the page"),
    ],
    ids=["403", "no page"],
)
def test_an_error_in_one_segment_ends_all_at_once(
    status: int, body: str, words: str, tmp_path: Path
) -> None:
    server = Hanging(Fault(on=SamePage(GOOD + 2), status=status, body=body))
    with server.serve() as url:
        run = Run(url, 4, tmp_path, max_retry_seconds="2")
        assert run.end(20) == 1
        server.wait_until_hanging(1)
        target = Target()
        check_whole(run, target)
        errors = [line for line in run.log.splitlines() if "| ERROR" in line]
        assert len(errors) == 1
        assert words in errors[0]
        assert 0 < target.events("ticket_events") < EVENTS
        check_the_rest(server, url, target, tmp_path)


@at_a_time
def test_a_target_that_goes_away_ends_all_with_one_sentence(at_a_time: int, tmp_path: Path) -> None:
    server = Hanging(good=1_000_000)
    with server.serve() as url:
        run = Run(url, at_a_time, tmp_path, leaves=True)
        assert run.end() == 1
        errors = [line for line in run.log.splitlines() if "| ERROR" in line]
        assert len(errors) == 1
        assert "The target has stopped reading" in errors[0]
        assert "Traceback" not in run.log
        assert "Exception ignored" not in run.log
    assert len(server.fake.export_requests) < EVENTS / PER_PAGE


def test_an_error_in_one_segment_loses_no_refresh_token_that_another_one_spends(
    tmp_path: Path,
) -> None:
    def refuse(request: LoggedRequest) -> bool:
        hits = request.path_kind == "export" and request.number == GOOD
        if hits:
            server.fake.expire_tokens()  # so that the others have to renew theirs
        return hits

    def renew(request: LoggedRequest) -> bool:
        return on_token(request) and len(token_requests(server.fake)) == 2

    server = Hanging(
        Fault(on=refuse, status=403, body=json.dumps(FORBIDDEN), after=0.5),
        Fault(on=renew, kind="stall", seconds=1.5),
    )
    cache = tmp_path / "tokens.json"
    settings: dict[str, Any] = {
        **CLIENT,
        "refresh_token": "fake-refresh-token",
        "oauth_cache": str(cache),
    }
    with server.serve() as url:
        run = Run(url, 4, tmp_path, access_token="", **settings)
        assert run.end() == 1
        target = Target()
        check_whole(run, target)
        assert "An error has come while a refresh token is being spent" in run.log
        assert "status 403" in run.log
        assert len(server.fake.tokens_issued) == 2
        kept = json.loads(cache.read_text())
        assert kept["access_token"] == server.fake.tokens_issued[1]
        assert kept["refresh_token"] in server.fake.credentials.refresh_tokens
        check_the_rest(server, url, target, tmp_path)
    assert server.fake.credentials.refused_grants == 0
