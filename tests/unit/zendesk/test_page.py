"""A body is a page with every event on it once, or worth another try: nothing in between."""

from __future__ import annotations

import json
import logging
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import BrokenPageError, ZendeskEventsError
from tap_zendesk_events.zendesk.page import Event, Page, _bounds, read_page
from tests.fake_zendesk import plain_event
from tests.support.harness import BEGIN, lines
from tests.support.json_values import JSON_VALUES

KEY = "ticket_events"
LOG = logging.getLogger("test_page")


ids = st.integers(-(2**64), 2**64) | st.integers(2**63 - 2, 2**63 + 2) | st.integers().map(str)


def fits(number: int) -> bool:
    """Say whether a number has 64 bits at most, by packing it into as many."""
    try:
        struct.pack(">q", number)
    except struct.error:
        return False
    return True


def body(**fields: Any) -> bytes:
    """A body as Zendesk sends it, with other fields instead; `...` leaves one out."""
    usual: dict[str, Any] = {
        KEY: [plain_event(1, BEGIN), plain_event(2, BEGIN + 5)],
        "count": 2,
        "end_of_stream": False,
        "end_time": BEGIN + 5,
        "next_page": f"https://acme.zendesk.com/api/v2/x?start_time={BEGIN + 5}",
    }
    content = {name: v for name, v in {**usual, **fields}.items() if v is not ...}
    return json.dumps(content).encode()


def page_of(content: bytes, asked: int = 2, start: int = BEGIN) -> Page:
    return read_page(content, KEY, start, asked, None, LOG)


def events_of(*entries: Any, start: int = BEGIN, **fields: Any) -> list[Event]:
    return page_of(body(**{KEY: list(entries)}, **fields), start=start).events


def test_an_ordinary_page() -> None:
    page = page_of(body())
    assert [(event.id, event.time, event.doubtful) for event in page.events] == [
        (1, BEGIN, False),
        (2, BEGIN + 5, False),
    ]
    assert (page.next_start, page.is_last, page.is_stuck, page.skipped) == (
        BEGIN + 5,
        False,
        False,
        0,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"<!DOCTYPE html><title>502</title>",
        b"upstream request timeout",
        body()[:-1],
        body()[: len(body()) // 2],
        body() + b"}",
        b"[]",
        b"null",
        b'"ticket_events"',
        b"5",
        b"{}",
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"x":"' + b"\xff" * 9,
        body(**{KEY: ...}),
        body(**{KEY: None}),
        body(**{KEY: {"1": {}}}),
        body(**{KEY: "none"}),
        body(end_of_stream="false"),
        body(end_of_stream=0),
        body(end_time=None, next_page=None),
        body(end_time=..., next_page=...),
        body(end_time=None, next_page="https://acme.zendesk.com/?start_time=soon"),
        body(end_time=None, next_page="https://[acme/?start_time=5"),
        body(end_time=True, next_page=7),
    ],
)
def test_what_is_no_page_is_worth_another_try(content: bytes) -> None:
    with pytest.raises(BrokenPageError) as caught:
        page_of(content)
    assert "acme" not in str(caught.value)


@pytest.mark.parametrize("depth", [1, 100, 400, 900, 5000])
@pytest.mark.parametrize("innermost", ['"x"', '"\\u0000"', '"\\ud83d"', "NaN"])
def test_nesting_is_read_or_worth_another_try(depth: int, innermost: str) -> None:
    nested = "[" * depth + innermost + "]" * depth
    content = body(**{KEY: [plain_event(1, BEGIN, custom="HERE")]}).replace(
        b'"HERE"', nested.encode()
    )
    try:
        page = page_of(content)
    except BrokenPageError:
        assert depth > 100
    else:
        assert [event.id for event in page.events] == [1]


