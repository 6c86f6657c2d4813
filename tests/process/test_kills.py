"""Real processes, really killed: what a target has read is enough to go on from."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
import time
from dataclasses import dataclass
from itertools import cycle
from typing import IO, TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, FakeZendesk, Pace, make_events, plain_event
from tests.support.cli import started
from tests.support.line_target import Target
from tests.support.selection import EVENT_STREAMS, selecting

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BEGIN = 1_700_000_000
PIECE = 4096  # bytes that the reader takes at a time: a pipe holds 65,536


@dataclass
class Scene:
    """An account, and how it is read.

    Args:
        page_size: Events asked for at a time.
        events: What the account holds.
        streams: The selected streams.
    """

    page_size: int
    events: list[dict[str, Any]]
    streams: tuple[str, ...] = ("ticket_events",)


def events(count: int, seed: int) -> list[dict[str, Any]]:
    """About one event in ten seconds, so that a page never grows beyond its size."""
    return make_events(count, seed=seed, start=BEGIN, spread=count * 10)


SCENES = {
    "page size 7": Scene(7, events(600, seed=1)),
    "page size 1000, few pages": Scene(1000, events(4_000, seed=2)),
    "page size 1000": Scene(1000, events(10_000, seed=2)),
    "page size 7, three streams": Scene(7, events(500, seed=3), EVENT_STREAMS),
    "page size 1000, three streams": Scene(1000, events(7_000, seed=4), EVENT_STREAMS),
}


class Runner:
    """Starts the tap for a scene.

    Args:
        scene: What is read.
        url: Where the account is served.
        folder: For the files of the command line.
        settings: Settings beside the usual ones.
    """

    def __init__(self, scene: Scene, url: str, folder: Path, **settings: str) -> None:
        self._settings = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": "2023-11-14",
            "page_size": str(scene.page_size),
            **settings,
        }
        self._state = folder / "state.json"
        self._catalog = folder / "catalog.json"
        self._catalog.write_text(json.dumps(selecting(*scene.streams)))

    def start(self, state: dict[str, Any], **variables: str) -> subprocess.Popen[bytes]:
        self._state.write_text(json.dumps(state))
        files = ["--catalog", str(self._catalog), "--state", str(self._state)]
        return started(self._settings, *files, **variables)


def read_until_killed(process: subprocess.Popen[bytes], size: int) -> tuple[bytes, bool]:
    """Read `size` bytes, kill the process, read the rest. Tells whether the kill was in time."""
    assert process.stdout
    output = bytearray()
    while len(output) < size:
        piece = os.read(process.stdout.fileno(), PIECE)
        if not piece:
            break
        output += piece
    alive = process.poll() is None
    process.kill()
    output += process.stdout.read()
    code = process.wait(10)
    assert code in {0, -signal.SIGKILL}
    process.communicate()
    return bytes(output), alive and code == -signal.SIGKILL


def undisturbed(runner: Runner) -> bytes:
    process = runner.start({})
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    return output


def kill_and_go_on(
    scene: Scene, folder: Path, seed: int, kills: int, at_a_time: Sequence[int] = (1,)
) -> tuple[int, int]:
    """Kill runs at random moments until there were `kills`; each third run goes to its end.

    Each run has another one of the numbers `at_a_time` of pages on their way at a time.

    Returns how many runs were killed, and how many of them between first and last page.
    """
    rng = random.Random(f"kills {seed}")
    most = max(at_a_time)
    pace = Pace(0.01 if most > 1 else 0.0, spread=0.9)
    fake = FakeZendesk(Account(scene.events), rate_limit=(1_000_000, 60.0), page_seconds=pace)
    killed = between = 0
    with fake.serve() as url:
        runners = cycle(
            [Runner(scene, url, folder, parallel_requests=str(number)) for number in at_a_time]
        )
        whole = undisturbed(next(runners))
        complete = Target()
        complete.take(whole)
        assert complete.events("ticket_events") == len(scene.events)
        assert set(complete.rows.values()) == {1}
        while killed < kills:
            target = Target()
            in_this_chain = 0
            while True:
                rest = 1 - target.events("ticket_events") / len(scene.events)
                size = int(len(whole) * rest * rng.uniform(0.1, 0.85))
                if killed == kills or in_this_chain == 2:
                    size = 2 * len(whole)  # this one runs to its end
                output, in_time = read_until_killed(next(runners).start(target.state), size)
                target.take(output)
                if not in_time:
                    break
                killed += 1
                in_this_chain += 1
                seen = target.events("ticket_events")
                between += scene.page_size < seen < len(scene.events) - scene.page_size
            for stream in scene.streams:
                assert target.keys(stream) == complete.keys(stream)
                assert target.repeats(stream) <= in_this_chain * scene.page_size * most
            # each run writes a row once, whatever was repeated from the run before
            assert max(target.rows.values()) <= in_this_chain + 1
    return killed, between


@pytest.mark.parametrize(
    ("name", "kills"),
    [("page size 7, three streams", 4), ("page size 1000, few pages", 3)],
)
def test_a_killed_run_costs_a_page_of_repeats_and_no_event(
    name: str, kills: int, tmp_path: Path
) -> None:
    killed, between = kill_and_go_on(SCENES[name], tmp_path, seed=5, kills=kills)
    assert killed == kills
    assert between >= 1


@pytest.mark.parametrize("at_a_time", [(4,), (5, 1, 3)], ids=["four", "five, one, three"])
def test_a_killed_run_costs_a_page_of_repeats_for_each_on_its_way_and_no_event(
    at_a_time: tuple[int, ...], tmp_path: Path
) -> None:
    scene = SCENES["page size 7, three streams"]
    killed, between = kill_and_go_on(scene, tmp_path, seed=6, kills=4, at_a_time=at_a_time)
    assert killed == 4
    assert between >= 1


@pytest.mark.soak
@pytest.mark.parametrize("at_a_time", [(1,), (4,), (6, 2, 1, 8)], ids=str)
def test_fifty_kills(at_a_time: tuple[int, ...], tmp_path: Path) -> None:
    shares = (13, 3, 11, 12, 11)
    counts = [
        kill_and_go_on(scene, tmp_path, seed=number, kills=share, at_a_time=at_a_time)
        for number, (scene, share) in enumerate(zip(SCENES.values(), shares, strict=True))
    ]
    killed, between = (sum(column) for column in zip(*counts, strict=True))
    print(f"{killed} runs killed, {between} of them between their first and last page")
    assert killed == 50
    assert between >= 40


SMALL = Scene(10, make_events(600, seed=4, start=BEGIN, spread=6_000), EVENT_STREAMS)
LARGE = Scene(10, [plain_event(n, BEGIN + n, via="x" * 100_000) for n in range(1, 300)])


class SlowReader(threading.Thread):
    """Reads at the pace of a slow database, from a number of bytes on.

    Args:
        stream: What it reads.
        size: Bytes after which it gets slow, and says so.
        pause: Seconds between two pieces then.
    """

    def __init__(self, stream: IO[bytes], size: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.output = bytearray()
        self.reached = threading.Event()
        self._stream = stream
        self._size = size
        self._pause = pause

    def run(self) -> None:
        while piece := os.read(self._stream.fileno(), PIECE):
            self.output += piece
            if len(self.output) >= self._size:
                self.reached.set()
                time.sleep(self._pause)


@dataclass
class Ended:
    """How runs ended that got a SIGTERM.

    Args:
        runs: Their number.
        slowest: Most seconds from the signal to the end.
        between_page_and_state: How many ended after a page's last record, before its STATE.
    """

    runs: int = 0
    slowest: float = 0.0
    between_page_and_state: int = 0


def end_with_sigterm(
    scene: Scene, folder: Path, rng: random.Random, unbuffered: str, runs: int
) -> Ended:
    """Send SIGTERM at random moments to runs with a slow reader."""
    ended = Ended()
    fake = FakeZendesk(Account(scene.events), rate_limit=(1_000_000, 60.0), gzip=False)
    with fake.serve() as url:
        runner = Runner(scene, url, folder)
        expected = messages(undisturbed(runner))
        first_page = len(b"\n".join(expected[: first_state(expected) + 1]))
        most = sum(map(len, expected)) * 2 // 3
        for _ in range(runs):
            size = rng.randrange(first_page, max(first_page * 2, most))
            process = runner.start({}, PYTHONUNBUFFERED=unbuffered)
            assert process.stdout
            assert process.stderr
            reader = SlowReader(process.stdout, size, rng.choice([0.0005, 0.002]))
            reader.start()
            assert reader.reached.wait(30)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            errors = process.stderr.read().decode()
            assert process.wait(15) == 128 + signal.SIGTERM
            took = time.monotonic() - began
            reader.join(15)
            process.stdout.close()
            process.stderr.close()

            assert took < 10
            assert reader.output.endswith(b"\n"), "a torn line"
            lines = messages(bytes(reader.output))
            # as far as it went the run wrote just what it writes undisturbed, STATEs included
            assert lines == expected[: len(lines)]
            assert first_state(lines) < len(lines) < len(expected)
            assert "Stopped by SIGTERM" in errors
            assert "Traceback" not in errors
            ended.runs += 1
            ended.slowest = max(ended.slowest, took)
            ended.between_page_and_state += is_state(expected[len(lines)])
    return ended


def messages(output: bytes) -> list[bytes]:
    """The lines without what differs from run to run."""
    return re.sub(rb',"time_extracted":"[^"]*"', b"", output).splitlines()


def is_state(line: bytes) -> bool:
    return line.startswith(b'{"type":"STATE"')


def first_state(lines: list[bytes]) -> int:
    return next(number for number, line in enumerate(lines) if is_state(line))


def variants(each: int) -> Iterator[tuple[Scene, str, int]]:
    for scene in (SMALL, LARGE):
        for unbuffered in ("", "1"):
            yield scene, unbuffered, each


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("scene", [SMALL, LARGE], ids=["three streams", "records of 100 KB"])
def test_a_run_ended_by_sigterm_leaves_whole_lines_and_its_state(
    scene: Scene, unbuffered: str, tmp_path: Path
) -> None:
    ended = end_with_sigterm(scene, tmp_path, random.Random("few"), unbuffered, runs=1)
    assert ended.between_page_and_state == 0


@pytest.mark.soak
def test_forty_runs_ended_by_sigterm(tmp_path: Path) -> None:
    rng = random.Random("many")
    every = [end_with_sigterm(scene, tmp_path, rng, how, runs) for scene, how, runs in variants(10)]
    gaps = sum(ended.between_page_and_state for ended in every)
    slowest = max(ended.slowest for ended in every)
    runs = sum(ended.runs for ended in every)
    print(f"{runs} runs ended, at most {slowest:.1f} s after the signal; {gaps} without last STATE")
    assert runs == 40
    assert gaps == 0
