"""How long a page is, and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tap_zendesk_events.times import epoch
from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.live.findings import NotSettledError, Question, compared
from tests.live.readings import FULL, SMALL, TOO_MANY, page_of, seconds_of

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.export import Export
    from tests.live.asking import Reading
    from tests.live.findings import Finding
    from tests.live.readings import Readings


def _size_is_obeyed(readings: Readings, export: Export) -> Finding:
    page = page_of(readings.small(export))
    count, seconds = len(page.events), set(seconds_of(page))
    if page.is_last and count < SMALL:
        raise NotSettledError(f"the account has {count} of them, fewer than were asked for")
    grown = len(seconds) == 1 and count > SMALL
    found = f"{SMALL} asked for, {count} came" + (", all in one second" if grown else "")
    return compared(count == SMALL or grown, f"{found}.", asked=SMALL, came=count)


def _most_on_a_page(readings: Readings, export: Export) -> Finding:
    reading = readings.too_many(export)
    if not reading.is_page:
        text = f"{TOO_MANY} asked for: refused with status {reading.status}."
        return compared(False, text, asked=TOO_MANY, status=reading.status)
    count = len(reading.events)
    if reading.is_last and count < FULL:
        raise NotSettledError(f"the account has {count} of them, fewer than fit on a page")
    return compared(
        count == FULL, f"{TOO_MANY} asked for, {count} came.", asked=TOO_MANY, came=count
    )


def _in_a_crowded_second(readings: Readings) -> Finding:
    crowd = readings.crowd()
    page = page_of(readings.in_crowd())
    count, end = len(page.events), _offset(page.end_time, crowd.second)
    found = (
        f"1 asked for in a second of {crowd.events}: {count} came, end_time {_after(end)}the second"
    )
    agree = count == crowd.events and end == 1 and not page.is_last
    figures = {"events_in_second": crowd.events, "came": count, "end_time_after_second": end}
    return compared(agree, f"{found}.", **figures)


def _into_a_crowded_second(readings: Readings) -> Finding:
    crowd = readings.crowd()
    page = page_of(readings.into_crowd())
    asked, count = page.per_page, len(page.events)
    end = _offset(page.end_time, crowd.second)
    found = (
        f"{asked} asked for, of which the last is the first of {crowd.events} in its second: "
        f"{count} came, end_time {_after(end)}that second"
    )
    agree = count == asked and end == 0 and not page.is_last
    return compared(agree, f"{found}.", asked=asked, came=count, end_time_after_second=end)


def _start_is_inclusive(readings: Readings) -> Finding:
    crowd = readings.crowd()
    page = page_of(readings.in_crowd())
    first = _offset(min(seconds_of(page), default=None), crowd.second)
    found = f"the first event is {first} s after the start that was asked for"
    return compared(first == 0, f"{found}.", first_event_after_start=first)


def _last_page(readings: Readings, export: Export) -> Finding:
    page = readings.last(export)
    seconds = seconds_of(page)
    if not seconds:
        raise NotSettledError("its events tell no time")
    end = _offset(page.end_time, max(seconds))
    has_next = page.content.get("next_page") is not None
    found = (
        f"{len(page.events)} events, end_time {_after(end)}the last event's second, "
        f"next_page {'is there' if has_next else 'is null'}"
    )
    figures = {"events": len(page.events), "end_time_after_last": end, "has_next_page": has_next}
    return compared(end == 0 and has_next, f"{found}.", **figures)


def _empty_page(readings: Readings, export: Export) -> Finding:
    page = readings.empty(export)
    told = {name: page.content.get(name, "absent") for name in ("end_time", "next_page")}
    shown = {name: _presence(value) for name, value in told.items()}
    shown["end_of_stream"] = _truth(page.content.get("end_of_stream", "absent"))
    found = ", ".join(f"{name} {value}" for name, value in shown.items())
    agree = shown == {"end_time": "null", "next_page": "null", "end_of_stream": "true"}
    return compared(agree, f"{found}.", **shown)


def _hold_back(readings: Readings) -> Finding:
    page = readings.last(TICKET_EVENTS)
    if page.date is None:
        raise NotSettledError("the answer has no Date")
    age = page.date - max(seconds_of(page))
    return compared(age >= 59, f"the youngest event was {age} s old.", youngest_age=age)


def _envelope(readings: Readings) -> Finding:
    pages = [page for page in readings.all if page.is_page]
    wrong: dict[str, int] = {}
    for page in pages:
        for name in _odd_parts(page):
            wrong[name] = wrong.get(name, 0) + 1
    hosts = {_host(page) for page in pages if page.content.get("next_page")}
    found = f"{len(pages)} pages looked at"
    found += "".join(f"; {name}: {count}" for name, count in sorted(wrong.items()))
    same = hosts <= {urlsplit(readings.asker.http.base_url).netloc}
    found += f"; next_page names {'the host that was asked' if same else 'another host'}"
    return compared(not wrong, f"{found}.", pages=len(pages), same_host=same, odd=wrong)


def _odd_parts(page: Reading) -> list[str]:
    content = page.content
    odd = []
    if content.get("count") != len(content[page.export.key]):
        odd.append("count is not the number of events")
    if not isinstance(content.get("end_of_stream"), bool):
        odd.append("end_of_stream is not told")
    address = content.get("next_page")
    if isinstance(address, str):
        pairs = parse_qsl(urlsplit(address).query)
        names = [name for name, _ in pairs]
        kept = dict(pairs)
        if names != sorted(names):
            odd.append("next_page has its parameters in another order")
        if kept.pop("start_time", None) != str(page.end_time):
            odd.append("next_page does not start at end_time")
        if kept.get("include") != page.params.get("include"):
            odd.append("next_page has another sideload")
        if kept.keys() != page.params.keys() - {"start_time"}:
            odd.append("next_page has other parameters")
    return odd


def _host(page: Reading) -> str:
    return urlsplit(str(page.content["next_page"])).netloc


def _offset(moment: Any, second: int) -> int | None:
    known = epoch(moment)
    return None if known is None else known - second


def _after(offset: int | None) -> str:
    if offset is None:
        return "is null; not "
    if offset == 0:
        return "is "
    return f"is {abs(offset)} s {'after' if offset > 0 else 'before'} "


def _presence(value: Any) -> str:
    if value in ("absent", None):
        return value or "null"
    return "is a number" if isinstance(value, int) else "is there"


def _truth(value: Any) -> str:
    return {True: "true", False: "false", None: "null"}.get(value, "absent")


QUESTIONS = (
    Question(
        name="per-page-of-ticket-events",
        asks="Does `per_page` hold for ticket events?",
        assumed="As many events come as were asked for.",
        evidence="documented",
        matters="`page_size`, and the smaller pages that are asked for when Zendesk is slow",
        answer=lambda readings: _size_is_obeyed(readings, TICKET_EVENTS),
    ),
    Question(
        name="per-page-of-metric-events",
        asks="Does `per_page` hold for ticket metric events?",
        assumed="As many events come as were asked for.",
        evidence="guessed",
        matters="the same; and whether a page that holds fewer is the last",
        answer=lambda readings: _size_is_obeyed(readings, TICKET_METRIC_EVENTS),
    ),
    Question(
        name="most-ticket-events",
        asks="What is the most of ticket events on a page?",
        assumed="1,000, also if more are asked for.",
        evidence="documented",
        matters="the bounds of `page_size`, and the last resort in a crowded second",
        answer=lambda readings: _most_on_a_page(readings, TICKET_EVENTS),
    ),
    Question(
        name="most-metric-events",
        asks="What is the most of ticket metric events on a page?",
        assumed="1,000, also if more are asked for.",
        evidence="guessed",
        matters="the same",
        answer=lambda readings: _most_on_a_page(readings, TICKET_METRIC_EVENTS),
    ),
    Question(
        name="crowded-second",
        asks="Is a page that lies within one crowded second grown?",
        assumed="It holds every event of the second, and `end_time` is one second later.",
        evidence="recorded",
        matters="whether a walk can stand still (docs/guarantees.md)",
        answer=_in_a_crowded_second,
    ),
    Question(
        name="end-in-crowded-second",
        asks="Where does a page end that is full in the middle of a crowded second?",
        assumed="It holds exactly what was asked for, and `end_time` is that second itself.",
        evidence="recorded",
        matters="whether the rest of the second comes with the next page",
        answer=_into_a_crowded_second,
    ),
    Question(
        name="start-is-inclusive",
        asks="Does a page begin with the events of the start second itself?",
        assumed="Yes.",
        evidence="recorded",
        matters="the bookmark is a second, and the ids that were written in it",
        answer=_start_is_inclusive,
    ),
    Question(
        name="last-page-of-ticket-events",
        asks="What are `end_time` and `next_page` on the last page of ticket events?",
        assumed="The last event's second; and a next page that starts there.",
        evidence="recorded",
        matters="the tap never takes them for a bookmark, and stops at `end_of_stream`",
        answer=lambda readings: _last_page(readings, TICKET_EVENTS),
    ),
    Question(
        name="last-page-of-metric-events",
        asks="What are `end_time` and `next_page` on the last page of ticket metric events?",
        assumed="The last event's second; and a next page that starts there.",
        evidence="recorded",
        matters="the same",
        answer=lambda readings: _last_page(readings, TICKET_METRIC_EVENTS),
    ),
    Question(
        name="empty-page",
        asks="What are `end_time` and `next_page` on a page without events?",
        assumed="Both null, and `end_of_stream` true.",
        evidence="recorded",
        matters="the bookmark stays where it was",
        answer=lambda readings: _empty_page(readings, TICKET_EVENTS),
    ),
    Question(
        name="hold-back",
        asks="How old is the youngest event that shows?",
        assumed="A minute at least: the newest one is held back.",
        evidence="recorded",
        matters="the least of `settling_seconds`",
        answer=_hold_back,
    ),
    Question(
        name="envelope",
        asks="Does a page say how many events it holds, whether it is the last, and what is next?",
        assumed=(
            "`count` is the number on this page, `end_of_stream` is told, and `next_page` keeps "
            "every parameter, in alphabetical order, and starts at `end_time`."
        ),
        evidence="recorded",
        matters="the end of a walk",
        answer=_envelope,
    ),
)
