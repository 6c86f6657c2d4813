"""The account whose events are loaded: a made-up history, and what is awkward to store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_zendesk import Account, FakeZendesk, make_events, make_metric_events, plain_event
from tests.fake_zendesk.events import iso

if TYPE_CHECKING:
    from tests.fake_zendesk import Event

START = 1_700_000_000
EVENTS = 600
CLOCKS = 200

ODD_TEXTS = (
    "NUL \x00 inside, a whole emoji \U0001f600",
    "half an emoji \ud83d",
    'it\'s "quoted", with a comma; and a \\ backslash',
    "two\nlines, Windows\r\nlines, a lone \r and a tab\t",
    " spaces around ",
    "007",
    "1e5",
    "NaN",
    "null",
    "None",
    "\\N",
    "true",
    "2024-01-01",
    "{not json}",
    "",
    "long ä " * 3_000 + "end",
)
BIG_IDS = (2**53 + 1, 2**53 + 3, 2**63 - 1)


def an_account() -> Account:
    """Make the account anew, always the same."""
    events = make_events(EVENTS, seed=5, start=START, unknown_fields=True, odd_text=True)
    clocks = make_metric_events(CLOCKS, seed=5, start=START, events=events)
    return Account([*events, *_odd_events()], seed=5, metric_events=[*clocks, *_odd_clocks()])


def add_new(account: Account) -> None:
    """Add what is new for a second run; one event shows up late, in a second that is read."""
    newest = max(event["timestamp"] for event in account.events())
    comment = {"id": 91, "event_type": "Comment", "body": "new \U0001f600", "public": False}
    change = {"id": 92, "event_type": "Change", "status": "open", "previous_value": "new"}
    account.add(plain_event(90, newest, child_events=[comment, change]))
    account.add(plain_event(95, newest + 60))
    clock = {"ticket_id": 1, "instance_id": 1, "metric": "reply_time", "type": "breach"}
    account.add_metric_event({"id": 97, **clock, "time": iso(newest + 60), "deleted": True})


def serving(account: Account) -> FakeZendesk:
    """A server for the account that lets nobody wait."""
    return FakeZendesk(account, rate_limit=None)


def _odd_events() -> list[Event]:
    events = []
    for number, text in enumerate(ODD_TEXTS):
        event_id = 1_000 * (number + 1)
        children = [
            {"id": event_id + 1, "event_type": "Comment", "body": text, "public": number % 2 == 0},
            {"id": event_id + 2, "event_type": "Change", "subject": text, "previous_value": text},
            {"id": event_id + 3, "event_type": "Change", "custom_ticket_fields": {"007": text}},
        ]
        events.append(plain_event(event_id, START + number, child_events=children, via=text))
    for number, event_id in enumerate(BIG_IDS):
        children = [
            {"id": event_id - 1, "event_type": "Unheard of", "deep": _deep(event_id)},
            {"id": event_id - 2, "event_type": "Change", "group_id": event_id},
            {"id": event_id - 2**40, "event_type": "Comment", "author_id": event_id},
        ]
        events.append(
            plain_event(
                event_id,
                START + 100 + number,
                child_events=children,
                ticket_id=event_id,
                updater_id=event_id,
                system={"client": None, "unknown": {"key": [None]}},
                metadata={"unknown": {"deeper": {"still": 1}}},
                merged_ticket_ids=[event_id],
                never_documented={"a": [1, {"b": None}], "ids": [event_id]},
                also_new="text",
            )
        )
    bare = {"id": 50, "timestamp": START + 200, "created_at": None, "child_events": None}
    return [*events, bare, plain_event(51, START + 201, child_events=[], merged_ticket_ids=[])]


def _deep(number: int) -> object:
    quotes = {"it's": 'a "quote"', "yes": True, "no": False, "none": None}
    value: object = [number, 2.5, 1e-7, "\U0001f600", "\x00", quotes, [], {}]
    for level in range(20):
        value = {f"level {level}": [value]}
    return value


def _odd_clocks() -> list[Event]:
    clock = {"ticket_id": 1, "instance_id": 0, "metric": "reply_time", "type": "breach"}
    return [
        {"id": event_id, **clock, "time": iso(START + number), "deleted": deleted, "unheard": "of"}
        for number, (event_id, deleted) in enumerate(
            zip(BIG_IDS, (True, False, None), strict=True), start=1
        )
    ]
