"""By which time the exports sort, and whose events they show."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tap_zendesk_events.times import epoch
from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.live.findings import NotSettledError, Question, compared
from tests.live.readings import page_of, seconds_of

if TYPE_CHECKING:
    from tests.live.asking import Reading
    from tests.live.findings import Finding
    from tests.live.readings import Readings


def _ticket_events(readings: Readings) -> Finding:
    page_of(readings.wide(TICKET_EVENTS))
    pages = readings.pages(TICKET_EVENTS)
    steps = [step for page in pages for step in _steps_back(page)]
    events = [event for page in pages for event in page.events]
    differing = sum(
        epoch(event["created_at"]) != epoch(event.get("timestamp"))
        for event in events
        if "created_at" in event
    )
    found = (
        f"{len(events)} events on {len(pages)} pages, {_in_words(steps)}; `created_at` is another "
        f"second than `timestamp` in {differing}"
    )
    return compared(
        not steps and not differing,
        f"{found}.",
        events=len(events),
        steps_back=len(steps),
        greatest_step_back=max(steps, default=0),
        other_created_at=differing,
    )


def _metric_events(readings: Readings) -> Finding:
    page = page_of(readings.wide(TICKET_METRIC_EVENTS))
    if len(set(seconds_of(page))) < 2:
        raise NotSettledError(f"{len(page.events)} events in one second have no order")
    pages = readings.pages(TICKET_METRIC_EVENTS)
    steps = [step for each in pages for step in _steps_back(each)]
    inner = [each for each in pages if not each.is_last and len(set(seconds_of(each))) > 1]
    ends = sum(epoch(each.end_time) == seconds_of(each)[-1] for each in inner)
    events = sum(len(each.events) for each in pages)
    found = f"{events} events on {len(pages)} pages, {_in_words(steps)}"
    if inner:
        found += f"; `end_time` is the last event's `time` on {ends} of {len(inner)} inner pages"
    return compared(
        not steps and ends == len(inner),
        f"{found}.",
        events=events,
        steps_back=len(steps),
        greatest_step_back=max(steps, default=0),
        inner_pages=len(inner),
        end_at_last_event=ends,
    )


def _scope(readings: Readings) -> Finding:
    found = {scope: readings.scoped(scope) for scope in ("all", "agent", "ai_agent")}
    refused = {scope: page.status for scope, page in found.items() if not page.is_page}
    if refused:
        text = ", ".join(f"{scope}: status {status}" for scope, status in refused.items())
        return compared(False, f"refused ({text}).", **refused)
    # as far as all three pages reach
    end = min(
        (max(seconds_of(page), default=0) for page in found.values() if not page.is_last),
        default=None,
    )
    ids = {scope: _ids(page, end) for scope, page in found.items()}
    counts = {scope: len(those) for scope, those in ids.items()}
    if not counts["agent"] and not counts["ai_agent"]:
        raise NotSettledError("no events to compare")
    both = ids["agent"] & ids["ai_agent"]
    missing = ids["agent"] | ids["ai_agent"]
    agree = not both and missing == ids["all"]
    text = (
        f"over the same time `all` shows {counts['all']} events, `agent` {counts['agent']}, "
        f"`ai_agent` {counts['ai_agent']}, of which {len(both)} are in both"
    )
    if agree and not counts["ai_agent"]:
        text += "; so it is obeyed, and adds nothing in this account"
    return compared(agree, f"{text}.", in_both=len(both), **counts)


def _ids(page: Reading, end: int | None) -> set[object]:
    seconds = (event.get("timestamp") for event in page.events)
    return {
        event.get("id")
        for event, second in zip(page.events, seconds, strict=True)
        if end is None or (isinstance(second, int) and second < end)
    }


def _steps_back(page: Reading) -> list[int]:
    """Return by how many seconds events are earlier than the one before them."""
    return [one - other for one, other in pairwise(seconds_of(page)) if other < one]


def _in_words(steps: list[int]) -> str:
    if not steps:
        return "none earlier than the one before it"
    return f"{len(steps)} earlier than the one before, by {max(steps)} s at most"


QUESTIONS = (
    Question(
        name="order-of-ticket-events",
        asks="Are ticket events sorted by `timestamp`?",
        assumed="Yes; `created_at` is the same second.",
        evidence="recorded",
        matters="the bookmark, and which events belong to a window",
        answer=_ticket_events,
    ),
    Question(
        name="order-of-metric-events",
        asks="Are ticket metric events sorted by `time`, or by the moment of recording?",
        assumed="By `time`; the tap bears both.",
        evidence="guessed",
        matters="how many ids the bookmark of `ticket_metric_events` has to keep",
        answer=_metric_events,
    ),
    Question(
        name="support-type-scope",
        asks="Is `support_type_scope` obeyed, and what does it add?",
        assumed="`all` shows what `agent` and `ai_agent` show, each event in one of them.",
        evidence="documented",
        matters="the default of the setting `support_type_scope`",
        answer=_scope,
    ),
)
