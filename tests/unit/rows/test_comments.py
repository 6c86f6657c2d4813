"""The comments of an event, and what is left of them where nobody asked for their texts."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.rows.comments import comments, is_comment, without_sideload
from tap_zendesk_events.rows.values import WarnOnce
from tap_zendesk_events.zendesk.page import read_page
from tap_zendesk_events.zendesk.typed import SentEvent
from tests.fake_zendesk import plain_event
from tests.support.child_kinds import kinds
from tests.support.events import event_of
from tests.support.hand_written import load_hand_written
from tests.support.harness import BEGIN
from tests.support.independent_reader import comparable

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.page import Event

LOG = logging.getLogger("test_comments")
MARK = "m4rk-of-a-comment-body"
SAID = {
    "id": 8,
    "event_type": "Comment",
    "type": "Comment",
    "author_id": 5,
    "body": MARK,
    "html_body": f"<p>{MARK}</p>",
    "plain_body": MARK,
    "public": False,
    "attachments": [{"file_name": MARK}],
    "audit_id": 9,
    "via": {"channel": "web", "source": {"from": MARK}},
}
SHORT = {
    "id": 8,
    "event_type": "Comment",
    "via": "Mail",
    "via_reference_id": None,
    "comment_present": True,
    "comment_public": True,
}


def rows_of(event: Event) -> list[dict[str, Any]]:
    return list(comments(event, WarnOnce(LOG)))


def test_the_rows_written_by_hand() -> None:
    expected = load_hand_written()
    rows = [row for event in expected.events for row in rows_of(event_of(event))]
    assert [comparable(row) for row in rows] == expected.comments


@given(kinds())
def test_what_is_a_comment_is_one_by_its_kind_alone(child: dict[str, Any]) -> None:
    is_one = child.pop("_comment")
    assert is_comment(child) is is_one


def test_a_short_comment_has_no_body() -> None:
    (row,) = rows_of(event_of(child_events=[SHORT]))
    assert (row["id"], row["type"], row["public"], row["body"]) == (8, "Comment", True, None)
    assert row["via_channel"] == "Mail"


@pytest.mark.parametrize("identifier", [None, "8", True])
def test_a_comment_without_an_id_is_told_once_and_makes_no_row(
    identifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert rows_of(event_of(child_events=[{**SAID, "id": identifier}] * 2)) == []
    assert len(caplog.messages) == 1


def test_without_the_sideload_nothing_of_a_comment_is_left() -> None:
    event = event_of(via="Mail", child_events=[{"id": 7, "status": "open"}, SAID], metadata=MARK)
    shown = without_sideload(event)
    assert MARK not in json.dumps(shown.fields)
    untouched, hidden = shown.fields["child_events"]
    assert untouched == {"id": 7, "status": "open"}
    assert hidden == {**SHORT, "comment_public": False}
    # the event itself, which other streams read too, is as it was
    assert event.fields["child_events"][1] is SAID


def test_what_comes_without_the_sideload_is_left_as_it_is() -> None:
    changes = [{"id": 7, "event_type": "Change", "status": "open"}, "text", None, SHORT]
    event = event_of(child_events=changes)
    assert without_sideload(event) is event


def read(text: str) -> Event:
    """The event as the page shows it that has just this one."""
    body = f'{{"ticket_events":[{text}],"end_of_stream":true}}'
    (event,) = read_page(body.encode(), "ticket_events", BEGIN, 1, None, LOG).events
    return event


@given(
    st.lists(kinds() | st.sampled_from([SHORT, SAID]), max_size=3),
    st.sampled_from([{}, {"metadata": None}, {"metadata": {"custom": {}}}]),
    st.sets(st.sampled_from("Com_"), max_size=3),
)
def test_an_event_that_fits_shows_what_one_that_is_decoded_shows(
    children: list[dict[str, Any]], metadata: dict[str, Any], escaped: set[str]
) -> None:
    kept = [{k: v for k, v in child.items() if k != "_comment"} for child in children]
    sent = plain_event(1, BEGIN, child_events=kept, **metadata)
    text = json.dumps(sent)
    for letter in escaped:
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    event = read(text)
    assert isinstance(event.fields, SentEvent)
    shown = without_sideload(event)
    assert dict(shown.fields) == dict(without_sideload(event_of(sent)).fields)
    # what shows no more than it may is not taken apart
    assert (shown is event) == (dict(shown.fields) == sent)


def test_of_two_lists_of_children_the_first_does_not_go_out_unseen() -> None:
    said = {"id": 2, "event_type": "Comment", "body": "my number is 4711"}
    text = json.dumps(plain_event(1, BEGIN, child_events=[said]))
    event = read(text[:-1] + ', "child_events": []}')
    assert isinstance(event.fields, SentEvent)
    shown = without_sideload(event)
    assert not isinstance(shown.fields, SentEvent)
    assert shown.fields["child_events"] == []


@given(st.lists(st.just(SHORT) | st.just(SAID), max_size=3))
def test_hiding_twice_is_hiding_once(children: list[dict[str, Any]]) -> None:
    once = without_sideload(event_of(child_events=children))
    assert without_sideload(once) == once
