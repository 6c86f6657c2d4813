"""The benchmark measures what it says."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.bench import claims, in_parallel, measure, table
from tests.bench.contenders import OURS, REPOSITORY, TAP, THREE_STREAMS, Contender
from tests.bench.measure import Outcome
from tests.bench.server import BEGIN, PATH, PER_SECOND, History, serving
from tests.bench.tally import Tally
from tests.fake_zendesk import FakeZendesk, Request, big_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.server import Served

EVENTS = 2_000
HEADERS = {"host": "127.0.0.1:1", "authorization": "Bearer fake-access-token"}
OPENER = build_opener(ProxyHandler({}))


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(REPOSITORY, f"--events={EVENTS}") as server:
        yield server


@pytest.mark.parametrize(
    "query",
    [
        f"per_page=100&start_time={BEGIN}",
        f"per_page=7&start_time={BEGIN + 13}",
        f"include=comment_events&per_page=250&start_time={BEGIN + 100}",
        f"per_page=1000&start_time={BEGIN + 600}",
        f"per_page=2&start_time={BEGIN}",
    ],
)
def test_pages_are_those_of_the_fake(served: Served, query: str) -> None:
    fake = FakeZendesk(big_account(EVENTS, BEGIN, PER_SECOND), rate_limit=None)
    target = f"{PATH}?{query}"
    host = served.url.removeprefix("http://")
    wanted = fake.handle(Request("GET", target, {**HEADERS, "host": host}))
    with OPENER.open(served.url + target) as answer:
        assert answer.read() == wanted.body
        assert "zendesk-ratelimit-incremental-exports" in answer.headers


@pytest.mark.parametrize("contender", OURS, ids=lambda contender: contender.name)
def test_each_contender_reads_everything(served: Served, contender: Contender) -> None:
    outcome = measure.run(contender, served, expected=EVENTS, page_size=500)
    assert outcome.events == EVENTS
    assert outcome.requests == History(EVENTS).fewest_requests(500)
    assert outcome.doubles == (0 if contender.name.startswith("this tap") else 8)
    assert (outcome.records > 2 * EVENTS) == (contender is THREE_STREAMS)
    assert 0 < outcome.cpu_seconds < 60
    assert 20 < outcome.peak_mb < 200


def test_a_contender_that_fails_is_an_error(served: Served) -> None:
    with pytest.raises(measure.FailedRunError, match=r"floor.* read 2000 of 2001 events"):
        measure.run(OURS[-1], served, expected=EVENTS + 1)


def test_the_server_keeps_windows_and_sizes() -> None:
    with serving(REPOSITORY, "--events=50", "--allowance=2/60", "--most=10") as server:
        statuses = []
        for size in (5, 20, 5):
            try:
                with OPENER.open(f"{server.url}{PATH}?start_time={BEGIN}&per_page={size}") as got:
                    statuses.append(got.status)
            except OSError as error:
                statuses.append(getattr(error, "code", None))
        assert statuses == [200, 504, 429]
        assert server.stats()["statuses"] == {"200": 1, "504": 1, "429": 1}
        assert len(server.stats()["moments"]) == 3


def test_the_server_has_another_span_and_windows_that_begin_with_the_clock() -> None:
    begin = 1_600_000_000
    options = [f"--begin={begin}", "--per-second=0.1", "--allowance=50/60", "--anchor=aligned"]
    with serving(REPOSITORY, "--events=30", *options) as server:
        target = f"{server.url}{PATH}?per_page=10&start_time={begin - 1000}"
        with OPENER.open(target) as answer:
            page = json.loads(answer.read())
            told = answer.headers["zendesk-ratelimit-incremental-exports"]
            second = parsedate_to_datetime(answer.headers["Date"]).second
    assert [page["ticket_events"][n]["timestamp"] for n in (0, 9)] == [begin, begin + 90]
    assert History(30, begin, 0.1).fewest_requests(10) == 4
    resets = int(told.rpartition("=")[2])
    assert (second + resets) % 60 <= 1


def test_the_tap_has_several_requests_on_their_way(served: Served) -> None:
    outcome = measure.run(TAP, served, expected=EVENTS, page_size=50, at_a_time=6)
    assert outcome.doubles == 0
    assert outcome.requests <= History(EVENTS).fewest_requests(50) + 10


def test_what_several_at_a_time_promise_can_be_missed() -> None:
    def run(seconds: float, requests: int, refused: int) -> list[bool]:
        found = Outcome(seconds, 1.0, 50.0, requests, refused, (), 1, 1, 0, 0.1)
        return [claim.holds for claim in in_parallel.of_run(in_parallel.BUNCHED, found, 70)]

    assert run(30.0, 64, 0) == [True, True, True]
    assert run(33.0, 64, 0) == [False, True, True]
    assert run(30.0, 71, 1) == [True, False, False]
    assert in_parallel.BUNCHED.events == 60 * 99
    assert History(in_parallel.BUNCHED.events, 0, 0.07).fewest_requests(100) == 60


def test_doubles_are_counted_by_key() -> None:
    def record(stream: str, **fields: object) -> bytes:
        message = {"type": "RECORD", "stream": stream, "record": {**fields, "via": "id"}}
        return json.dumps(message).encode() + b"\n"

    output = (
        b'{"type":"SCHEMA","stream":"ticket_events","schema":{}}\n'
        + record("ticket_events", id=1)
        + record("ticket_events", id=2)
        + record("ticket_events", id=1)
        + record("ticket_events", id=1)
        + record("ticket_field_changes", child_event_id=1, field_name="status")
        + record("ticket_field_changes", child_event_id=1, field_name="type")
        + record("ticket_field_changes", child_event_id=1, field_name="type")
        + b'{"type":"STATE","value":{"id":3}}\n'
    )
    for size in (1, 10, len(output)):
        tally = Tally()
        for begin in range(0, len(output), size):
            tally.feed(output[begin : begin + size])
        assert (tally.records, tally.events, tally.doubles) == (7, 2, 3)


def outcome(seconds: float, cpu_seconds: float = 1.0) -> Outcome:
    return Outcome(seconds, cpu_seconds, 50.0, 10, 0, (), 100, 100, 1, 0.1)


ROUNDS = [
    {"tap": outcome(2, 1), "slow": outcome(8, 4), "floor": outcome(1, 0.5)},
    {"tap": outcome(4, 2), "slow": outcome(20, 6), "floor": outcome(3, 1)},
    {"tap": outcome(1, 3), "slow": outcome(6, 9), "floor": outcome(0.4, 1), "late": outcome(1)},
]


def test_ratios_are_taken_within_a_round() -> None:
    lines = {line.name: line for line in table.lines(ROUNDS, 500_000, "slow", "floor")}
    assert list(lines) == ["tap", "slow", "floor"]
    tap = lines["tap"]
    assert tap.to_baseline == pytest.approx(5)  # of 4, 5 and 6
    assert tap.to_floor == pytest.approx(0.5)  # of 0.5, 0.75 and 0.4
    assert tap.cpu_to_baseline == pytest.approx(1 / 3)
    assert tap.cpu_per_million == pytest.approx(4)
    assert lines["slow"].to_baseline == 1
    text = table.markdown(list(lines.values()))
    assert "| tap | 5.00 | 0.50 | 4.0 | 50 | 10 | 1 |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_the_used_share_is_that_of_whole_windows() -> None:
    moments = [window * 5.1 + request * 0.01 for window in range(4) for request in range(10)]
    assert claims.used_share(moments[:35], 10, 5) == pytest.approx(5 / 5.1)
