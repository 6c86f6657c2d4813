"""States and catalogs of other makers: understood or refused, never passed over in silence."""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, make_events, make_metric_events
from tests.support.cli import tap
from tests.support.harness import (
    BEGIN,
    CONFIG,
    NOW,
    Output,
    SimulatedClock,
    a_fake,
    lines,
    plain_account,
    run,
)
from tests.support.selection import ALL_STREAMS, EVENT_STREAMS, rows, selecting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fake_zendesk import LoggedRequest

COUNT = 30
MARK = BEGIN + 600  # the second of event 11
AFTER_THE_MARK = list(range(11, COUNT + 1))
GOOD = {"replication_key": "timestamp", "replication_key_value": MARK}
ISO = "2025-11-01T00:10:00Z"


def attempt(
    state: Any = None, catalog: Any = None, **settings: Any
) -> tuple[Output, list[LoggedRequest]]:
    """Run the tap; whatever goes wrong has to be a sentence."""
    clock = SimulatedClock()
    fake = a_fake(plain_account(COUNT), clock)
    output = run(fake, clock, state, catalog=catalog, fails=None, **settings)
    return output, fake.log


def refused(words: str, state: Any = None, catalog: Any = None) -> None:
    output, log = attempt(state, catalog)
    error = str(output.error)
    assert words in error
    assert error.endswith(".")
    assert "\n" not in error
    assert output.messages == []
    assert log == []


def bookmarked(bookmark: Any) -> dict[str, Any]:
    return {"bookmarks": {"ticket_events": bookmark}}


UNDERSTOOD = {
    "the tap's own": {**GOOD, "boundary_ids": [], "boundary_ids_at": MARK},
    "an older version's": {**GOOD, "boundary_ids": []},
    "an older version's, without ids": GOOD,
    "ids are null": {**GOOD, "boundary_ids": None},
    "ISO 8601": {"replication_key_value": ISO},
    "ISO 8601 with an offset": {"replication_key_value": "2025-11-01T02:10:00+02:00"},
    "ISO 8601 with microseconds": {"replication_key_value": "2025-11-01T00:10:00.999999Z"},
    "ISO 8601 without a zone": {"replication_key_value": "2025-11-01T00:10:00"},
    "a float": {"replication_key_value": MARK + 0.9},
    "digits as text": {"replication_key_value": str(MARK)},
    "a decimal as text": {"replication_key_value": f"{MARK}.0"},
    "with the SDK's marks": {
        **GOOD,
        "starting_replication_value": "2025-11-01",
        "replication_key_signpost": NOW,
        "progress_markers": {"Note": "Progress is not resumable if interrupted."},
        "partitions": [],
    },
    "with marks of any other form": {**GOOD, "progress_markers": 5, "partitions": None},
}


@pytest.mark.parametrize("bookmark", UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_a_bookmark_in_another_form_is_understood(bookmark: dict[str, Any]) -> None:
    output, log = attempt(bookmarked(bookmark))
    assert log[0].query["start_time"] == str(MARK)
    assert output.ids == AFTER_THE_MARK
    assert output.state == bookmarked(
        {
            "replication_key": "timestamp",
            "replication_key_value": BEGIN + 60 * (COUNT - 1),
            "boundary_ids": [COUNT],
            "boundary_ids_at": BEGIN + 60 * (COUNT - 1),
        }
    )


def test_a_day_of_digits_is_that_day() -> None:
    _, log = attempt(bookmarked({"replication_key_value": "20251101"}))
    assert log[0].query["start_time"] == str(BEGIN)


def nested(depth: int, inner: Any = None) -> Any:
    """Lists in each other."""
    value: Any = inner
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [101, 200, 980, 5_000])
def test_a_state_or_catalog_that_nests_too_deep_is_refused(depth: int) -> None:
    state = {"bookmarks": {"another_stream": {"partitions": nested(depth)}}}
    for given, catalog, words in (
        (state, None, "The state is not of the form"),
        ({}, changed(lambda entry: entry.update(schema=nested(depth))), "The catalog is not of"),
        (
            {},
            changed(lambda entry: entry["schema"]["properties"].update(x=nested_schema(depth))),
            "The catalog is not of the form",
        ),
    ):
        with pytest.raises(ZendeskEventsError, match=words):
            TapZendeskEvents(config=CONFIG, state=given, catalog=catalog)


