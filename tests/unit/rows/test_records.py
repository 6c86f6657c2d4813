"""Every event becomes a record that is valid, and nothing of it is lost."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.rows.records import TicketEventRecords, as_dict
from tap_zendesk_events.rows.schema import TICKET_EVENTS
from tap_zendesk_events.rows.values import WarnOnce
from tap_zendesk_events.zendesk.decoding import decode
from tap_zendesk_events.zendesk.page import read_page
from tests.fake_zendesk import Account, Fault, plain_event
from tests.support.harness import BEGIN, SimulatedClock, a_fake, lines, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zendesk_events.rows.records import Row

LOG = logging.getLogger("test_records")
VALIDATOR = jsonschema.Draft202012Validator(
    TICKET_EVENTS, format_checker=jsonschema.FormatChecker()
)
DOCUMENTED = [
    {
        "id": 926256957613,
        "instance_id": 1,
        "metric": "periodic_update_time",
        "ticket_id": 155,
        "time": "2025-11-01T08:12:31Z",
        "type": "apply_sla",
    },
    {
        "id": 926256957614,
        "instance_id": 2,
        "metric": "pausable_update_time",
        "ticket_id": 156,
        "time": "2025-11-01T08:14:00Z",
        "type": "breach",
    },
]
"""The two entries of the sample body in Zendesk's reference, with values for its placeholders."""


def row_of(event: dict[str, Any]) -> Row:
    """What is written of an event that is alone on its page."""
    content = {"ticket_events": [event], "end_of_stream": True}
    page = read_page(json.dumps(content).encode(), "ticket_events", BEGIN, 1, None, LOG)
    return TicketEventRecords(TICKET_EVENTS, WarnOnce(LOG)).record(page.events[0])


def record_of(event: dict[str, Any]) -> dict[str, Any]:
    """The record of an event that is alone on its page."""
    return as_dict(row_of(event))


def test_an_ordinary_event_comes_out_as_it_is() -> None:
    event = plain_event(18868153668881, BEGIN, merged_ticket_ids=[4, 5], metadata={"custom": {}})
    row = row_of(event)
    assert isinstance(row, msgspec.Raw)
    assert bytes(row) == json.dumps(event).encode()
    assert record_of(event) == event


def test_a_record_as_dict_is_one_of_its_own() -> None:
    record = {"id": 1}
    assert as_dict(record) == record
    assert as_dict(record) is not record


def test_the_documented_sample_passes_whole() -> None:
    clock = SimulatedClock()
    fake = a_fake(Account(DOCUMENTED), clock)
    output = run(fake, clock)
    output.check_records()
    assert output.records == [
        {**DOCUMENTED[0], "timestamp": 1761984751, "created_at": "2025-11-01T08:12:31Z"},
        {**DOCUMENTED[1], "timestamp": 1761984840, "created_at": "2025-11-01T08:14:00Z"},
    ]
    assert run(fake, clock, output.state).ids == []


@pytest.mark.parametrize(
    ("times", "timestamp", "created_at"),
    [
        ({"timestamp": BEGIN + 5}, BEGIN + 5, "2025-11-01T00:00:05Z"),
        ({"created_at": "2025-11-01T00:00:05Z"}, BEGIN + 5, "2025-11-01T00:00:05Z"),
        ({"time": "2025-11-01T00:00:05Z"}, BEGIN + 5, "2025-11-01T00:00:05Z"),
        ({}, BEGIN, "2025-11-01T00:00:00Z"),
        ({"timestamp": None, "created_at": None}, BEGIN, "2025-11-01T00:00:00Z"),
    ],
)
def test_timestamp_and_created_at_are_always_there(
    times: dict[str, Any], timestamp: int, created_at: str
) -> None:
    record = record_of({"id": 1, **times})
    assert record["timestamp"] == timestamp
    assert record["created_at"] == created_at
    VALIDATOR.validate(record)


