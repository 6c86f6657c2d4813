"""What the models of the dbt package should say, found by replaying the raw events in Python.

It is written from the descriptions of the models, and shares no rule with their SQL. A row is a
dictionary with the model's columns; times are epoch seconds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .replay import CHANGES, Row, Ticket, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .replay import Spell

DAY = 86_400
RESOLVED = ("solved", "closed")
GONE = (*RESOLVED, "deleted")
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")


def status_intervals(tickets: Iterable[Ticket], name: str = "status") -> Iterator[Row]:
    """The rows of ``ticket_status_intervals``, or of the model that is like it."""
    for ticket in tickets:
        for spell in ticket.spells(name):
            if spell.value is not None:
                yield {"ticket_id": ticket.id, name: spell.value, **_interval(spell)}


def assignments(tickets: Iterable[Ticket]) -> Iterator[Row]:
    """The rows of ``ticket_assignments``."""
    for ticket in tickets:
        for kind in ("assignee", "group"):
            for spell in ticket.spells(f"{kind}_id"):
                if spell.value is not None:
                    found = {"ticket_id": ticket.id, "kind": kind, "assigned_id": int(spell.value)}
                    yield {**found, **_interval(spell)}


def tag_history(tickets: Iterable[Ticket]) -> Iterator[Row]:
    """The rows of ``ticket_tag_history``."""
    for ticket in tickets:
        running: dict[str, Row] = {}
        for spell in ticket.spells("tags"):
            tags = json.loads(spell.value or "[]")
            for tag in [tag for tag in running if tag not in tags]:
                yield {**running.pop(tag), "ended_at": spell.begin}
            for tag in tags:
                started = {"started_at": spell.begin, "is_start_known": spell.known}
                running.setdefault(tag, {"ticket_id": ticket.id, "tag": tag, **started})
        for row in running.values():
            yield {**row, "ended_at": None}


def replies(tickets: Iterable[Ticket]) -> Iterator[Row]:
    """The rows of ``ticket_replies``."""
    for ticket in tickets:
        yield from _Conversation(ticket).replies


def tickets(found: Iterable[Ticket]) -> Iterator[Row]:
    """The rows of ``tickets``."""
    for ticket in found:
        conversation = _Conversation(ticket)
        waits = [row for row in conversation.replies if row["waiting_since"] is not None]
        status = ticket.value("status")
        yield {
            "ticket_id": ticket.id,
            "created_at": ticket.created(),
            "updated_at": ticket.events[-1]["timestamp"],
            **{name: ticket.value(name) for name in ("status", "priority", "type")},
            **{
                f"{name}_id": _number(ticket.value(f"{name}_id"))
                for name in (
                    "requester",
                    "assignee",
                    "group",
                    "organization",
                    "brand",
                    "custom_status",
                )
            },
            **_resolutions(ticket),
            "public_replies": len(conversation.replies) if conversation.requester_known else None,
            "first_reply_seconds": waits[0]["waited_seconds"] if waits else None,
            "waiting_since": (
                None if status is None or status in GONE else conversation.waiting_since
            ),
            "merged_into_ticket_id": ticket.merged_into,
        }


def backlog(tickets: dict[int, Ticket]) -> Iterator[Row]:
    """The rows of ``ticket_backlog_daily``: each day that is over, asked of each ticket."""
    seconds = [
        event["timestamp"]
        for ticket in tickets.values()
        for event in ticket.events
        if any(child["event_type"] in CHANGES for child in event["child_events"])
    ]
    names = ("status", "priority", "assignee_id", "group_id")
    for ticket in tickets.values():
        spells = {name: ticket.spells(name) for name in names}
        for day in range(min(seconds) // DAY, max(seconds) // DAY):
            last_second = (day + 1) * DAY - 1
            held = {
                name: next(
                    (s.value for s in spells[name] if s.holds_at_the_end_of(last_second)), None
                )
                for name in names
            }
            if held["status"] is not None and held["status"] not in GONE:
                yield {
                    "date_day": day,
                    "ticket_id": ticket.id,
                    "status": held["status"],
                    "priority": held["priority"],
                    "assignee_id": _number(held["assignee_id"]),
                    "group_id": _number(held["group_id"]),
                }


def slas(metric_events: Iterable[Row]) -> Iterator[Row]:
    """The rows of ``ticket_slas``."""
    instances: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for event in metric_events:
        if not event.get("deleted"):
            key = (event["ticket_id"], event["metric"], event["instance_id"])
            instances[key].append(event)
    for (ticket_id, metric, instance_id), events in instances.items():
        current: Row | None = None
        for event in sorted(events, key=_metric_order):
            second = _second(event["time"])
            if event["type"] in ("apply_sla", "apply_group_sla"):
                if current:
                    yield {**current, "replaced_at": second}
                rules = event.get("sla") or event.get("group_sla") or {}
                policy = rules.get("policy") or {}
                current = {
                    "ticket_id": ticket_id,
                    "metric": metric,
                    "instance_id": instance_id,
                    "metric_event_id": event["id"],
                    "policy_id": None if policy.get("id") is None else str(policy["id"]),
                    "policy_title": policy.get("title"),
                    "target_minutes": rules.get("target"),
                    "business_hours": rules.get("business_hours"),
                    "applied_at": second,
                    "replaced_at": None,
                    "fulfilled_at": None,
                    "breached_at": None,
                    "is_breached": False,
                }
            elif current and event["type"] == "fulfill" and current["fulfilled_at"] is None:
                current["fulfilled_at"] = second
            elif current and event["type"] == "breach" and current["breached_at"] is None:
                current |= {"breached_at": second, "is_breached": True}
        if current:
            yield current


class _Conversation:
    """Who asked and who answered on a ticket, one second after the other."""

    def __init__(self, ticket: Ticket) -> None:
        self.replies: list[Row] = []
        self.waiting_since: int | None = None
        spells = ticket.spells("requester_id")
        self.requester_known = any(spell.value for spell in spells)
        for second, events in groupby(ticket.events, key=lambda event: int(event["timestamp"])):
            requester = next(
                (s.value for s in spells if s.holds_at_the_end_of(second)),
                None,
            )
            if requester is None:
                continue
            said = [(event, child) for event in events for child in _public_comments(event)]
            own = [child for _, child in said if str(child["author_id"]) == requester]
            if own and self.waiting_since is None:
                self.waiting_since = second
            others = sorted(
                (
                    child
                    for event, child in said
                    if str(child["author_id"]) != requester and not _creates(event)
                ),
                key=lambda child: int(child["id"]),
            )
            for child in others:
                self._reply(ticket.id, child, second)

    def _reply(self, ticket_id: int, child: Row, second: int) -> None:
        since, self.waiting_since = self.waiting_since, None
        self.replies.append(
            {
                "ticket_id": ticket_id,
                "comment_id": child["id"],
                "author_id": child["author_id"],
                "replied_at": second,
                "reply_number": len(self.replies) + 1,
                "waiting_since": since,
                "waited_seconds": None if since is None else second - since,
            }
        )


def _public_comments(event: Row) -> Iterator[Row]:
    if event["via"].lower() == "merge" or event.get("merged_ticket_ids"):
        return
    for child in event["child_events"]:
        public = child.get("public", child.get("comment_public"))
        named = str(child.get("type")), str(child["event_type"])
        other = child["event_type"] in CHANGES or not any(n.endswith("Comment") for n in named)
        # the account marks its own comments, whatever they are called
        if not child.get("_comment", not other):
            continue
        if public and child.get("author_id") not in (None, -1):
            yield child


def _creates(event: Row) -> bool:
    return any(child["event_type"] == "Create" for child in event["child_events"])


def _resolutions(ticket: Ticket) -> Row:
    spells = [spell for spell in ticket.spells("status") if spell.value is not None]
    resolved: list[int] = []
    reopens = 0
    before: Value = None
    for spell in spells:
        if spell.value in RESOLVED and before not in RESOLVED and spell.known:
            resolved.append(spell.begin)
        if spell.value not in GONE and before in RESOLVED:
            reopens += 1
        before = spell.value
    return {
        "first_resolved_at": resolved[0] if resolved else None,
        "last_resolved_at": resolved[-1] if resolved else None,
        "reopens": reopens if spells else None,
        **{
            f"{status}_seconds": sum(s.seconds or 0 for s in spells if s.value == status)
            if spells
            else None
            for status in STATUSES
        },
    }


def _interval(spell: Spell) -> Row:
    return {
        "started_at": spell.begin,
        "ended_at": spell.end,
        "duration_seconds": spell.seconds,
        "updater_id": spell.updater_ids,
        "is_start_known": spell.known,
    }


def _number(text: Value) -> int | None:
    return None if text is None else int(text)


def _second(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


def _metric_order(event: Row) -> tuple[int, bool, int]:
    # what happens in the second in which a target is applied happens to that target
    return (_second(event["time"]), not event["type"].startswith("apply"), event["id"])
