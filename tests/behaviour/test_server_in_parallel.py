"""The test server answers several requests at a time, and takes its time for each."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Fault, Pace, make_events
from tests.fake_zendesk.__main__ import main
from tests.support.harness import BEGIN, SimulatedClock

if TYPE_CHECKING:
    from pathlib import Path

OPENER = build_opener(ProxyHandler({}))
AT_A_TIME = 5


def ask(url: str) -> int:
    target = f"{url}/api/v2/incremental/ticket_events?start_time={BEGIN}"
    request = Request(target, headers={"Authorization": "Bearer fake-access-token"})
    with OPENER.open(request, timeout=20) as answer:
        return len(answer.read())


def test_while_a_page_takes_its_time_others_are_answered() -> None:
    clock = SimulatedClock()
    together = threading.Barrier(AT_A_TIME)
    fake = FakeZendesk(
        Account(make_events(20, seed=1, start=BEGIN, spread=3600)),
        clock=clock.server_time,
        page_seconds=lambda _: 1.0,
        sleep=lambda _: together.wait(20),  # nobody passes before all are there
    )
    with fake.serve() as url, ThreadPoolExecutor(AT_A_TIME) as threads:
        sizes = list(threads.map(ask, [url] * AT_A_TIME))
    assert len(set(sizes)) == 1
    assert [request.status for request in fake.export_requests] == [200] * AT_A_TIME


def test_the_allowance_is_that_of_the_moment_at_which_the_request_came_in() -> None:
    clock = SimulatedClock()

    def sleep(seconds: float) -> None:
        clock.time += seconds

    fake = FakeZendesk(
        Account(make_events(20, seed=1, start=BEGIN, spread=3600)),
        clock=clock.server_time,
        page_seconds=lambda _: 20.0,
        sleep=sleep,
    )
    with fake.serve() as url:
        target = f"{url}/api/v2/incremental/ticket_events?start_time={BEGIN}"
        request = Request(target, headers={"Authorization": "Bearer fake-access-token"})
        with OPENER.open(request, timeout=20) as answer:
            told = answer.headers["zendesk-ratelimit-incremental-exports"]
    assert told == "total=10; remaining=9; resets=60"


def test_a_pace_goes_by_page_by_event_and_by_chance() -> None:
    assert Pace()(1000) == 0
    assert Pace(2.0)(1000) == 2
    assert Pace(1.0, 0.002)(500) == pytest.approx(2)
    by_chance = [Pace(2.0, spread=0.5, seed=seed)(10) for seed in range(50)]
    assert all(1 <= seconds <= 3 for seconds in by_chance)
    assert max(by_chance) - min(by_chance) > 1
    pace = Pace(2.0, spread=0.5)
    assert pace(10) != pace(10)


def test_the_command_line_sets_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    class Stopped(Exception):  # noqa: N818
        pass

    def make(_: Account, **options: Any) -> None:
        made.update(options)
        raise Stopped

    monkeypatch.setattr("tests.fake_zendesk.__main__.FakeZendesk", make)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    options = ["--events=5", "--page-seconds=1", "--event-seconds=0.01", "--page-spread=0.25"]
    with pytest.raises(Stopped):
        main(options)
    seconds = made["page_seconds"](100)
    assert 1.5 <= seconds <= 2.5


def test_a_signal_ends_the_command_line_although_pages_take_their_time(tmp_path: Path) -> None:
    ready = tmp_path / "url"
    options = ["--events=20", "--page-seconds=100", f"--ready-file={ready}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_zendesk", *options], stdout=subprocess.PIPE
    )
    while not ready.exists():
        assert process.poll() is None
        time.sleep(0.02)
    asking = threading.Thread(target=suppressed, args=(ready.read_text().strip(),), daemon=True)
    asking.start()
    asking.join(0.3)
    assert asking.is_alive()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=4)
    assert process.returncode == 0
    assert output.endswith(b"Stopped.\n")
    asking.join(5)
    assert not asking.is_alive()


def suppressed(url: str) -> None:
    with contextlib.suppress(OSError):
        ask(url)


def test_an_answer_may_go_wrong_after_a_time_while_others_are_answered() -> None:
    waited: list[float] = []
    fake = FakeZendesk(
        Account(make_events(20, seed=1, start=BEGIN, spread=3600)),
        faults=[Fault(on=1, status=504, after=7.0)],
        sleep=waited.append,
    )
    with fake.serve() as url:
        with pytest.raises(HTTPError):
            ask(url)
        ask(url)
    assert waited == [7.0]
    assert [request.status for request in fake.export_requests] == [504, 200]
