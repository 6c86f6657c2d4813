"""What an export is asked for."""

from __future__ import annotations

import pytest

from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.support.harness import SimulatedClock, a_fake, plain_account, run


@pytest.mark.parametrize("include_comments", [True, False])
def test_comments_are_asked_for_only_if_wanted(include_comments: bool) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(30), clock)
    run(fake, clock, page_size=10, include_comments=include_comments)
    expected = "comment_events" if include_comments else None
    assert {request.query.get("include") for request in fake.export_requests} == {expected}


@pytest.mark.parametrize(
    ("comments", "scope", "parameters"),
    [
        (False, "agent", {}),
        (False, "all", {"support_type_scope": "all"}),
        (True, "agent", {"include": "comment_events"}),
        (True, "ai_agent", {"include": "comment_events", "support_type_scope": "ai_agent"}),
    ],
)
def test_only_what_differs_from_zendesks_own_way_is_asked_for(
    comments: bool, scope: str, parameters: dict[str, str]
) -> None:
    asked = TICKET_EVENTS.asking_for(comments=comments, support_type_scope=scope)
    assert dict(asked.parameters) == parameters
    assert asked._replace(parameters=()) == TICKET_EVENTS


def test_the_metric_events_know_no_such_parameters() -> None:
    asked = TICKET_METRIC_EVENTS.asking_for(comments=True, support_type_scope="all")
    assert asked == TICKET_METRIC_EVENTS
