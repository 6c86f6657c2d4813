"""The fake Zendesk itself: a request in, an answer out, no sockets."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import zlib
from collections import Counter
from contextlib import contextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from . import pages
from .credentials import Credentials
from .encoding import to_json
from .http_layer import HttpServer
from .limits import Anchor, RateWindow
from .messages import Answer, LoggedRequest, Request, json_answer, text_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from .account import Account, TimeLine
    from .faults import Fault

TooRecent: TypeAlias = Literal["422", "400", "422-text"]
MissingStart: TypeAlias = Literal["ParameterMissing", "invalid"]

EXPORT_PATHS = ("/api/v2/incremental/ticket_events", "/api/v2/incremental/ticket_events.json")
METRIC_PATHS = (
    "/api/v2/incremental/ticket_metric_events",
    "/api/v2/incremental/ticket_metric_events.json",
)
TOKEN_PATH = "/oauth/tokens"
STATS_PATH = "/fake/stats"

_PATH_KINDS = {
    **{("GET", path): "export" for path in EXPORT_PATHS},
    **{("GET", path): "metric_export" for path in METRIC_PATHS},
    ("POST", TOKEN_PATH): "token",
}
_EXPORTS = ("export", "metric_export")

_SCOPES = ("all", "agent", "ai_agent")
_MOST_PER_PAGE = 1000
_TOO_RECENT_AFTER = 60
_ACCOUNT_LIMIT = 700

_TOO_RECENT_TEXT = "Too recent start_time. Use a start_time older than 5 minutes"


class FakeZendesk:
    """A Zendesk account's incremental exports of ticket events and ticket metric events.

    Args:
        account: the events of both kinds.
        clock: what time it is (epoch seconds); every answer, window and expiry goes by it.
        page_rule: what a full page inside one second does: "growing" takes the whole second and
            ends one later, "capping" ends where it began.
        last_page_end_time: the end of the last page: its last event, or the newest second that is
            not held back.
        empty_end_time: the same for a last page without events: null (and no next page), or the
            newest second.
        hold_back: how many of the newest seconds are not shown yet.
        too_recent: how a start in the newest minute is answered; None: as any other.
        missing_start: how a request without a start is answered: as Zendesk answers elsewhere if
            a parameter is missing ("ParameterMissing"), or like a bad one ("invalid").
        rate_limit: requests per seconds, in fixed windows; None: unlimited.
        rate_window: where a window begins: "aligned" to multiples of its length, as the real ones
            are to the clock's minutes, or with its "first_request".
        rate_headers: whether answers tell the allowance.
        metric_rate_limit: the same for metric events: an allowance of their own.
        metric_shares_allowance: metric events use up the allowance of the ticket events instead.
        metric_rate_headers: whether answers with metric events tell theirs; nobody has seen the
            real ones do so.
        most_per_page: the most events on a page of either export, however many are asked for.
        metric_page_size: the most metric events on a page, however many are asked for.
        metric_disorder: the metric events of a page stand in any order; only the page's borders
            and its ``end_time`` go by time.
        end_of_stream: whether answers say if the stream ends there; those of former years did not.
        page_seconds: how long a page of so many events takes, from when it is read to its answer,
            whose ``Date`` tells the later moment. Meanwhile others are answered. The allowance is
            counted, and its header written, when the request comes in. See ``Pace``.
        sleep: lets that time pass.
        page_limit_504: a page of more events than this takes too long and is answered 504.
        gzip: on sockets: compress for clients that accept it, as the real one does.
        chunked: on sockets: send bodies in chunks, as the real one does; else with a
            Content-Length.
        cookies: give cookies to clients that send none, as the real one's edge does.
        doubled_headers: send ``X-Request-Id`` twice, as the real one's edge does.
        date_header: whether answers tell the time.
        forgets_idle: on sockets: seconds after which something in between has forgotten a
            connection on which nothing went on, as some firewalls do: the next request on it never
            arrives. None: never. ``forgotten`` counts such requests.
        api_tokens, access_tokens, clients, non_admins: see ``Credentials``.
        no_help_desk: there is no account at this address.
        public_url: the address that ``next_page`` names; None: the one that was called.
        faults: what goes wrong; the first that hits a request is the one.
    """

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        page_rule: pages.PageRule = "growing",
        last_page_end_time: Literal["last_event", "hold_back"] = "last_event",
        empty_end_time: Literal["null", "hold_back"] = "null",
        hold_back: int = 60,
        too_recent: TooRecent | None = "422",
        missing_start: MissingStart = "ParameterMissing",
        rate_limit: tuple[int, float] | None = (10, 60.0),
        rate_window: Anchor = "aligned",
        rate_headers: bool = True,
        metric_rate_limit: tuple[int, float] | None = None,
        metric_shares_allowance: bool = False,
        metric_rate_headers: bool = False,
        most_per_page: int = _MOST_PER_PAGE,
        metric_page_size: int = _MOST_PER_PAGE,
        metric_disorder: bool = False,
        end_of_stream: bool = True,
        page_seconds: Callable[[int], float] = lambda _: 0.0,
        sleep: Callable[[float], object] = time.sleep,
        page_limit_504: int | None = None,
        gzip: bool = True,
        chunked: bool = True,
        cookies: bool = True,
        doubled_headers: bool = True,
        date_header: bool = True,
        forgets_idle: float | None = None,
        api_tokens: Collection[tuple[str, str]] | None = None,
        access_tokens: Collection[str] | None = None,
        clients: Mapping[tuple[str, str], Mapping[str, int | None]] | None = None,
        non_admins: Collection[str] = (),
        no_help_desk: bool = False,
        public_url: str | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.account = account
        self.clock = clock
        self.page_rule = page_rule
        self.last_page_end_time = last_page_end_time
        self.empty_end_time = empty_end_time
        self.hold_back = hold_back
        self.too_recent = too_recent
        self.missing_start = missing_start
        self.rate = RateWindow(*rate_limit, rate_window) if rate_limit else None
        self.rate_headers = rate_headers
        self.metric_rate = (
            RateWindow(*metric_rate_limit, rate_window) if metric_rate_limit else None
        )
        self.metric_shares_allowance = metric_shares_allowance
        self.metric_rate_headers = metric_rate_headers
        self.most_per_page = most_per_page
        self.metric_page_size = metric_page_size
        self.metric_disorder = metric_disorder
        self.end_of_stream = end_of_stream
        self.page_seconds = page_seconds
        self.sleep = sleep
        self.page_limit_504 = page_limit_504
        self.gzip = gzip
        self.forgets_idle = forgets_idle
        self.forgotten = 0
        self.chunked = chunked
        self.cookies = cookies
        self.doubled_headers = doubled_headers
        self.date_header = date_header
        self.credentials = Credentials(non_admins=non_admins, seed=account.seed)
        if api_tokens is not None:
            self.credentials.api_tokens = api_tokens
        if access_tokens is not None:
            self.credentials.access_tokens = access_tokens
        if clients is not None:
            self.credentials.clients = clients
        self.no_help_desk = no_help_desk
        self.public_url = public_url
        self.faults = list(faults)
        self.log: list[LoggedRequest] = []
        self._numbers: Counter[str] = Counter()
        self._account_window = RateWindow(_ACCOUNT_LIMIT, 60.0, "aligned")
        self._lock = threading.RLock()

    @property
    def export_requests(self) -> list[LoggedRequest]:
        """The requests for ticket events, in order."""
        return [request for request in self.log if request.path_kind == "export"]

    @property
    def metric_requests(self) -> list[LoggedRequest]:
        """The requests for ticket metric events, in order."""
        return [request for request in self.log if request.path_kind == "metric_export"]

    @property
    def tokens_issued(self) -> list[str]:
        """Every access token that was handed out."""
        return self.credentials.issued

    def expire_tokens(self) -> None:
        """Revoke every token that was handed out: its next use is answered 401."""
        with self._lock:
            self.credentials.expire()

    def stats(
        self, before: float | None = None, metric_before: float | None = None
    ) -> dict[str, Any]:
        """Numbers to compare a database with.

        What is older than ``before`` is settled; unless told, that is the second 300 seconds ago,
        and for metric events, if the account has any, the second 1800 seconds ago.
        """
        with self._lock:
            now = self.clock()
            before = int(now) - 300 if before is None else before
            metric_before = int(now) - 1800 if metric_before is None else metric_before
            hidden_from = int(now - self.hold_back) + 1
            metrics = self.account.metrics
            numbers = {
                "now": now,
                "settled_before": before,
                "settled_events": self.account.count(min(before, hidden_from), now),
                "total_events": len(self.account),
                "requests": self._numbers["export"],
                "status_counts": _status_counts(self.export_requests),
            }
            if len(metrics):
                numbers |= {
                    "metric_settled_before": metric_before,
                    "settled_metric_events": metrics.count(min(metric_before, hidden_from), now),
                    "total_metric_events": len(metrics),
                    "metric_requests": self._numbers["metric_export"],
                    "metric_status_counts": _status_counts(self.metric_requests),
                }
            return numbers

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Answer on loopback while the block runs; gives the base URL."""
        with HttpServer(self, port) as server:
            yield server.url

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        with self._lock:
            now = self.clock()
            split = urlsplit(request.target)
            query = dict(parse_qsl(split.query, keep_blank_values=True))
            if split.path == STATS_PATH:
                moments = [query.get(name) for name in ("before", "metric_before")]
                stats = self.stats(*(None if text is None else float(text) for text in moments))
                return json_answer(200, stats)
            logged = self._record(request, split.path, query, now)
            answer = self._answer(request, logged)
            logged.status = answer.status
            logged.events = answer.events
            if answer.fault and answer.fault.kind == "drop":
                logged.status = logged.events = 0
        if answer.seconds:
            self.sleep(answer.seconds)  # others are answered meanwhile
        with self._lock:
            answer.headers = _merged(self._common_headers(answer, self.clock()), answer.headers)
            answer.doubles = self._doubles(request, answer)
            return answer

    def _record(
        self, request: Request, path: str, query: dict[str, str], now: float
    ) -> LoggedRequest:
        kind = _PATH_KINDS.get((request.method, path), "other")
        self._numbers[kind] += 1
        logged = LoggedRequest(
            number=self._numbers[kind] if kind in _EXPORTS else 0,
            time=now,
            method=request.method,
            path=path,
            path_kind=kind,
            query=query,
            headers=dict(request.headers),
            authorization=request.headers.get("authorization"),
        )
        self.log.append(logged)
        return logged

    def _answer(self, request: Request, logged: LoggedRequest) -> Answer:
        if self.no_help_desk:
            return _no_help_desk(request)
        if logged.path_kind in _EXPORTS:
            return self._export(request, logged)
        fault = self._fault(logged)
        if fault and fault.kind == "answer":
            answer = fault.answer()
        elif logged.path_kind == "token":
            answer = self.credentials.token(request, logged.time)
        else:
            answer = json_answer(404, {"error": "InvalidEndpoint", "description": "Not found"})
        return _spoiled(answer, fault)

    def _export(self, request: Request, logged: LoggedRequest) -> Answer:
        refusal = self.credentials.refusal(logged.authorization, logged.time)
        if refusal:
            return refusal
        rate, told = self._allowance(logged)
        allowed = rate is None or rate.take(logged.time)
        headers = _rate_headers(rate, logged.time) if rate and told else {}
        if not allowed and rate:
            text = "Number of allowed incremental export API requests per minute exceeded"
            wait = rate.resets(logged.time)
            headers |= {"Retry-After": f"{wait}", "Cache-Control": f"max-age={wait}, public"}
            error = {"error": "APIRateLimitExceeded", "description": text}
            return json_answer(429, error, headers)
        fault = self._fault(logged)
        if fault and fault.kind == "answer":
            answer = fault.answer()
        else:
            answer = self._page(request, logged, fault)
        answer.headers |= headers
        return _spoiled(answer, fault)

    def _allowance(self, logged: LoggedRequest) -> tuple[RateWindow | None, bool]:
        """The allowance that a request uses up, and whether its answer tells it."""
        if logged.path_kind == "export":
            return self.rate, self.rate_headers
        rate = self.rate if self.metric_shares_allowance else self.metric_rate
        return rate, self.metric_rate_headers

    def _fault(self, logged: LoggedRequest) -> Fault | None:
        for fault in self.faults:
            if fault.hits(logged):
                fault.struck += 1
                return fault
        return None

    def _page(self, request: Request, logged: LoggedRequest, fault: Fault | None) -> Answer:
        query = logged.query
        start_time = query.get("start_time", "")
        if "start_time" not in query:
            return _missing_start(self.missing_start)
        if not (start_time.isascii() and start_time.isdecimal()):
            return _invalid("start_time", "must be an integer, 0 or more")
        start = int(start_time)
        if query.get("support_type_scope", "agent") not in _SCOPES:
            return _invalid("support_type_scope", "must be one of all, agent, ai_agent")
        if self.too_recent and start > logged.time - _TOO_RECENT_AFTER:
            return _too_recent(self.too_recent)
        page = self._cut(start, logged)
        if self.page_limit_504 is not None and len(page.entries) > self.page_limit_504:
            answer = text_answer(504, "upstream request timeout")
            answer.seconds = self.page_seconds(len(page.entries))
            return answer
        rest = self._envelope(page, request, logged)
        if logged.path_kind == "metric_export":
            if self.metric_disorder:
                page = pages.shuffled(page, f"{self.account.seed} {start}")
            body = pages.page_body("ticket_metric_events", page, rest, comments=True)
        else:
            comments = "comment_events" in query.get("include", "").split(",")
            body = pages.page_body("ticket_events", page, rest, comments=comments)
        if fault and fault.kind == "edit_page" and fault.edit:
            edited = fault.edit(json.loads(body))
            body = edited if isinstance(edited, bytes) else to_json(edited)
        answer = Answer(200, body, {"Content-Type": "application/json; charset=utf-8"})
        answer.events = len(page.entries)
        answer.seconds = self.page_seconds(answer.events)
        return answer

    def _cut(self, start: int, logged: LoggedRequest) -> pages.Cut:
        time_line: TimeLine = self.account
        per_page = min(_per_page(logged.query), self.most_per_page)
        # Without the parameter Zendesk shows agents' tickets only, and says nothing of the others.
        scope = logged.query.get("support_type_scope", "agent")
        if logged.path_kind == "metric_export":
            time_line = self.account.metrics
            per_page = min(per_page, self.metric_page_size)
            scope = "all"
        with time_line.lock:
            horizon = logged.time - self.hold_back
            visible = time_line.visible(start, horizon, logged.time, scope)
            return pages.cut(visible, per_page, self.page_rule)

    def _envelope(self, page: pages.Cut, request: Request, logged: LoggedRequest) -> dict[str, Any]:
        """Everything on the page but its events."""
        end_time = page.next_start
        if end_time is None:
            newest = int(logged.time) - self.hold_back
            if not page.entries:
                end_time = newest if self.empty_end_time == "hold_back" else None
            else:
                last = page.entries[-1].timestamp
                end_time = newest if self.last_page_end_time == "hold_back" else last
        next_page = None
        if end_time is not None:
            base = self.public_url or f"http://{request.headers.get('host', 'localhost')}"
            query = sorted((logged.query | {"start_time": str(end_time)}).items())
            next_page = f"{base}{logged.path}?{urlencode(query)}"
        told = {"end_of_stream": page.next_start is None} if self.end_of_stream else {}
        return {
            "count": len(page.entries),
            **told,
            "next_page": next_page,
            "end_time": end_time,
        }

    def _common_headers(self, answer: Answer, now: float) -> dict[str, str]:
        self._account_window.take(now)
        left = str(self._account_window.remaining)
        number = f"{self.account.seed} {len(self.log)}".encode()
        date = {"Date": formatdate(now, usegmt=True)} if self.date_header else {}
        return date | {
            "Server": "cloudflare",
            "Cache-Control": "max-age=0, private, must-revalidate",
            "ETag": f'W/"{zlib.crc32(answer.body):08x}"',
            "X-Request-Id": hashlib.sha256(number).hexdigest()[:32],
            "X-Runtime": "0.123456",
            "X-Zendesk-Api-Version": "v2",
            "x-rate-limit": str(_ACCOUNT_LIMIT),
            "x-rate-limit-remaining": left,
            "ratelimit-limit": str(_ACCOUNT_LIMIT),
            "ratelimit-remaining": left,
            "ratelimit-reset": str(self._account_window.resets(now)),
        }

    def _doubles(self, request: Request, answer: Answer) -> list[tuple[str, str]]:
        """Header lines beside those of which there is one of each name."""
        lines = []
        request_id = answer.headers["X-Request-Id"]
        if self.doubled_headers:
            lines.append(("X-Request-Id", request_id))
        if self.cookies and "cookie" not in request.headers:
            seconds = int(self.clock())
            lines += [
                ("Set-Cookie", f"__cfruid={request_id[::-1]}-{seconds}; path=/; HttpOnly"),
                ("Set-Cookie", f"_zendesk_cookie={request_id}; path=/; HttpOnly"),
            ]
        return lines