def test_unknown_fields_are_kept_with_one_warning_for_each_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    fields = {"confidence": 0.9, "labels": ["a"], "nested": {"deep": [1, None]}}
    events = [plain_event(n, BEGIN + n, **fields) for n in range(1, 6)]
    output = run(a_fake(Account(events), clock), clock, page_size=2)
    assert [record["extra_fields"] for record in output.records] == [fields] * 5
    output.check_records()
    warnings = lines(caplog, "WARNING")
    assert len(warnings) == 3
    for name in fields:
        assert sum(f"'{name}'" in warning for warning in warnings) == 1
    assert all("0.9" not in warning and "deep" not in warning for warning in warnings)


def test_a_field_that_is_called_like_our_column_for_the_rest_is_kept_too() -> None:
    assert record_of({"id": 1, "timestamp": BEGIN, "extra_fields": 5})["extra_fields"] == {
        "extra_fields": 5
    }


@pytest.mark.parametrize(
    ("via", "text"),
    [
        ("Web form", "Web form"),
        ("日本", "日本"),
        (None, None),
        ({"channel": "api"}, '{"channel":"api"}'),
        (["web", 0], '["web",0]'),
        (5, "5"),
        (True, "true"),
    ],
)
def test_via_is_text_whatever_is_sent(via: Any, text: str | None) -> None:
    record = record_of(plain_event(1, BEGIN, via=via))
    assert record["via"] == text
    assert "extra_fields" not in record


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ticket_id", "155"),
        ("ticket_id", 1.5),
        ("ticket_id", 2**63),
        ("updater_id", True),
        ("system", "Safari"),
        ("system", []),
        ("child_events", {"id": 1}),
        ("merged_ticket_ids", "4,5"),
        ("metadata", [1]),
        ("instance_id", -(2**63) - 1),
        ("created_at", "yesterday"),
        ("created_at", "2025-02-30T00:00:00Z"),
        ("created_at", 12),
        ("time", "2025-11-01"),
        ("timestamp", "soon"),
        ("timestamp", {"at": 5}),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_kept_beside_it(
    name: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    record = record_of({**plain_event(1, BEGIN), name: value})
    assert record["extra_fields"] == {name: value}
    assert record["timestamp"] == BEGIN
    VALIDATOR.validate(record)
    (warning,) = lines(caplog, "WARNING")
    assert name in warning
    assert repr(value) not in warning


@pytest.mark.parametrize("name", ["id", "ticket_id", "updater_id", "instance_id"])
@pytest.mark.parametrize("value", [18868153668881, 99999999999999, 2**63 - 1])
def test_ids_of_64_bits_stay_exact(name: str, value: int) -> None:
    assert record_of(plain_event(1, BEGIN) | {name: value})[name] == value


names = st.sampled_from([*TICKET_EVENTS["properties"], "unknown"]) | st.text(max_size=5)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**62, 2**80)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["2025-11-01T00:00:09Z", "2025-11-01T24:00:00Z", "0000-01-01T00:00:00Z"])
    | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(names, json_values, max_size=8), st.integers(1, 2**63 - 1))
def test_any_event_makes_a_valid_record_from_which_nothing_is_missing(
    fields: dict[str, Any], identifier: int
) -> None:
    event = {**fields, "id": identifier}
    record = record_of(event)
    VALIDATOR.validate(record)
    sent = decode(json.dumps(event).encode())
    extra = record.get("extra_fields") or {}
    for name, value in sent.items():
        if name in {"timestamp", "created_at"} and value is None:
            continue
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        assert (
            name in extra
            or record[name] == value
            or (name == "timestamp" and record[name] is not None)
            or json.loads(record[name]) == json.loads(text)
        )


