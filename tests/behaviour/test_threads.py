"""One client for several threads: sessions, tokens, sizes, and the end of a run."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.export import TICKET_EVENTS
from tap_zendesk_events.zendesk.page_size import PageSize
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.support.harness import BEGIN, CONFIG, on_token

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("rotating", [False, True], ids=["client credentials", "refresh tokens"])
def test_threads_that_are_refused_one_after_the_other_give_a_token_up_once(
    rotating: bool, tmp_path: Path
) -> None:
    fake = a_fake()
    cache = {"refresh_token": "fake-refresh-token", "oauth_cache": str(tmp_path / "tokens.json")}
    with fake.serve() as url:
        auth = a_client(url, **CLIENT, **(cache if rotating else {}))._auth
        first = auth.prepare(time.sleep)
        assert auth.renew(first)
        assert auth.renew(first)  # of another thread, before anybody has asked for the next one
        second = auth.prepare(time.sleep)
        assert second.header != first.header
        assert auth.renew(first)  # of a third one, late
        assert auth.prepare(time.sleep).header == second.header
    assert len(fake.tokens_issued) == 2
    assert fake.credentials.refused_grants == 0


def test_pages_that_are_too_slow_together_halve_the_size_once() -> None:
    # slow enough that every thread has asked before the first of them is answered
    fake = a_fake(page_limit_504=150, page_seconds=lambda _: 0.3)
    with fake.serve() as url:
        assert pages(a_client(url, page_size=200)) == [100] * THREADS
    sizes = Counter(request.query["per_page"] for request in fake.export_requests)
    assert sizes == {"200": THREADS, "100": THREADS}


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


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        (Fault(status=429, headers={"Retry-After": "800"}), {}),
        (Fault(status=503, headers={"Retry-After": "500"}), {}),
        (Fault(on=on_token, status=503, headers={"Retry-After": "500"}), CLIENT),
        (None, {"requests_per_minute": 1}),
    ],
    ids=["429", "503", "no token", "the allowance is used up"],
)
def test_threads_that_wait_give_up_when_the_run_ends(
    fault: Fault | None, settings: dict[str, Any]
) -> None:
    """In real time, where they would wait for minutes."""
    fake = a_fake(faults=[fault] if fault else [])
    with fake.serve() as url:
        client = a_client(url, **settings)
        errors: list[Exception] = []

        def ask() -> None:
            try:
                client.page(BEGIN)
                client.page(BEGIN)
            except ZendeskEventsError as error:
                errors.append(error)

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        while not fake.log or not fake.log[0].status:
            time.sleep(0.01)
        time.sleep(0.2)
        client.close()
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()
    assert len(errors) == THREADS
    assert all("run has ended" in str(error) for error in errors)
