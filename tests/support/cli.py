"""Runs the tap as its own process, the way a shell or an orchestrator does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = [sys.executable, "-m", "tap_zendesk_events"]
PREFIX = "TAP_ZENDESK_EVENTS_"


def environment(settings: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """Return the environment of this process without the tap's variables, plus these settings."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith(PREFIX)}
    own = {PREFIX + name.upper(): value for name, value in (settings or {}).items()}
    return {**kept, **own, **more}


def started(
    settings: Mapping[str, str], *arguments: str, **variables: str
) -> subprocess.Popen[bytes]:
    """Start the tap, configured by environment variables, and return at once."""
    return subprocess.Popen(
        [*COMMAND, "--config=ENV", *arguments],
        env=environment(settings, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def tap(
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float = 60,
    variables: Mapping[str, str] | None = None,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run the tap to its end, configured by environment variables if `settings` are given."""
    options = ["--config=ENV"] if settings is not None else []
    return subprocess.run(
        [*COMMAND, *options, *arguments],
        env=environment(settings, **(variables or {}), **more),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
