"""Events that fit are passed on as they came; everything else goes the general way."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import BrokenPageError, ZendeskEventsError
from tap_zendesk_events.rows.schema import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tap_zendesk_events.zendesk import page, typed
from tap_zendesk_events.zendesk.decoding import decode
from tap_zendesk_events.zendesk.typed import SentEvent, decode_page
from tests.fake_zendesk import (
    Account,
    FakeZendesk,
    Request,
    make_events,
    make_metric_events,
    plain_event,
)
from tests.support.harness import BEGIN, TIMES
from tests.support.json_values import JSON_VALUES

if TYPE_CHECKING:
    from random import Random

KEY, METRIC_KEY = "ticket_events", "ticket_metric_events"
LOG = logging.getLogger("test_typed")
CLOCK = {
    "id": 7,
    "ticket_id": 1,
    "instance_id": 1,
    "metric": "reply_time",
    "type": "apply_sla",
    "time": "2025-11-01T00:00:05Z",
    "sla": {"target": 60, "policy": {"id": 1}},
}


def text_of(value: Any) -> bytes:
    """The value as Zendesk writes it: compact, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def page_around(*events: bytes, key: str = KEY) -> bytes:
    """A page with these events, as text."""
    end = b'],"count":1,"end_of_stream":false,"end_time":%d}' % (BEGIN + 5)
    return b'{"%s":[' % key.encode() + b",".join(events) + end


def entries_of(body: bytes, key: str = KEY) -> list[Any]:
    entries: list[Any] = decode_page(body, key)[key]
    return entries


def entry_of(event: dict[str, Any] | bytes, key: str = KEY) -> Any:
    """What becomes of an event that stands between two that fit."""
    text = event if isinstance(event, bytes) else text_of(event)
    fits = text_of(plain_event(3, BEGIN) if key == KEY else CLOCK)
    before, entry, after = entries_of(page_around(fits, text, fits, key=key), key)
    assert isinstance(before, SentEvent) is isinstance(after, SentEvent)
    return entry


# What fits


@pytest.mark.parametrize("query", ["", "&include=comment_events"])
@pytest.mark.parametrize("key", [KEY, METRIC_KEY])
def test_what_zendesk_sends_fits(key: str, query: str) -> None:
    events = make_events(400, seed=8, start=BEGIN, spread=86_400)
    clocks = make_metric_events(300, seed=8, start=BEGIN, spread=86_400)
    fake = FakeZendesk(Account(events, metric_events=clocks), rate_limit=None)
    headers = {"host": "127.0.0.1:1", "authorization": "Bearer fake-access-token"}
    target = f"/api/v2/incremental/{key}?per_page=1000&start_time={BEGIN}{query}"
    body = fake.handle(Request("GET", target, headers)).body
    events_of_page = page.read_page(body, key, BEGIN, 1000, None, LOG).events
    entries = [event.fields for event in events_of_page if isinstance(event.fields, SentEvent)]
    assert len(entries) == len(events_of_page) > 250
    assert [dict(entry) for entry in entries] == json.loads(body)[key]
    # they are the body's own bytes
    assert b",".join(bytes(entry.json) for entry in entries) in body


@pytest.mark.parametrize(
    ("shape", "schema", "always"),
    [
        (typed.TicketEvent, TICKET_EVENTS, {"id", "timestamp", "created_at"}),
        (typed.TicketMetricEvent, TICKET_METRIC_EVENTS, {"id", "time"}),
    ],
)
def test_what_fits_is_what_the_columns_hold(
    shape: type[msgspec.Struct], schema: dict[str, Any], always: set[str]
) -> None:
    columns = {name: c["type"] for name, c in schema["properties"].items()}
    del columns["extra_fields"]
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    assert fields.keys() == columns.keys()
    assert {name for name, field in fields.items() if field.required} == always
    samples: dict[str, list[Any]] = {
        "string": ["x"], "integer": [5], "boolean": [True], "object": [{}, {"a": [1]}],
        "array": [[], [None, {}, "x"]],
    }  # fmt: skip
    for name, kinds in columns.items():
        for kind, values in samples.items():
            for value in values:
                takes = _takes(fields[name].type, value)
                assert takes is (kind == kinds[0]), (name, value)
        assert _takes(fields[name].type, None) is (name not in always), name


