"""What a run says to the person who watches it."""

from __future__ import annotations

import logging
import re
from itertools import pairwise
from typing import Any

import pytest

from tap_zendesk_events.walk.progress import Progress
from tap_zendesk_events.walk.window import Window
from tap_zendesk_events.zendesk.meter import Meter
from tap_zendesk_events.zendesk.page import Page
from tap_zendesk_events.zendesk.quota import Quota
from tests.fake_zendesk import Account, Fault, plain_event
from tests.support.harness import (
    BEGIN,
    NOW,
    SimulatedClock,
    a_fake,
    lines,
    plain_account,
    run,
    state_of,
)

LOG = logging.getLogger("test_progress")
LINE = re.compile(
    r"At (?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) \((?P<percent>\d+)% of the time span\): "
    r"(?P<records>[\d,]+) records?, (?P<requests>[\d,]+) requests?, "
    r"(?P<waited>\d[\w ]*) of waiting for the allowance(, about (?P<left>\d[\w ]*) left)?\."
)


@pytest.fixture(autouse=True)
def _show_what_a_person_sees(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def own(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The tap's own lines, without the SDK's."""
    foreign = ("METRIC", "Skipping")
    return [line for line in lines(caplog, "INFO", "WARNING") if not line.startswith(foreign)]


def test_a_short_run_says_where_it_starts_what_it_takes_and_what_it_did(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    run(a_fake(plain_account(1200), clock), clock)
    start, first, window, end = own(caplog)
    assert start == (
        "Reading ticket events of 127.0.0.1:1 from 2025-11-01T00:00:00Z on: ticket_events from "
        "start_date, no bookmark yet."
    )
    assert first == (
        "First run of ticket_events: it begins at start_date, which is Saturday 1 November 2025, "
        "00:00:00 UTC. Is that the day you meant?"
    )
    assert window == (
        "This run takes the events from 2025-11-01T00:00:00Z up to, not including, "
        "2025-11-24T15:55:00Z; newer ones are left for the next run."
    )
    assert end == "Sent 1,200 ticket_events in 0 s; 2 requests, 0 s of waiting for the allowance."


def test_a_run_with_a_bookmark_and_an_end_date(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(plain_account(1200), clock), clock, state_of(BEGIN, 1), end_date="2025-11-02")
    start, window, _ = own(caplog)
    assert start.endswith("on: ticket_events from bookmark 2025-11-01T00:00:00Z.")
    assert window.endswith("up to, not including, 2025-11-02T00:00:00Z.")


def test_a_run_that_finds_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(Account(), clock), clock)
    assert own(caplog)[-1] == (
        "Sent nothing new in 0 s; 1 request, 0 s of waiting for the allowance."
    )


def test_a_run_that_has_nothing_to_ask_says_so(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(Account(), clock), clock, state_of(NOW), end_date="2025-11-02")
    assert own(caplog)[-1] == (
        "Sent nothing new in 0 s; 0 requests, 0 s of waiting for the allowance."
    )


@pytest.mark.parametrize(("entries", "text"), [(1, "1 entry skipped"), (2, "2 entries skipped")])
def test_skipped_entries_are_counted(
    entries: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    fault = Fault(
        kind="edit_page",
        edit=lambda page: {**page, "ticket_events": [*page["ticket_events"], *[None] * entries]},
    )
    run(a_fake(Account([plain_event(1, BEGIN)]), clock, faults=[fault]), clock)
    assert own(caplog)[-1].startswith("Sent 1 ticket_events in 0 s; 1 request, ")
    assert own(caplog)[-1].endswith(f"; {text}, see above.")


def progress_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What each progress line said."""
    found = []
    for line in own(caplog):
        if line.startswith("At "):
            match = LINE.fullmatch(line)
            assert match, line
            found.append(match.groupdict())
    return found


def test_progress_lines_come_every_thirty_seconds_at_most(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimulatedClock()
    at: list[float] = []
    real = Progress._line

    def noted(self: Progress) -> None:
        at.append(clock.time)
        real(self)

    monkeypatch.setattr(Progress, "_line", noted)
    fake = a_fake(plain_account(990), clock)
    run(fake, clock, page_size=10, requests_per_minute=500, latency=lambda: 2.0)
    assert len(fake.export_requests) == 110
    assert 12 <= len(at) <= 15
    assert all(later - earlier >= 30 for earlier, later in pairwise(at))
    assert len(progress_lines(caplog)) == len(at)


def test_without_pages_there_is_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(plain_account(9), clock), clock, latency=lambda: 10.0)
    assert progress_lines(caplog) == []


def test_percent_and_time_left_are_true(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(2000, every=100), clock)
    run(
        fake,
        clock,
        page_size=21,
        requests_per_minute=500,
        latency=lambda: 5.0,
        end_date="2025-11-03T07:33:20Z",
    )
    said = progress_lines(caplog)
    percents = [int(each["percent"]) for each in said]
    assert percents == sorted(percents)
    assert len(percents) > 20
    took = clock.time - NOW
    for number, each in enumerate(said, 1):
        minutes = re.fullmatch(r"(\d+) (s|min)", each["left"])
        assert minutes, each
        left = int(minutes[1]) * (60 if minutes[2] == "min" else 1)
        assert left == pytest.approx(took - number * 30, abs=45)
        assert int(each["percent"]) == pytest.approx(100 * number * 30 / took, abs=2)
        assert int(each["records"].replace(",", "")) == pytest.approx(60 * number, abs=10)
        assert int(each["requests"].replace(",", "")) == 3 * number


def test_percent_is_of_the_window_by_the_servers_clock(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    clock.wrong_by = 86_400 * 900
    fake = a_fake(plain_account(500, every=4080), clock)
    run(fake, clock, page_size=10, requests_per_minute=500, latency=lambda: 5.0)
    assert int(progress_lines(caplog)[-1]["percent"]) > 90


def test_waits_for_the_allowance_say_why_and_are_summed_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(195), clock, rate_limit=(10, 60.0))
    run(fake, clock, page_size=10)
    waits = [line for line in own(caplog) if line.startswith("Waiting")]
    assert waits == ["Waiting 60 s: Zendesk's allowance of 10 requests a minute is used up."] * 2
    assert own(caplog)[-2:] == [
        "Sent 195 ticket_events in 2 min; 22 requests, 2 min of waiting for the allowance.",
        (
            "Of the time 100% went into waiting for the allowance, 0% into waiting for answers, 0% "
            "into the target; 100% of the allowance of 10 requests a minute was used. Zendesk's "
            "allowance sets the pace: its High Volume add-on would give 30 requests a minute."
        ),
    ]


def test_a_wait_for_ones_own_cap_says_so(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    run(a_fake(plain_account(25), clock), clock, page_size=10, requests_per_minute=2)
    reason = "the cap of 2 requests a minute (requests_per_minute)"
    assert f"Waiting 60 s: {reason}." in own(caplog)


def test_a_429_says_so(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    faults = [Fault(on=1, status=429, headers={"Retry-After": "50"})]
    run(a_fake(plain_account(25), clock, faults=faults), clock)
    assert "Waiting 50 s: Zendesk says that the allowance is used up." in own(caplog)
    assert "50 s of waiting for the allowance" in own(caplog)[-1]


def test_short_waits_are_counted_and_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    meter = Meter(LOG)
    progress = Progress(clock, LOG, meter)
    meter.waiting(4.9, "why")
    assert own(caplog) == []
    meter.waiting(5.0, "because")
    assert own(caplog) == ["Waiting 5 s: because."]
    progress.finished()
    assert "10 s of waiting" in own(caplog)[-1]


def test_without_a_span_there_is_no_percent(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    progress = Progress(clock, LOG, Meter(LOG))
    progress.window_known(Window(BEGIN, BEGIN, end_is_given=True))
    clock.time += 30
    progress.page(a_page(), BEGIN, 0, 0)
    (line,) = own(caplog)
    assert "%" not in line
    assert "left" not in line


def a_page() -> Page:
    return Page(BEGIN, 10, [], 0, BEGIN, is_last=False, server_time=None)


def test_what_is_written_ahead_counts_and_what_an_earlier_run_wrote_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    progress = Progress(clock, LOG, Meter(LOG))
    clock.time += 30
    progress.page(a_page(), BEGIN + 10, 150, 200)
    line = own(caplog)[-1]
    assert "(25% of the time span)" in line
    assert line.endswith("about 90 s left.")  # three times what a quarter took


def test_a_single_record_and_request_read_well(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    meter = Meter(LOG)
    progress = Progress(clock, LOG, meter)
    progress.window_known(Window(BEGIN, BEGIN + 100, end_is_given=True))
    meter.request(Quota(clock, None, meter.waiting))
    progress.wrote("ticket_events", 1)
    clock.time += 30
    progress.page(a_page(), BEGIN + 50, 50, 100)
    line = own(caplog)[-1]
    assert "(50% of the time span): 1 record, 1 request, 0 s of waiting" in line
    assert line.endswith("about 30 s left.")


def test_a_line_a_page_is_for_debugging_only(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(25), clock)
    run(fake, clock, page_size=10)
    assert not any("Page " in line for line in lines(caplog, "INFO"))
    caplog.set_level(logging.DEBUG)
    run(fake, clock, page_size=10)
    pages = [line for line in lines(caplog, "DEBUG") if line.startswith("Page ")]
    assert len(pages) == 3
    assert pages[0] == (
        f"Page 1: start {BEGIN}, asked for 10, got 10, next start {BEGIN + 540}, last: False."
    )


@pytest.mark.parametrize(
    ("answers", "target", "advice"),
    [
        (5.0, 1.0, "Zendesk's answers set the pace: nothing on this side would be faster."),
        (1.0, 5.0, "The target sets the pace: look at its settings, such as larger batches."),
    ],
)
def test_a_long_run_says_what_would_make_it_faster(
    answers: float, target: float, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    progress = Progress(clock, LOG, Meter(LOG))
    for _ in range(20):
        since = clock.monotonic()
        clock.time += answers
        progress.waited_for_page(since)
        since = clock.monotonic()
        clock.time += target
        progress.wrote_since(since)
    progress.finished()
    line = own(caplog)[-1]
    assert f"{answers / 6:.0%} into waiting for answers, {target / 6:.0%} into the target" in line
    assert line.endswith(advice)


@pytest.mark.parametrize(
    ("at_a_time", "advice"),
    [
        (1, "with parallel_requests: 2 more of them would be on their way at a time."),
        (3, "with parallel_requests: 6 more of them would be on their way at a time."),
        (6, "with parallel_requests: 8 more of them would be on their way at a time."),
        (8, "nothing on this side would be faster."),
    ],
)
def test_a_long_run_that_waits_for_answers_names_the_setting(
    at_a_time: int, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(95), clock, page_seconds=lambda _: 12.0, sleep=clock.sleep)
    run(fake, clock, page_size=10, parallel_requests=at_a_time)
    assert own(caplog)[-1].endswith(f"Zendesk's answers set the pace: {advice}")


@pytest.mark.parametrize(
    ("allowance", "cap", "advice"),
    [
        (10, None, "its High Volume add-on would give 30 requests a minute."),
        (30, None, "and there is no larger one."),
        (10, 5, "Your own cap sets the pace: requests_per_minute."),
        (None, 5, "Your own cap sets the pace: requests_per_minute."),
        (10, 20, "its High Volume add-on would give 30 requests a minute."),
    ],
)
def test_a_run_that_waits_says_whose_limit_it_is(
    allowance: int | None, cap: int | None, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    meter = Meter(LOG)
    progress = Progress(clock, LOG, meter)
    quota = Quota(clock, cap, meter.waiting)
    if allowance is not None:
        quota.answered(quota.take(), f"total={allowance}; remaining=9; resets=60")
    meter.request(quota)
    meter.waiting(100, "why")
    clock.time += 100
    progress.waited_for_page(clock.monotonic() - 100)
    progress.finished()
    assert own(caplog)[-1].endswith(advice)


def test_a_short_run_gives_no_advice(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    progress = Progress(clock, LOG, Meter(LOG))
    clock.time += 59
    progress.finished()
    assert len(own(caplog)) == 1
