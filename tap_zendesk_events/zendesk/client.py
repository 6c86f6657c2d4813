"""Asks for one page of the export, for as long as it takes: quota, request, retry, size."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import (
    CutShortError,
    RetriableError,
    SlowBodyError,
    StartTooRecentError,
    TooSlowError,
)
from tap_zendesk_events.times import duration, http_date, iso
from tap_zendesk_events.zendesk.answer import words_of
from tap_zendesk_events.zendesk.page import Page, read_page
from tap_zendesk_events.zendesk.page_size import PageSize
from tap_zendesk_events.zendesk.quota import HEADER, Quota

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from tap_zendesk_events.zendesk.answer import Answer
    from tap_zendesk_events.zendesk.auth import Auth, Signature
    from tap_zendesk_events.zendesk.export import Export
    from tap_zendesk_events.zendesk.http import Http
    from tap_zendesk_events.zendesk.meter import Meter
    from tap_zendesk_events.zendesk.retry import Patience, Retry

    Check = Callable[[Page], None]

TOO_RECENT = re.compile(rb"too[\s_-]*recent", re.IGNORECASE)
CUTS = 3  # bodies cut short at one size after which a smaller page is asked for
SURELY_OLD = 300  # seconds of age from which no start can be too recent


class Trials:
    """What the tries of one page have shown about its size.

    Args:
        seconds: How long bodies that drip are waited for, all tries together.
    """

    def __init__(self, seconds: float) -> None:
        self.body_left = seconds
        self.wanted = 0.0  # when the latest request was to go out, in clock seconds,
        self.sent = 0.0  # and when the allowance let it
        self.too_slow: int | None = None  # the smallest size that was
        self._cuts: Counter[int] = Counter()

    def size_for(self, current: int) -> int:
        """Return the size to ask for, where other pages may have let the current one grow."""
        if self.too_slow is None or current < self.too_slow:
            return current
        return max(1, self.too_slow // 2)

    def body_seconds(self, *, smaller: bool) -> float:
        """Return after how long the next body is given up, if it drips.

        If a smaller page can be asked for, half of the time that is left is kept for it.
        """
        return self.body_left / 2 if smaller else self.body_left

    def are_over(self, error: RetriableError) -> bool:
        """Say whether bodies that drip have used up all their time."""
        return isinstance(error, SlowBodyError) and self.body_left <= 0

    def is_too_much(self, error: RetriableError, size: int) -> bool:
        """Note what came of a try, and say whether a smaller page may help."""
        if isinstance(error, SlowBodyError):
            self.body_left -= error.seconds
        if isinstance(error, CutShortError):
            self._cuts[size] += 1
            return self._cuts[size] >= CUTS
        return isinstance(error, TooSlowError)


class ExportClient:
    """Pages of one export. Several threads may ask for one each.

    Args:
        export: Which one.
        page_size: Most events to ask for at a time.
        http: Sends the requests.
        auth: Signs them.
        quota: Says when they may go out; this client waits on its clock, and nobody else.
        retry: Patience with faults.
        meter: Counts requests.
        log: For lines about pages.
    """

    def __init__(
        self,
        export: Export,
        page_size: int,
        *,
        http: Http,
        auth: Auth,
        quota: Quota,
        retry: Retry,
        meter: Meter,
        log: logging.Logger,
    ) -> None:
        self.size = PageSize(page_size)
        self.quota = quota
        self._export = export
        self._http = http
        self._auth = auth
        self._clock = quota.clock
        self._retry = retry
        self._meter = meter
        self._log = log
        self._pages = 0

    def close(self) -> None:
        """Send nothing any more: a thread that waits for its next try gives it up, at once."""
        self.quota.stop()

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
        patiences: dict[int, Patience] = {}
        trials = Trials(self._retry.seconds)
        while True:
            size = trials.size_for(self.size.current)
            smaller = size > 1 and not self._retry.once
            patience = patiences.setdefault(size, self._retry.patience())
            try:
                page = self._try(start, size, check, trials, smaller=smaller)
            except RetriableError as error:
                too_much = trials.is_too_much(error, size)
                if trials.are_over(error):
                    raise self._retry.given_up(error, _named(start)) from error
                if too_much and smaller:
                    trials.too_slow = size
                    fewer = self.size.too_slow(size)
                    if fewer is not None:
                        self._log.warning(
                            "The page of %d events is too slow (%s); asking for %d.",
                            size,
                            error,
                            fewer,
                        )
                    if not error.wait:
                        continue
                self._wait(patience, error, trials, start)
            else:
                self.size.answered(size)
                return page

    def page_of(self, start: int, size: int, check: Check = lambda _: None) -> Page:
        """Return the page that starts at `start`, of exactly this size. Arguments as for `page`.

        Raises:
            TooSlowError: A page of this size was too much.
            StartTooRecentError: There is nothing yet.
            ZendeskEventsError: No further try would help, or patience has ended.
        """
        patience = self._retry.patience()
        trials = Trials(self._retry.seconds)
        while True:
            try:
                page = self._try(start, size, check, trials)
            except RetriableError as error:
                if trials.is_too_much(error, size) and size != self.size.largest_answered:
                    raise TooSlowError(error.reason) from error
                if trials.are_over(error):
                    raise self._retry.given_up(error, _named(start)) from error
                self._wait(patience, error, trials, start)
            else:
                self.size.answered_once(size)
                return page

    def _try(
        self, start: int, size: int, check: Check, trials: Trials, *, smaller: bool = False
    ) -> Page:
        answer = self._answer(start, size, trials, trials.body_seconds(smaller=smaller))
        self._http.check(answer)
        self._retry.answered()
        if answer.status in {400, 422}:
            raise self._too_recent_or_refused(answer, start)
        page = read_page(
            answer.content,
            self._export.key,
            start,
            size,
            http_date(answer.headers.get("Date")),
            self._log,
            seconds=answer.seconds,
        )
        check(page)
        self._pages += 1
        return page

    def _answer(self, start: int, size: int, trials: Trials, body_seconds: float) -> Answer:
        """Return an answer of any status; 401 only if no other token can be had, or helps."""
        params = {
            "start_time": str(start),
            "per_page": str(size),
            **dict(self._export.parameters),
        }
        self._clock.check()
        signature = self._auth.prepare(self._clock.sleep)
        answer = self._send(params, signature, trials, body_seconds)
        if answer.status == 401 and self._auth.renew(signature):
            self._log.info("The token is no longer accepted; fetching another.")
            answer = self._send(params, self._auth.prepare(self._clock.sleep), trials, body_seconds)
        return answer

    def _send(
        self,
        params: dict[str, str],
        signature: Signature,
        trials: Trials,
        body_seconds: float,
    ) -> Answer:
        """Send one request when the allowance lets it out, and note what its answer tells."""
        self.quota.wait_while_held()
        wanted = self._retry.clock.monotonic()
        trials.sent = sent = self.quota.take()
        # another page's 429 may have come meanwhile, and its wait is nobody's patience either
        trials.wanted = min(sent, max(wanted, self.quota.held_until))
        headers: Mapping[str, str] = {}
        refused = False
        try:
            self._clock.check()
            self._meter.request(self.quota)
            answer = self._http.send(
                "GET", self._export.path, signature, params=params, body_seconds=body_seconds
            )
            headers, refused = answer.headers, answer.status == 429
        except RetriableError as error:
            headers = error.headers
            raise
        finally:
            if headers:  # none if nobody answered
                self._retry.reached()
            self.quota.answered(
                sent,
                headers.get(HEADER),
                date=http_date(headers.get("Date")),
                refused=refused,
            )
        return answer

    def _too_recent_or_refused(self, answer: Answer, start: int) -> Exception:
        date = http_date(answer.headers.get("Date"))
        age = (self._retry.clock.now() if date is None else date) - start
        # The sentence for it has changed over the years and the present one is not documented, so
        # a start of the last minutes is enough. In the middle of a walk an old start cannot be
        # too recent: then it is a fault that passes.
        said = TOO_RECENT.search(answer.content)
        if said and self._pages and age > SURELY_OLD:
            return RetriableError(f"status {answer.status}{words_of(answer)}")
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

    def _wait(self, patience: Patience, error: RetriableError, trials: Trials, start: int) -> None:
        self._retry.wait(
            patience,
            error,
            trials.wanted,
            trials.sent,
            _named(start),
            sleep=self._clock.sleep,
            quota=self.quota,
        )


def _named(start: int) -> str:
    return f"the page that starts at {start} ({iso(start)})"
