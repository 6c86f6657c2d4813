"""In another program's process: its signal handlers, timers and life are its own, run after run."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, Fault, LoggedRequest, make_events, plain_event
from tests.support.cli import environment
from tests.support.harness import BEGIN, CONFIG, ListWriter, SimulatedClock, SimulatedTap, a_fake
from tests.support.selection import EVENT_STREAMS, selecting

if TYPE_CHECKING:
    from pathlib import Path

HOST = """
import json, logging, os, signal, sys, threading, time
from tap_zendesk_events import termination
from tap_zendesk_events.tap import TapZendeskEvents

termination.LAST_RESORT = 0.3
url, report = sys.argv[1:]
seen = []

def own(*_):
    seen.append("the host's handler ran")

signal.signal(signal.SIGTERM, own)
signal.signal(signal.SIGALRM, own)
signal.setitimer(signal.ITIMER_REAL, 1000)

def handlers():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    return [str(signal.getsignal(number)) for number in numbers]

before = handlers()

def observe(what):
    ours = ("last-resort", "next-page")
    threads = [t.name for t in threading.enumerate() if t.name in ours]
    deadline = time.monotonic() + 5
    while threads and time.monotonic() < deadline:
        time.sleep(0.01)
        threads = [t.name for t in threading.enumerate() if t.name in ours]
    seen.append({
        "what": what,
        "handlers as before": handlers() == before,
        "timer as before": 900 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000,
        "filters": len(logging.getLogger("tap-zendesk-events").filters),
        "threads": threads,
    })

def end():
    time.sleep(4 * termination.LAST_RESORT)
    seen.append("alive")
    with open(report, "w") as file:
        json.dump(seen, file)
"""

INTERRUPTED_TWICE = (
    HOST
    + """
signals = [signal.SIGINT, signal.SIGTERM]

class Interrupt(logging.Handler):
    def emit(self, record):
        if "Waiting 10 min" in record.getMessage():
            os.kill(os.getpid(), signals.pop(0))

logging.getLogger("tap-zendesk-events").addHandler(Interrupt())
logging.getLogger("tap-zendesk-events").setLevel("INFO")

config = {"api_url": url, "access_token": "fake-access-token", "start_date": "2023-11-14",
          "page_size": 10, "requests_per_minute": 100000}
tap = TapZendeskEvents(config=config)
observe("made")
for _ in range(3):
    try:
        tap.sync_all()
    except SystemExit as error:
        observe(error.code)
    else:
        observe("done")
end()
"""
)

STUCK = (
    HOST
    + """
import select
signal.signal(signal.SIGTERM, signal.SIG_DFL)
before = handlers()
reader, writer = os.pipe()
os.dup2(writer, 1)

def end_when_stuck():
    while select.select([], [writer], [], 0)[1]:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_when_stuck, daemon=True).start()
config = {"api_url": url, "access_token": "fake-access-token", "start_date": "2023-11-14"}
try:
    TapZendeskEvents(config=config).sync_all()
except SystemExit as error:
    observe(error.code)
end()
os._exit(0)
"""
)


ENDED_BY_ERRORS = (
    HOST
    + """
from tap_zendesk_events.exceptions import ZendeskEventsError

at_a_time = int(os.environ["AT_A_TIME"])
config = {"api_url": url, "access_token": "fake-access-token", "start_date": "2023-11-14",
          "page_size": 10, "parallel_requests": at_a_time}
tap = TapZendeskEvents(config=config)
for _ in range(3):
    try:
        tap.sync_all()
    except ZendeskEventsError as error:
        observe("error" if "status 403" in str(error) else str(error))
    else:
        observe("done")