def _takes(kind: Any, value: Any) -> bool:
    try:
        msgspec.json.decode(text_of(value), type=kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        rb'"caf\u00e9 \ud83d\ude00 \/ \n \" \\u00e9"',
        '"\u2028 é 😀"'.encode(),
        b"[1.0, 1.10, 1e5, 1E+99, 1e-07, 1e-400, -0, -0.0]",
        b"123456789012345678901234567890",
        b'{"a":1,"b":2,"a":3}',
        b'{ "a" :\t[ ] }',
        b"[" * 300 + b"]" * 300,
        b'"2a02:9e40::9e999:1, 3e1000 "',
    ],
)
def test_other_ways_to_write_a_value_stay_as_they_are(text: bytes) -> None:
    event = text_of(plain_event(1, BEGIN, child_events=["HERE"])).replace(b'"HERE"', text)
    entry = entry_of(event)
    assert isinstance(entry, SentEvent)
    assert bytes(entry.json) == event
    assert json.loads(event) == dict(entry) == decode(event)


# What does not


MISFITS: list[dict[str, Any]] = [
    *({"novelty": 1}, {"extra_fields": {}}, {"id": "1"}, {"id": 2**63}, {"id": None}, {"id": 1.0}),
    *({"timestamp": None}, {"timestamp": -1}, {"timestamp": 10**10}, {"timestamp": "5"}),
    *({"created_at": None}, {"created_at": "2025-11-01"}, {"created_at": "2025-02-30T00:00:00Z"}),
    *({"created_at": "2025-11-01 00:00:00Z"}, {"created_at": "2025-11-01t00:00:00z"}),
    *({"time": "soon"}, {"ticket_id": 2**63}, {"ticket_id": -(2**63) - 1}, {"ticket_id": True}),
    *({"updater_id": 1.5}, {"via": {"channel": "api"}}, {"via": 5}, {"system": []}),
    *({"child_events": {}}, {"child_events": "none"}, {"merged_ticket_ids": 4}, {"metadata": 1}),
]


@pytest.mark.parametrize("fields", MISFITS, ids=str)
def test_an_event_that_does_not_fit_is_decoded_alone(fields: dict[str, Any]) -> None:
    event = {**plain_event(1, BEGIN), **fields}
    entry = entry_of(event)
    assert type(entry) is dict
    assert entry == event


@pytest.mark.parametrize("name", ["id", "timestamp", "created_at"])
def test_an_event_without_what_no_record_may_lack_is_decoded(name: str) -> None:
    event = plain_event(1, BEGIN)
    del event[name]
    assert type(entry_of(event)) is dict


@pytest.mark.parametrize(
    "fields",
    [
        *({"novelty": 1}, {"timestamp": BEGIN}, {"time": None}, {"time": 5}, {"deleted": 1}),
        *({"time": "0001-01-01T00:00:00Z"}, {"time": "2025-11-01"}, {"sla": []}, {"status": "x"}),
        {"instance_id": 2**63},
    ],
    ids=str,
)
def test_a_metric_event_that_does_not_fit_is_decoded_alone(fields: dict[str, Any]) -> None:
    event = {**CLOCK, **fields}
    entry = entry_of(event, METRIC_KEY)
    assert type(entry) is dict
    assert entry == event


@pytest.mark.parametrize("entry", [b"null", b"5", b'"text"', b"[]", b"{}"])
def test_an_entry_that_is_no_event_is_decoded(entry: bytes) -> None:
    assert entry_of(entry) == json.loads(entry)


