"""One client for several threads: sessions, tokens, sizes, and the end of a run."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.export import TICKET_EVENTS
from tap_zendesk_events.zendesk.page_size import PageSize
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.harness import BEGIN, CONFIG

if TYPE_CHECKING:
    from tap_zendesk_events.zendesk.client import ExportClient

THREADS = 6
CLIENT = {
    "access_token": None,
    "client_id": "fake-client",
    "client_secret": "fake-client-secret",
}


def a_fake(**options: Any) -> FakeZendesk:
    events = make_events(300, seed=2, start=BEGIN, spread=86_400)
    return FakeZendesk(Account(events), **{"rate_limit": (10_000, 60.0)} | options)


def a_client(url: str, **settings: Any) -> ExportClient:
    config = {**CONFIG, "api_url": url, **settings}
    tap = TapZendeskEvents(config={name: v for name, v in config.items() if v is not None})
    return tap.account().client(TICKET_EVENTS)


def pages(client: ExportClient, start: int = BEGIN) -> list[int]:
    """Ask for a page in each thread, all at the same moment; returns how many events each had."""
    together = threading.Barrier(THREADS)

    def ask(_: int) -> int:
        together.wait(10)
        return len(client.page(start).events)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(ask, range(THREADS)))


def test_each_thread_has_a_session_of_its_own_and_keeps_it() -> None:
    with a_fake().serve() as url:
        client = a_client(url)
        http = client._http
        own = http.session
        with ThreadPoolExecutor(THREADS) as threads:
            together = threading.Barrier(THREADS)

            def session(_: int) -> tuple[int, int, str]:
                together.wait(10)
                agent = str(http.session.headers["User-Agent"])
                return id(http.session), id(http.session), agent

            found = list(threads.map(session, range(THREADS)))
        assert len({first for first, _, _ in found} | {id(own)}) == THREADS + 1
        assert all(first == second for first, second, _ in found)
        assert {agent for _, _, agent in found} == {str(own.headers["User-Agent"])}


def test_a_token_is_fetched_once_and_renewed_once_for_all() -> None:
    # slow enough that every request has its token before the first of them is refused
    fake = a_fake(page_seconds=lambda _: 0.2)
    with fake.serve() as url:
        client = a_client(url, **CLIENT)
        assert pages(client) == [300] * THREADS
        assert len(fake.tokens_issued) == 1
        fake.expire_tokens()
        assert pages(client) == [300] * THREADS
        assert len(fake.tokens_issued) == 2
    answers = Counter(request.status for request in fake.export_requests)
    assert answers[200] == 2 * THREADS
    assert 1 <= answers[401] <= THREADS


def test_pages_that_are_too_slow_together_halve_the_size_once() -> None:
    full = Fault(on=lambda request: request.query["per_page"] == "200", times=THREADS, status=504)
    fake = a_fake(faults=[full])
    with fake.serve() as url:
        client = a_client(url, page_size=200)
        pages(client)
    sizes = Counter(request.query["per_page"] for request in fake.export_requests)
    # a thread that comes late may find the size halved, or grown back
    assert set(sizes) == {"200", "100"}
    assert full.struck > 1


def test_a_size_that_is_no_longer_the_current_one_says_nothing() -> None:
    size = PageSize(1000)
    size.too_slow(1000)
    size.too_slow(1000)
    assert size.current == 500
    size.answered_once(1000)
    assert (size.current, size.largest_answered) == (500, 1000)


def test_a_429_in_one_thread_holds_the_others() -> None:
    fake = a_fake(faults=[Fault(on=1, status=429, headers={"Retry-After": "1"})])
    with fake.serve() as url:
        client = a_client(url)
        first = threading.Thread(target=lambda: client.page(BEGIN), daemon=True)
        first.start()
        while not fake.export_requests or not fake.export_requests[0].status:
            first.join(0.01)
        first.join(0.2)
        assert len(client.page(BEGIN).events) == 300
        first.join(10)
    times = sorted(request.time for request in fake.export_requests)
    assert len(times) == 3
    assert times[1] - times[0] > 0.9


def test_after_its_end_nothing_is_sent() -> None:
    fake = a_fake()
    with fake.serve() as url:
        client = a_client(url)
        client.close()
        with pytest.raises(ZendeskEventsError, match="run has ended"):
            client.page(BEGIN)
    assert fake.export_requests == []
