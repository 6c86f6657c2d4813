"""The size of pages: the largest that is answered, found with few requests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.zendesk.page_size import PageSize


def ask(size: PageSize, limit: int) -> bool:
    """One request of the current size to a server that answers pages up to `limit`."""
    if size.current > limit:
        size.too_slow(size.current)
        return False
    size.answered(size.current)
    return True


def asked(size: PageSize, limit: int, requests: int) -> list[int]:
    sizes = []
    for _ in range(requests):
        sizes.append(size.current)
        ask(size, limit)
    return sizes


def test_as_long_as_all_is_well_the_size_is_the_configured_one() -> None:
    assert set(asked(PageSize(700), 1000, 20)) == {700}


def test_a_page_that_is_too_slow_is_halved() -> None:
    assert asked(PageSize(1000), 100, 5) == [1000, 500, 250, 125, 62]


def test_a_hiccup_costs_a_few_small_pages() -> None:
    size = PageSize(1000)
    for _ in range(3):
        size.too_slow(size.current)
    assert size.current == 125
    assert asked(size, 1000, 6) == [125, 250, 500, 1000, 1000, 1000]


def test_a_hiccup_of_hours_is_forgotten_too() -> None:
    size = PageSize(1000)
    asked(size, 300, 50)
    sizes = asked(size, 1000, 200)
    assert sizes[-1] == 1000
    assert 1000 in sizes[:40]


def test_a_limit_that_falls_is_followed_down() -> None:
    size = PageSize(1000)
    asked(size, 400, 60)
    sizes = asked(size, 30, 60)
    assert sum(each > 30 for each in sizes) <= 12


def test_one_event_is_the_smallest_page() -> None:
    size = PageSize(1000)
    assert asked(size, 0, 15)[-3:] == [1, 1, 1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 60, 100, 333, 499, 500, 501, 999])
def test_a_lasting_limit_is_found_and_kept_to(limit: int) -> None:
    size = PageSize(1000)
    sizes = asked(size, limit, 400)
    settled = sizes[30:]
    in_vain = [each for each in settled if each > limit]
    assert len(in_vain) <= 20
    good = sorted(each for each in settled if each <= limit)
    assert good[len(good) // 2] >= limit * 0.9 - 1


def test_tries_beyond_a_lasting_limit_become_rare() -> None:
    size = PageSize(1000)
    asked(size, 333, 500)
    assert sum(each > 333 for each in asked(size, 333, 500)) <= 8


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 1200), st.integers(1, 40)), max_size=8)
)
def test_it_stays_in_bounds_and_returns_whatever_the_limit_does(
    most: int, weather: list[tuple[int, int]]
) -> None:
    size = PageSize(most)
    for limit, requests in weather:
        for each in asked(size, limit, requests):
            assert 1 <= each <= most
    answered = [each for each in asked(size, 1000, 3000) if each == most]
    assert answered, "never asked for full pages again"
    assert size.current == most


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 1000), st.integers(1, 1000))
def test_it_never_fails_twice_in_a_row_for_long(most: int, limit: int) -> None:
    size = PageSize(most)
    in_vain = 0
    for _ in range(300):
        in_vain = 0 if ask(size, limit) else in_vain + 1
        assert in_vain <= 10


def test_an_answer_of_another_size_does_not_change_the_size() -> None:
    size = PageSize(500)
    size.too_slow(size.current)
    size.answered(1000)
    assert size.current == 250
    assert size.largest_answered == 1000
