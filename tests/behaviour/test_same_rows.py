"""A row of `ticket_events` is the same whatever else is selected, and tells no comment unasked."""

from __future__ import annotations

import json
import logging
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fake_zendesk import Account, Event, make_events, make_metric_events, plain_event
from tests.support.child_kinds import kinds
from tests.support.harness import BEGIN, TIMES, Output, SimulatedClock, a_fake, run
from tests.support.selection import ALL_STREAMS, rows, selecting

OTHERS = tuple(stream for stream in ALL_STREAMS if stream != "ticket_events")
SELECTIONS = [some for size in range(4) for some in combinations(OTHERS, size)]
"""The other streams, in every combination."""

COMMENT = "m4rk-of-a-comment"
SHORT = {"id", "event_type", "via", "via_reference_id", "comment_present", "comment_public"}


def output_of(account: Account, *streams: str, **options: Any) -> Output:
    clock = SimulatedClock()
    fake = a_fake(account, clock)
    output = run(fake, clock, catalog=selecting(*streams), **options)
    output.check_records()
    return output


def event_rows(account: Account, *others: str, **options: Any) -> list[Any]:
    return rows(output_of(account, "ticket_events", *others, **options), "ticket_events")


@pytest.mark.parametrize("include_comments", [False, True])
def test_rows_are_the_same_in_every_combination_of_streams(include_comments: bool) -> None:
    events = make_events(800, seed=9, start=BEGIN, spread=86_400 * 3, unknown_fields=True)
    clocks = make_metric_events(60, seed=9, start=BEGIN, spread=86_400 * 3, events=events)
    account = Account(events, metric_events=clocks)
    alone = event_rows(account, include_comments=include_comments)
    assert len(SELECTIONS) == 8
    for others in SELECTIONS:
        together = event_rows(account, *others, include_comments=include_comments)
        assert together == alone, others
    assert len(alone) == 800
    assert all((row.get("metadata") is not None) == include_comments for row in alone)
    told = [child for row in alone for child in row["child_events"] if "html_body" in child]
    assert bool(told) == include_comments
    titles = [
        (child["via"], row["via"])
        for row in alone
        for child in row["child_events"]
        if "comment_present" in child and child.keys() <= SHORT
    ]
    assert all(own == of_the_event for own, of_the_event in titles)
    assert (len(titles) > 200) != include_comments


MARKED = st.fixed_dictionaries(
    {"id": st.integers(1, 10**6), "body": st.just(COMMENT), "author_id": st.just(5)},
    optional={
        "via": st.sampled_from(["Mail", None, 30, {"channel": "chat", "source": {"x": COMMENT}}]),
        "via_reference_id": st.none() | st.integers(0, 9),
        "public": st.booleans(),
        "comment_public": st.booleans(),
        "html_body": st.just(f"<p>{COMMENT}</p>"),
        "attachments": st.just([{"file_name": COMMENT}]),
        "data": st.just({"transcription_text": COMMENT}),
        "value": st.just([COMMENT]),
    },
)
"""A child that could be a comment, with a text in many places."""


@st.composite
def children(draw: st.DrawFn, knows: bool) -> dict[str, Any]:
    """Any child: as a comment it has a marked text, as anything else it has none."""
    kind = draw(kinds())
    if not kind["_comment"]:
        return {"id": draw(st.integers(1, 10**6)), "via": "Mail", **kind, "status": "open"}
    return {**draw(MARKED), **kind, "_comment": knows}


