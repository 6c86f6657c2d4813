"""Pages come from threads in any order, no more of them than are asked for."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.walk.fetcher import InThreads, OneByOne
from tap_zendesk_events.zendesk.page import Page


def a_page(start: int) -> Page:
    return Page(start, 10, [], 0, start + 1, False, None)


class Server:
    """Answers each position when it is told to."""

    def __init__(self, wrong: int | None = None) -> None:
        self.begun: list[int] = []
        self._wrong = wrong
        self._may: dict[int, threading.Event] = {}
        self._lock = threading.Lock()

    def _event(self, position: int) -> threading.Event:
        with self._lock:
            return self._may.setdefault(position, threading.Event())

    def answer(self, *positions: int) -> None:
        for position in positions:
            self._event(position).set()

    def fetch(self, position: int) -> Page | None:
        self.begun.append(position)
        self._event(position).wait(10)
        if position == self._wrong:
            raise ZendeskEventsError("stop")
        return a_page(position)


def own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "next-page"}


def test_pages_are_on_their_way_together_and_come_as_they_are_answered() -> None:
    server = Server()
    fetcher: InThreads[str] = InThreads(server.fetch)
    for position in (1, 2, 3):
        fetcher.ask(f"segment {position}", position)
    order = [3, 1, 2]
    for position in order:
        server.answer(position)
        key, page = fetcher.take()
        assert (key, page) == (f"segment {position}", a_page(position))
    assert sorted(server.begun) == [1, 2, 3]
    fetcher.close()


def test_a_page_is_on_its_way_while_nobody_waits_for_it() -> None:
    server = Server()
    fetcher: InThreads[int] = InThreads(server.fetch)
    server.answer(1, 2)
    fetcher.ask(1, 1)
    assert fetcher.take()[0] == 1
    fetcher.ask(2, 2)
    for _ in range(1000):
        if len(server.begun) == 2:
            break
        threading.Event().wait(0.01)
    assert server.begun == [1, 2]
    fetcher.close()


def test_as_many_threads_as_pages_at_a_time_and_none_is_left() -> None:
    before = own_threads()
    server = Server()
    server.answer(*range(50))
    fetcher: InThreads[int] = InThreads(server.fetch)
    for position in range(0, 48, 2):
        fetcher.ask(0, position)
        fetcher.ask(0, position + 1)
        fetcher.take()
        fetcher.take()
    threads = own_threads() - before
    assert len(threads) == 2
    assert all(thread.daemon for thread in threads)
    fetcher.close()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_an_error_is_raised_where_its_page_is_taken() -> None:
    server = Server(wrong=2)
    fetcher: InThreads[int] = InThreads(server.fetch)
    fetcher.ask(1, 1)
    fetcher.ask(2, 2)
    server.answer(1)
    assert fetcher.take()[0] == 1
    server.answer(2)
    with pytest.raises(ZendeskEventsError, match="stop"):
        fetcher.take()
    fetcher.close()


def test_whoever_stops_early_waits_for_nobody() -> None:
    before = own_threads()
    server = Server()
    fetcher: InThreads[int] = InThreads(server.fetch)
    fetcher.ask(1, 1)
    fetcher.ask(2, 2)
    fetcher.close()
    threads = own_threads() - before
    server.answer(1, 2)
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_one_by_one_a_page_is_fetched_when_it_is_taken() -> None:
    fetched: list[int] = []

    def fetch(position: int) -> Any:
        fetched.append(position)

    fetcher: OneByOne[str] = OneByOne(fetch)
    fetcher.ask("a", 1)
    fetcher.ask("b", 2)
    assert fetched == []
    assert fetcher.take() == ("a", None)
    assert fetched == [1]
    assert fetcher.take() == ("b", None)
    fetcher.ask("c", 3)
    fetcher.close()
    assert fetched == [1, 2]
