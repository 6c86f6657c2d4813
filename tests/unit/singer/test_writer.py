"""Where the output goes may be full, limited, slow or closed: one sentence, whole lines."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.singer.writer import MessageWriter, printing
from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event
from tests.support.cli import COMMAND, environment

FULL = Path("/dev/full")
needs_a_full_device = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
how_buffered = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
SETTINGS = {
    "access_token": "fake-access-token",
    "start_date": "2023-11-14",
    "page_size": "50",
    "requests_per_minute": "100000",
}


@pytest.fixture
def fake() -> FakeZendesk:
    return FakeZendesk(Account(make_events(400, seed=4, spread=4000)), rate_limit=None, gzip=False)


def start(command: list[str], url: str, stdout: Any, unbuffered: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=environment({"api_url": url, **SETTINGS}, PYTHONUNBUFFERED=unbuffered),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def the_one_sentence(process: subprocess.Popen[str]) -> str:
    """Return the ERROR line of a run that has nothing else to complain about."""
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr
    (error,) = [line for line in stderr.splitlines() if "ERROR" in line]
    return error


@needs_a_full_device
@how_buffered
def test_a_full_disk_is_one_sentence(url: str, unbuffered: str) -> None:
    with FULL.open("wb") as full:
        process = start([*COMMAND, "--config=ENV"], url, full, unbuffered)
    error = the_one_sentence(process)
    assert "Standard output cannot be written to (No space left on device)" in error


@needs_a_full_device
@pytest.mark.parametrize(
    ("option", "unbuffered"),
    [("--discover", ""), ("--discover", "1"), ("--help", ""), ("--help", "1"), ("--test", "")],
)
def test_what_is_printed_onto_a_full_disk_is_one_sentence(
    url: str, option: str, unbuffered: str
) -> None:
    with FULL.open("wb") as full:
        process = start([*COMMAND, "--config=ENV", option], url, full, unbuffered)
    assert "Standard output cannot be written to" in the_one_sentence(process)


@pytest.mark.parametrize(
    ("unbuffered", "redirect", "blocks"),
    [("", ">", 40), ("1", ">>", 41), ("", ">>", 333), ("1", ">", 333)],
)
def test_a_limit_of_the_files_size_leaves_whole_lines(
    url: str, tmp_path: Path, unbuffered: str, redirect: str, blocks: int
) -> None:
    output = tmp_path / "output.jsonl"
    output.write_bytes(b'{"type":"STATE","value":{}}\n')
    # who measures coverage writes files of a process too
    limited = f'unset COVERAGE_PROCESS_CONFIG; ulimit -f {blocks}; exec "$@" {redirect}{output}'
    command = ["sh", "-c", limited, "sh", *COMMAND, "--config=ENV"]
    error = the_one_sentence(start(command, url, None, unbuffered))
    assert "Standard output cannot be written to (File too large)" in error
    lines = output.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") and json.loads(line) for line in lines)
    assert any(b'"type":"RECORD"' in line for line in lines)
    assert (b'"value":{}}' in lines[0]) == (redirect == ">>")


@how_buffered
def test_a_reader_that_made_the_pipe_non_blocking_gets_every_line(
    url: str, unbuffered: str
) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = start([*COMMAND, "--config=ENV"], url, writer, unbuffered)
    os.close(writer)
    chunks = []
    while chunk := os.read(reader, 20_000):
        chunks.append(chunk)
        time.sleep(0.003)  # slower than the tap, so that the pipe is full most of the time
    os.close(reader)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    messages = [json.loads(line) for line in b"".join(chunks).splitlines()]
    assert sum(message["type"] == "RECORD" for message in messages) == 400


class CountingFile(io.FileIO):
    """Counts how often it is asked to write."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w")
        self.per_page = 0

    def write(self, data: Any) -> int:
        self.per_page += 1
        return super().write(data)


def test_a_full_pipe_is_waited_for_not_tried_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    raw = CountingFile(writer)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    line = b"x" * 1_000_000 + b"\n"
    writing = threading.Thread(target=MessageWriter().put, args=(line,))
    writing.start()
    time.sleep(0.1)  # in which a loop would ask thousands of times
    got = b""
    while len(got) < len(line):
        got += os.read(reader, 50_000)
    writing.join(5)
    os.close(reader)
    assert got == line
    assert raw.per_page < 100
    raw.close()