@settings(max_examples=80 * TIMES, deadline=None)
@given(st.data(), st.booleans(), st.sampled_from(["Mail", None, {"channel": "web"}]))
def test_any_comment_is_hidden_the_same_way(data: st.DataObject, knows: bool, via: Any) -> None:
    """Also one of a kind that Zendesk would forget to hide where no sideload is asked for."""
    found = data.draw(st.lists(st.lists(children(knows), max_size=4), max_size=3))
    account = Account(
        plain_event(n, BEGIN + n, child_events=of_one, via=via, metadata={"custom": {}})
        for n, of_one in enumerate(found, start=1)
    )
    alone = output_of(account, "ticket_events")
    both = output_of(account, "ticket_comments", "ticket_events")
    assert rows(alone, "ticket_events") == rows(both, "ticket_events")
    assert COMMENT not in json.dumps(rows(both, "ticket_events"))
    assert COMMENT not in json.dumps(alone.messages)
    told = event_rows(account, include_comments=True)
    marked = json.dumps(found).count(COMMENT)
    assert json.dumps([row["child_events"] for row in told]).count(COMMENT) == marked


TEXTS: dict[str, Any] = {
    "author_id": 12,
    "body": f"{COMMENT} caller asked for a refund",
    "html_body": f"<p>{COMMENT}</p>",
    "plain_body": COMMENT,
    "public": False,
    "attachments": [{"id": 3, "file_name": f"{COMMENT}.pdf"}],
    "audit_id": 1001,
    "data": {"recording_url": f"https://acme.example/{COMMENT}", "transcription_text": COMMENT},
}
EIGHT_KINDS: dict[str, dict[str, Any]] = {
    "a comment": {"event_type": "Comment", "type": "Comment"},
    "a call": {"event_type": "VoiceComment", "type": "VoiceComment"},
    "a call of another provider": {"event_type": "VoiceApiComment", "type": "TpeVoiceComment"},
    "a post on Facebook": {"event_type": "FacebookComment", "type": "FacebookComment"},
    "a kind of tomorrow": {"event_type": "HologramComment"},
    "a comment by its type only": {"event_type": "Hologram", "type": "HologramComment"},
    "a comment by what it says": {
        "event_type": "ConversationTurn",
        "comment_present": True,
        "comment_public": False,
    },
    "a comment in the form of the audits": {"type": "Comment"},
}


def with_every_kind(knows: bool) -> Account:
    """An event for each kind of comment; whether the server knows it for one."""
    events: list[Event] = []
    for number, kind in enumerate(EIGHT_KINDS.values()):
        event_id = 1001 + 10 * number
        via = {"channel": "any", "source": {"from": {"name": COMMENT}}}
        comment = {"id": event_id + 1, "via": via, "via_reference_id": None, **TEXTS, **kind}
        change = {"id": event_id + 2, "event_type": "Change", "status": "open"}
        marked = [{**comment, "_comment": knows}, change]
        events.append(plain_event(event_id, BEGIN + number, child_events=marked, via="CTI call"))
    return Account(events)


@pytest.mark.parametrize("others", SELECTIONS)
@pytest.mark.parametrize("include_comments", [False, True])
@pytest.mark.parametrize("knows", [True, False], ids=["hidden by Zendesk", "not hidden by Zendesk"])
def test_texts_of_eight_kinds_of_comments_go_where_they_were_asked_for(
    others: tuple[str, ...],
    include_comments: bool,
    knows: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    account = with_every_kind(knows)
    output = output_of(account, "ticket_events", *others, include_comments=include_comments)
    told = {
        message.get("stream", message["type"])
        for message in output.messages
        if COMMENT in json.dumps(message)
    }
    asked = {"ticket_events"} if include_comments else set()
    assert told == asked | ({"ticket_comments"} & set(others))
    assert COMMENT not in caplog.text
    hidden = [row["child_events"][0] for row in rows(output, "ticket_events")]
    if not include_comments:
        assert [child.keys() for child in hidden] == [SHORT] * 8
        assert {(c["via"], c["comment_present"], c["comment_public"]) for c in hidden} == {
            ("CTI call", True, False)
        }
    if "ticket_comments" in others:
        found = rows(output, "ticket_comments")
        kinds_told = [kind.get("type", kind.get("event_type")) for kind in EIGHT_KINDS.values()]
        assert [row["type"] for row in found] == kinds_told
        assert [row["public"] for row in found] == [False] * 8
        assert [row["body"] for row in found] == [TEXTS["body"]] * 8
