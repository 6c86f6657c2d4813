"""What goes wrong with one of several pages on their way, in whole runs over real sockets."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, Fault, plain_event
from tests.support.harness import AS_CLIENT, CONFIG, ListWriter, lines
from tests.support.harness import BEGIN as START

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_zendesk import LoggedRequest

AT_A_TIME = 4
EVENTS = 1500
PER_PAGE = 30
EVERY = 60  # seconds between two events


def a_fake(*faults: Fault, **options: Any) -> FakeZendesk:
    account = Account([plain_event(n, START + EVERY * n) for n in range(1, EVENTS + 1)])
    usual: dict[str, Any] = {"rate_limit": (100_000, 60.0), "page_seconds": lambda _: 0.02}
    return FakeZendesk(account, faults=faults, **usual | options)


def run(fake: FakeZendesk, **settings: Any) -> None:
    """Run the tap in real time; every event has to come once."""
    writer = ListWriter()
    with fake.serve() as url:
        config = {**CONFIG, "api_url": url, "page_size": PER_PAGE, "parallel_requests": AT_A_TIME}
        config = {name: v for name, v in (config | settings).items() if v is not None}
        TapZendeskEvents(config=config, message_writer=writer).sync_all()
    messages = [json.loads(line) for line in writer.lines]
    ids = Counter(m["record"]["id"] for m in messages if m["type"] == "RECORD")
    assert sorted(ids) == list(range(1, EVENTS + 1))
    assert set(ids.values()) == {1}


def statuses(fake: FakeZendesk) -> Counter[int]:
    return Counter(request.status for request in fake.export_requests)


@pytest.mark.parametrize("rotating", [False, True], ids=["client credentials", "refresh tokens"])
def test_a_token_that_ends_in_the_middle_is_renewed_once_for_all(
    rotating: bool, tmp_path: Path
) -> None:
    ends = [12, 30]

    def page_seconds(_: int) -> float:
        if ends and len(fake.export_requests) >= ends[0]:
            ends.pop(0)
            fake.expire_tokens()
        return 0.02

    fake = a_fake(page_seconds=page_seconds)
    cache = tmp_path / "tokens.json"
    more = {"refresh_token": "fake-refresh-token", "oauth_cache": str(cache)} if rotating else {}
    run(fake, **AS_CLIENT, **more)
    found = statuses(fake)
    assert found.keys() == {200, 401}
    assert 2 <= found[401] <= 2 * AT_A_TIME
    assert len(fake.tokens_issued) == 3
    assert fake.credentials.refused_grants == 0
    if rotating:
        kept = json.loads(cache.read_text())
        assert kept["access_token"] == fake.tokens_issued[-1]
        assert kept["refresh_token"] in fake.credentials.refresh_tokens


def test_a_429_that_nobody_foresaw_holds_all_and_no_storm_follows() -> None:
    fake = a_fake(Fault(on=15, status=429, headers={"Retry-After": "1"}))
    run(fake)
    assert statuses(fake)[429] == 1
    moments = sorted(request.time for request in fake.export_requests)
    (refused,) = [request.time for request in fake.export_requests if request.status == 429]
    assert not [moment for moment in moments if refused + 0.2 < moment < refused + 0.95]
    # afterwards no more at a time than before
    first = min(moment for moment in moments if moment > refused + 0.5)
    assert sum(first <= moment < first + 0.015 for moment in moments) <= AT_A_TIME


def test_pages_that_are_refused_together_wait_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    since: list[float] = []

    def refuse(request: LoggedRequest) -> bool:
        if request.number == 20:
            since.append(request.time)
        return bool(since) and request.time < since[0] + 0.5

    fake = a_fake(Fault(on=refuse, status=429, headers={"Retry-After": "1"}, after=0.1))
    run(fake)
    assert 2 <= statuses(fake)[429] <= AT_A_TIME
    (summary,) = [line for line in lines(caplog, "INFO") if line.startswith("Sent ")]
    assert ", 1 s of waiting for the allowance" in summary


def test_a_504_halves_the_page_for_all_once_and_it_grows_back() -> None:
    fake = a_fake(Fault(on=15, status=504, body="upstream request timeout"))
    run(fake)
    sizes = [int(request.query["per_page"]) for request in fake.export_requests]
    assert Counter(sizes)[PER_PAGE // 2] <= AT_A_TIME + 1
    assert set(sizes) == {PER_PAGE, PER_PAGE // 2}
    assert sizes[-1] == PER_PAGE


def test_a_dropped_connection_disturbs_nobody_else() -> None:
    fake = a_fake(Fault(on=15, kind="drop"))
    run(fake)
    requests = fake.export_requests
    start = requests[14].query["start_time"]
    (again,) = [
        n for n, each in enumerate(requests) if n > 14 and each.query["start_time"] == start
    ]
    assert again - 14 > 2 * AT_A_TIME  # the others went on meanwhile
    assert len({each.query["start_time"] for each in requests}) == len(requests) - 1


def test_where_pages_are_too_heavy_in_one_segment_only_they_get_small_enough(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Pages of the other segments let the size grow back while this one still shrinks."""
    caplog.set_level("INFO")
    heavy = range(START + EVERY * 600, START + EVERY * 700)

    def too_heavy(request: LoggedRequest) -> bool:
        start, size = (int(request.query[name]) for name in ("start_time", "per_page"))
        return start in heavy and size > 4

    fault = Fault(on=too_heavy, status=504, body="upstream request timeout", after=0.1)
    fake = a_fake(fault, page_seconds=lambda _: 0.005)
    run(fake, max_retry_seconds=3)
    sizes = Counter(int(request.query["per_page"]) for request in fake.export_requests)
    assert sizes[PER_PAGE] > 20
    # each line tells the truth: what is asked for is smaller
    for line in lines(caplog, "WARNING"):
        if "is too slow" in line:
            words = line.split()
            assert int(words[-1].strip(".")) < int(words[3])