@pytest.mark.parametrize(
    "text",
    [
        *(b"[\n]", b"[\r]", b'{"a":\r\n1}', rb'"\u0000"', rb'{"\u0000":1}', rb'"\ud83d"'),
        *(b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf0\x9f"', b'{"\xff":1}'),
        *(b"1e400", b"-1E400", b"[1e+999]", b"1.5e0000000400 ", b"1" * 250, b"1" * 250 + b".5e99"),
        *(b"NaN", b"[Infinity]", b'"\n"', b'"\t"'),
    ],
)
def test_text_that_may_not_be_passed_on_is_decoded_with_its_whole_page(text: bytes) -> None:
    event = text_of(plain_event(1, BEGIN, child_events=["HERE"])).replace(b'"HERE"', text)
    body = page_around(text_of(plain_event(2, BEGIN)), event)
    entries = entries_of(body)
    assert [type(entry) for entry in entries] == [dict, dict]
    assert entries == decode(body)[KEY]


@pytest.mark.parametrize("character", ["é", "日", "😀"])
def test_a_character_may_lie_anywhere_in_a_long_text(character: str) -> None:
    whole = character.encode()
    for before in range(typed.PIECE - 6, typed.PIECE + 3):
        text = b'"' + b"x" * before + whole
        assert typed.may_pass(text + b'"')
        assert not typed.may_pass(text[:-1])
        assert not typed.may_pass(text[:-1] + b'"')


@pytest.mark.parametrize("end", [b"\n", b" \r\n"])
def test_a_line_break_behind_the_page_is_none_in_it(end: bytes) -> None:
    (entry,) = entries_of(page_around(text_of(plain_event(1, BEGIN))) + end)
    assert isinstance(entry, SentEvent)


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,320})(\.[0-9]{1,320})?([eE][+-]?[0-9]{1,5})?", fullmatch=True)
    | st.integers(0, 330).map(lambda zeros: "1" + "0" * zeros)
    | st.integers(0, 330).map(lambda zeros: f"{'1' * (zeros + 1)}e{330 - zeros}")
)
@example("1e308")
@example("9" * 200 + "e99")
def test_no_number_passes_that_is_too_large_for_a_float(number: str) -> None:
    for around in ('{"a":%s}', "[%s]", "[0,%s,0]", '{"a": %s }'):
        if typed.may_pass((around % number).encode()):
            assert abs(float(number)) < float("inf")
            assert len(number) < 700


# Any page


def spelled(value: Any, random: Random, spaces: list[str]) -> str:
    """The value as JSON in one of many ways to write it."""

    def space() -> str:
        return random.choice(spaces)

    if isinstance(value, dict):
        pairs = list(value.items())
        if pairs and random.random() < 0.1:
            pairs.append((random.choice(pairs)[0], "the second of its name"))
        inside = ",".join(
            f"{space()}{spelled(str(name), random, spaces)}{space()}:"
            f"{spelled(each, random, spaces)}{space()}"
            for name, each in pairs
        )
        return f"{space()}{{{inside}{space()}}}"
    if isinstance(value, list):
        inside = ",".join(spelled(each, random, spaces) for each in value)
        return f"{space()}[{inside}{space()}]"
    text = json.dumps(value, ensure_ascii=random.random() < 0.3)
    if type(value) is int and random.random() < 0.1:
        text += random.choice([".0", "e2", "E+1", "e400", "e-400", "0" * 400])
    if isinstance(value, str) and random.random() < 0.1:
        text = text.replace("e", random.choice([r"\u0065", "e", r"\u0000", "\\/", "\0"]))
    return space() + text + space()


KNOWN = st.sampled_from([*TICKET_EVENTS["properties"], *TICKET_METRIC_EVENTS["properties"]])
FIELDS = st.dictionaries(
    KNOWN | st.just("novelty"),
    JSON_VALUES | st.sampled_from(["2025-11-01T00:00:03Z", "2025-02-30T00:00:00Z", [], {}, 9]),
    max_size=3,
)
SPACES = st.sampled_from(
    [[""], [""], ["", "", "", "", " ", "\t"], ["", "", "", "\n"], ["", "", "", "\r"]]
)
DAMAGE = st.sampled_from(
    [b"", b"", b"", b"", b"\xff", b"\xed\xa0\x80", rb"\ud83d", rb"\u0000", b"\n", b"}", b'"', b"\\"]
)


