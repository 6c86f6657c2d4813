"""The account whose history the models are tried on, and the tap's messages about it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tests.fake_zendesk import Account, Event, FakeZendesk, make_events, make_metric_events
from tests.fake_zendesk.events import iso, plain_event
from tests.support.harness import BEGIN, SimulatedClock, run
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from tests.support.harness import Output

DAY: Final = 86_400
EVENTS: Final = 12_000
METRIC_EVENTS: Final = 4_000
DAYS: Final = 20
START: Final = BEGIN + 2 * DAY
START_DATE: Final = iso(START)
"""Two days after the account's first event: what is older is not loaded."""


@dataclass(frozen=True)
class Loaded:
    """What was loaded: the account's own events in the order of time, and Singer messages."""

    events: list[Event]
    metric_events: list[Event]
    messages: list[dict[str, Any]]


@cache
def loaded() -> Loaded:
    """Return the history of an account, read from START_DATE on."""
    return history(seed=1)


def history(seed: int, events: int = EVENTS, metric_events: int = METRIC_EVENTS) -> Loaded:
    """Make a history with a busy second in it, and conversations of few people, and read it."""
    clocks_of = make_events(events, seed, BEGIN, DAYS * DAY, burst=(None, events // 20))
    clocks = make_metric_events(metric_events, seed, BEGIN, DAYS * DAY, events=clocks_of)
    # the order of those of one second stays
    every = sorted([*clocks_of, *conversations(seed)], key=lambda event: int(event["timestamp"]))
    output = read(Account(every, metric_events=clocks))
    return Loaded(
        [event for event in every if event["timestamp"] >= START],
        [clock for clock in clocks if clock["time"] >= START_DATE],
        output.messages,
    )


def read(account: Account, start_date: str = START_DATE, **config: Any) -> Output:
    """Run the tap, all streams selected."""
    clock = SimulatedClock()
    fake = FakeZendesk(account, clock=clock.server_time, rate_limit=None)
    return run(fake, clock, catalog=selecting(*ALL_STREAMS), start_date=start_date, **config)


def conversations(seed: int, tickets: int = 60, updates: int = 20) -> list[Event]:
    """Make tickets on which few people write much, often within a second.

    What the help desk of the test server seldom does happens here all the time: the requester
    changes, tickets are merged, assigned and unassigned, and solved again and again.
    """
    rng = random.Random(f"conversations {seed}")
    made: list[Event] = []
    ids = iter(rng.sample(range(10**15, 10**15 + 10**9, 100), tickets * updates))
    for ticket_id in range(800_001, 800_001 + tickets):
        second = BEGIN + rng.randrange(4 * DAY)
        ticket: Event = {}
        for number in range(updates):
            event_id = next(ids)
            children = _children(rng, ticket, event_id, create=number == 0)
            merges = rng.random() < 0.1
            more = {"merged_ticket_ids": [rng.randrange(800_001, ticket_id + 1)]} if merges else {}
            made.append(
                plain_event(
                    event_id,
                    second,
                    ticket_id=ticket_id,
                    updater_id=rng.choice((11, 12, 21, 22)),
                    via=rng.choice(("Web form", "Mail", "Mail", "Merge")),
                    child_events=children,
                    **more,
                )
            )
            second += rng.choice((0, 0, 0, 7, 600, 7_200, DAY))
    return [event for event in made if event["timestamp"] < BEGIN + DAYS * DAY]


_CHOICES: Final[dict[str, tuple[Any, ...]]] = {
    "requester_id": (11, 12, 21),
    "status": ("open", "pending", "solved", "solved", "closed", "open", "deleted"),
    "assignee_id": (None, 21, 22),
    "tags": ([], ["vip"], ["refund"], ["refund", "vip"]),
    "priority": (None, "low", "urgent"),
    "custom_status_id": (1_900_001, 1_900_002),
}


def _children(rng: random.Random, ticket: Event, event_id: int, *, create: bool) -> list[Event]:
    children: list[Event] = []
    for name, values in _CHOICES.items():
        if create or rng.random() < 0.25:
            before, ticket[name] = ticket.get(name), rng.choice(values)
            told = {} if create else {"previous_value": _as_told(name, before)}
            kind = "Create" if create else "Change"
            children.append({"event_type": kind, name: ticket[name], **told})
    if create or rng.random() < 0.7:
        children.append(
            {
                "event_type": "Comment",
                "type": rng.choice(("Comment", "Comment", "VoiceComment")),
                "author_id": rng.choice((11, 11, 12, 21, 22, -1)),
                "public": rng.random() < 0.75,
                "body": "ok",
            }
        )
    rng.shuffle(children)
    return [
        {"id": event_id + place, "via": "Mail", "via_reference_id": None, **child}
        for place, child in enumerate(children, start=1)
    ]


def _as_told(name: str, value: Any) -> Any:
    # a number is text in previous_value, an unset priority "0"
    if value is None:
        return "0" if name == "priority" else None
    return str(value) if isinstance(value, int) else value
