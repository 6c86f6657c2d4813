"""Segments: which pages are asked for, at what cost, and what is written of them."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.walk.bookmark import Bookmark
from tap_zendesk_events.walk.coverage import Coverage, Stretch
from tap_zendesk_events.walk.segments import Segment, Segments
from tap_zendesk_events.zendesk.page import Event, Page
from tests.support.harness import TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY = 86_400
FOUR_YEARS = 4 * 365 * DAY
STREAM = "ticket_events"


class TimeLine:
    """Events in order, given as pages.

    Args:
        times: Their epoch seconds. An event's id is its place.
        per_page: Events on a page.
    """

    def __init__(self, times: Iterable[int], per_page: int) -> None:
        self.times = sorted(times)
        self.per_page = per_page

    def page(self, start: int) -> Page:
        begin = bisect_left(self.times, start)
        end = min(begin + self.per_page, len(self.times))
        events = [
            Event(place, self.times[place], self.times[place], doubtful=False, fields={})
            for place in range(begin, end)
        ]
        is_last = end == len(self.times)
        next_start = None if is_last else events[-1].time
        return Page(start, self.per_page, events, 0, next_start, is_last, None)


class Run:
    """A run on simulated time: each page takes its time, and the allowance has windows.

    Args:
        line: The events.
        segments: How they are read.
        end: First second outside of the window.
        page_seconds: Gives how long a page takes.
        allowance: Requests, and the seconds of a window.
    """

    def __init__(
        self,
        line: TimeLine,
        segments: Segments[str],
        end: int,
        page_seconds: float = 1.0,
        spread: float = 0.0,
        allowance: tuple[int, float] = (10**9, 1.0),
        seed: int = 0,
    ) -> None:
        self.line = line
        self.segments = segments
        self.end = end
        self.page_seconds = page_seconds
        self.spread = spread
        self.allowance = allowance
        self.rng = random.Random(seed)
        self.clock = 0.0
        self.requests = 0
        self.cuts = 0
        self.most_at_a_time = 0
        self.written: Counter[int] = Counter()
        self._used: Counter[int] = Counter()
        self._on_their_way: list[tuple[float, int, Segment[str] | None, int]] = []

    def go(self, most_pages: float = float("inf")) -> Run:
        """Read to the end, or until so many pages are written."""
        known: set[int] = set()
        self._ask(None, self.segments.first)
        pages = 0
        while self._on_their_way and pages < most_pages:
            self.clock, _, segment, position = heapq.heappop(self._on_their_way)
            page = self.line.page(position)
            if segment is None:
                segment = self.segments.open(self.end, self.end)
                known = {id(each) for each in self.segments._all}
            segment.arrived(page)
            for wanted, start in self.segments.wanted():
                self._ask(wanted, start)
            self.cuts += len({id(each) for each in self.segments._all} - known)
            known |= {id(each) for each in self.segments._all}
            self.written.update(e.id for e in self.segments.fresh(segment, page, STREAM))
            self.segments.pass_page(segment, page)
            pages += 1
        return self

    def _ask(self, segment: Segment[str] | None, position: int) -> None:
        most, period = self.allowance
        sent = self.clock
        while self._used[int(sent // period)] >= most:
            sent = (sent // period + 1) * period
        self._used[int(sent // period)] += 1
        self.requests += 1
        seconds = self.page_seconds * self.rng.uniform(1 - self.spread, 1 + self.spread)
        entry = (sent + seconds, self.requests, segment, position)
        heapq.heappush(self._on_their_way, entry)
        self.most_at_a_time = max(self.most_at_a_time, len(self._on_their_way))


def a_run(
    times: Iterable[int], at_a_time: int, per_page: int = 10, end: int = 10**6, **options: float
) -> Run:
    coverage = Coverage(Bookmark(0, is_set=False))
    segments = Segments({STREAM: coverage}, at_a_time)
    return Run(TimeLine(times, per_page), segments, end, **options)  # type: ignore[arg-type]


def even(events: int, span: int = FOUR_YEARS) -> list[int]:
    return [place * span // events for place in range(events)]


def one_day(events: int, seed: int, begin: int = FOUR_YEARS // 2) -> list[int]:
    rng = random.Random(seed)
    return [begin + int(rng.random() * DAY) for _ in range(events)]


# What it costs


@pytest.mark.parametrize("spread", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("begin", [0, FOUR_YEARS // 2, FOUR_YEARS - DAY])
def test_a_day_of_sixty_pages_in_four_years_uses_the_allowance(
    begin: int, seed: int, spread: float
) -> None:
    """A page takes five times what the allowance spaces requests by: 2 s against 0.4 s."""
    run = a_run(one_day(60_000, seed, begin), 6, 1000, FOUR_YEARS)
    run.page_seconds, run.spread, run.allowance = 2.0, spread, (30, 12.0)
    run.go()
    assert run.written == Counter(range(60_000))
    assert run.requests <= 70
    assert run.clock <= run.requests * 0.4 / 0.9 + 2 * 2.0


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_sixty_pages_spread_evenly_over_four_years(spread: float) -> None:
    run = a_run(even(60_000), 6, 1000, FOUR_YEARS)
    run.page_seconds, run.spread, run.allowance = 2.0, spread, (30, 12.0)
    run.go()
    assert run.written == Counter(range(60_000))
    assert run.requests <= 65
    assert run.clock <= run.requests * 0.4 / 0.9 + 2 * 2.0


def test_one_at_a_time_reads_page_after_page() -> None:
    run = a_run(even(60_000), 1, 1000, FOUR_YEARS).go()
    assert (run.cuts, run.most_at_a_time) == (0, 1)
    assert run.requests == 61  # each page repeats one event
    assert run.clock == 61.0


def shrinking(events: int) -> list[int]:
    return [int((place / events) ** 4 * FOUR_YEARS) for place in range(events)]


def bursts(events: int) -> list[int]:
    rng = random.Random(5)
    found: list[int] = []
    while len(found) < events:
        begin, length = rng.randrange(FOUR_YEARS), rng.choice([60, 3600])
        found += [begin + int(rng.random() * length) for _ in range(rng.choice([10, 300, 3000]))]
    return found[:events]


@pytest.mark.parametrize("at_a_time", [2, 4, 6, 8])
@pytest.mark.parametrize(
    ("times", "most"), [(shrinking(60_000), 1.2), (bursts(60_000), 2)], ids=["shrinking", "bursts"]
)
def test_where_density_misleads_it_costs_no_more_than_a_part(
    times: list[int], most: float, at_a_time: int
) -> None:
    alone = a_run(times, 1, 1000, FOUR_YEARS).go()
    run = a_run(times, at_a_time, 1000, FOUR_YEARS).go()
    assert run.written == Counter(range(60_000))
    assert run.requests <= most * alone.requests


seconds = st.one_of(st.integers(1, 3), st.integers(1, 3000))  # to the next moment
sizes = st.integers(10, 40)  # of a page; fewer than that happen in a second, or it would not end


@settings(max_examples=200 * TIMES, deadline=None)
@given(
    st.lists(st.tuples(seconds, st.integers(1, 9)), max_size=80),
    st.integers(1, 8),
    sizes,
    st.integers(0, 10**6),
    st.integers(0, 99),
)
def test_each_event_is_written_once(
    gaps: list[tuple[int, int]], at_a_time: int, per_page: int, beyond: int, seed: int
) -> None:
    moments = [0]
    for gap, events in gaps:
        moments += [moments[-1] + gap] * events
    end = moments[-1] + 1 + beyond
    alone = a_run(moments, 1, per_page, end).go()
    run = a_run(moments, at_a_time, per_page, end, spread=0.9, seed=seed).go()
    assert run.written == alone.written == Counter(range(len(moments)))
    assert run.most_at_a_time <= at_a_time
    plain, ahead = run.segments.standing(STREAM)
    assert not ahead
    # one that ends at a cut is written up to there, the last one up to its latest event
    assert alone.segments.standing(STREAM)[0].second <= plain.second < end


@settings(max_examples=200 * TIMES, deadline=None)
@given(
    st.lists(seconds, max_size=300),
    st.integers(1, 8),
    sizes,
    st.integers(0, 10**6),
    st.integers(0, 99),
)
def test_a_cut_costs_a_page_at_most(
    gaps: list[int], at_a_time: int, per_page: int, beyond: int, seed: int
) -> None:
    """With one event in a second: what is repeated at a page's border takes room as well."""
    moments = [0]
    for gap in gaps:
        moments.append(moments[-1] + gap)
    end = moments[-1] + 1 + beyond
    alone = a_run(moments, 1, per_page, end).go()
    run = a_run(moments, at_a_time, per_page, end, spread=0.9, seed=seed).go()
    assert run.requests <= alone.requests + run.cuts


