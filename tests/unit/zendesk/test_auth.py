"""Credentials that end while a run goes on: renewed once each time, or an error."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_zendesk import Fault
from tests.fake_zendesk.credentials import CLIENT as PAIR
from tests.support.harness import (
    AS_CLIENT,
    SimulatedClock,
    a_fake,
    bookmark,
    lines,
    plain_account,
    run,
    token_requests,
)


@pytest.mark.parametrize("way", [AS_CLIENT, {}])
def test_a_401_in_mid_run_is_mended_once_by_a_new_token(way: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, clients={PAIR: {}})

    def revoke() -> float:
        if len(fake.export_requests) == 3 and len(fake.tokens_issued) == 1:
            fake.expire_tokens()
        return 0.0

    output = run(fake, clock, page_size=10, latency=revoke, **way)
    assert sorted(output.ids) == list(range(1, 61))
    assert len(token_requests(fake)) == (2 if way else 0)


def test_every_401_gets_its_own_renewal() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(60), clock, clients={PAIR: {}})

    def revoke() -> float:
        if fake.log and fake.log[-1].path_kind == "export" and fake.log[-1].status == 200:
            fake.expire_tokens()
        return 0.0

    output = run(fake, clock, page_size=10, latency=revoke, **AS_CLIENT)
    assert sorted(output.ids) == list(range(1, 61))
    assert len(token_requests(fake)) == len([r for r in fake.export_requests if r.status == 200])


def test_a_second_401_in_a_row_is_an_error() -> None:
    clock = SimulatedClock()
    faults = [Fault(on=range(3, 99), status=401, body='{"error":"invalid_token"}')]
    fake = a_fake(plain_account(60), clock, faults=faults)
    output = run(fake, clock, page_size=10, fails=True, **AS_CLIENT)
    assert len(fake.export_requests) == 4
    assert len(token_requests(fake)) == 2
    assert "does not accept the credentials" in str(output.error)
    assert len(output.ids) == 19
    assert bookmark(output)["boundary_ids"] == [19]


@pytest.mark.parametrize(
    "way", [{"access_token": "wrong"}, {"access_token": None, "email": "a@b.c", "api_token": "no"}]
)
def test_without_a_way_to_renew_the_first_401_is_an_error(way: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, fails=True, **way)
    assert len(fake.log) == 1
    assert "does not accept the credentials" in str(output.error)


def test_a_renewed_request_takes_a_slot_of_its_own() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(300), clock, rate_limit=(10, 60.0), clients={PAIR: {}})

    def revoke() -> float:
        last = fake.log[-1] if fake.log else None
        if last and last.number in {5, 6, 7} and last.status == 200:
            fake.expire_tokens()
        return 0.0

    run(fake, clock, page_size=10, latency=revoke, **AS_CLIENT)
    assert {request.status for request in fake.export_requests} == {200, 401}


def test_the_renewal_is_told_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    fake = a_fake(plain_account(30), clock, faults=[Fault(on=2, status=401)])
    run(fake, clock, page_size=10, **AS_CLIENT)
    assert sum("fetching another" in line for line in lines(caplog, "INFO")) == 1
    for token in fake.tokens_issued:
        assert token not in caplog.text
