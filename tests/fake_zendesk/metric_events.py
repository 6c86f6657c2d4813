"""Made-up SLA clocks: ticket metric events that follow from what happens to the tickets."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from .encoding import is_comment
from .events import Event, iso, make_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_second = itemgetter(0)

# Business hours here are eight of the twenty-four of every day.
_BUSINESS_SHARE: Final = 3


@dataclass(frozen=True, slots=True)
class _Clock:
    """What makes the clock of a metric run, rest and end."""

    starts: frozenset[str]
    ends: frozenset[str]
    rests: frozenset[str] = frozenset()


def _clock(starts: str, ends: str, rests: str = "") -> _Clock:
    return _Clock(frozenset(starts.split()), frozenset(ends.split()), frozenset(rests.split()))


_CLOCKS: Final = {
    "reply_time": _clock("asked", "answered"),
    "requester_wait_time": _clock("created opened", "solved", "pending"),
    "agent_work_time": _clock("created opened", "solved", "pending on_hold"),
    "resolution_time": _clock("created opened", "solved"),
    "periodic_update_time": _clock("asked answered", "asked answered solved"),
    "pausable_update_time": _clock("asked answered", "asked answered solved", "pending"),
    "group_ownership_time": _clock("created regrouped", "regrouped solved"),
}

_STATUS_SIGNALS: Final = {
    "new": "opened",
    "open": "opened",
    "pending": "pending",
    "hold": "on_hold",
    "solved": "solved",
    "closed": "solved",
    "deleted": "solved",
}

_POLICIES: Final[tuple[dict[str, Any], ...]] = (
    {"id": 360_000_021, "title": "Standard", "description": "Für alle Kunden"},
    {"id": 360_000_022, "title": "VIP: erste Antwort", "description": None},
    {"id": 360_000_023, "title": "エンタープライズ", "description": "24 時間"},
)
_GROUP_POLICIES: Final[tuple[dict[str, Any], ...]] = (
    {"id": "01HB2XK4Z7", "title": "Second line", "description": "Hand over within a day"},
    {"id": "01HB2XK4Z8", "title": "Buchhaltung", "description": None},
)
_TARGETS: Final = (60, 480, 1440, 4320, 10_080)


def make_metric_events(
    count: int,
    seed: int = 1,
    start: int = 1_700_000_000,
    spread: int = 86_400 * 30,
    *,
    events: Iterable[Event] | None = None,
) -> list[Event]:
    """Make ``count`` ticket metric events in ``[start, start + spread)``, oldest first.

    They are the clocks of some of the tickets, whole but for those still running at the end and
    the last one, which ends where the number is reached.

    Args:
        count: how many.
        seed: the same seed gives the same events.
        start: the first second (epoch).
        spread: how many seconds the history covers.
        events: what happened to the tickets; unless given, it is what ``make_events`` makes of
            the same seed, start and spread, three ticket events for each metric event.
    """
    if events is None:
        events = make_events(3 * count, seed, start, spread)
    rng = random.Random(f"metrics {seed}")
    tickets = sorted(_signals_by_ticket(events).items())
    rng.shuffle(tickets)
    maker = _MetricEventMaker(rng, start + max(spread, 1))
    made: list[tuple[int, Event]] = []
    for ticket_id, signals in tickets:
        for metric in _CLOCKS:
            made.extend(maker.metric(ticket_id, metric, signals)[: count - len(made)])
    if len(made) < count:
        raise ValueError(f"{len(tickets)} tickets make {len(made)} metric events, not {count}")
    return [event for _, event in sorted(made, key=_second)]


def _signals_by_ticket(events: Iterable[Event]) -> dict[int, list[tuple[int, str]]]:
    """What the clocks listen to, by ticket: seconds and signals, oldest first."""
    tickets: dict[int, list[tuple[int, str]]] = {}
    # Customer and agent take turns: every second public comment is the answer to the one before.
    asked: set[int] = set()
    for event in events:
        ticket_id, second = event["ticket_id"], event["timestamp"]
        signals = tickets.setdefault(ticket_id, [])
        for child in event["child_events"]:
            name = _signal(child)
            if name == "commented":
                name = "answered" if ticket_id in asked else "asked"
                asked ^= {ticket_id}
            if name:
                signals.append((second, name))
    return {ticket_id: signals for ticket_id, signals in tickets.items() if signals}


def _signal(child: Event) -> str | None:
    if is_comment(child):
        return "commented" if child.get("public") else None
    if child["event_type"] == "Create":
        return "created" if "subject" in child else None
    if child["event_type"] == "Change" and "group_id" in child:
        return "regrouped"
    return _STATUS_SIGNALS.get(child.get("status", ""))


@dataclass(frozen=True, slots=True)
class _Policy:
    """A target in minutes, and whether only business hours count."""

    target: int
    business_hours: bool
    policy: dict[str, Any]

    @property
    def seconds(self) -> int:
        """How long the clock may run."""
        return self.target * 60 * (_BUSINESS_SHARE if self.business_hours else 1)

    def applied(self, metric: str) -> tuple[str, dict[str, Any]]:
        """The type and the fields of the event that puts it on a ticket."""
        rules = {
            "target": self.target,
            "business_hours": self.business_hours,
            "policy": dict(self.policy),
        }
        if metric == "group_ownership_time":
            return "apply_group_sla", {"group_sla": rules}
        return "apply_sla", {"sla": rules}


class _MetricEventMaker:
    """The metric events of one ticket and metric after the other."""

    def __init__(self, rng: random.Random, end: int) -> None:
        self._rng = rng
        self._end = end
        self._ids: set[int] = set()

    def metric(
        self, ticket_id: int, metric: str, signals: list[tuple[int, str]]
    ) -> list[tuple[int, Event]]:
        """Every event of a metric of a ticket, with its second, oldest first."""
        made: list[tuple[int, Event]] = []

        def add(second: int, instance: int, kind: str, **fields: Any) -> None:
            event = {
                "id": self._new_id(),
                "ticket_id": ticket_id,
                "instance_id": instance,
                "metric": metric,
                "type": kind,
                "time": iso(second),
            }
            made.append((second, event | fields))

        if self._rng.random() < 0.2:
            add(signals[0][0], 0, "measure")
        for instance, marks in enumerate(_instances(_CLOCKS[metric], signals), start=1):
            policy = self._policy(metric)
            for number, (second, kind) in enumerate(marks):
                add(second, instance, kind)
                if policy and number == 0:
                    applied, fields = policy.applied(metric)
                    add(second, instance, applied, **fields)
                if kind == "fulfill" or (kind == "pause" and self._rng.random() < 0.5):
                    status = _minutes(marks, second)
                    add(second, instance, "update_status", status=status, **self._deleted(0.05))
            if policy:
                for second, deleted in self._breaches(marks, policy):
                    add(second, instance, "breach", **deleted)
        return sorted(made, key=_second)

    def _policy(self, metric: str) -> _Policy | None:
        rng = self._rng
        if rng.random() < 0.25:
            return None
        policies = _GROUP_POLICIES if metric == "group_ownership_time" else _POLICIES
        return _Policy(rng.choice(_TARGETS), rng.random() < 0.3, rng.choice(policies))

    def _breaches(
        self, marks: list[tuple[int, str]], policy: _Policy
    ) -> Iterator[tuple[int, dict[str, bool]]]:
        breach = _breach(marks, policy.seconds)
        if breach is not None:
            if breach < self._end:
                yield breach, self._deleted(0.6)
        elif marks[-1][1] == "fulfill" and self._rng.random() < 0.05:
            # A breach that Zendesk took back; whoever counts must leave it out.
            yield marks[-1][0], {"deleted": True}

    def _deleted(self, chance: float) -> dict[str, bool]:
        return {"deleted": False} if self._rng.random() < chance else {}

    def _new_id(self) -> int:
        while True:
            event_id = int(10 ** self._rng.uniform(11, 13.99))
            if event_id not in self._ids:
                self._ids.add(event_id)
                return event_id


def _instances(clock: _Clock, signals: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Each run of a clock from its start to its end, as seconds and types of event."""
    instances: list[list[tuple[int, str]]] = []
    state = "idle"
    for second, signal in signals:
        if state != "idle" and signal in clock.ends:
            instances[-1].append((second, "fulfill"))
            state = "idle"
        if state == "idle" and signal in clock.starts:
            instances.append([(second, "activate")])
            state = "running"
        elif state == "running" and signal in clock.rests:
            instances[-1].append((second, "pause"))
            state = "resting"
        elif state == "resting" and signal not in clock.rests and signal in {"opened", "on_hold"}:
            instances[-1].append((second, "activate"))
            state = "running"
    return instances


def _spells(marks: list[tuple[int, str]]) -> Iterator[tuple[int, int | None]]:
    """From when to when a clock ran; the last may not have ended."""
    ends = [second for second, _ in marks[1:]]
    for (begin, kind), end in zip_longest(marks, ends):
        if kind == "activate":
            yield begin, end


def _minutes(marks: list[tuple[int, str]], now: int) -> dict[str, int]:
    """How long a clock has run until one of its marks."""
    ran = sum(end - begin for begin, end in _spells(marks) if end is not None and end <= now)
    return {"calendar": ran // 60, "business": ran // 60 // _BUSINESS_SHARE}


def _breach(marks: list[tuple[int, str]], allowed: int) -> int | None:
    """The second in which a clock has run for as long as allowed, if it runs on then."""
    left = allowed
    for begin, end in _spells(marks):
        if end is None or end - begin > left:
            return begin + left
        left -= end - begin
    return None