def read(body: bytes, key: str) -> Any:
    """The page in comparable form, or what is said of it."""
    try:
        got = page.read_page(body, key, BEGIN, 3, None, LOG)
    except (BrokenPageError, ZendeskEventsError) as error:
        return type(error), str(error)
    events = [(*event[:4], dict(event.fields)) for event in got.events]
    return events, got.skipped, got.next_start, got.is_last, got.is_full, got.tells_end


@settings(max_examples=400 * TIMES, deadline=None)
@given(
    st.sampled_from([KEY, METRIC_KEY]),
    st.lists(FIELDS | JSON_VALUES, max_size=4),
    st.dictionaries(
        st.sampled_from(["end_of_stream", "end_time", "more"]), JSON_VALUES, max_size=2
    ),
    SPACES,
    st.randoms(use_true_random=False),
    DAMAGE,
    st.floats(0, 1),
)
def test_both_ways_read_the_same_page(
    key: str,
    changes: list[Any],
    envelope: dict[str, Any],
    spaces: list[str],
    random: Random,
    damage: bytes,
    place: float,
) -> None:
    usual = plain_event(1, BEGIN, system={"latitude": 52.5}) if key == KEY else CLOCK
    entries = [
        {**usual, "id": n, **each} if isinstance(each, dict) else each
        for n, each in enumerate(changes)
    ]
    content = {key: entries, "end_of_stream": False, "end_time": BEGIN + 9, **envelope}
    body = spelled(content, random, spaces).encode("utf-8", "surrogatepass")
    at = round(place * len(body))
    body = body[:at] + damage + body[at:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "decode_page", lambda body, _: decode(body))
        general = read(body, key)
    assert read(body, key) == general
    assert_can_be_written(body, key)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_in_an_event_break_a_line(inner: bytes) -> None:
    event = text_of(plain_event(1, BEGIN, child_events=["HERE"]))
    for text in (inner, b'"' + inner + b'"', b"[" + inner + b"]"):
        assert_can_be_written(page_around(event.replace(b'"HERE"', text)), KEY)


def assert_can_be_written(body: bytes, key: str) -> None:
    """Hold what a record would be written as against what Python's own JSON makes of the page."""
    try:
        content = decode_page(body, key)
    except BrokenPageError:
        return
    entries = content.get(key) if isinstance(content, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, SentEvent):
            text = bytes(entry.json).decode("utf-8")
            assert "\n" not in text
            assert "\r" not in text
            fields = json.loads(text)
            assert fields == dict(entry)
            names = ["child_events", "deleted", "metadata", *fields]
            assert all(entry.get(name, ...) == fields.get(name, ...) for name in names)
            assert r"\u0000" not in json.dumps(fields, allow_nan=False)
            assert (fields["id"], len(fields)) == (entry.id, len(entry))


def test_what_is_looked_at_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = entries_of(page_around(text_of(plain_event(1, BEGIN))))
    assert isinstance(entry, SentEvent)
    assert entry.get("child_events") is entry.get("child_events")
    assert entry["child_events"] is entry["child_events"]
    assert entry.get("novelty", 5) == entry.get("deleted", 5) == 5
    with pytest.raises(KeyError):
        entry["novelty"]
    monkeypatch.setattr(msgspec.json, "decode", None)
    assert list(entry) == list(plain_event(1, BEGIN))
    assert entry == plain_event(1, BEGIN)


def test_an_export_of_another_name_is_decoded() -> None:
    (entry,) = entries_of(page_around(text_of(plain_event(1, BEGIN)), key="others"), "others")
    assert type(entry) is dict