end()
"""
)


def hosted(
    script: str, fake: FakeZendesk, folder: Path, **variables: str
) -> tuple[list[Any], bytes]:
    """Run a program that runs the tap. Returns what it reports and its standard output."""
    report = folder / "report.json"
    with fake.serve() as url:
        done = subprocess.run(
            [sys.executable, "-c", script, url, str(report)],
            env=environment(None, **variables),
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    seen: list[Any] = json.loads(report.read_text())
    return seen, done.stdout


def fine(what: Any) -> dict[str, Any]:
    return {
        "what": what,
        "handlers as before": True,
        "timer as before": True,
        "filters": 0,
        "threads": [],
    }


def test_a_program_interrupts_a_run_and_runs_again_twice(tmp_path: Path) -> None:
    def second_page(request: LoggedRequest) -> bool:
        return request.path_kind == "export" and request.number in {2, 4}

    fake = FakeZendesk(
        Account([plain_event(n, 1_700_000_000 + n) for n in range(1, 41)]),
        rate_limit=None,
        faults=[Fault(on=second_page, status=429, headers={"Retry-After": "600"})],
    )
    seen, output = hosted(INTERRUPTED_TWICE, fake, tmp_path)
    assert seen == [fine("made"), fine(130), fine(143), fine("done"), "alive"]
    messages = [json.loads(line) for line in output.splitlines()]
    ids = [m["record"]["id"] for m in messages if m["type"] == "RECORD"]
    assert ids == list(range(1, 41))


@pytest.mark.parametrize("at_a_time", [4, 1])
def test_after_an_error_the_threads_end_and_a_program_runs_again(
    at_a_time: int, tmp_path: Path
) -> None:
    """While one page is refused, one is on its way, and another one waits for minutes."""

    def wait(request: LoggedRequest) -> bool:
        return at_a_time > 1 and request.number in {20, 62}

    def refuse(request: LoggedRequest) -> bool:
        return request.number in {22, 64}

    fake = FakeZendesk(
        Account([plain_event(n, 1_700_000_000 + 10 * n) for n in range(1, 801)]),
        rate_limit=(1_000_000, 60.0),
        page_seconds=lambda _: 0.05,
        faults=[
            Fault(on=wait, status=503, headers={"Retry-After": "500"}),
            Fault(on=refuse, status=403, body='{"error":"Forbidden"}', after=0.02),
        ],
    )
    seen, output = hosted(ENDED_BY_ERRORS, fake, tmp_path, AT_A_TIME=str(at_a_time))
    assert seen == [fine("error"), fine("error"), fine("done"), "alive"]
    messages = [json.loads(line) for line in output.splitlines()]
    ids = [m["record"]["id"] for m in messages if m["type"] == "RECORD"]
    assert sorted(ids) == list(range(1, 801))


def test_a_run_that_nobody_reads_ends_and_the_program_lives_on(tmp_path: Path) -> None:
    events = [plain_event(n, 1_700_000_000 + n, via="x" * 1000) for n in range(1, 400)]
    seen, _ = hosted(STUCK, FakeZendesk(Account(events), rate_limit=None), tmp_path)
    assert seen == [fine(143), "alive"]


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]


def test_a_tap_that_is_only_made_touches_no_handler() -> None:
    before = handlers()
    TapZendeskEvents(config=dict(CONFIG))
    assert handlers() == before


@pytest.mark.parametrize("how", ["INCREMENTAL", "FULL_TABLE"])
def test_a_second_run_of_the_same_tap_writes_what_is_new_to_it(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    events = make_events(400, seed=3, start=BEGIN, spread=40 * 86_400)
    catalog = selecting(*EVENT_STREAMS, full_table=EVENT_STREAMS if how == "FULL_TABLE" else ())
    writer = ListWriter()
    tap = SimulatedTap(config=dict(CONFIG), catalog=catalog, message_writer=writer)
    tap.clock = clock
    tap.fake = a_fake(Account(events), clock)

    def a_run() -> dict[str, list[dict[str, Any]]]:
        writer.lines.clear()
        caplog.clear()
        tap.sync_all()
        messages = [json.loads(line) for line in writer.lines]
        known = set()
        for message in messages:
            if message["type"] == "SCHEMA":
                known.add(message["stream"])
            elif message["type"] == "RECORD":
                assert message["stream"] in known, "a record before its SCHEMA"
        assert known == set(EVENT_STREAMS)
        rows = {
            name: [m["record"] for m in messages if m.get("stream") == name and "record" in m]
            for name in EVENT_STREAMS
        }
        metric = r'"record_count","value":(\d+),"tags":{"stream":"(\w+)'
        counted = re.findall(metric, caplog.text)
        assert {name: int(count) for count, name in counted} == {
            name: len(of_stream) for name, of_stream in rows.items()
        }
        return rows

    first = a_run()
    clock.time += 20 * 86_400
    second = a_run()
    assert 0 < len(first["ticket_events"]) < 400
    if how == "FULL_TABLE":
        assert len(second["ticket_events"]) == 400
        assert (
            second["ticket_comments"][: len(first["ticket_comments"])] == first["ticket_comments"]
        )
    else:
        assert len(first["ticket_events"]) + len(second["ticket_events"]) == 400
    assert all(second.values())
    assert all(not rows for rows in a_run().values()) == (how == "INCREMENTAL")
