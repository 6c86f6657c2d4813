"""Whatever goes wrong on the way: all events come out, each once, or the run says why not."""

from __future__ import annotations

import json
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Fault
from tests.support.harness import (
    BEGIN,
    NOW,
    Output,
    SimulatedClock,
    a_fake,
    bookmark,
    lines,
    plain_account,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = plain_account(6_000, every=0.9)
SOME = plain_account(600, every=0.9)
SMALL = plain_account(60)
HTML = "<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry</body></html>"
TOO_RECENT = '{"error":"StartTimeTooRecent","description":"Too recent start_time."}'


def replaced(**fields: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An edit of a page: other fields instead; `...` removes one."""

    def edit(page: dict[str, Any]) -> dict[str, Any]:
        return {name: v for name, v in {**page, **fields}.items() if v is not ...}

    return edit


def third(kind: Any = "answer", times: int = 1, **more: Any) -> Fault:
    """A fault that strikes at the third request and at those that repeat it."""
    return Fault(on=range(3, 3 + times), times=times, kind=kind, **more)


PASSING = {
    "429 eight times": third(times=8, status=429, headers={"Retry-After": "1"}),
    "429 fifteen times": third(times=15, status=429, headers={"Retry-After": "1"}),
    "429 with a date": third(
        status=429, headers={"Retry-After": formatdate(NOW + 40, usegmt=True)}
    ),
    "429 with a date in the past": third(
        times=3, status=429, headers={"Retry-After": formatdate(NOW - 400, usegmt=True)}
    ),
    "429 without a word": third(times=15, status=429),
    "429 with garbage": third(times=15, status=429, headers={"Retry-After": "a while"}),
    "429 negative": third(times=15, status=429, headers={"Retry-After": "-5"}),
    "429 for a day": third(status=429, headers={"Retry-After": "86400"}),
    "429 in plain text": third(
        status=429, body="Number of allowed API requests per minute exceeded"
    ),
    "500 twice": third(times=2, status=500, body=HTML),
    "502": third(status=502, body=HTML),
    "503": third(status=503),
    "503 with Retry-After": third(times=2, status=503, headers={"Retry-After": "30"}),
    "503 with a date": third(
        status=503, headers={"Retry-After": formatdate(NOW + 30, usegmt=True)}
    ),
    "504": third(status=504, body="upstream request timeout"),
    "520": third(status=520, body=HTML),
    "524": third(status=524, body=HTML),
    "drop": third("drop"),
    "drop five times": third("drop", times=5),
    "drop in body": third("drop_in_body"),
    "truncated": third("truncate"),
    "wrong length": third("wrong_length"),
    "broken gzip": third("broken_gzip"),
    "stall": third("stall", seconds=500),
    "html": third(status=200, body=HTML),
    "empty": third(status=200),
    "no content": third(status=204),
    "no object": third("edit_page", edit=lambda page: [page]),
    "null": third("edit_page", edit=lambda _: None),
    "missing list": third("edit_page", edit=replaced(ticket_events=...)),
    "error object": third(status=200, body='{"error":"InternalError"}'),
    "end_of_stream is text": third("edit_page", edit=replaced(end_of_stream="no")),
    "no next page": third("edit_page", edit=replaced(end_time=None, next_page=None)),
    "null end_time": third("edit_page", edit=replaced(end_time=None)),
    "null next_page": third("edit_page", edit=replaced(next_page=None)),
    "too recent 422": third(times=2, status=422, body=TOO_RECENT),
    "too recent 400": third(times=2, status=400, body=TOO_RECENT),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_fault_that_passes_costs_no_event(fault: Fault) -> None:
    clock = SimulatedClock()
    fake = a_fake(SOME, clock, faults=[replace(fault)])

    output = run(fake, clock, page_size=100)

    assert fake.faults[0].struck == fault.times
    assert sorted(output.ids) == list(range(1, 601))
    assert max(clock.sleeps, default=0) <= 900
    assert run(fake, clock, output.state).ids == []


def test_all_of_them_in_one_run_of_six_thousand_events_cost_none() -> None:
    clock = SimulatedClock()
    faults, turn = [], 3
    for fault in PASSING.values():
        times = fault.times or 0
        faults.append(replace(fault, on=range(turn, turn + times)))
        turn += times + 2
    fake = a_fake(MANY, clock, faults=faults)

    output = run(fake, clock, page_size=50)

    assert all(fault.struck == fault.times for fault in faults)
    assert sorted(output.ids) == list(range(1, 6_001))
    assert run(fake, clock, output.state).ids == []


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"Retry-After": "7"}, [7]),
        ({"Retry-After": formatdate(NOW + 40, usegmt=True)}, [40]),
        ({"Retry-After": "86400"}, [900]),
        ({"Retry-After": formatdate(NOW + 86_400, usegmt=True)}, [900]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wrong_by", [-86_400, 0, 86_400])
def test_it_waits_as_told_also_by_a_wrong_clock(
    headers: dict[str, str], waits: list[float], status: int, wrong_by: float
) -> None:
    clock = SimulatedClock()
    clock.wrong_by = wrong_by
    fake = a_fake(SMALL, clock, faults=[Fault(on=1, status=status, headers=headers)])
    run(fake, clock)
    assert clock.sleeps == waits


@pytest.mark.parametrize("retry_after", [None, "0", "-5", "soon"])
def test_429_is_never_answered_by_a_tight_loop(retry_after: str | None) -> None:
    clock = SimulatedClock()
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    fake = a_fake(SMALL, clock, faults=[Fault(times=15, status=429, headers=headers)])
    run(fake, clock)
    assert 100 < clock.time - NOW < 1000


def test_429_is_waited_for_however_long_it_lasts() -> None:
    clock = SimulatedClock()
    faults = [Fault(times=500, status=429, headers={"Retry-After": "60"})]
    fake = a_fake(SMALL, clock, faults=faults)
    assert len(run(fake, clock, max_retry_seconds=5).ids) == 60
    assert clock.time - NOW >= 500 * 60


LASTING = {
    "500": Fault(on=range(4, 10_000), status=500, body=HTML),
    "503 with Retry-After": Fault(on=range(4, 10_000), status=503, headers={"Retry-After": "7"}),
    "503 with a long Retry-After": Fault(
        on=range(4, 10_000), status=503, headers={"Retry-After": "3600"}
    ),
    "drop": Fault(on=range(4, 10_000), kind="drop"),
    "no JSON": Fault(on=range(4, 10_000), status=200, body="Sorry"),
    "html": Fault(on=range(4, 10_000), status=200, body=HTML),
    "too recent": Fault(on=range(4, 10_000), status=422, body=TOO_RECENT),
}


@pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING.keys())
@pytest.mark.parametrize("patience", [0, 100, 900])
def test_what_does_not_pass_ends_the_run_when_patience_does(
    fault: Fault, patience: float, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    # the allowance is told and large: without one the tap would brake itself
    fake = a_fake(SMALL, clock, rate_limit=(9_999, 60.0), faults=[replace(fault)])

    output = run(fake, clock, page_size=10, max_retry_seconds=patience, fails=True)

    assert clock.time - NOW == pytest.approx(patience)
    written = sorted(output.ids)
    assert written == list(range(1, len(written) + 1))
    assert len(written) == 28
    assert bookmark(output)["replication_key_value"] == BEGIN + 27 * 60
    assert bookmark(output)["boundary_ids"] == [28]
    check_sentence(output)
    assert len(lines(caplog, "WARNING")) == len(fake.export_requests) - 4

    fake.faults.clear()
    rest = run(fake, clock, output.state)
    assert sorted(written + rest.ids) == list(range(1, 61))


@pytest.mark.parametrize("fault", [Fault(status=504), Fault(kind="stall", seconds=999)])
def test_even_pages_of_one_event_have_an_end_of_patience(fault: Fault) -> None:
    clock = SimulatedClock()
    output = run(a_fake(SMALL, clock, faults=[fault]), clock, max_retry_seconds=300, fails=True)
    assert output.records == []
    check_sentence(output)
    assert clock.time - NOW < 11 * (300 + 120) + 60


def check_sentence(output: Output) -> None:
    """One sentence, for a person: no traceback, nothing from a body, and what to do."""
    error = str(output.error)
    assert "\n" not in error
    assert "run the tap again" in error
    assert "<" not in error
    assert error.endswith(".")


REFUSALS = {
    "400": ({"status": 400, "body": '{"error":"InvalidValue"}'}, "400"),
    "401": ({"status": 401, "body": '{"error":"invalid_token"}'}, "credentials"),
    "403": ({"status": 403, "body": '{"error":"Forbidden"}'}, "admin"),
    "404": ({"status": 404, "body": '{"error":"InvalidEndpoint"}'}, "subdomain"),
    "410": ({"status": 410}, "410"),
    "418": ({"status": 418}, "418"),
    "301": ({"status": 301, "headers": {"Location": "https://evil.example/"}}, "redirect"),
}


@pytest.mark.parametrize(("answer", "word"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_no_other_try_would_mend_stops_the_run_at_once(
    answer: dict[str, Any], word: str
) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(on=3, **answer)])
    output = run(fake, clock, page_size=10, fails=True)
    assert len(fake.export_requests) == 3
    assert clock.time == NOW
    assert word in str(output.error)
    assert "<" not in str(output.error)
    assert len(output.ids) == 19
    assert bookmark(output)["replication_key_value"] == BEGIN + 18 * 60


def test_a_page_cut_short_is_never_taken_for_the_end() -> None:
    clock = SimulatedClock()
    whole = json.dumps({"ticket_events": [], "count": 0, "next_page": None, "end_time": None})
    fake = a_fake(SMALL, clock, faults=[Fault(on=2, status=200, body=whole[:-1])])
    assert len(run(fake, clock, page_size=10).ids) == 60


def test_the_warning_says_what_happened_and_when_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    faults = [
        Fault(on=1, status=503, headers={"Retry-After": "30"}, body='{"error":"Maintenance"}')
    ]
    run(a_fake(SMALL, clock, faults=faults), clock)
    (warning,) = lines(caplog, "WARNING")
    assert warning == (
        f'The page that starts at {BEGIN} (2025-11-01T00:00:00Z): status 503 "Maintenance"; '
        "trying again in 30 s."
    )
