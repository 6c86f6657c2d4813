"""Runs one contender once, and says what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from tests.bench.contenders import HERE, Task, variables
from tests.bench.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.contenders import Command, Contender
    from tests.bench.server import Served

PATIENCE = 600.0
"""Seconds after which a run has lost its way and is ended."""

PIECE = 1 << 20
PORTIONS = 20
"""In which a slow target takes a page. All at once, it would fall in step with some contenders."""


class FailedRunError(Exception):
    """A contender did not read everything, or ended with an error."""


@dataclass(frozen=True)
class Outcome:
    """What one run took.

    Args:
        seconds: From the start of the process to its end.
        cpu_seconds: Of the process alone, in user and system mode.
        peak_mb: Most memory that it ever held.
        requests: Requests that reached the server.
        refused: Those among them that were answered 429.
        moments: When each of them came, in the server's monotonic seconds.
        records: RECORD messages.
        events: Different events among them.
        doubles: Records written more than once.
        server_cpu_seconds: What the test server worked meanwhile.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int
    refused: int
    moments: tuple[float, ...]
    records: int
    events: int
    doubles: int
    server_cpu_seconds: float


class Usage(NamedTuple):
    """What the launcher notes."""

    status: int
    seconds: float
    cpu_seconds: float
    kilobytes: float


def run(
    contender: Contender,
    served: Served,
    *,
    expected: int | None = None,
    read: Callable[[IO[bytes], Tally], None] | None = None,
    **task: int | bool,
) -> Outcome:
    """Run a contender and return what it took.

    Args:
        contender: Who.
        served: The test server.
        expected: How many events there are to be read, if that is to be checked.
        read: Takes the output; else it is put aside and counted when the run is over.
        task: See `Task`.

    Raises:
        FailedRunError: It failed, or did not bring all events.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        command = contender.command(Task(served.url, folder, **task))  # type: ignore[arg-type]
        before = served.stats()
        tally = Tally()
        usage = _process(command, folder, tally, read or _later)
        after = served.stats()
        if usage.status:
            log = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise FailedRunError(f"{contender.name} ended with status {usage.status}:\n{log}")
    if expected is not None and tally.events != expected:
        raise FailedRunError(f"{contender.name} read {tally.events} of {expected} events")
    moments = tuple(after["moments"][len(before["moments"]) :])
    return Outcome(
        seconds=usage.seconds,
        cpu_seconds=usage.cpu_seconds,
        peak_mb=usage.kilobytes * (1 if sys.platform != "darwin" else 1 / 1024) / 1024,
        requests=len(moments),
        refused=after["statuses"].get("429", 0) - before["statuses"].get("429", 0),
        moments=moments,
        records=tally.records,
        events=tally.events,
        doubles=tally.doubles,
        server_cpu_seconds=after["cpu_seconds"] - before["cpu_seconds"],
    )


def _process(
    command: Command, folder: Path, tally: Tally, read: Callable[[IO[bytes], Tally], None]
) -> Usage:
    report = folder / "usage"
    launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py"), str(report)]
    with (
        (folder / "log").open("wb") as log,
        _ended(
            subprocess.Popen(
                [*launcher, *command.arguments],
                cwd=command.folder,
                env=variables(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        ) as process,
    ):
        assert process.stdout
        read(process.stdout, tally)
        process.wait()
    numbers = report.read_text(encoding="ascii").split()
    return Usage(int(numbers[0]), *map(float, numbers[1:]))


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Whatever ends the block, or too long a wait, ends the process and what it started."""
    watchdog = threading.Timer(PATIENCE, _kill_group, [process])
    watchdog.daemon = True
    watchdog.start()
    try:
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    _kill_group(process)
    finally:
        watchdog.cancel()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        """It was faster."""


def _later(output: IO[bytes], tally: Tally) -> None:
    """Take the output as fast as it comes, and count when all is over.

    In memory: a disk that falls behind would be measured too.
    """
    pieces = []
    while piece := os.read(output.fileno(), PIECE):
        pieces.append(piece)
    for piece in pieces:
        tally.feed(piece)


def _count(file: IO[bytes], tally: Tally) -> None:
    file.seek(0)
    while piece := file.read(PIECE):
        tally.feed(piece)


def at_once(output: IO[bytes], tally: Tally) -> None:
    """Count while the run goes on, for outputs that are too large to be put aside."""
    while piece := os.read(output.fileno(), PIECE):
        tally.feed(piece)


def slowly(seconds: float, page: int) -> Callable[[IO[bytes], Tally], None]:
    """Return a target that takes so many seconds for a page of records, evenly spread over it."""
    portion = page // PORTIONS

    def read(output: IO[bytes], tally: Tally) -> None:
        records = 0
        with tempfile.TemporaryFile() as file:
            for line in output:
                file.write(line)
                if b'"RECORD"' in line[:30]:
                    records += 1
                    if records % portion == 0:
                        time.sleep(seconds / PORTIONS)
            _count(file, tally)

    return read