def nested_schema(depth: int) -> Any:
    value: Any = {"type": "string"}
    for _ in range(depth):
        value = {"type": "object", "properties": {"x": value}}
    return value


def test_the_bookmark_of_another_stream_may_nest_as_far_as_anybodys_does() -> None:
    state = {"bookmarks": {"another_stream": {"partitions": nested(90)}}}
    output, _ = attempt(state)
    assert output.error is None
    assert output.state["bookmarks"]["another_stream"] == {"partitions": nested(90)}


@pytest.mark.parametrize("option", ["--state", "--catalog", "--config"])
@pytest.mark.parametrize("depth", [300, 980, 50_000])
def test_a_file_that_nests_too_deep_is_a_sentence(option: str, depth: int, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"bookmarks":' + "[" * depth + "]" * depth + ', "streams": []}')
    settings = {"api_url": "http://127.0.0.1:1", "access_token": "t", "start_date": "2023-11-14"}
    done = tap(option, str(path), settings=None if option == "--config" else settings)
    assert done.returncode == 1
    assert done.stdout == ""
    (error,) = done.stderr.splitlines()
    assert f"given with {option}" in error


def test_a_bookmark_with_ids_from_elsewhere_drops_just_those() -> None:
    output, _ = attempt(bookmarked({**GOOD, "boundary_ids": [2**70, -5, 12, 10**6]}))
    assert output.ids == [identifier for identifier in AFTER_THE_MARK if identifier != 12]


REFUSED: dict[str, Any] = {
    "a number": MARK,
    "text": ISO,
    "a list": [GOOD],
    "null": None,
    "true": True,
    "a date of another calendar": {"replication_key_value": "01/11/2025"},
    "words": {"replication_key_value": "last week"},
    "empty text": {"replication_key_value": ""},
    "milliseconds": {"replication_key_value": MARK * 1000},
    "negative": {"replication_key_value": -1},
    "before 1970": {"replication_key_value": "1969-12-31T23:59:59Z"},
    "a truth value": {"replication_key_value": True},
    "an object as value": {"replication_key_value": {"value": MARK}},
    "a list as value": {"replication_key_value": [MARK]},
    "another replication key": {"replication_key": "created_at", "replication_key_value": ISO},
    "no name of a replication key": {"replication_key": None, "replication_key_value": MARK},
    "ids as text": {**GOOD, "boundary_ids": "11"},
    "ids as a number": {**GOOD, "boundary_ids": 11},
    "ids as an object": {**GOOD, "boundary_ids": {"11": True}},
    "ids that are text": {**GOOD, "boundary_ids": ["11"]},
    "ids that are broken": {**GOOD, "boundary_ids": [11.5]},
    "ids that are true": {**GOOD, "boundary_ids": [True]},
    # what holds a position, but in another place: passing it over would load everything again
    "of the Singer library": {"timestamp": ISO},
    "of a cursor": {"after_cursor": "MTU3NjYxMzUzOS4wfHw0Njd8"},
    "of an end_time": {"end_time": MARK},
    "only ids": {"boundary_ids": [11, 12]},
    "only a key": {"replication_key": "timestamp"},
    "a null value": {"replication_key": "timestamp", "replication_key_value": None},
    "only progress markers": {"progress_markers": GOOD},
    "only partitions": {"partitions": [{"context": {}, **GOOD}]},
}


@pytest.mark.parametrize("bookmark", REFUSED.values(), ids=REFUSED.keys())
def test_a_bookmark_that_cannot_be_used_is_refused(bookmark: Any) -> None:
    refused("The state", bookmarked(bookmark))