# Which pages are wanted


def opened(at_a_time: int, *pages: int, end: int = 1_000_000) -> Segments[str]:
    """Segments after their first page, with an event at each of these seconds."""
    segments = Segments({STREAM: Coverage(Bookmark(0, is_set=False))}, at_a_time)
    first = segments.open(end, end)
    first.arrived(page_of(0, pages))
    return segments


def page_of(start: int, times: Sequence[int], *, last: bool = False) -> Page:
    ids = count(start * 1000)
    events = [Event(next(ids), time, time, doubtful=False, fields={}) for time in times]
    return Page(start, len(times), events, 0, None if last else times[-1], last, None)


def starts(segments: Segments[str]) -> list[int]:
    return [position for _, position in segments.wanted()]


def test_nothing_is_cut_before_the_first_page() -> None:
    segments = Segments({STREAM: Coverage(Bookmark(0, is_set=False))}, 4)
    segments.open(1_000_000, 1_000_000)
    assert starts(segments)[1:] == []
    assert segments.awaited == 1


def test_a_segment_is_cut_sixteen_pages_ahead_by_its_own_density() -> None:
    segments = opened(2, 100, 1100)
    first, second = starts(segments)
    assert first == 1100
    assert second == pytest.approx(1100 + 1000 + 16 * 1000, abs=500)


