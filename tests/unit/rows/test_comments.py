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
from tests.support.child_kinds import kinds
from tests.support.events import event_of
from tests.support.hand_written import load_hand_written
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


@given(st.lists(st.just(SHORT) | st.just(SAID), max_size=3))
def test_hiding_twice_is_hiding_once(children: list[dict[str, Any]]) -> None:
    once = without_sideload(event_of(child_events=children))
    assert without_sideload(once) == once