@pytest.mark.parametrize(
    "entry",
    [
        *(None, "text", {"id": True}, {"id": "926256957613"}, {"id": None}, {"no_id": 1}),
        *({"id": 2**63}, {"id": 10**30}),
    ],
)
def test_an_entry_without_an_id_is_skipped_and_counted(
    entry: Any, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    caplog.set_level(logging.INFO)
    if isinstance(entry, dict):
        entry = {**entry, "timestamp": BEGIN, "body": "confidential words"}

    def insert(page: dict[str, Any]) -> dict[str, Any]:
        page["ticket_events"].insert(1, entry)
        return page

    faults = [Fault(on=1, kind="edit_page", edit=insert)]
    fake = a_fake(Account([plain_event(1, BEGIN), plain_event(2, BEGIN)]), clock, faults=faults)
    output = run(fake, clock)

    assert sorted(output.ids) == [1, 2]
    (error,) = lines(caplog, "ERROR")
    assert "entry 1" in error
    assert any("1 entry skipped" in line for line in lines(caplog, "INFO"))
    assert "confidential" not in caplog.text


@pytest.mark.parametrize("change", [str, lambda number: number + 2**63])
def test_a_page_of_ids_that_nothing_can_be_stored_under_stops_the_run(
    change: Callable[[int], Any],
) -> None:
    clock = SimulatedClock()

    def spoil(page: dict[str, Any]) -> dict[str, Any]:
        events = [{**event, "id": change(event["id"])} for event in page["ticket_events"]]
        return {**page, "ticket_events": events}

    account = Account([plain_event(n, BEGIN + 60 * n) for n in range(1, 31)])
    fault = Fault(on=3, kind="edit_page", edit=spoil)
    fake = a_fake(account, clock, faults=[fault])
    stopped = run(fake, clock, page_size=10, fails=True)
    assert "none of the 10 entries" in str(stopped.error)
    assert len(fake.export_requests) == 3
    assert len(stopped.ids) == 19

    fake.faults.clear()
    assert len(run(fake, clock, stopped.state, page_size=10).ids) == 11


ODD = [
    "half an emoji \ud83d",
    "\ude00 the other half",
    "nul \x00 inside",
    "both \ud83d\x00\ude00",
    "\ufeffbom",
    "\u2028 separator",
    "بالعربية 日本語 😀",
]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_in_comments_does_not_stop_a_run(text: str) -> None:
    clock = SimulatedClock()
    comment = {"id": 5, "event_type": "Comment", "body": text, text: [text]}
    fake = a_fake(Account([plain_event(1, BEGIN, child_events=[comment])]), clock)
    output = run(fake, clock, include_comments=True)
    output.check_records()
    body = output.records[0]["child_events"][0]["body"]
    assert "\x00" not in body
    body.encode("utf-8")
    assert len(body.replace("�", "")) == sum(
        character not in "\ud83d\ude00\0" for character in text
    )


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (b"NaN", None),
        (b"-Infinity", None),
        (b"1e400", None),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"[" * 300 + b"]" * 300, ...),
        (b'{"a":' * 300 + b"1" + b"}" * 300, ...),
        (b'"\xff\xfe"', "��"),
    ],
)
def test_odd_values_inside_an_event_do_not_stop_a_run(literal: bytes, value: Any) -> None:
    clock = SimulatedClock()
    event = plain_event(1, BEGIN, child_events=[{"id": 5, "custom": "HERE"}])

    def put(page: dict[str, Any]) -> bytes:
        return json.dumps(page).encode().replace(b'"HERE"', literal)

    fake = a_fake(Account([event]), clock, faults=[Fault(kind="edit_page", edit=put)])
    output = run(fake, clock)
    output.check_records()
    custom = output.records[0]["child_events"][0]["custom"]
    assert custom == (json.loads(literal) if value is ... else value)


def test_a_body_with_a_byte_order_mark_is_read() -> None:
    clock = SimulatedClock()
    marked = Fault(kind="edit_page", edit=lambda page: b"\xef\xbb\xbf" + json.dumps(page).encode())
    fake = a_fake(Account([plain_event(1, BEGIN)]), clock, faults=[marked])
    assert run(fake, clock).ids == [1]
