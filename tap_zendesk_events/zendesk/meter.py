"""Counts what goes on between the tap and Zendesk, for whoever tells a person about it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from tap_zendesk_events.times import duration

if TYPE_CHECKING:
    import logging

    from tap_zendesk_events.zendesk.quota import Quota

WORTH_A_LINE = 5.0  # seconds of a wait from which a line says why


class Counts(NamedTuple):
    """What has been counted up to a moment.

    Args:
        requests: For pages, repeated ones too.
        waited: Seconds of waiting for the rate limit.
    """

    requests: int
    waited: float


class Meter:
    """Counts requests and waits, of several threads if need be.

    Args:
        log: Gets a line for each longer wait.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._requests = 0
        self._waited = 0.0
        self._quota: Quota | None = None
        self._lock = threading.Lock()

    @property
    def counts(self) -> Counts:
        """Return what has been counted so far."""
        with self._lock:
            return Counts(self._requests, self._waited)

    @property
    def allowance(self) -> int | None:
        """Return the requests a minute that Zendesk allows, or None if no header has told."""
        return self._quota.allowance if self._quota and self._quota.ever_told else None

    @property
    def cap(self) -> int | None:
        """Return the user's own limit of requests a minute, if there is one."""
        return self._quota.cap if self._quota else None

    def request(self, quota: Quota) -> None:
        """Note that a request goes out, under this quota."""
        with self._lock:
            self._requests += 1
            self._quota = quota

    def waiting(self, seconds: float, why: str) -> None:
        """Note a wait for the rate limit, before it begins."""
        with self._lock:
            self._waited += seconds
        if seconds >= WORTH_A_LINE:
            self._log.info("Waiting %s: %s.", duration(seconds), why)