@pytest.mark.parametrize(("streams", "unbuffered"), [(">&-", ""), ("<&- >&-", "1")])
def test_a_closed_output_is_one_sentence_before_any_request(
    fake: FakeZendesk, url: str, unbuffered: str, streams: str
) -> None:
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", *COMMAND, "--config=ENV"]
    error = the_one_sentence(start(command, url, None, unbuffered))
    assert "Standard output is closed" in error
    assert fake.log == []


def test_lines_go_where_a_program_has_redirected_its_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, encoded = io.StringIO(), io.BytesIO()
    for output in (text, io.TextIOWrapper(encoded, write_through=True)):
        monkeypatch.setattr(sys, "stdout", output)
        print("before", end=" ")
        MessageWriter().put("ä\nb\n".encode())
        print("after", end="")
        output.flush()
        monkeypatch.undo()
    assert text.getvalue() == encoded.getvalue().decode() == "before ä\nb\nafter"


def test_lines_come_after_what_was_printed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "output").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        print("before")
        MessageWriter().put(b"{}\n")
        print("after")
        monkeypatch.undo()
    assert (tmp_path / "output").read_text() == "before\n{}\nafter\n"


class Nowhere(MessageWriter):
    def put(self, lines: bytes) -> None:
        """Take them."""


@pytest.mark.parametrize("sizes", [[100_000], [10] * 9 + [1_000_000]], ids=["long", "most short"])
def test_a_heavy_page_is_not_in_memory_as_json_all_at_once(sizes: list[int]) -> None:
    records: list[dict[str, Any]] = [
        dict(plain_event(n, n, via="x" * sizes[n % len(sizes)])) for n in range(1000)
    ]
    tracemalloc.start()
    Nowhere().write_records("ticket_events", None, records)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(record["via"]) for record in records) >= 100_000_000
    assert peak < 20_000_000


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 80, 81, 1000])
def test_records_come_in_portions_each_once(count: int) -> None:
    class Keeping(MessageWriter):
        def put(self, lines: bytes) -> None:
            kept.append(lines)

    kept: list[bytes] = []
    records: list[dict[str, Any]] = [dict(plain_event(n, n)) for n in range(count)]
    Keeping().write_records("ticket_events", 7, records)
    messages = [json.loads(line) for line in b"".join(kept).splitlines()]
    assert [message["record"]["id"] for message in messages] == list(range(count))
    assert all(message["version"] == 7 for message in messages)
    assert len({message["time_extracted"] for message in messages}) <= 1


# In this process


class Part(io.FileIO):
    """A file that takes a part of what is written, and then no more."""

    room = 0

    def write(self, content: Any) -> int:
        taken = min(len(content), self.room)
        if not taken:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        self.room -= taken
        return super().write(content[:taken])


class Stdout:
    """Standard output over a file, as far as the writer looks at it."""

    closed = False

    def __init__(self, raw: io.FileIO, busy: int = 0) -> None:
        self.buffer = self.raw = raw
        self.flushed = 0
        self._busy = busy

    def flush(self) -> None:
        self.flushed += 1
        if self.flushed <= self._busy:
            raise BlockingIOError


@pytest.mark.parametrize("room", [1, 19, 20, 21, 39])
def test_a_line_of_which_a_part_fits_is_taken_back(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b'{"type":"RECORD",1}\n'
    with Part(tmp_path / "output", "w") as raw:
        raw.room = room
        monkeypatch.setattr(sys, "stdout", Stdout(raw))
        with pytest.raises(ZendeskEventsError, match="File too large"):
            MessageWriter().put(line * 2)
    assert (tmp_path / "output").read_bytes() == line * (room // len(line))


def test_what_others_printed_goes_first_however_long_the_reader_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with io.FileIO(tmp_path / "output", "w") as raw:
        stdout = Stdout(raw, busy=3)
        monkeypatch.setattr(sys, "stdout", stdout)
        MessageWriter().put(b"{}\n")
    assert stdout.flushed == 4
    assert (tmp_path / "output").read_bytes() == b"{}\n"


def test_a_program_without_standard_output_may_print_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with printing():
        pass


def test_an_error_that_is_not_of_the_output_is_left_as_it_is() -> None:
    with pytest.raises(FileNotFoundError), printing():
        Path("no-such-file").read_bytes()
