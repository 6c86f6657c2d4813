"""Everything that talks to Zendesk in a run, put together from the settings."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tap_zendesk_events.zendesk.authenticator import authenticator
from tap_zendesk_events.zendesk.client import ExportClient
from tap_zendesk_events.zendesk.http import Http
from tap_zendesk_events.zendesk.meter import Meter
from tap_zendesk_events.zendesk.quota import Quota
from tap_zendesk_events.zendesk.retry import Retry

if TYPE_CHECKING:
    import logging

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.settings import Settings
    from tap_zendesk_events.zendesk.export import Export


class Account:
    """One account, as the settings name it, for the length of a run.

    Args:
        settings: The checked settings.
        clock: Tells the time and waits.
        user_agent: The default for the header.
        log: Gets every line that the run logs.
        once: Whether the first failure is the last.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        user_agent: str,
        log: logging.Logger,
        *,
        once: bool = False,
    ) -> None:
        self.settings = settings
        self.meter = Meter(log)
        self.http = Http(settings, user_agent, clock, log)
        self.retry = Retry(clock, log, self.meter, settings, rest=self.http.rest, once=once)
        self._auth = authenticator(settings, self.http, self.retry, log)
        cap = settings.requests_per_minute
        self._capped = deque[float](maxlen=cap) if cap else None
        self._clock = clock
        self._log = log

    def client(self, export: Export) -> ExportClient:
        """Return a client for one export. Each has an allowance of its own, under the one cap."""
        settings = self.settings
        return ExportClient(
            export,
            settings.page_size,
            http=self.http,
            auth=self._auth,
            quota=Quota(
                self._clock,
                settings.requests_per_minute,
                self._wait_for_allowance,
                self._capped,
            ),
            retry=self.retry,
            meter=self.meter,
            log=self._log,
        )

    def _wait_for_allowance(self, seconds: float, why: str) -> None:
        self.http.rest(seconds)
        self.meter.waiting(seconds, why)
