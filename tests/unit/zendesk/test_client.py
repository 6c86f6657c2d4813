"""How long the request for a page took: the time that tells when Zendesk read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.zendesk.export import TICKET_EVENTS
from tests.fake_zendesk import Fault
from tests.support.harness import (
    BEGIN,
    CONFIG,
    NOW,
    SimulatedClock,
    SimulatedTap,
    a_fake,
    plain_account,
)

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.page import Page


def first_page(
    *faults: Fault, one_way: float = 0.0, **settings: Any
) -> tuple[Page, SimulatedClock]:
    clock = SimulatedClock()
    tap = SimulatedTap(config={**CONFIG, **settings})
    tap.clock = clock
    tap.fake = a_fake(plain_account(3), clock, faults=list(faults))
    tap.latency = lambda: one_way
    export = TICKET_EVENTS.asking_for(comments=False, support_type_scope="all")
    return tap.account().client(export).page(BEGIN), clock


def test_the_way_there_and_back_counts() -> None:
    page, _ = first_page(one_way=2.5)
    assert page.seconds == pytest.approx(5)


def test_a_body_that_comes_slowly_counts() -> None:
    page, _ = first_page(Fault(kind="slow", seconds=50))
    assert page.seconds == pytest.approx(50)


def test_only_the_try_that_was_answered_counts() -> None:
    page, clock = first_page(
        Fault(on=1, status=503, headers={"Retry-After": "30"}),
        Fault(on=2, status=429, headers={"Retry-After": "40"}),
        one_way=2,
    )
    assert page.seconds == pytest.approx(4)
    assert clock.time - NOW == pytest.approx(70 + 3 * 4)


def test_fetching_a_token_does_not_count() -> None:
    page, clock = first_page(
        Fault(on=1, status=401),
        one_way=3,
        access_token=None,
        client_id="fake-client",
        client_secret="fake-client-secret",
    )
    assert page.seconds == pytest.approx(6)
    assert clock.time - NOW == pytest.approx(4 * 6)