@settings(max_examples=250, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([KEY, "count", "end_of_stream", "end_time", "next_page"]),
        JSON_VALUES | st.just(...),
        max_size=5,
    )
)
def test_any_envelope_is_a_page_or_worth_another_try(fields: dict[str, Any]) -> None:
    try:
        page = page_of(body(**fields))
    except BrokenPageError:
        return
    except ZendeskEventsError:
        entries = fields[KEY]
        assert len(entries) > 1
        assert not any(isinstance(entry, dict) and "id" in entry for entry in entries)
        return
    assert page.is_last or page.next_start is not None
    assert page.is_stuck is (not page.is_last and (page.next_start or 0) <= BEGIN)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        JSON_VALUES
        | st.fixed_dictionaries({"id": ids}, optional={"timestamp": st.integers(BEGIN, BEGIN + 9)})
        | st.dictionaries(
            st.sampled_from(["id", "timestamp", "created_at", "time", "other"]),
            JSON_VALUES | st.integers(BEGIN, BEGIN + 9) | st.just("2025-11-01T00:00:03Z"),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_every_entry_with_a_whole_number_as_id_is_an_event(entries: list[Any], last: bool) -> None:
    content = body(**{KEY: entries}, end_of_stream=last)
    ids = [
        entry["id"]
        for entry in entries
        if isinstance(entry, dict) and type(entry.get("id")) is int and fits(entry["id"])
    ]
    if len(entries) > 1 and not ids:
        with pytest.raises(ZendeskEventsError):
            page_of(content)
        return
    page = page_of(content)
    # of two versions the later one stays, where it stands
    expected = [each for place, each in enumerate(ids) if each not in ids[place + 1 :]]
    assert [event.id for event in page.events] == expected
    assert page.skipped == len(entries) - len(ids)
    assert all(event.time <= event.latest for event in page.events)


@pytest.mark.parametrize(
    ("fields", "is_last", "next_start"),
    [
        ({}, False, BEGIN + 5),
        ({"end_of_stream": True}, True, BEGIN + 5),
        ({"end_of_stream": True, "end_time": None, "next_page": None}, True, None),
        ({"end_time": None}, False, BEGIN + 5),
        ({"end_time": "2025-11-01T00:00:07Z"}, False, BEGIN + 7),
        ({"next_page": None}, False, BEGIN + 5),
        # answers of former years
        ({"end_of_stream": ...}, False, BEGIN + 5),
        ({"end_of_stream": ..., "next_page": None}, True, BEGIN + 5),
        ({"end_of_stream": ..., "next_page": ...}, True, BEGIN + 5),
        ({"end_of_stream": None, "end_time": BEGIN}, False, BEGIN),
        ({"end_of_stream": ..., "end_time": BEGIN, KEY: [plain_event(1, BEGIN)]}, False, BEGIN),
        (
            {"end_of_stream": ..., "end_time": BEGIN + 1, KEY: [plain_event(1, BEGIN)]},
            False,
            BEGIN + 1,
        ),
    ],
)
def test_where_a_page_ends(fields: dict[str, Any], is_last: bool, next_start: int | None) -> None:
    page = page_of(body(**fields))
    assert (page.is_last, page.next_start) == (is_last, next_start)


def test_only_the_start_is_taken_from_the_address_of_the_next_page() -> None:
    address = "https://evil.example/x?per_page=9&start_time=1761955207&start_time=5"
    assert page_of(body(end_time=None, next_page=address)).next_start == 1761955207


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({"timestamp": BEGIN + 1, "created_at": "2025-11-01T00:00:02Z"}, BEGIN + 1),
        ({"timestamp": None, "created_at": "2025-11-01T00:00:02Z"}, BEGIN + 2),
        ({"timestamp": "soon", "created_at": "2025-11-01T00:00:02Z"}, BEGIN + 2),
        ({"created_at": "never", "time": "2025-11-01T00:00:03Z"}, BEGIN + 3),
        ({"timestamp": str(BEGIN + 4)}, BEGIN + 4),
        ({"timestamp": True, "time": BEGIN + 3}, BEGIN + 3),
    ],
)
def test_an_events_own_time(fields: dict[str, Any], time: int) -> None:
    (event,) = events_of({"id": 1, **fields})
    assert (event.time, event.latest, event.doubtful) == (time, time, False)


def test_an_event_without_a_time_borrows_that_of_the_one_before() -> None:
    events = events_of({"id": 1}, plain_event(2, BEGIN + 3), {"id": 3}, {"id": 4})
    assert [(e.id, e.time, e.doubtful) for e in events] == [
        (1, BEGIN, True),
        (2, BEGIN + 3, False),
        (3, BEGIN + 3, True),
        (4, BEGIN + 3, True),
    ]
    assert [event.latest for event in events] == [BEGIN + 3, BEGIN + 3, BEGIN + 5, BEGIN + 5]


def test_a_skipped_entry_lends_no_time_but_does_not_stop_others() -> None:
    page = page_of(body(**{KEY: [plain_event(1, BEGIN), None, {"id": 2}]}))
    assert [(event.id, event.time) for event in page.events] == [(1, BEGIN), (2, BEGIN)]


def test_a_time_before_the_pages_start_is_doubtful() -> None:
    (event,) = events_of(plain_event(1, BEGIN - 50))
    assert event.doubtful
    assert event.latest == BEGIN + 5


