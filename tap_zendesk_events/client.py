"""Asks for one page of the export, for as long as it takes: quota, request, retry, size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tap_zendesk_events.http import AnotherTryError, UnauthorizedError, quote
from tap_zendesk_events.page import BrokenPageError, Page, read_page
from tap_zendesk_events.page_size import PageSize
from tap_zendesk_events.quota import HEADER, Quota
from tap_zendesk_events.times import duration, http_date, iso

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tap_zendesk_events.auth import Auth
    from tap_zendesk_events.http import Answer, Http
    from tap_zendesk_events.progress import Progress
    from tap_zendesk_events.retry import Patience, Retry

    Check = Callable[[Page], None]

TOO_RECENT = re.compile(rb"too[\s_-]*recent", re.IGNORECASE)
SURELY_OLD = 300  # seconds of age from which no start can be too recent


class Endpoint(NamedTuple):
    """What tells one export from another.

    Args:
        what: Its name in the words of a message.
        path: Where it is.
        key: Name of the list of events in its answers.
        include: Value of the parameter `include`, or None.
        least_settling: Age in seconds that an event must have at least.
        unordered: Whether the server may sort events by another time than the one they tell.
    """

    what: str
    path: str
    key: str
    include: str | None = None
    least_settling: int = 0
    unordered: bool = False


TICKET_EVENTS = Endpoint(
    what="ticket events", path="/api/v2/incremental/ticket_events", key="ticket_events"
)
WITH_COMMENTS = TICKET_EVENTS._replace(include="comment_events")
TICKET_METRIC_EVENTS = Endpoint(
    what="ticket metric events",
    path="/api/v2/incremental/ticket_metric_events",
    key="ticket_metric_events",
    # Zendesk adds them many minutes late, with the time of the change
    least_settling=1800,
    unordered=True,
)


class StartTooRecentError(Exception):
    """Zendesk calls the start too recent: there is nothing to export yet."""


class TooSlowError(Exception):
    """A page of a size that had to be just this was too slow."""


class ExportClient:
    """Pages of one export endpoint.

    Args:
        endpoint: Which export.
        page_size: Most events to ask for at a time.
        http: Sends the requests.
        auth: Signs them.
        quota: Says when they may go out.
        retry: Patience with faults.
        progress: Counts requests.
        log: For lines about pages.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        page_size: int,
        *,
        http: Http,
        auth: Auth,
        quota: Quota,
        retry: Retry,
        progress: Progress,
        log: logging.Logger,
    ) -> None:
        self.size = PageSize(page_size)
        self.quota = quota
        self._endpoint = endpoint
        self._http = http
        self._auth = auth
        self._retry = retry
        self._progress = progress
        self._log = log
        self._pages = 0
        self._sent = 0.0  # when the last request went out, in clock seconds

    def page(self, start: int, check: Check = lambda _: None) -> Page:
        """Return the page that starts at the epoch second `start`, of a size that works.

        Args:
            start: Epoch second.
            check: Raises BrokenPageError about a page that cannot be right; then it is asked for
                again.

        Raises:
            StartTooRecentError: There is nothing yet.
            ZendeskEventsError: No further try would help, or patience has ended.
        """
        # each size has its own patience: that of a full page says nothing about half a page
        patiences = {self.size.current: self._retry.patience()}
        while True:
            size = self.size.current
            patience = patiences.setdefault(size, self._retry.patience())
            try:
                page = self._try(start, size, check)
            except AnotherTryError as error:
                if error.too_slow and size > 1 and not self._retry.once:
                    self.size.too_slow()
                    self._log.warning(
                        "The page of %d events is too slow (%s); asking for %d.",
                        size,
                        error,
                        self.size.current,
                    )
                    if self.size.current not in patiences:
                        continue
                self._wait(patience, error, start)
            else:
                self.size.answered(size)
                return page

    def page_of(self, start: int, size: int, check: Check = lambda _: None) -> Page:
        """Return the page that starts at `start`, of exactly this size. Arguments as for `page`.

        Raises:
            TooSlowError: A page of this size was too slow.
            StartTooRecentError: There is nothing yet.
            ZendeskEventsError: No further try would help, or patience has ended.
        """
        patience = self._retry.patience()
        while True:
            try:
                page = self._try(start, size, check)
            except AnotherTryError as error:
                if error.too_slow and size != self.size.largest_answered:
                    raise TooSlowError from error
                self._wait(patience, error, start)
            else:
                self.size.largest_answered = max(self.size.largest_answered, size)
                return page

    def _try(self, start: int, size: int, check: Check = lambda _: None) -> Page:
        answer = self._send(start, size)
        if answer.status in {400, 422}:
            raise self._too_recent_or_refused(answer, start)
        try:
            page = read_page(
                answer.content,
                self._endpoint.key,
                start,
                size,
                http_date(answer.headers.get("Date")),
                self._log,
                seconds=answer.seconds,
            )
            check(page)
        except BrokenPageError as error:
            raise AnotherTryError(f"the answer is {error}") from None
        self._pages += 1
        return page

    def _send(self, start: int, size: int, *, renew: bool = True) -> Answer:
        self._auth.prepare()
        sent = self._sent = self.quota.take()
        params = {"start_time": str(start), "per_page": str(size)}
        if self._endpoint.include:
            params["include"] = self._endpoint.include
        header = None
        self._progress.requests += 1
        try:
            answer = self._http.send("GET", self._endpoint.path, self._auth, params=params)
            header = answer.headers.get(HEADER)
            self._retry.answered = True
        except AnotherTryError as error:
            header = error.headers.get(HEADER)
            self._retry.answered = self._retry.answered or bool(error.headers)
            raise
        except UnauthorizedError as error:
            header = error.answer.headers.get(HEADER)
            if not (renew and self._auth.renew()):
                raise self._http.refusal(error.answer) from None
            self._log.info("The token is no longer accepted; fetching another.")
        else:
            return answer
        finally:
            self.quota.answered(sent, header)
            self._progress.cap = self.quota.cap
            if self.quota.ever_told:
                self._progress.allowance = self.quota.allowance
        return self._send(start, size, renew=False)

    def _too_recent_or_refused(self, answer: Answer, start: int) -> Exception:
        date = http_date(answer.headers.get("Date"))
        age = (self._retry.clock.now() if date is None else date) - start
        # The sentence for it has changed over the years and the present one is not documented, so
        # a start of the last minutes is enough. In the middle of a walk an old start cannot be
        # too recent: then it is a fault that passes.
        said = TOO_RECENT.search(answer.content)
        if said and self._pages and age > SURELY_OLD:
            return AnotherTryError(f"status {answer.status} {quote(answer)}")
        if said or age < SURELY_OLD:
            if age > SURELY_OLD:
                self._log.warning(
                    "Zendesk calls the start %s too recent, although it is %s old; nothing was "
                    "exported. If this comes again, report it with the tap's version.",
                    iso(start),
                    duration(age),
                )
            return StartTooRecentError()
        return self._http.refusal(answer)

    def _wait(self, patience: Patience, error: AnotherTryError, start: int) -> None:
        what = f"the page that starts at {start} ({iso(start)})"
        until_reset = self.quota.seconds_until_reset()
        self._retry.wait(patience, error, self._sent, what, until_reset)
