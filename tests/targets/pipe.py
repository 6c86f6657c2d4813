"""The tap and a target as two processes with a pipe between them, as an orchestrator runs them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fake_zendesk.credentials import ACCESS_TOKEN
from tests.support.cli import COMMAND, environment
from tests.support.selection import selecting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PATIENCE = 90.0
"""No run here takes this many seconds; one that does is ended, and counts as failed."""

FLATTENING = {"flattening_enabled": True, "flattening_max_depth": 1}
BEGIN = 1_700_000_000


@dataclass(frozen=True)
class Piped:
    """What went through a pipe and how it ended.

    Args:
        messages: What the tap wrote, decoded.
        tap_status: Exit status of the tap.
        target_status: Exit status of the target.
        states: What the target wrote to its standard output, decoded.
        errors: What the target wrote to its standard error.
    """

    messages: list[dict[str, Any]]
    tap_status: int
    target_status: int
    states: list[dict[str, Any]]
    errors: str

    @property
    def last_state(self) -> dict[str, Any]:
        """The last STATE of the tap."""
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return dict(states[-1])

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream."""
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]


def pipe(
    target: Sequence[str],
    folder: Path,
    url: str,
    *streams: str,
    flatten: bool,
    state: dict[str, Any] | None = None,
) -> Piped:
    """Run the tap into the target; `folder` is the target's working folder."""
    config = {
        "api_url": url,
        "access_token": ACCESS_TOKEN,
        "start_date": "2023-11-01",
        "include_comments": True,
        "page_size": 250,
        **(FLATTENING if flatten else {}),
    }
    files = {"config": config, "catalog": selecting(*streams)}
    if state is not None:
        files["state"] = state
    options = []
    for name, content in files.items():
        path = folder / f"tap-{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        options.append(f"--{name}={path}")
    with (
        (folder / "tap.log").open("wb") as tap_log,
        (folder / "target.out").open("wb") as output,
        (folder / "target.log").open("wb") as target_log,
        subprocess.Popen(
            [*COMMAND, *options], env=environment(), stdout=subprocess.PIPE, stderr=tap_log
        ) as tap,
        subprocess.Popen(
            target,
            cwd=folder,
            env=_for_targets(),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=target_log,
        ) as loader,
    ):
        watchdog = threading.Timer(PATIENCE, _end, [tap, loader])
        watchdog.daemon = True
        watchdog.start()
        try:
            sent = b"".join(_through(tap, loader))
        finally:
            watchdog.cancel()
            if tap.poll() is None and loader.poll() is not None:
                tap.terminate()
    return Piped(
        messages=[
            json.loads(line) for line in sent.splitlines(keepends=True) if line[-1:] == b"\n"
        ],
        tap_status=tap.returncode,
        target_status=loader.returncode,
        states=list(_states((folder / "target.out").read_text(encoding="utf-8"))),
        errors=(folder / "target.log").read_text(encoding="utf-8", errors="replace"),
    )


def _through(tap: subprocess.Popen[bytes], loader: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Pass on what the tap writes until it ends or the target does, and keep it."""
    assert tap.stdout
    assert loader.stdin
    try:
        # both may be waiting for the other's pipe: read1 gives what there is
        while chunk := tap.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            yield chunk
            loader.stdin.write(chunk)
            loader.stdin.flush()
    except BrokenPipeError:
        tap.terminate()
    finally:
        with suppress(BrokenPipeError):
            loader.stdin.close()
        tap.wait()
        loader.wait()


def _states(output: str) -> Iterator[dict[str, Any]]:
    """What a target echoes; some write other lines as well."""
    for line in output.splitlines():
        with suppress(ValueError):
            state = json.loads(line)
            if isinstance(state, dict) and "bookmarks" in state:
                yield state


def _for_targets() -> dict[str, str]:
    """The environment without anything that a target might take for its settings."""
    prefixes = ("AWS_", "MELTANO_", "PG", "SINGER_", "TAP_", "TARGET_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    # boto3 would ask the network for credentials
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1"}


def _end(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.kill()