@pytest.mark.parametrize(
    "entry",
    [
        *(None, 7, "text", [], {}, {"id": None}, {"id": True}, {"id": "12"}, {"id": 1.5}),
        *({"id": [1]}, {"id": 2**63}, {"id": -(2**63) - 1}, {"id": 10**30}),
    ],
)
def test_an_entry_without_an_id_is_skipped_with_one_line(
    entry: Any, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(entry, dict):
        entry = {**entry, "timestamp": BEGIN, "secret": "comment text"}
    page = page_of(body(**{KEY: [plain_event(1, BEGIN), entry, plain_event(2, BEGIN)]}))
    assert [event.id for event in page.events] == [1, 2]
    assert page.skipped == 1
    (line,) = lines(caplog, "ERROR")
    assert "entry 1 " in line
    assert str(BEGIN) in line
    assert "comment text" not in line


UNUSABLE: list[Any] = [None, "text", {"id": "12"}, {"id": 2**63}, {"no_id": 1}]


@pytest.mark.parametrize("entry", UNUSABLE)
@pytest.mark.parametrize("count", [2, 1000])
def test_a_page_of_which_nothing_can_be_stored_is_an_error(
    entry: Any, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(entry, dict):
        entry = {**entry, "timestamp": BEGIN, "secret": "comment text"}
    with pytest.raises(ZendeskEventsError) as caught:
        page_of(body(**{KEY: [entry] * count}))
    assert f"none of the {count} entries" in str(caught.value)
    assert str(BEGIN) in str(caught.value)
    assert "comment text" not in str(caught.value)
    assert lines(caplog, "ERROR") == []


@pytest.mark.parametrize("entry", UNUSABLE)
def test_one_entry_alone_that_cannot_be_stored_is_passed_by(entry: Any) -> None:
    page = page_of(body(**{KEY: [entry]}))
    assert (page.events, page.skipped) == ([], 1)


def test_a_broken_page_is_tried_again_whatever_its_entries_are() -> None:
    with pytest.raises(BrokenPageError):
        page_of(body(**{KEY: UNUSABLE}, end_of_stream="false"))


# Which events of a page lie in the window


def page_of_times(*times: int, next_start: int | None, last: bool = False) -> Page:
    events = [Event(n, time, time, doubtful=False, fields={}) for n, time in enumerate(times)]
    return Page(100, 10, events, 0, next_start, last, None)


def test_the_windows_end_itself_is_outside() -> None:
    page = page_of_times(100, 104, 105, 106, next_start=107)
    assert [event.time for event in page.inside(105)] == [100, 104]


def test_a_page_that_ends_before_the_windows_end_is_inside_as_a_whole() -> None:
    page = page_of_times(100, 9_999, 101, next_start=104)
    assert len(page.inside(105)) == 3


def test_a_page_that_ends_with_the_window_is_cut_by_time() -> None:
    page = page_of_times(100, 105, 101, next_start=105)
    assert [event.time for event in page.inside(105)] == [100, 101]


@pytest.mark.parametrize("next_start", [None, 50, 104])
def test_the_last_page_is_cut_by_time(next_start: int | None) -> None:
    page = page_of_times(100, 9_999, 101, next_start=next_start, last=True)
    assert [event.time for event in page.inside(105)] == [100, 101]


# Times in disorder, versions, fullness, the end


def test_a_time_earlier_than_one_in_front_is_doubtful() -> None:
    events = events_of(
        plain_event(1, BEGIN + 4), plain_event(2, BEGIN + 2), plain_event(3, BEGIN + 4)
    )
    assert [(e.time - BEGIN, e.latest - BEGIN, e.doubtful) for e in events] == [
        (4, 4, False),
        (2, 4, True),
        (4, 4, False),
    ]


def test_of_two_versions_of_an_event_the_later_one_counts() -> None:
    first, second = plain_event(1, BEGIN), plain_event(1, BEGIN, child_events=[{"id": 5}])
    page = page_of(body(**{KEY: [first, plain_event(2, BEGIN), second]}))
    assert [event.id for event in page.events] == [2, 1]
    assert page.events[1].fields == second
    assert page.skipped == 0


def test_every_time_is_looked_at_a_bounded_number_of_times() -> None:
    class Counted(list[Any]):
        looks = 0

        def __getitem__(self, place: Any) -> Any:
            Counted.looks += 1
            return super().__getitem__(place)

    times = Counted([None] * 5000 + [BEGIN])
    assert _bounds(times, BEGIN + 9) == [BEGIN] * 5000 + [BEGIN + 9]
    assert Counted.looks <= 5001


@pytest.mark.parametrize(("asked", "full"), [(1, True), (2, True), (3, False)])
def test_a_page_is_full_that_holds_what_was_asked_for(asked: int, full: bool) -> None:
    assert page_of(body(), asked=asked).is_full is full
    with_a_skipped_one = body(**{KEY: [plain_event(1, BEGIN), None]})
    assert page_of(with_a_skipped_one, asked=asked).is_full is full


@pytest.mark.parametrize(
    ("fields", "tells"),
    [
        ({}, True),
        ({"end_of_stream": True}, True),
        ({"end_of_stream": ...}, False),
        ({"end_of_stream": None}, False),
        ({"end_of_stream": ..., "next_page": None}, True),
    ],
)
def test_whether_an_answer_tells_the_end(fields: dict[str, Any], tells: bool) -> None:
    assert page_of(body(**fields)).tells_end is tells
