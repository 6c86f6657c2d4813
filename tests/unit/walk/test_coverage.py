"""What a stream has written, and which ids may come up again."""

from __future__ import annotations

import pytest

from tap_zendesk_events.walk.bookmark import Bookmark
from tap_zendesk_events.walk.coverage import Coverage, Known, Stretch, joined
from tap_zendesk_events.zendesk.page import Event, Page


def an_event(identifier: int, time: int, latest: int | None = None) -> Event:
    """An event; of doubtful time, if `latest` is told."""
    doubtful = latest is not None
    return Event(identifier, time, time if latest is None else latest, doubtful, {})


def a_page(*events: Event, start: int = 0, end: int | None = None) -> Page:
    return Page(start, 10, list(events), 0, end, end is None, None)


def note(known: Known, *events: Event, start: int = 0, end: int = 10_000) -> None:
    """A page of events that are all written."""
    known.note(a_page(*events), events, start, end)


@pytest.mark.parametrize(
    ("start", "second", "ids"),
    [
        (100, 100, [1]),  # the bookmark itself
        (150, 150, []),  # between the bookmark and what is written ahead
        (200, 300, [2]),
        (250, 300, [2]),  # inside of a stretch
        (300, 300, [2]),  # at its end
        (301, 301, []),  # behind it: nothing is written of this
        (500, 500, [3]),
        (9000, 9000, []),
    ],
)
def test_a_segment_begins_with_the_last_stretch_that_starts_before_it(
    start: int, second: int, ids: list[int]
) -> None:
    ahead = [Stretch(200, 300, (2,)), Stretch(500, 500, (3,))]
    mark = Coverage(Bookmark(100, [1], is_set=True), ahead).bookmark_at(start)
    assert (mark.second, mark.ids, mark.is_set) == (second, ids, bool(ids))


def test_all_ids_of_the_state_are_known_at_first() -> None:
    coverage = Coverage(Bookmark(100, [1], is_set=True), [Stretch(200, 300, (2, 3))])
    assert coverage.known is not None
    assert set(coverage.known.ids) == {1, 2, 3}
    assert coverage.known.unknown([an_event(2, 5), an_event(9, 5)]) == [an_event(9, 5)]


def test_where_pages_tell_what_is_settled_nothing_is_known_besides() -> None:
    assert Coverage(Bookmark(100, [1], is_set=True), by_time=False).known is None


def test_an_event_of_a_right_time_in_its_segment_need_not_be_known() -> None:
    known = Known([], 0)
    note(known, an_event(1, 100), an_event(2, 9_999))
    assert not known.ids


@pytest.mark.parametrize("event", [an_event(1, 100, 400), an_event(1, 10_000), an_event(1, 49)])
def test_an_event_of_a_doubtful_time_or_of_another_segment_is_known(event: Event) -> None:
    known = Known([], 0)
    note(known, event, start=50)
    assert set(known.ids) == {1}


def test_it_is_forgotten_when_all_is_written_up_to_an_event_behind_it() -> None:
    known = Known([], 0)
    note(known, an_event(1, 100, 400), an_event(2, 400))
    known.forget(400)
    assert set(known.ids) == {1}  # no event that tells its time is surely behind it
    note(known, an_event(3, 500))
    known.forget(500)
    assert set(known.ids) == {1}
    note(known, an_event(4, 600))
    known.forget(550)
    assert not known.ids


def test_what_another_page_shows_later_narrows_its_time_down() -> None:
    known = Known([], 0)
    note(known, an_event(1, 100, 9_000))
    note(known, an_event(1, 100, 300), an_event(2, 350))
    known.forget(351)
    assert not known.ids


def test_an_id_of_the_state_stays_until_a_page_has_shown_it_or_all_there_is_was_shown() -> None:
    known = Known([7], 200)
    note(known, an_event(1, 300))
    known.forget(5_000)
    assert set(known.ids) == {7}
    known.saw_all()
    known.forget(5_000)
    assert not known.ids


def test_an_id_of_the_state_whose_event_tells_its_time_is_forgotten_right_behind_it() -> None:
    known = Known([7], 300)
    note(known, an_event(7, 300), an_event(8, 301))
    known.forget(300)
    assert set(known.ids) == {7}
    known.forget(301)
    assert not known.ids


def test_where_hardly_any_event_tells_its_time_they_do_not_pile_up() -> None:
    known = Known([], 0)
    note(known, *(an_event(number, 100, 400) for number in range(2001)))
    known.forget(400)
    assert len(known.ids) == 2001
    known.forget(401)
    assert not known.ids


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        # nothing between them: the later one's second and ids hold
        ([(0, 100, (1,)), (100, 300, (2,))], [(0, 300, (2,))]),
        ([(0, 250, (1,)), (100, 300, (2,))], [(0, 300, (2,))]),
        ([(0, 300, (1,)), (100, 300, (2,))], [(0, 300, (1, 2))]),
        ([(0, 300, (1,)), (100, 200, (2,))], [(0, 300, (1,))]),
        ([(0, 100, (1,)), (101, 300, (2,))], [(0, 100, (1,)), (101, 300, (2,))]),
        # one that says nothing is left out, but for the first
        ([(0, 0, ()), (50, 50, ()), (60, 60, (3,))], [(0, 0, ()), (60, 60, (3,))]),
    ],
)
def test_stretches_that_touch_are_one(
    stretches: list[tuple[int, int, tuple[int, ...]]],
    expected: list[tuple[int, int, tuple[int, ...]]],
) -> None:
    assert joined([Stretch(*each) for each in stretches]) == expected
