"""Made-up ticket histories: whole events in the shape of the export, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from . import content
from .encoding import COMMENT_MARK, SCOPE_MARK

if TYPE_CHECKING:
    from collections.abc import Callable

Event: TypeAlias = dict[str, Any]

_SYSTEM_USER = -1


@lru_cache(maxsize=8192)
def iso(second: float) -> str:
    """The time as Zendesk writes it."""
    return datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_event(event_id: int, timestamp: int, **fields: Any) -> Event:
    """The smallest complete event, for tests that care about time and id only."""
    return {
        "child_events": [
            {
                "id": event_id + 1,
                "via": "Web form",
                "via_reference_id": None,
                "status": "open",
                "event_type": "Change",
                "previous_value": "new",
            }
        ],
        "id": event_id,
        "ticket_id": 1,
        "timestamp": timestamp,
        "created_at": iso(timestamp),
        "updater_id": 391_552_101,
        "via": "Web form",
        "system": {},
        "event_type": "Audit",
        **fields,
    }


def make_events(
    count: int,
    seed: int = 1,
    start: int = 1_700_000_000,
    spread: int = 86_400 * 30,
    burst: tuple[int | None, int] = (None, 0),
    *,
    unknown_fields: bool = False,
    odd_text: bool = False,
    ai_agents: float = 0.0,
) -> list[Event]:
    """Make ``count`` events in ``[start, start + spread)``, oldest first.

    Args:
        count: how many, those of the burst included.
        seed: the same seed gives the same events.
        start: the first second (epoch).
        spread: how many seconds the history covers; 0 or 1 puts all into one.
        burst: the offset of one crowded second (None: halfway) and its size.
        unknown_fields: now and then add a top-level field that no document names.
        odd_text: now and then add NUL characters and half emoji (lone surrogates) to a comment.
        ai_agents: share of the tickets that are AI agents' (``_scope`` in their events).
    """
    offset, size = burst
    rng = random.Random(f"times {seed}")
    spread = max(spread, 1)
    crowded = start + (spread // 2 if offset is None else offset)
    moments = [crowded] * min(size, count)
    while len(moments) < count:
        moment = start + rng.randrange(spread)
        # A trigger or a bulk update often follows within the same second.
        moments.extend([moment] * min(rng.choice((1, 1, 1, 1, 1, 2, 3)), count - len(moments)))
    moments.sort()
    maker = EventMaker(seed, unknown_fields=unknown_fields, odd_text=odd_text, ai_agents=ai_agents)
    return [maker.event(moment) for moment in moments]


@dataclass(slots=True)
class _Ticket:
    """What a ticket looks like now, so that each change knows its previous value."""

    id: int
    subject: str
    requester_id: int
    status: str = "new"
    priority: str | None = None
    type: str | None = None
    assignee_id: int | None = None
    group_id: int = 360_001_000
    organization_id: str | None = None
    brand_id: int = 360_000_555
    ticket_form_id: int = 360_000_777
    custom_status_id: int = 1_900_001
    satisfaction_score: str = "unoffered"
    tags: list[str] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    is_ai_agents: bool = False


class EventMaker:
    """A help desk at work: each call is the next thing that happens to some ticket."""

    def __init__(
        self,
        seed: int | str = 1,
        *,
        unknown_fields: bool = False,
        odd_text: bool = False,
        ai_agents: float = 0.0,
    ) -> None:
        self._rng = random.Random(f"events {seed}")
        # A chance of its own for what was added later, so that all else stays as it was.
        self._forms = random.Random(f"forms {seed}")
        self._ai_agents = ai_agents
        self._unknown_fields = unknown_fields
        self._odd_text = odd_text
        self._tickets: list[_Ticket] = []
        self._ids: set[int] = set()
        self._next_ticket = 1000 + self._rng.randrange(1000)
        self._happenings: list[tuple[Callable[[_Ticket, _Draft], None], int]] = [
            (self._field_changes, 52),
            (self._reply, 22),
            (self._system_update, 12),
            (self._phone_call, 2),
            (self._merge, 2),
            (self._other, 5),
            (self._several_fields_in_one_child, 2),
            (self._nothing, 1),
        ]
        self._change_makers: list[Callable[[_Ticket, _Draft], Event]] = [
            self._change_status,
            self._change_status,
            self._change_tags,
            self._change_custom_field,
            self._change_choice,
            self._change_reference,
            self._change_subject,
            self._change_requester,
            self._change_organization,
            self._change_satisfaction,
        ]

    def event(self, timestamp: int) -> Event:
        """The next event, at this second."""
        rng = self._rng
        draft = _Draft(self._new_id(), timestamp, self._user())
        if not self._tickets or rng.random() < 0.2:
            ticket = self._create(draft)
        else:
            # Most of what happens, happens to recent tickets.
            ticket = self._tickets[-1 - int(len(self._tickets) * rng.random() ** 2)]
            happenings, weights = zip(*self._happenings, strict=True)
            rng.choices(happenings, weights)[0](ticket, draft)
        event = self._finish(ticket, draft)
        if self._unknown_fields and rng.random() < 0.03:
            name, value = rng.choice(content.UNKNOWN_FIELDS)
            event[name] = value
        return event

    def _new_id(self) -> int:
        # 12 to 14 digits and no order in them; the gap of 64 leaves room for the children's ids.
        while True:
            event_id = int(10 ** self._rng.uniform(11, 13.99)) // 64 * 64 + 64
            if event_id not in self._ids:
                self._ids.add(event_id)
                return event_id

    def _user(self) -> int:
        return 391_552_100 + self._rng.randrange(60)

    def _finish(self, ticket: _Ticket, draft: _Draft) -> Event:
        rng = self._rng
        by_system = draft.updater_id == _SYSTEM_USER
        system: Event = {}
        if not by_system and rng.random() < 0.8:
            system = {"client": rng.choice(content.CLIENTS), **rng.choice(content.LOCATIONS)}
            if rng.random() < 0.05:
                system["ip_address"] = f"203.0.113.{rng.randrange(256)}"
        if not system and self._forms.random() < 0.4:
            system = dict.fromkeys(content.NO_SYSTEM)
        event: Event = {
            "child_events": draft.children,
            "id": draft.id,
            "ticket_id": ticket.id,
            "timestamp": draft.timestamp,
            "created_at": draft.created_at,
            "updater_id": draft.updater_id,
            "via": draft.via,
            "system": system,
            "event_type": "Audit",
        }
        if ticket.is_ai_agents:
            event[SCOPE_MARK] = "ai_agent"
        if draft.merged_ticket_ids:
            event["merged_ticket_ids"] = draft.merged_ticket_ids
        event["metadata"] = {"system": dict(system), "custom": {}}
        if rng.random() < 0.1:
            event["metadata"] |= {
                "flags": [2],
                "flags_options": {"2": {"trusted": False}},
                "trusted": False,
                "notifications_suppressed_for": [draft.updater_id],
            }
        return event

    # What happens to a ticket

    def _create(self, draft: _Draft) -> _Ticket:
        rng = self._rng
        self._next_ticket += 1
        ticket = _Ticket(self._next_ticket, rng.choice(content.SUBJECTS), draft.updater_id)
        ticket.is_ai_agents = self._forms.random() < self._ai_agents
        self._tickets.append(ticket)
        sample = rng.random() < 0.05
        draft.via = "Sample Ticket" if sample else rng.choice(content.EVENT_VIAS[:3])
        if rng.random() < 0.7:
            ticket.organization_id = str(360_857_467_000 + rng.randrange(50))
        ticket.assignee_id = self._user()
        self._comment(draft, public=True)
        draft.create(subject=ticket.subject)
        draft.create(requester_id=ticket.requester_id)
        draft.create(status=ticket.status)
        draft.create(priority=None)
        draft.create(type=None)
        draft.create(assignee_id=ticket.assignee_id)
        draft.create(group_id=ticket.group_id)
        draft.create(organization_id=ticket.organization_id)
        if sample or rng.random() < 0.3:
            ticket.tags = rng.sample(content.TAGS, rng.randrange(1, 4))
            draft.create(tags=ticket.tags, added_tags=ticket.tags, removed_tags=[])
        return ticket

    def _field_changes(self, ticket: _Ticket, draft: _Draft) -> None:
        draft.via = self._rng.choice(content.EVENT_VIAS)
        for make in self._rng.sample(self._change_makers, self._rng.choice((1, 1, 1, 2, 3))):
            child = make(ticket, draft)
            if self._rng.random() < 0.06:
                child["updater_id"] = draft.updater_id
            if self._rng.random() < 0.04:
                child["rel"] = self._rng.choice(("trigger", "automation", "problem"))

    def _reply(self, ticket: _Ticket, draft: _Draft) -> None:
        draft.via = self._rng.choice(content.EVENT_VIAS[:3])
        comment = self._comment(draft, public=self._rng.random() < 0.7)
        if self._forms.random() < 0.1:
            self._rename(comment, self._forms.choice(content.OTHER_COMMENTS))
        if self._rng.random() < 0.4:
            self._change_status(ticket, draft)

    def _system_update(self, ticket: _Ticket, draft: _Draft) -> None:
        draft.updater_id = _SYSTEM_USER
        draft.via = self._rng.choice(("Rule", "Trigger, automation"))
        draft.via_reference_id = 360_009_000 + self._rng.randrange(20)
        self._rng.choice(self._change_makers)(ticket, draft)

    def _phone_call(self, _ticket: _Ticket, draft: _Draft) -> None:
        draft.via = "Phone call"
        comment = self._comment(draft, public=False)
        self._rename(comment, self._forms.choice(content.CALLS))
        comment["data"] = {
            "from": "+4930123456",
            "to": "+14155550100",
            "recording_url": "https://acme.zendesk.com/api/v2/channels/voice/calls/CA1/twilio/recording",
            "call_duration": self._rng.randrange(900),
            "call_id": draft.id + 63,
            "answered_by_id": draft.updater_id,
            "answered_by_name": "Jürgen",
            "transcription_text": None,
            "transcription_status": None,
            "started_at": draft.created_at,
            "location": "Berlin, Germany",
            "line_type": "phone",
            "recorded": True,
            "brand_id": 360_000_555,
            "via_id": 45,
        }
        comment["formatted_from"] = "+49 30 123456"
        comment["transcription_visible"] = False

    def _merge(self, ticket: _Ticket, draft: _Draft) -> None:
        draft.via = "Merge"
        others = self._rng.sample(self._tickets, min(2, len(self._tickets)))
        draft.merged_ticket_ids = [other.id for other in others if other is not ticket]
        self._comment(draft, public=False)

    def _other(self, _ticket: _Ticket, draft: _Draft) -> None:
        event_type, fields = self._rng.choice(content.OTHER_CHILDREN)
        if self._forms.random() < 0.2:
            event_type, fields = self._forms.choice(content.REDACTIONS)
        draft.child(event_type, **fields)

    def _several_fields_in_one_child(self, ticket: _Ticket, draft: _Draft) -> None:
        previous = ticket.status
        ticket.status, ticket.priority = "open", "high"
        draft.change(previous, status=ticket.status, priority=ticket.priority)

    def _nothing(self, _ticket: _Ticket, _draft: _Draft) -> None:
        """Some audits have no children at all."""

    # Changes, one field each

    def _change_status(self, ticket: _Ticket, draft: _Draft) -> Event:
        previous = ticket.status
        ticket.status = (
            "deleted" if self._rng.random() < 0.01 else self._rng.choice(content.STATUSES)
        )
        return draft.change(previous, status=ticket.status)

    def _change_tags(self, ticket: _Ticket, draft: _Draft) -> Event:
        previous = ticket.tags
        ticket.tags = self._rng.sample(content.TAGS, self._rng.randrange(4))
        return draft.change(
            previous,
            tags=ticket.tags,
            added_tags=[tag for tag in ticket.tags if tag not in previous],
            removed_tags=[tag for tag in previous if tag not in ticket.tags],
        )

    def _change_custom_field(self, ticket: _Ticket, draft: _Draft) -> Event:
        rng = self._rng
        before, after = {}, {}
        for name in rng.sample(list(content.CUSTOM_FIELDS), rng.choice((1, 1, 1, 2))):
            before[name] = ticket.custom.get(name)
            after[name] = ticket.custom[name] = rng.choice(content.CUSTOM_FIELDS[name])
        form = rng.random()
        if form < 0.2:
            return draft.child("Change", custom_ticket_fields=after)
        return draft.change(before if form < 0.8 else None, custom_ticket_fields=after)

    def _change_choice(self, ticket: _Ticket, draft: _Draft) -> Event:
        # Zendesk shows an unset priority or type as "0" in previous_value.
        if self._rng.random() < 0.5:
            before, ticket.priority = ticket.priority, self._rng.choice(content.PRIORITIES)
            return draft.change(before or self._rng.choice(("0", None)), priority=ticket.priority)
        before, ticket.type = ticket.type, self._rng.choice(content.TYPES)
        return draft.change(before or "0", type=ticket.type)

    def _change_reference(self, ticket: _Ticket, draft: _Draft) -> Event:
        name, base = self._rng.choice(
            (
                ("assignee_id", 391_552_100),
                ("group_id", 360_001_000),
                ("brand_id", 360_000_550),
                ("ticket_form_id", 360_000_770),
                ("custom_status_id", 1_900_000),
            )
        )
        before = getattr(ticket, name)
        value = base + self._rng.randrange(20)
        setattr(ticket, name, value)
        return draft.change(None if before is None else str(before), **{name: value})

    def _change_subject(self, ticket: _Ticket, draft: _Draft) -> Event:
        before, ticket.subject = ticket.subject, self._rng.choice(content.SUBJECTS)
        return draft.change(before, subject=ticket.subject)

    def _change_requester(self, ticket: _Ticket, draft: _Draft) -> Event:
        before, ticket.requester_id = ticket.requester_id, self._user()
        return draft.change(str(before), requester_id=ticket.requester_id)

    def _change_organization(self, ticket: _Ticket, draft: _Draft) -> Event:
        before = ticket.organization_id
        ticket.organization_id = str(360_857_467_000 + self._rng.randrange(50))
        return draft.change(before, organization_id=ticket.organization_id)

    def _change_satisfaction(self, ticket: _Ticket, draft: _Draft) -> Event:
        before, ticket.satisfaction_score = (
            ticket.satisfaction_score,
            self._rng.choice(content.SCORES),
        )
        return draft.change(before, satisfaction_score=ticket.satisfaction_score)

    # Comments

    def _comment(self, draft: _Draft, *, public: bool) -> Event:
        rng = self._rng
        body = rng.choice(content.BODIES) + rng.choice(content.COMMENT_TAILS)
        if self._odd_text and rng.random() < 0.1:
            body += rng.choice(content.ODD_TAILS)
        comment = draft.child(
            "Comment",
            type="Comment",
            author_id=draft.updater_id,
            body=body,
            html_body=f'<div class="zd-comment" dir="auto"><p>{body}</p></div>',
            plain_body=body,
            public=public,
            attachments=[
                self._attachment(draft.id) for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 2)))
            ],
            audit_id=draft.id,
            created_at=draft.created_at,
        )
        comment["via"] = self._comment_via(draft)
        comment[COMMENT_MARK] = True
        return comment

    def _rename(self, comment: Event, kind: tuple[str, str | None, str]) -> None:
        """Make the comment one of another kind."""
        comment["event_type"], comment["type"], channel = kind
        if comment["type"] is None:
            del comment["type"]
            comment |= {"comment_present": True, "comment_public": comment["public"]}
        comment["via"] = {"channel": channel, "source": {"from": {}, "to": {}, "rel": "inbound"}}

    def _comment_via(self, draft: _Draft) -> Any:
        form = self._rng.random()
        if form < 0.03:
            return None
        if form < 0.08:
            return draft.via
        if form < 0.12:
            return {"channel": 30, "source": {"from": {}, "to": {}, "rel": None}}
        if draft.via == "Mail":
            sender = {"address": "maria@example.com", "name": "María Nuñez"}
            target = {"address": "support@acme.zendesk.com", "name": "Acme"}
            return {"channel": "email", "source": {"from": sender, "to": target, "rel": None}}
        channel = {"Web service (API)": "api", "Merge": "system"}.get(draft.via, "web")
        return {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}}

    def _attachment(self, event_id: int) -> Event:
        number = event_id + 40 + self._rng.randrange(20)
        name = self._rng.choice(("invoice.pdf", "Übersicht 2024.xlsx", "画面.png"))
        return {
            "url": f"https://acme.zendesk.com/api/v2/attachments/{number}.json",
            "id": number,
            "file_name": name,
            "content_url": f"https://acme.zendesk.com/attachments/token/{number}/",
            "mapped_content_url": f"https://acme.zendesk.com/attachments/token/{number}/",
            "content_type": "application/octet-stream",
            "size": self._rng.randrange(10_000_000),
            "width": None,
            "height": None,
            "inline": False,
            "deleted": False,
            "malware_access_override": False,
            "malware_scan_result": "malware_not_found",
            "thumbnails": [],
        }


class _Draft:
    """An event while it is being made."""

    def __init__(self, event_id: int, timestamp: int, updater_id: int) -> None:
        self.id = event_id
        self.timestamp = timestamp
        self.created_at = iso(timestamp)
        self.updater_id = updater_id
        self.via = "Web form"
        self.via_reference_id: int | None = None
        self.children: list[Event] = []
        self.merged_ticket_ids: list[int] = []

    def child(self, event_type: str, **fields: Any) -> Event:
        """Add a child event; the key order is that of the real ones."""
        child = {
            "id": self.id + 1 + len(self.children),
            "via": self.via,
            "via_reference_id": self.via_reference_id,
            **fields,
            "event_type": event_type,
        }
        self.children.append(child)
        return child

    def create(self, **fields: Any) -> Event:
        """Add the first value of a field."""
        return self.child("Create", **fields)

    def change(self, previous_value: Any, **fields: Any) -> Event:
        """Add a new value of a field."""
        child = self.child("Change", **fields)
        child["previous_value"] = previous_value
        return child