def _spoiled(answer: Answer, fault: Fault | None) -> Answer:
    """The answer with the fault in it; what only the transport can break stays for that."""
    answer.fault = fault
    if fault:
        answer.headers = _merged(answer.headers, fault.headers)
        if fault.kind == "truncate":
            answer.body = answer.body[: len(answer.body) // 2]
    return answer


def _merged(headers: dict[str, str], stronger: dict[str, str]) -> dict[str, str]:
    names = {name.lower() for name in stronger}
    return {name: value for name, value in headers.items() if name.lower() not in names} | stronger


def _rate_headers(rate: RateWindow, now: float) -> dict[str, str]:
    value = f"total={rate.total}; remaining={rate.remaining}; resets={rate.resets(now)}"
    return {"zendesk-ratelimit-incremental-exports": value}


def _status_counts(requests: list[LoggedRequest]) -> Counter[str]:
    return Counter(str(request.status) for request in requests)


def _per_page(query: dict[str, str]) -> int:
    """The real service outside 1 to 1000 is unknown; here the number is brought into that range."""
    asked = query.get("per_page", "")
    return min(max(int(asked), 1), _MOST_PER_PAGE) if asked.isdecimal() else _MOST_PER_PAGE


def _missing_start(form: MissingStart) -> Answer:
    if form == "invalid":
        return _invalid("start_time", "is required")
    text = "Parameter start_time is required"
    return json_answer(400, {"error": "ParameterMissing", "description": text})


def _invalid(name: str, problem: str) -> Answer:
    message = f"You passed an invalid value for the {name} attribute. {name} {problem}"
    return json_answer(400, {"error": {"title": "Invalid attribute", "message": message}})


def _too_recent(form: TooRecent) -> Answer:
    if form == "422-text":
        return text_answer(422, _TOO_RECENT_TEXT)
    if form == "422":
        return json_answer(422, {"error": "InvalidValue", "description": _TOO_RECENT_TEXT})
    return json_answer(400, {"error": "StartTimeTooRecent", "description": _TOO_RECENT_TEXT})


def _no_help_desk(request: Request) -> Answer:
    host = request.headers.get("host", "localhost")
    message = (
        "There is no help desk configured at this address. This means that the address is available"
        " and that you can claim it at http://www.zendesk.com/signup"
    )
    return json_answer(404, {"error": {"title": f"No help desk at {host}", "message": message}})
