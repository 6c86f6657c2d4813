"""What the programs among the tests share: lines for a person, and an end on request."""

from __future__ import annotations

import signal
import sys


def interruptible() -> None:
    """Turn Ctrl-C and SIGTERM into KeyboardInterrupt, so that what was started is ended."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def say(line: str) -> None:
    """Print a line for whoever watches, at once, beside the result."""
    print(line, file=sys.stderr, flush=True)