def test_or_at_half_of_what_is_left_if_that_is_nearer() -> None:
    segments = opened(2, 100, 1100, end=10_100)
    assert starts(segments) == [1100, pytest.approx((2100 + 10_100) / 2, abs=500)]


def test_what_is_less_than_two_pages_is_not_cut() -> None:
    assert starts(opened(2, 100, 1100, end=4000)) == [1100]
    assert len(starts(opened(2, 100, 1100, end=4200))) == 2


def test_a_new_half_is_not_cut_before_a_page_of_its_own() -> None:
    segments = opened(8, 100, 1100)
    assert len(starts(segments)) == 2  # one page may be a burst: one cut for each page


def test_as_many_as_there_are_requests_once_two_pages_are_alike() -> None:
    segments = opened(4, 100, 1100)
    assert len(starts(segments)) == 2
    front = segments._all[0]
    page = page_of(1100, (1100, 2000))
    front.arrived(page)
    assert len(starts(segments)) == 3
    segments.pass_page(front, page)
    assert segments.awaited == 4


def test_the_longest_is_cut() -> None:
    segments = opened(2, 100, 1100)
    (front, _), (back, position) = segments.wanted()
    page = page_of(position, (position, position + 1000))
    back.arrived(page)
    segments.pass_page(back, page)
    segments._at_a_time = 3
    wanted = starts(segments)
    assert [each for each in wanted if each < position] == []
    assert (front.end, len(wanted)) == (position, 2)


def test_an_empty_page_tells_by_its_own_length() -> None:
    segments = Segments({STREAM: Coverage(Bookmark(0, is_set=False))}, 2)
    segments.open(1_000_000, 1_000_000).arrived(Page(0, 10, [], 0, 5000, False, None))
    assert len(starts(segments)) == 2


def test_a_start_that_is_too_recent_ends_a_segment_and_covers_nothing() -> None:
    segments = opened(1, 100, 1100)
    ((segment, _),) = segments.wanted()
    segment.arrived(None)
    assert starts(segments) == []
    assert segments.position == 1100


# What is written of a page at a cut


def cut_at(at: int, at_a_time: int = 2) -> tuple[Segments[str], Segment[str], Segment[str]]:
    segments = Segments(
        {STREAM: Coverage(Bookmark(0, is_set=True), [Stretch(at, at, (7,))])}, at_a_time
    )
    first = segments.open(10_000, 10_000)
    _, second = segments._all
    return segments, first, second


