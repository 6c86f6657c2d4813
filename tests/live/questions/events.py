"""What stands in events, and how long their pages take."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.live.description import unknown
from tests.live.findings import NotSettledError, Question, compared
from tests.live.readings import children_of, page_of

if TYPE_CHECKING:
    from typing import Any

    from tap_zendesk_events.zendesk.export import Export
    from tests.live.asking import Reading
    from tests.live.content import Shown
    from tests.live.description import Unknown
    from tests.live.findings import Finding
    from tests.live.readings import Readings

LONGEST_PAGE = 30.0  # seconds; a fourth of the default of `request_timeout`


def _known_keys(readings: Readings, export: Export, schema: str) -> Finding:
    page_of(readings.wide(export))
    if export == TICKET_EVENTS:
        readings.with_comments()
    found: Counter[Unknown] = Counter()
    seen: set[tuple[str, bool]] = set()  # many events are on more than one page
    for page in readings.pages(export):
        for event in page.events:
            mark = (str(event.get("id")), "include" in page.params)
            if mark not in seen:
                seen.add(mark)
                found.update(unknown(event, schema))
    events = len(seen)
    if not events:
        raise NotSettledError("no events")
    shown: Counter[str] = Counter()
    for each, count in found.items():
        shown[_in_words(each, readings.shown)] += count
    listed = dict(sorted(shown.items()))
    text = "; ".join(f"{what} ({count} times)" for what, count in listed.items())
    text = f"{events} events: {text or 'nothing that is not known'}."
    return compared(not found, text, events=events, unknown=listed)


def _in_words(each: Unknown, shown: Shown) -> str:
    place = each.place or "the event"
    if each.what == "key":
        return f"`{shown.key(each.word)}` ({each.json_type}) in {place}"
    if each.what == "kind":
        return f"{place} is `{shown.kind(each.word)}`"
    return f"{place} is of the type {each.json_type}"


def _via_of_comments(readings: Readings) -> Finding:
    pages = [p for p in readings.pages(TICKET_EVENTS) if "include" not in p.params]
    same = other = 0
    for page in pages or [page_of(readings.wide(TICKET_EVENTS))]:
        for event, child in children_of(page):
            if _is_comment(child):
                via = child.get("via")
                is_same = isinstance(via, str) and via == event.get("via")
                same, other = same + is_same, other + (not is_same)
    if not same + other:
        raise NotSettledError("no comments on these pages")
    text = f"{same + other} comments: {same} have the event's title, {other} another."
    return compared(not other, text, comments=same + other, same_title=same)


def _without_sideload(readings: Readings) -> Finding:
    plain = page_of(readings.wide(TICKET_EVENTS))
    texts = sum("body" in child for _, child in children_of(plain) if _is_comment(child))
    metadata = sum("metadata" in event for event in plain.events)
    rich = readings.with_comments()
    if not rich.is_page:
        rich = page_of(readings.with_comments_half())
    comments = [child for _, child in children_of(rich) if _is_comment(child)]
    bodies = sum("body" in child for child in comments)
    if not comments:
        raise NotSettledError("no comments on the page")
    text = (
        f"without it {texts} comments with texts and {metadata} of {len(plain.events)} events with "
        f"`metadata`; with it {bodies} of {len(comments)} comments have texts"
    )
    figures = {
        "texts_without": texts,
        "metadata_without": metadata,
        "comments_with": len(comments),
        "texts_with": bodies,
    }
    return compared(not texts and not metadata and bodies > 0, f"{text}.", **figures)


def _page_time(readings: Readings) -> Finding:
    plain, rich = readings.wide(TICKET_EVENTS), readings.with_comments()
    found = {"without": plain, "with": rich}
    if not rich.is_page:
        found["with, half"] = readings.with_comments_half()
    told = [f"{name} comments: {_time(page)}" for name, page in found.items()]
    figures: dict[str, Any] = {
        name: {"status": page.status, "events": len(page.events), "seconds": round(page.seconds, 2)}
        for name, page in found.items()
    }
    agree = all(page.is_page and page.seconds < LONGEST_PAGE for page in found.values())
    return compared(agree, f"{'; '.join(told)}.", **figures)


def _time(page: Reading) -> str:
    what = f"{len(page.events)} events" if page.is_page else f"status {page.status}"
    return f"{what} in {page.seconds:.1f} s"


def _is_comment(child: dict[str, Any]) -> bool:
    kinds = (child.get("event_type"), child.get("type"))
    return "comment_present" in child or any(
        isinstance(kind, str) and kind.endswith("Comment") for kind in kinds
    )


QUESTIONS = (
    Question(
        name="keys-of-ticket-events",
        asks="Which keys, types and kinds of ticket events are not known?",
        assumed="None: tests/live/exports.json has them all.",
        evidence="second-hand",
        matters="the columns of `ticket_events`, and what makes rows of the derived streams",
        answer=lambda readings: _known_keys(readings, TICKET_EVENTS, "TicketEvent"),
    ),
    Question(
        name="keys-of-metric-events",
        asks="Which keys, types and kinds of ticket metric events are not known?",
        assumed="None: tests/live/exports.json has them all.",
        evidence="documented",
        matters="the columns of `ticket_metric_events`",
        answer=lambda readings: _known_keys(readings, TICKET_METRIC_EVENTS, "TicketMetricEvent"),
    ),
    Question(
        name="via-of-comments",
        asks="Is a comment's `via` the event's own title without the sideload?",
        assumed="Yes.",
        evidence="recorded",
        matters="a comment in `ticket_events` is the same whichever streams are selected",
        answer=_via_of_comments,
    ),
    Question(
        name="sideload",
        asks="Do texts and `metadata` come with the sideload only?",
        assumed="Yes.",
        evidence="guessed",
        matters="`metadata` is null unless `include_comments` is set",
        answer=_without_sideload,
    ),
    Question(
        name="page-time",
        asks="How long does a full page take, with and without comments?",
        assumed="It comes whole, in less than 30 s.",
        evidence="second-hand",
        matters="`request_timeout`, smaller pages, several requests at a time",
        answer=_page_time,
    ),
)
