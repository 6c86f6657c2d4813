"""One try of one request, to the configured host and no other."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from tap_zendesk_events.settings import is_loopback
from tap_zendesk_events.times import duration
from tap_zendesk_events.zendesk.answer import Answer
from tap_zendesk_events.zendesk.body import Body
from tap_zendesk_events.zendesk.failures import refusal, retriable, sort_failure
from tap_zendesk_events.zendesk.transport import Session

if TYPE_CHECKING:
    import logging

    from requests.auth import AuthBase

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.exceptions import ZendeskEventsError
    from tap_zendesk_events.settings import Settings

LONGEST_IDLE = 5.0
"""Seconds for which a connection is kept while nothing is asked. Some firewalls forget one that is
idle without a word to either side: the next request on it would never be answered."""


class _ThreadSession(threading.local):
    """One thread's session, and when something last went over its connections.

    A session of requests must not be shared: its cookies and its pools change under its requests.
    """

    def __init__(self, settings: Settings, user_agent: str, clock: Clock) -> None:
        self.session = Session()
        self.session.headers["User-Agent"] = settings.user_agent or user_agent
        self.session.headers["Accept"] = "application/json"
        self.session.headers["Accept-Encoding"] = "gzip"
        parts = urlsplit(settings.base_url)
        if parts.scheme == "http" and is_loopback(parts.hostname or ""):
            # plain http stays on this machine, whatever proxy the environment names
            self.session.trust_env = False
        self.used = clock.monotonic()


class Http:
    """Sends requests, from several threads at a time if need be.

    Args:
        settings: Address, time-outs and user agent.
        user_agent: The default for the header.
        clock: Measures how long answers take, and tells the local time to read a `Retry-After`
            date against.
        log: Gets a line if a body comes slowly.
    """

    def __init__(
        self, settings: Settings, user_agent: str, clock: Clock, log: logging.Logger
    ) -> None:
        self.base_url = settings.base_url
        self.host = settings.host
        self._own = _ThreadSession(settings, user_agent, clock)
        self._address_setting = settings.address_setting
        self._timeout = settings.request_timeout
        self._body_seconds = settings.max_retry_seconds
        self._clock = clock
        self._log = log

    @property
    def session(self) -> Session:
        """Return the session of the present thread."""
        return self._own.session

    def send(
        self,
        method: str,
        path: str,
        auth: AuthBase,
        *,
        params: dict[str, str] | None = None,
        json: dict[str, Any] | None = None,
        body_seconds: float | None = None,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        `auth` is always given, so that requests never looks into a ``.netrc``. Redirects are not
        followed, because they could name another host.

        Args:
            method: The HTTP method.
            path: Where, below the configured address.
            auth: Signs the request.
            params: The query.
            json: The body.
            body_seconds: After how long a body that drips is given up; `max_retry_seconds` if it
                is not given.

        Raises:
            RetriableError: There was no whole answer.
            ZendeskEventsError: There will be none, however often one asks.
        """
        own = self._own
        began = self._clock.monotonic()
        if began - own.used >= LONGEST_IDLE:
            self.close_idle()
        try:
            response = own.session.request(
                method,
                self.base_url + path,
                params=params,
                json=json,
                auth=auth,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            with closing(response):
                limit = self._body_seconds if body_seconds is None else body_seconds
                body = Body(response.headers, self._clock, limit, self._wait_for_body)
                content = body.read(response.raw)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' are OSErrors
            raise sort_failure(error, self.host, self._timeout) from error
        finally:
            own.used = self._clock.monotonic()
        seconds = own.used - began
        return Answer(response.status_code, response.headers, content, seconds, response.request)

    def check(self, answer: Answer) -> None:
        """Let only an answer pass whose status is 2xx, 400 or 422.

        Raises:
            RetriableError: Another try may help.
            ZendeskEventsError: None would.
        """
        self.check_passing(answer)
        if not (200 <= answer.status < 300 or answer.status in {400, 422}):
            raise self.refusal(answer)

    def check_passing(self, answer: Answer) -> None:
        """Let only an answer pass that another try would not mend.

        Raises:
            RetriableError: Another try may.
        """
        error = retriable(answer, self._clock.now())
        if error is not None:
            raise error

    def refusal(self, answer: Answer) -> ZendeskEventsError:
        """Return the sentence for an answer that no other try would help."""
        return refusal(answer, self.host, self._address_setting)

    def rest(self, seconds: float) -> None:
        """Prepare for a time in which the present thread sends no requests."""
        if seconds >= LONGEST_IDLE:
            self.close_idle()

    def close_idle(self) -> None:
        """Close the thread's connections. Its next request makes a new one."""
        self.session.close()

    def _wait_for_body(self, arrived: int, took: float, limit: float) -> None:
        self._log.warning(
            "The answer comes slowly, %s bytes in %s; it is given up after %s.",
            f"{arrived:,}",
            duration(took),
            duration(limit),
        )
