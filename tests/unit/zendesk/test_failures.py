"""Answers that pass, and answers that are none of Zendesk's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import (
    NotFromZendeskError,
    RetriableError,
    ThrottledError,
    ZendeskEventsError,
)
from tap_zendesk_events.zendesk.answer import Answer
from tap_zendesk_events.zendesk.failures import retriable
from tests.fake_zendesk import Fault
from tests.support.harness import (
    AS_CLIENT,
    CONFIG,
    NOW,
    SimulatedClock,
    SimulatedTap,
    a_fake,
    bookmark,
    lines,
    on_token,
    plain_account,
    run,
)

SMALL = plain_account(60)
HTML = "<!DOCTYPE html><html><head><title>Attention</title></head><body>Blocked</body></html>"
AS_HTML = {"Content-Type": "text/html; charset=UTF-8"}

EDGES: dict[str, dict[str, Any]] = {
    "400, HTML": {"status": 400, "body": HTML},
    "403, HTML": {"status": 403, "body": HTML},
    "403, HTML under another name": {
        "status": 403,
        "body": "\n  " + HTML,
        "headers": {"Content-Type": "application/json"},
    },
    "403, named HTML": {"status": 403, "body": "Access denied", "headers": AS_HTML},
    "403, empty HTML": {"status": 403, "body": "", "headers": AS_HTML},
    "403, XML": {"status": 403, "body": "<?xml version='1.0'?><Error/>"},
    "200, HTML": {"status": 200, "body": HTML},
    "304": {"status": 304},
}


@pytest.mark.parametrize("status", [408, 409, 423, 425])
@pytest.mark.parametrize("body", ["", '{"error":"DatabaseConflict"}', HTML])
@pytest.mark.parametrize("at", [1, 3])
def test_statuses_that_pass_are_asked_again(status: int, body: str, at: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(on={at, at + 1}, status=status, body=body)])
    output = run(fake, clock, page_size=10)
    assert sorted(output.ids) == list(range(1, 61))
    assert {request.query["per_page"] for request in fake.export_requests} == {"10"}


@pytest.mark.parametrize("status", [408, 409, 423, 425])
def test_so_they_are_at_the_token_endpoint(status: int) -> None:
    clock = SimulatedClock()
    fault = Fault(on=on_token, times=3, status=status)
    assert len(run(a_fake(SMALL, clock, faults=[fault]), clock, **AS_CLIENT).ids) == 60


@pytest.mark.parametrize("answer", EDGES.values(), ids=EDGES.keys())
@pytest.mark.parametrize("at", [1, 3])
def test_what_an_edge_answers_passes(answer: dict[str, Any], at: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(on={at, at + 1}, **answer)])
    output = run(fake, clock, page_size=10)
    assert sorted(output.ids) == list(range(1, 61))


@pytest.mark.parametrize("answer", EDGES.values(), ids=EDGES.keys())
@pytest.mark.parametrize("way", [{}, AS_CLIENT], ids=["page", "token"])
def test_an_edge_that_answers_from_the_first_request_on_ends_the_run_soon(
    answer: dict[str, Any], way: dict[str, Any]
) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(on=lambda _: True, **answer)])
    output = run(fake, clock, fails=True, **way)
    assert clock.time - NOW == pytest.approx(30)
    assert "a proxy or a firewall" in str(output.error)
    assert "<" not in str(output.error)
    assert f"status {answer['status']}" in str(output.error)


def test_other_answers_before_it_are_not_zendesks_word() -> None:
    """A 503 may be the edge's too; only a good answer shows that Zendesk can be reached."""
    clock = SimulatedClock()
    faults = [Fault(on={1, 2}, status=503), Fault(on=range(3, 999), status=403, body=HTML)]
    run(a_fake(SMALL, clock, faults=faults), clock, fails=True)
    assert clock.time - NOW == pytest.approx(30)


@pytest.mark.parametrize("answer", EDGES.values(), ids=EDGES.keys())
def test_an_edge_that_begins_later_gets_the_usual_patience(answer: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(
        SMALL, clock, rate_limit=(9_999, 60.0), faults=[Fault(on=range(3, 9_999), **answer)]
    )
    output = run(fake, clock, page_size=10, fails=True)
    assert clock.time - NOW == pytest.approx(900)
    assert "a proxy or a firewall" in str(output.error)
    assert len(output.ids) == 19
    assert bookmark(output)["boundary_ids"] == [19]


ZENDESKS: dict[str, dict[str, Any]] = {
    "403": {"status": 403, "body": '{"error":{"title":"Forbidden","message":"No access."}}'},
    "403, empty": {"status": 403, "body": ""},
    "403, JSON named HTML": {"status": 403, "body": '{"error":"Forbidden"}', "headers": AS_HTML},
    "400": {"status": 400, "body": '{"error":"InvalidValue"}'},
    "404, HTML": {"status": 404, "body": HTML},
}


@pytest.mark.parametrize("answer", ZENDESKS.values(), ids=ZENDESKS.keys())
def test_zendesks_own_refusals_stop_at_once(answer: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(**answer)])
    output = run(fake, clock, fails=True)
    assert len(fake.export_requests) == 1
    assert clock.time == NOW
    assert "firewall" not in str(output.error)


def test_304_is_no_redirect() -> None:
    clock = SimulatedClock()
    output = run(a_fake(SMALL, clock, faults=[Fault(status=304)]), clock, fails=True)
    assert "redirect" not in str(output.error)
    assert "not modified" in str(output.error)


def test_the_check_of_a_connection_names_the_edge(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    tap = SimulatedTap(config=CONFIG)
    tap.clock = clock
    tap.fake = a_fake(SMALL, clock, faults=[Fault(status=403, body=HTML)])
    with pytest.raises(ZendeskEventsError, match="a proxy or a firewall"):
        tap.check_connection()
    assert len(tap.fake.log) == 1
    assert lines(caplog, "WARNING") == []


@given(
    st.integers(200, 599),
    st.sampled_from([HTML.encode(), b"", b"{}", b"[", b"text", b"\xef\xbb\xbf <html>"]),
    st.sampled_from(["text/html", "application/json", "text/plain", ""]),
)
def test_every_answer_is_sorted_by_one_rule(status: int, body: bytes, kind: str) -> None:
    """Against the rule in the words of the guarantees."""
    error = retriable(Answer(status, {"Content-Type": kind}, body), NOW)
    html = b"<" in body or (kind == "text/html" and not body.startswith((b"{", b"[")))
    if status == 429:
        assert isinstance(error, ThrottledError)
    elif status >= 500 or status in {408, 409, 423, 425}:
        assert isinstance(error, RetriableError)
        assert not isinstance(error, NotFromZendeskError)
    elif status == 304 or (html and (status < 300 or status in {400, 403})):
        assert isinstance(error, NotFromZendeskError)
    else:
        assert error is None