def test_only_events_in_front_of_an_inner_end_are_written() -> None:
    segments, first, _ = cut_at(500)
    page = page_of(0, (100, 499, 500, 600))
    first.arrived(page)
    assert [event.time for event in segments.fresh(first, page, STREAM)] == [100, 499]
    segments.pass_page(first, page)
    mark, ahead = segments.standing(STREAM)
    assert (mark.second, ahead) == (500, [])


def test_a_page_whose_next_start_is_the_inner_end_is_cut_there_too() -> None:
    segments, first, _ = cut_at(500)
    page = page_of(0, (100, 500))
    first.arrived(page)
    assert first.is_over
    assert [event.time for event in segments.fresh(first, page, STREAM)] == [100]


def test_a_last_page_in_front_of_an_inner_end_covers_up_to_it() -> None:
    segments, first, second = cut_at(500)
    page = page_of(0, (100,), last=True)
    first.arrived(page)
    segments.pass_page(first, page)
    mark, ahead = segments.standing(STREAM)
    assert (mark.second, ahead) == (500, [])
    assert second.start == 0


def test_a_segment_behind_one_that_is_not_written_is_an_entry_of_the_state() -> None:
    segments, _, second = cut_at(500)
    list(segments.wanted())
    page = page_of(500, (500, 800))
    second.arrived(page)
    segments.pass_page(second, page)
    mark, ahead = segments.standing(STREAM)
    assert (mark.second, mark.ids) == (0, [7])  # what the state brought may come anywhere
    assert ahead == [Stretch(500, 800, (7, 500_001))]


def test_an_event_of_no_time_is_known_to_all_segments() -> None:
    segments, first, second = cut_at(500)
    list(segments.wanted())
    untimed = Event(9, 300, 800, doubtful=True, fields={})
    page = Page(0, 2, [untimed], 0, 400, False, None)
    first.arrived(page)
    segments.pass_page(first, page)
    elsewhere = Page(500, 2, [untimed._replace(time=500)], 0, 900, False, None)
    second.arrived(elsewhere)
    assert segments.fresh(second, elsewhere, STREAM) == []


def test_entries_behind_the_window_stay() -> None:
    beyond = Stretch(20_000, 30_000, (3,))
    segments = Segments({STREAM: Coverage(Bookmark(0, is_set=True), [beyond])}, 2)
    first = segments.open(10_000, 10_000)
    page = page_of(0, (100, 9000), last=True)
    first.arrived(page)
    segments.pass_page(first, page)
    mark, ahead = segments.standing(STREAM)
    assert (mark.second, ahead) == (9000, [beyond])


def test_a_stream_that_has_a_segment_already_skips_it() -> None:
    behind = Coverage(Bookmark(0, is_set=True), [Stretch(500, 700, (1,))])
    ahead = Coverage(Bookmark(600, [4], is_set=True))
    segments = Segments({"a": behind, "b": ahead}, 1)
    first = segments.open(10_000, 10_000)
    page = page_of(0, (100, 550, 800))
    first.arrived(page)
    assert [event.time for event in segments.fresh(first, page, "a")] == [100]
    assert segments.fresh(first, page, "b") == []
    segments.pass_page(first, page)
    ((second, position),) = segments.wanted()
    assert position == 600  # the earliest of the two bookmarks there
    page = page_of(600, (600, 650, 750, 800))
    second.arrived(page)
    assert [event.time for event in segments.fresh(second, page, "b")] == [600, 650, 750, 800]
    assert [event.time for event in segments.fresh(second, page, "a")] == [750, 800]


def test_seconds_left_are_those_of_all_segments() -> None:
    segments, first, second = cut_at(500)
    assert segments.seconds_left == 10_000
    list(segments.wanted())
    page = page_of(500, (500, 800))
    second.arrived(page)
    segments.pass_page(second, page)
    assert (segments.seconds_left, segments.position) == (9_700, 0)
    page = page_of(0, (100, 600))
    first.arrived(page)
    segments.pass_page(first, page)
    assert (segments.seconds_left, segments.position) == (9_200, 800)