WRAPPED: dict[str, Any] = {
    "a STATE message": {"type": "STATE", "value": bookmarked(GOOD)},
    "the value of one": {"value": bookmarked(GOOD)},
    "of Meltano's database": {"singer_state": bookmarked(GOOD)},
    "of Meltano's state backend": {"completed": {"singer_state": bookmarked(GOOD)}},
    "without the word bookmarks": {"ticket_events": GOOD},
    "of one stream": GOOD,
    "bookmarks as a list": {"bookmarks": []},
    "bookmarks as a full list": {"bookmarks": [GOOD]},
    "bookmarks as text": {"bookmarks": ""},
    "bookmarks as a number": {"bookmarks": 0},
    "bookmarks that are false": {"bookmarks": False},
}


@pytest.mark.parametrize("state", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_state_in_another_wrapping_is_refused(state: dict[str, Any]) -> None:
    refused("an object `bookmarks`", state)


@pytest.mark.parametrize(
    "state", [{}, {"bookmarks": {}}, {"bookmarks": {"ticket_events": {}}}], ids=json.dumps
)
def test_an_empty_state_starts_at_the_start_date_and_says_so(
    state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        output, log = attempt(state)
    assert log[0].query["start_time"] == str(BEGIN)
    assert len(output.ids) == COUNT
    assert any("from start_date, no bookmark yet" in line for line in lines(caplog, "INFO"))


OTHERS: dict[str, Any] = {
    "of a tap for Zendesk": {"replication_key": "updated_at", "replication_key_value": ISO},
    "empty": {},
    "partitions": {"partitions": [{"context": {"id": 1}, **GOOD}]},
    "partitions that are none": {"partitions": 5},
    "partitions that are null": {"partitions": None},
    "partitions of text": {"partitions": ["x"]},
    "progress markers that are none": {"progress_markers": 5},
    "progress markers": {"progress_markers": {"replication_key": "id"}},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_the_bookmark_of_an_unknown_stream_stays_as_it_is(other: dict[str, Any]) -> None:
    state = {"bookmarks": {"tickets": other, "ticket_events": GOOD}}
    output, _ = attempt(state)
    assert output.ids == AFTER_THE_MARK
    for written in output.states:
        assert written["bookmarks"].get("tickets", {}) == other


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_broken_bookmark_is_named_even_if_its_stream_is_not_selected(stream: str) -> None:
    refused(
        f"bookmark of {stream}", {"bookmarks": {stream: {**GOOD, "replication_key_value": "soon"}}}
    )


FUTURE = NOW + 30 * 86_400


@pytest.mark.parametrize("too_recent", ["422", "400", "422-text", None])
@pytest.mark.parametrize("value", [FUTURE, "2025-12-24T16:00:00Z"])
def test_a_bookmark_in_the_future_is_kept_and_warned_of(
    too_recent: Any, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(COUNT), clock, too_recent=too_recent)
    state = bookmarked({**GOOD, "replication_key_value": value, "boundary_ids": [7]})

    output = run(fake, clock, state)

    assert output.records == []
    kept = {
        **GOOD,
        "replication_key_value": FUTURE,
        "boundary_ids": [7],
        "boundary_ids_at": FUTURE,
    }
    assert output.state == bookmarked(kept)
    warnings = lines(caplog, "WARNING")
    assert len(warnings) == 1
    assert "ticket_events, 2025-12-24T16:00:00Z, lies in the future" in warnings[0]


def test_a_bookmark_in_the_future_does_not_keep_another_stream_back() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(COUNT), clock)
    ahead = {
        **GOOD,
        "replication_key_value": FUTURE,
        "boundary_ids": [],
        "boundary_ids_at": FUTURE,
    }
    output = run(fake, clock, bookmarked(ahead), catalog=selecting(*EVENT_STREAMS))
    assert rows(output, "ticket_events") == []
    assert len(rows(output, "ticket_field_changes")) == COUNT
    assert output.state["bookmarks"]["ticket_events"] == ahead


def entry_of(catalog: dict[str, Any], stream: str = "ticket_events") -> dict[str, Any]:
    entry: dict[str, Any] = next(e for e in catalog["streams"] if e["tap_stream_id"] == stream)
    return entry


def root_of(entry: dict[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = next(m["metadata"] for m in entry["metadata"] if not m["breadcrumb"])
    return root


def changed(change: Callable[[dict[str, Any]], object], *streams: str) -> dict[str, Any]:
    """A catalog, the streams' entries changed (unless told: that of ticket_events)."""
    catalog = selecting("ticket_events")
    for stream in streams or ("ticket_events",):
        change(entry_of(catalog, stream))
    return catalog


def without_keys(entry: dict[str, Any]) -> None:
    for name in ("key_properties", "replication_key", "replication_method"):
        entry.pop(name, None)
    for metadata in entry["metadata"]:
        metadata["metadata"].pop("inclusion", None)


def with_deselected_keys(entry: dict[str, Any]) -> None:
    for metadata in entry["metadata"]:
        if metadata["breadcrumb"] and metadata["breadcrumb"][-1] in {"id", "timestamp"}:
            metadata["metadata"] = {"selected": False}


UNKNOWN_STREAM = {
    "tap_stream_id": "tickets",
    "stream": "tickets",
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
    "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
}

GOOD_CATALOGS: dict[str, dict[str, Any]] = {
    "as discovered": selecting("ticket_events"),
    "no keys": changed(without_keys),
    "keys are null": changed(lambda entry: entry.update(key_properties=None)),
    "keys are empty": changed(lambda entry: entry.update(key_properties=[])),
    "keys are deselected": changed(with_deselected_keys),
    "no name": changed(lambda entry: entry.pop("stream")),
    "other replication in the metadata": changed(
        lambda entry: root_of(entry).update({"forced-replication-method": "LOG_BASED"})
    ),
    "an unknown stream beside": {
        "streams": [*selecting("ticket_events")["streams"], UNKNOWN_STREAM]
    },
    "an unknown column": changed(
        lambda entry: entry["schema"]["properties"].update(novelty={"type": "string"})
    ),
    "metadata of an unknown column": changed(
        lambda entry: entry["metadata"].append(
            {"breadcrumb": ["properties", "novelty"], "metadata": {"selected": True}}
        )
    ),
    "another type of a column": changed(
        lambda entry: entry["schema"]["properties"].update(via={"type": ["integer", "null"]})
    ),
    "the stream alone, no metadata": {
        "streams": [changed(lambda e: e.pop("metadata"))["streams"][1]]
    },
}


@pytest.mark.parametrize("catalog", GOOD_CATALOGS.values(), ids=GOOD_CATALOGS.keys())
def test_a_catalog_that_lacks_or_adds_something_is_understood(catalog: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(COUNT), clock)
    output = run(fake, clock, bookmarked(GOOD), catalog=deepcopy(catalog))
    assert output.ids == AFTER_THE_MARK
    (schema,) = output.schemas
    assert schema["key_properties"] == ["id"]
    assert all(record["timestamp"] for record in output.records)
    assert output.state["bookmarks"].keys() == {"ticket_events"}
    assert output.state["bookmarks"]["ticket_events"]["boundary_ids"] == [COUNT]
    assert run(fake, clock, output.state, catalog=deepcopy(catalog)).records == []


def without_metadata(how: str) -> dict[str, Any]:
    catalog = selecting("ticket_events")
    for entry in catalog["streams"]:
        if how == "gone":
            del entry["metadata"]
        elif how == "empty":
            entry["metadata"] = []
        else:  # only that of the stream itself is gone
            entry["metadata"] = [m for m in entry["metadata"] if m["breadcrumb"]]
    return catalog


@pytest.mark.parametrize("how", ["gone", "empty", "only of columns"])
def test_a_catalog_without_metadata_exports_what_the_tap_exports_by_itself(how: str) -> None:
    """Comment bodies above all leave Zendesk only where somebody has selected them."""
    clock = SimulatedClock()
    account = Account(
        make_events(COUNT, start=BEGIN, spread=9_000),
        metric_events=make_metric_events(COUNT, start=BEGIN, spread=9_000),
    )
    fake = a_fake(account, clock)
    output = run(fake, clock, catalog=without_metadata(how))
    assert {schema["stream"] for schema in output.schemas} == {"ticket_events"}
    assert len(output.records) == COUNT
    assert all("include" not in request.query for request in fake.log)
    assert output.schemas[0]["schema"]["properties"].keys() >= {"id", "timestamp", "child_events"}


NOTHING = {
    "no object": {},
    "no streams": {"streams": []},
    "all deselected": selecting(),
    "only an unknown stream": {"streams": [UNKNOWN_STREAM]},
}


@pytest.mark.parametrize("catalog", NOTHING.values(), ids=NOTHING.keys())
def test_a_catalog_that_selects_nothing_exports_nothing_and_keeps_the_bookmark(
    catalog: dict[str, Any],
) -> None:
    bookmark = {**GOOD, "boundary_ids": [11], "boundary_ids_at": MARK}
    output, log = attempt(bookmarked(bookmark), deepcopy(catalog))
    assert output.error is None
    assert log == []
    assert [message["type"] for message in output.messages] == ["STATE"]
    assert output.state == bookmarked(bookmark)


BAD_CATALOGS: dict[str, dict[str, Any]] = {
    "streams are null": {"streams": None},
    "streams are text": {"streams": "ticket_events"},
    "a stream is a number": {"streams": [5]},
    "a stream is empty": {"streams": [{}]},
    "no id of a stream": changed(lambda entry: entry.pop("tap_stream_id")),
    "metadata is null": changed(lambda entry: entry.update(metadata=None)),
    "metadata of numbers": changed(lambda entry: entry.update(metadata=[5])),
    "metadata without a breadcrumb": changed(
        lambda entry: entry["metadata"].append({"metadata": {}})
    ),
    "the schema is null": changed(lambda entry: entry.update(schema=None)),
    "the schema is a list": changed(lambda entry: entry.update(schema=[])),
    "columns are a list": changed(lambda entry: entry["schema"].update(properties=[])),
    "a column is null": changed(lambda entry: entry["schema"]["properties"].update(via=None)),
    "no schema": changed(lambda entry: entry.pop("schema")),
    "no columns": changed(lambda entry: entry["schema"].pop("properties")),
    "no key column": changed(lambda entry: entry["schema"]["properties"].pop("id")),
    "no replication key column": changed(
        lambda entry: entry["schema"]["properties"].pop("timestamp")
    ),
    "other keys": changed(lambda entry: entry.update(key_properties=["ticket_id"])),
    "more keys": changed(lambda entry: entry.update(key_properties=["id", "timestamp"])),
    "keys as text": changed(lambda entry: entry.update(key_properties="id")),
    "another replication key": changed(lambda entry: entry.update(replication_key="created_at")),
    "another replication method": changed(
        lambda entry: entry.update(replication_method="LOG_BASED")
    ),
}


@pytest.mark.parametrize("catalog", BAD_CATALOGS.values(), ids=BAD_CATALOGS.keys())
def test_a_catalog_that_cannot_be_used_is_refused(catalog: dict[str, Any]) -> None:
    refused("The catalog", bookmarked(GOOD), deepcopy(catalog))


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("--state", {"type": "STATE", "value": bookmarked(GOOD)}),
        ("--state", {"bookmarks": {"tickets": 5}}),
        ("--state", []),
        ("--state", "x"),
        ("--catalog", {"streams": [{}]}),
        ("--catalog", [selecting("ticket_events")]),
    ],
)
def test_the_command_line_says_it_in_one_line(option: str, content: Any, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    fake = FakeZendesk(Account(make_events(9)))
    with fake.serve() as url:
        settings = {"api_url": url, "access_token": "fake-access-token", "start_date": "2023-11-14"}
        done = tap(option, str(path), settings=settings)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (error,) = done.stderr.splitlines()
    assert "| ERROR " in error
    assert fake.log == []
