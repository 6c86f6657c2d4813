"""What the answers tell of the allowance, and how they are sent."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tap_zendesk_events.zendesk.quota import HEADER
from tests.live.content import rate_headers
from tests.live.findings import NotSettledError, Question, compared

if TYPE_CHECKING:
    from tests.live.asking import Reading
    from tests.live.findings import Finding
    from tests.live.readings import Readings

MINUTE = 60


def _headers(readings: Readings) -> Finding:
    told: dict[str, dict[str, str]] = {}
    for export in (TICKET_EVENTS, TICKET_METRIC_EVENTS):
        pages = readings.pages(export)
        if not pages:
            raise NotSettledError(f"no page of {export.what}")
        told[export.key] = rate_headers(pages[0].headers.items())
    texts = []
    for key, headers in told.items():
        names = ", ".join(f"`{name}: {value}`" for name, value in sorted(headers.items()))
        texts.append(f"{key}: {names or 'none'}")
    own = {key: [n for n in headers if "incremental" in n] for key, headers in told.items()}
    agree = own == {TICKET_EVENTS.key: [HEADER], TICKET_METRIC_EVENTS.key: []}
    return compared(agree, f"{'; '.join(texts)}.", **told)


def _shared_bucket(readings: Readings) -> Finding:
    extra = []
    for one, other, between in _in_one_window(readings.all):
        if one.allowance and other.allowance:
            extra.append((one.allowance.remaining - other.allowance.remaining - 1, between))
    if not extra:
        raise NotSettledError("no request for metric events lay between two of one window")
    # somebody else may use the allowance up too, but nobody gives back
    used, between = min(extra, key=lambda pair: pair[0] / pair[1])
    text = (
        f"requests for metric events between two others of one window: {between}; they used up "
        f"{used} of the ticket events' allowance."
    )
    return compared(used < between, text, metric_requests=between, used_up=used)


def _in_one_window(readings: list[Reading]) -> list[tuple[Reading, Reading, int]]:
    """Return pairs of answers in a row with an allowance, and the metric requests between them."""
    telling = [each for each in readings if each.export == TICKET_EVENTS and each.allowance]
    found = []
    for one, other in pairwise(telling):
        between = [
            each
            for each in readings
            if each.export == TICKET_METRIC_EVENTS and one.number < each.number < other.number
        ]
        # only what was answered is known: a failed try may have counted
        whole = other.number - one.number - 1 == len(between)
        if between and whole and _window(one) == _window(other) is not None:
            found.append((one, other, len(between)))
    return found


def _window(reading: Reading) -> int | None:
    """Return the minute, since 1970, in which the window of an answer ends."""
    if reading.date is None or reading.allowance is None:
        return None
    return round((reading.date + reading.allowance.resets) / MINUTE)


def _window_ends(readings: Readings) -> Finding:
    sums: Counter[str] = Counter()
    agree = True
    for each in readings.all:
        if each.date is not None and each.allowance is not None:
            # `Date` is of the answer, perhaps of the minute after that in which the request came in
            over = (each.date + each.allowance.resets) % MINUTE
            total = MINUTE + over if over < MINUTE // 2 else over
            agree = agree and over <= 1 + int(each.seconds)
            sums[f"{total}" if each.seconds < 1 else f"{total} (slow)"] += 1
    if sums.total() < 3:
        raise NotSettledError("too few answers tell of the window")
    figures = dict(sorted(sums.items()))
    text = ", ".join(f"{total}: {count} times" for total, count in figures.items())
    return compared(agree, f"seconds of `Date` and `resets` together: {text}.", sums=figures)


def _transport(readings: Readings) -> Finding:
    pages = [page for page in readings.all if page.is_page]
    if not pages:
        raise NotSettledError("no page")
    counts = {
        "gzip": sum(_has(page, "Content-Encoding", "gzip") for page in pages),
        "chunked": sum(_has(page, "Transfer-Encoding", "chunked") for page in pages),
        "doubled_request_id": sum(_is_doubled(page) for page in pages),
        "cookies": sum("Set-Cookie" in page.headers for page in readings.all),
    }
    text = (
        f"of {len(pages)} pages {counts['gzip']} zipped, {counts['chunked']} in chunks, "
        f"{counts['doubled_request_id']} with `X-Request-Id` twice; {counts['cookies']} of "
        f"{len(readings.all)} answers gave cookies"
    )
    agree = all(counts[name] == len(pages) for name in ("gzip", "chunked"))
    return compared(agree, f"{text}.", pages=len(pages), **counts)


def _has(page: Reading, name: str, value: str) -> bool:
    return page.headers.get(name, "").lower() == value


def _is_doubled(page: Reading) -> bool:
    values = [value.strip() for value in page.headers.get("X-Request-Id", "").split(",")]
    return len(values) == 2 and values[0] == values[1]


QUESTIONS = (
    Question(
        name="rate-limit-headers",
        asks="Which rate-limit headers come with which export?",
        assumed=f"`{HEADER}` with ticket events; nothing of the kind with metric events.",
        evidence="recorded",
        matters="when the next request may go out",
        answer=_headers,
    ),
    Question(
        name="shared-allowance",
        asks="Do ticket metric events use up the ticket events' allowance?",
        assumed="No.",
        evidence="guessed",
        matters="each export has a quota of its own",
        answer=_shared_bucket,
    ),
    Question(
        name="window",
        asks="Is `resets` rounded up, and does the window end with the clock's minute?",
        assumed=(
            "Both: seconds of `Date` and `resets` together are 60, now and then 61 (more, if the "
            "page took longer)."
        ),
        evidence="recorded",
        matters="how long the tap waits when the allowance is used up",
        answer=_window_ends,
    ),
    Question(
        name="transport",
        asks="How are pages sent?",
        assumed="Zipped, in chunks; an edge adds cookies and `X-Request-Id` a second time.",
        evidence="recorded",
        matters="how a body is read, and when it counts as whole",
        answer=_transport,
    ),
)
