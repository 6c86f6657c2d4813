"""Sends the requests: few, inside the allowance, with the tap's own ways to wait and to sign."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zendesk_events.exceptions import (
    BrokenPageError,
    RetriableError,
    ThrottledError,
    ZendeskEventsError,
)
from tap_zendesk_events.times import http_date
from tap_zendesk_events.zendesk.authenticator import authenticator
from tap_zendesk_events.zendesk.decoding import decode
from tap_zendesk_events.zendesk.failures import TOO_SLOW
from tap_zendesk_events.zendesk.http import Http
from tap_zendesk_events.zendesk.meter import Meter
from tap_zendesk_events.zendesk.quota import HEADER, Allowance, Quota, read_allowance
from tap_zendesk_events.zendesk.retry import Retry
from tests.live.findings import NotSettledError

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.settings import Settings
    from tap_zendesk_events.zendesk.answer import Answer
    from tap_zendesk_events.zendesk.auth import Signature
    from tap_zendesk_events.zendesk.export import Export

MOST_REQUESTS = 25
TRIES = 3  # of one request that fails in a way that passes; waits for the allowance do not count


class AllSpentError(NotSettledError):
    """As many requests are sent as may be."""


class CountedHttp(Http):
    """Sends no more than a number of requests, those for tokens included."""

    def __init__(self, *args: Any, most: int = MOST_REQUESTS) -> None:
        super().__init__(*args)
        self.sent = 0
        self.most = most
        self._lock = threading.Lock()

    def send(self, *args: Any, **options: Any) -> Answer:
        with self._lock:
            self.need(1)
            self.sent += 1
        return super().send(*args, **options)

    def need(self, requests: int) -> None:
        """Make sure that so many may be sent yet.

        Raises:
            AllSpentError: They may not.
        """
        if self.sent + requests > self.most:
            raise AllSpentError(f"the {self.most} requests that are sent at most were used up")


@dataclass(frozen=True)
class Reading:
    """One answer, with what was asked.

    Args:
        export: The export.
        params: The query.
        status: The status.
        headers: The headers; of doubled ones the values, joined by a comma.
        content: The decoded body; a text if it is no JSON.
        seconds: How long it took, until the whole body was there.
        received: When that was, in clock seconds.
        number: Which request of the run it was.
    """

    export: Export
    params: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    content: Any
    seconds: float
    received: float
    number: int

    @property
    def is_page(self) -> bool:
        return (
            self.status == 200
            and isinstance(self.content, dict)
            and isinstance(self.content.get(self.export.key), list)
        )

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """The events of the page, those that are objects."""
        if not self.is_page:
            return []
        return [event for event in self.content[self.export.key] if isinstance(event, dict)]

    @property
    def is_last(self) -> bool:
        return self.is_page and self.content.get("end_of_stream") is True

    @property
    def end_time(self) -> Any:
        return self.content.get("end_time") if self.is_page else None

    @property
    def start(self) -> int:
        return int(self.params["start_time"])

    @property
    def per_page(self) -> int:
        return int(self.params["per_page"])

    @property
    def date(self) -> int | None:
        """Epoch second of the header `Date`."""
        return http_date(self.headers.get("Date"))

    @property
    def allowance(self) -> Allowance | None:
        return read_allowance(self.headers.get(HEADER))


class Slot(NamedTuple):
    """That a request may go out.

    Args:
        signature: What signs it.
        sent: The moment, in clock seconds.
    """

    signature: Signature
    sent: float


class Asker:
    """Asks one account.

    Both exports share one allowance here, because it is one of the questions whether they do.

    Args:
        settings: The tap's settings.
        clock: Tells the time and waits.
        user_agent: The default for the header.
        log: Gets a line for each wait and each failed try.
        most: Requests that are sent at most.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        user_agent: str,
        log: logging.Logger,
        most: int = MOST_REQUESTS,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.log = log
        self.http = CountedHttp(settings, user_agent, clock, log, most=most)
        self.meter = Meter(log)
        self.retry = Retry(clock, log, self.meter, settings, rest=self.http.rest)
        self.quota = Quota(clock, settings.requests_per_minute, self._wait)
        self.readings: list[Reading] = []
        self._auth = authenticator(settings, self.http, self.retry, log)

    def ask(self, export: Export, **params: object) -> Reading:
        """Return the answer to one request: a page, or an error that is worth a look.

        Raises:
            NotSettledError: There was none that could be read, or all requests are spent.
            ZendeskEventsError: There will be none; says what to do.
        """
        query = {name: str(value) for name, value in params.items()}
        patience = self.retry.patience()
        failed = 0
        while True:
            slot = self.take()
            try:
                return self.send(export, query, slot)
            except RetriableError as error:
                failed += not isinstance(error, ThrottledError)
                if failed >= TRIES:
                    status = str(error).partition('"')[0].strip()
                    raise NotSettledError(f"no good answer in {TRIES} tries ({status})") from None
                self.retry.wait(
                    patience,
                    error,
                    slot.sent,
                    slot.sent,
                    f"request {self.http.sent}",
                    sleep=self.clock.sleep,
                    quota=self.quota,
                )

    def take(self) -> Slot:
        """Wait until a request may go out."""
        signature = self._auth.prepare(self.clock.sleep)
        return Slot(signature, self.quota.take())

    def send(self, export: Export, query: Mapping[str, str], slot: Slot) -> Reading:
        """Send one request for which a slot is taken.

        Raises:
            RetriableError: Another try may help.
            NotSettledError, ZendeskEventsError: as for `ask`.
        """
        answer = self._send(export, query, slot)
        if answer.status == 401 and self._auth.renew(slot.signature):
            self.log.info("The token is no longer accepted; fetching another.")
            answer = self._send(export, query, self.take())
        if answer.status not in TOO_SLOW:  # that a page is too much is an answer
            self._check(answer)
        self.retry.answered()
        reading = Reading(
            export=export,
            params=query,
            status=answer.status,
            headers=answer.headers,
            content=_content(answer),
            seconds=answer.seconds,
            received=self.clock.monotonic(),
            number=self.http.sent,
        )
        self.readings.append(reading)
        return reading

    def _check(self, answer: Answer) -> None:
        self.http.check_passing(answer)
        try:
            self.http.check(answer)
        except ZendeskEventsError:
            # once pages have come, settings are right, and only this one thing is refused
            if not any(reading.is_page for reading in self.readings):
                raise
            raise NotSettledError(f"refused with status {answer.status}") from None

    def now(self) -> float:
        """Return what time it is for Zendesk (epoch seconds), by its latest answer."""
        for reading in reversed(self.readings):
            if reading.date is not None:
                return reading.date + self.clock.monotonic() - reading.received
        return self.clock.now()

    def wait(self, seconds: float, why: str) -> None:
        """Let time pass, and say why."""
        self.log.info("Waiting %.0f s: %s.", seconds, why)
        self.http.rest(seconds)
        self.clock.sleep(seconds)

    def _send(self, export: Export, query: Mapping[str, str], slot: Slot) -> Answer:
        self.meter.request(self.quota)
        headers: Mapping[str, str] = {}
        refused = False
        try:
            answer = self.http.send("GET", export.path, slot.signature, params=dict(query))
            headers, refused = answer.headers, answer.status == 429
            self.retry.reached()
        except RetriableError as error:
            headers = error.headers
            raise
        finally:
            date = http_date(headers.get("Date"))
            self.quota.answered(slot.sent, headers.get(HEADER), date=date, refused=refused)
        return answer

    def _wait(self, seconds: float, why: str) -> None:
        self.http.rest(seconds)
        self.meter.waiting(seconds, why)


def _content(answer: Answer) -> Any:
    try:
        return decode(answer.content)
    except BrokenPageError:
        return answer.content.decode(errors="replace")
