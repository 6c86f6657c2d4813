"""What takes time, or more than one request at once: asked only if an option says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import RetriableError
from tap_zendesk_events.times import duration
from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.live.findings import NotSettledError, Question, compared
from tests.live.readings import moment, page_of

if TYPE_CHECKING:
    from typing import Any

    from tests.live.asking import Reading, Slot
    from tests.live.findings import Finding
    from tests.live.readings import Readings

LATE_AFTER = 600  # seconds between the two looks at the same minutes
SETTLED = {TICKET_EVENTS.key: 300, TICKET_METRIC_EVENTS.key: 1800}
"""Ages, in seconds, at which the tap takes an event for settled unless told otherwise."""

SPAN = {TICKET_EVENTS.key: 1200, TICKET_METRIC_EVENTS.key: 5400}  # seconds that are looked at


def _late(readings: Readings) -> Finding:
    exports = (TICKET_EVENTS, TICKET_METRIC_EVENTS)
    first = {each.key: page_of(readings.since(each, SPAN[each.key])) for each in exports}
    readings.asker.wait(LATE_AFTER, "then the same minutes are read again, to see what came late")
    texts, figures, agree = [], {}, True
    for export in exports:
        page = first[export.key]
        ages = _ages_of_late(page, page_of(readings.again(page)))
        late = sum(age > SETTLED[export.key] for age in ages)
        agree = agree and not late
        texts.append(
            f"{export.what}: {len(ages)} showed up within {duration(LATE_AFTER)} in time that had "
            f"been read, {late} of them in seconds that the tap takes for settled"
        )
        figures[export.key] = {
            "late": len(ages),
            "later_than_settled": late,
            "oldest_second": max(ages, default=0),
        }
    return compared(agree, f"{'; '.join(texts)}.", **figures)


def _ages_of_late(page: Reading, again: Reading) -> list[int]:
    """Return the ages, when `page` was read, of what only the second look showed."""
    read_at = page.date
    if read_at is None:
        raise NotSettledError("the answer has no Date")
    seen = {event.get("id") for event in page.events}
    moments = [moment(event) for event in again.events if event.get("id") not in seen]
    # what was held back shows a minute later, which is no lateness
    until = read_at - 61
    if not page.is_last:
        until = max((moment(event) or 0 for event in page.events), default=0) - 1
    return [read_at - second for second in moments if second is not None and second <= until]


def _together(readings: Readings) -> Finding:
    alone = page_of(readings.wide(TICKET_EVENTS))
    asker = readings.asker
    params = {**alone.params, "per_page": str(max(len(alone.events), 1))}
    asker.http.need(2)
    slots = [asker.take(), asker.take()]

    def ask(slot: Slot) -> Reading | str:
        try:
            return asker.send(TICKET_EVENTS, params, slot)
        except (RetriableError, NotSettledError) as error:
            return str(error).partition('"')[0].strip()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, slots))
    failed = [each for each in answers if isinstance(each, str) or not each.is_page]
    if failed:
        words = [each if isinstance(each, str) else f"status {each.status}" for each in failed]
        text = f"{len(failed)} of 2 failed ({', '.join(words)})"
        return compared(False, f"{text}.", failed=len(failed))
    pages = [each for each in answers if not isinstance(each, str)]
    longest = max(page.seconds for page in pages)
    agree = longest < 2 * alone.seconds + 2
    text = (
        f"both came; {alone.seconds:.1f} s for the page alone, {longest:.1f} s for the slower of "
        f"two at once"
    )
    figures: dict[str, Any] = {
        "alone": round(alone.seconds, 2),
        "together": [round(page.seconds, 2) for page in pages],
    }
    return compared(agree, f"{text}.", **figures)


QUESTIONS = (
    Question(
        name="late-arrivals",
        asks="How late do events appear?",
        assumed="Ticket events within 5 minutes of their time, metric events within 30.",
        evidence="second-hand",
        matters="`settling_seconds`",
        answer=_late,
        option="late",
    ),
    Question(
        name="two-at-once",
        asks="Do two requests at once fare worse than one after the other?",
        assumed="Both are answered, and none takes more than twice as long.",
        evidence="guessed",
        matters="`parallel_requests`",
        answer=_together,
        option="together",
    ),
)
