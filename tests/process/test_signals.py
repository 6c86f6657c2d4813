"""SIGTERM, Ctrl-C and a reader that goes away: no torn line, the last STATE is out, a quick end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, plain_event
from tests.support.cli import environment, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = {
    "access_token": "fake-access-token",
    "start_date": "2023-11-14",
    "page_size": "10",
    "requests_per_minute": "100000",
}


@pytest.fixture(params=["small", "100 KB"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    events = make_events(400, seed=4, spread=4000)
    if request.param == "100 KB":
        events = [plain_event(n, 1_700_000_000 + n, via="x" * 100_000) for n in range(1, 400)]
    with FakeZendesk(Account(events), rate_limit=None, gzip=False).serve() as url:
        yield url


def start(url: str, **more: str) -> subprocess.Popen[bytes]:
    return started({"api_url": url, **SETTINGS}, **more)


def read_slowly(stream: IO[bytes], into: list[bytes], ready: threading.Event) -> None:
    while chunk := os.read(stream.fileno(), 4000):
        into.append(chunk)
        if b'"type":"STATE"' in chunk:
            ready.set()
        if ready.is_set():
            time.sleep(0.0005)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_with_a_slow_reader_tears_no_line(
    url: str, signum: signal.Signals, unbuffered: str
) -> None:
    process = start(url, PYTHONUNBUFFERED=unbuffered)
    assert process.stdout
    assert process.stderr
    chunks: list[bytes] = []
    ready = threading.Event()
    reader = threading.Thread(target=read_slowly, args=(process.stdout, chunks, ready))
    reader.start()
    assert ready.wait(30)
    process.send_signal(signum)
    stderr = process.stderr.read().decode()
    assert process.wait(15) == 128 + signum
    reader.join(15)
    process.stdout.close()
    process.stderr.close()

    output = b"".join(chunks)
    assert output.endswith(b"\n")
    messages = [json.loads(line) for line in output.splitlines()]
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    states = [m["value"]["bookmarks"]["ticket_events"] for m in messages if m["type"] == "STATE"]
    assert 0 < len(records) < 399
    assert len(states) >= 1
    # at most one page, begun and not finished, follows the last STATE
    last = max(number for number, m in enumerate(messages) if m["type"] == "STATE")
    assert len(messages) - 1 - last <= 10
    assert f"Stopped by {signum.name}" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("url", ["100 KB"], indirect=True)
def test_a_signal_while_nobody_reads_ends_the_run_all_the_same(url: str) -> None:
    process = start(url)
    assert process.stdout
    assert process.stderr
    process.stdout.read(1)  # it writes; and soon it is stuck in a full pipe
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    process.stdout.close()
    process.stderr.close()


def test_a_signal_during_a_wait_ends_the_run_at_once() -> None:
    fake = FakeZendesk(
        Account(make_events(50)),
        rate_limit=None,
        faults=[Fault(on=2, status=429, headers={"Retry-After": "600"})],
    )
    with fake.serve() as url:
        process = start(url)
        assert process.stdout
        assert process.stderr
        while b"Waiting 10 min" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=5)
        assert process.returncode == 128 + signal.SIGTERM
        assert json.loads(output.splitlines()[-1])["type"] == "STATE"


def test_a_reader_that_goes_away_is_one_sentence(url: str) -> None:
    process = start(url)
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    stderr = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(15) == 1
    errors = [line for line in stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert "The target has stopped reading" in errors[0]
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr


SIGNALLED = """
import os, runpy, signal, sys

class AtImport:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.{signal})

def at_call(name):
    from tap_zendesk_events.tap import TapZendeskEvents
    real = getattr(TapZendeskEvents, name)
    def signalled(self, *args, **options):
        os.kill(os.getpid(), signal.{signal})
        return real(self, *args, **options)
    setattr(TapZendeskEvents, name, signalled)

sys.meta_path.insert(0, AtImport())
if "{hook}":
    at_call("{hook}")
sys.argv = ["tap-zendesk-events", "--config=ENV", "--state", sys.argv[1]]
runpy.run_module("tap_zendesk_events", run_name="__main__")
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("module", "hook"),
    [
        ("singer_sdk.tap_base", ""),  # while the SDK is imported
        ("", "_validate_config"),  # before the SDK would install its handler,
        ("", "load_state"),  # and after it, when the state is empty,
        ("", "discover_streams"),  # and later
    ],
)
def test_a_signal_at_the_start_writes_no_state(
    module: str, hook: str, signum: signal.Signals, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"bookmarks": {"ticket_events": {"replication_key_value": 1700000000}}}')
    script = SIGNALLED.format(module=module, hook=hook, signal=signum.name)
    done = subprocess.run(
        [sys.executable, "-c", script, str(state)],
        env=environment({"api_url": "http://127.0.0.1:9", **SETTINGS}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 128 + signum
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_signals_within_milliseconds_are_one_end(second: signal.Signals) -> None:
    fault = Fault(on=2, status=429, headers={"Retry-After": "600"})
    fake = FakeZendesk(Account(make_events(50)), rate_limit=None, faults=[fault])
    with fake.serve() as url:
        process = start(url)
        assert process.stderr
        while b"Waiting 10 min" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            process.send_signal(second)
            time.sleep(0.002)
        _, stderr = process.communicate()
    # where both wait for the interpreter, it does not tell which came first
    ended_by = signal.Signals(process.returncode - 128)
    assert ended_by in {signal.SIGINT, second}
    assert stderr.count(b"Stopped by ") == 1
    assert f"Stopped by {ended_by.name}".encode() in stderr
    assert b"Traceback" not in stderr
    assert b"Exception ignored" not in stderr
