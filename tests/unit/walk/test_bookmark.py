"""The bookmark: what is written once is never written again, and nothing is passed over."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.bookmark import Bookmark
from tap_zendesk_events.zendesk.page import Event, Page
from tests.fake_zendesk import Account, plain_event
from tests.support.harness import (
    BEGIN,
    TIMES,
    SimulatedClock,
    a_fake,
    run,
)

STREAM, KEY = "ticket_events", "timestamp"
FAR = 10_000


def a_page(start: int, *events: tuple[int, int], end: int | None, last: bool = False) -> Page:
    """A page of events, each given as id and time."""
    made = [Event(each, time, time, doubtful=time < start, fields={}) for each, time in events]
    return Page(start, 10, made, 0, end, last, None)


def write(mark: Bookmark, page: Page, end: int = FAR) -> list[int]:
    """Write a page; the ids that were fresh."""
    fresh = [event.id for event in mark.fresh(page, end)]
    mark.pass_page(page, end)
    return fresh


def test_after_a_full_page_the_bookmark_is_its_end() -> None:
    mark = Bookmark(100, is_set=False)
    assert write(mark, a_page(100, (1, 100), (2, 105), end=105)) == [1, 2]
    assert (mark.second, mark.ids, mark.is_set) == (105, [2], True)


def test_the_repeated_second_is_dropped_by_id() -> None:
    mark = Bookmark(100, is_set=False)
    write(mark, a_page(100, (1, 100), (2, 105), end=105))
    assert write(mark, a_page(105, (2, 105), (3, 105), (4, 107), end=107)) == [3, 4]
    assert (mark.second, mark.ids) == (107, [4])


def test_an_event_that_surfaces_late_in_the_bookmarks_second_is_written() -> None:
    mark = Bookmark(105, frozenset({2}), is_set=True)
    assert write(mark, a_page(105, (9, 105), (2, 105), end=None, last=True)) == [9]
    assert mark.ids == [2, 9]


def test_the_last_page_moves_the_bookmark_to_its_latest_event_never_to_its_end() -> None:
    mark = Bookmark(100, is_set=False)
    write(mark, a_page(100, (1, 100), (2, 105), (3, 105), end=900, last=True))
    assert (mark.second, mark.ids) == (105, [2, 3])


def test_a_page_that_the_windows_end_cuts_moves_it_to_the_latest_event_inside() -> None:
    mark = Bookmark(100, is_set=False)
    assert write(mark, a_page(100, (1, 100), (2, 103), (3, 107), end=107), end=105) == [1, 2]
    assert (mark.second, mark.ids) == (103, [2])


def test_a_page_that_ends_just_with_the_window_moves_it_there() -> None:
    mark = Bookmark(100, is_set=False)
    assert write(mark, a_page(100, (1, 100), (2, 105), end=105), end=105) == [1]
    assert (mark.second, mark.ids) == (100, [1])
    mark = Bookmark(100, is_set=False)
    assert write(mark, a_page(100, (1, 100), (2, 103), end=105), end=105) == [1, 2]
    assert (mark.second, mark.ids) == (105, [])


@pytest.mark.parametrize("last", [True, False])
def test_a_last_or_cut_page_without_events_inside_moves_nothing(last: bool) -> None:
    mark = Bookmark(100, frozenset({7}), is_set=True)
    page = a_page(100, (1, 150), end=150, last=last)
    assert write(mark, page, end=120) == []
    assert (mark.second, mark.ids) == (100, [7])


def test_an_empty_page_that_leads_beyond_the_window_moves_nothing() -> None:
    mark = Bookmark(100, frozenset({7}), is_set=True)
    write(mark, a_page(100, end=150), end=120)
    assert (mark.second, mark.ids) == (100, [7])


def test_the_bookmark_never_moves_back() -> None:
    mark = Bookmark(105, frozenset({4}), is_set=True)
    assert write(mark, a_page(105, (9, 60), end=105, last=True)) == [9]
    assert (mark.second, mark.ids) == (105, [4, 9])


def test_ids_are_forgotten_as_soon_as_the_bookmark_has_passed_their_time() -> None:
    mark = Bookmark(100, is_set=False)
    write(mark, a_page(100, (1, 100), (2, 110), end=105))
    assert mark.ids == [2]
    write(mark, a_page(105, (3, 105), end=111))
    assert mark.ids == []


def test_an_empty_page_that_moves_forward_moves_the_bookmark() -> None:
    mark = Bookmark(100, is_set=True)
    write(mark, a_page(100, (1, 100), end=120))
    write(mark, a_page(120, end=150))
    assert (mark.second, mark.ids) == (150, [])


def test_while_the_second_stays_the_ids_only_grow() -> None:
    mark = Bookmark(100, frozenset({7}), is_set=True)
    write(mark, a_page(100, (1, 100), end=100, last=True))
    assert mark.ids == [1, 7]
    write(mark, a_page(100, (2, 100), end=100, last=True))
    assert mark.ids == [1, 2, 7]
    write(mark, a_page(100, end=None, last=True))
    assert mark.ids == [1, 2, 7]


def test_ids_from_an_earlier_run_are_kept_until_a_last_page_shows_what_there_is() -> None:
    mark = Bookmark(100, frozenset({7}), is_set=True)
    write(mark, a_page(100, (1, 100), (2, 105), end=105))
    assert 7 in mark.ids, "its time is not known: it may lie at 105"
    write(mark, a_page(105, (2, 105), (3, 106), end=106, last=True))
    assert mark.ids == [3]


def test_an_event_with_a_doubtful_time_is_remembered_longer() -> None:
    mark = Bookmark(100, is_set=False)
    odd = Event(5, 100, 105, doubtful=True, fields={})
    events = [odd, Event(6, 105, 105, doubtful=False, fields={})]
    write(mark, Page(100, 2, events, 0, 105, is_last=False, server_time=None))
    assert mark.ids == [5, 6]


def test_a_walk_from_behind_skips_what_lies_before_the_bookmark() -> None:
    mark = Bookmark(105, frozenset({4}), is_set=True)
    assert write(mark, a_page(100, (1, 100), (2, 104), (3, 105), (4, 105), end=105)) == [3]
    assert (mark.second, mark.ids) == (105, [3, 4])


def test_from_the_bookmark_on_only_ids_count() -> None:
    mark = Bookmark(105, frozenset({4}), is_set=True)
    assert write(mark, a_page(105, (4, 105), (9, 60), (5, 106), end=106)) == [9, 5]


def test_a_stream_that_found_nothing_has_no_bookmark() -> None:
    mark = Bookmark(100, is_set=False)
    write(mark, a_page(100, end=None, last=True))
    assert not mark.is_set


@settings(max_examples=150 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=st.lists(
        # seconds between events, and how much too early one tells its time
        st.tuples(st.integers(0, 4), st.just(0) | st.just(0) | st.integers(1, 40)),
        min_size=1,
        max_size=50,
    ),
    page_sizes=st.lists(st.integers(2, 8), min_size=1, max_size=4),
    ends=st.lists(st.none() | st.integers(1, 120), max_size=4),
    seed=st.integers(0, 3),
    rule=st.sampled_from(["growing", "capping"]),
)
def test_times_that_are_told_too_early_lose_nothing_and_double_no_other_event(
    events: list[tuple[int, int]],
    page_sizes: list[int],
    ends: list[int | None],
    seed: int,
    rule: Any,
) -> None:
    clock = SimulatedClock()
    account = Account(seed=seed)
    moment = BEGIN + 50
    wrong = set()
    for number, (gap, early) in enumerate(events, 1):
        moment += gap
        account.add(plain_event(number, moment - early), sorted_at=moment)
        if early:
            wrong.add(number)
    fake = a_fake(account, clock, page_rule=rule)
    state: dict[str, Any] = {}
    written: Counter[int] = Counter()
    for number, end in enumerate([*ends, None, None]):
        output = run(
            fake,
            clock,
            state,
            start_date=iso(BEGIN),
            end_date=None if end is None else iso(BEGIN + 50 + end),
            page_size=page_sizes[number % len(page_sizes)],
        )
        written.update(output.ids)
        state = output.state or state
    assert written.keys() == set(range(1, len(events) + 1))
    assert {number for number, times in written.items() if times > 1} <= wrong
