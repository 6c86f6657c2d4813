"""The SDK's own settings: a sentence where the SDK has a traceback, or says nothing at all."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.singer.sdk_settings import stream_map_problems
from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event
from tests.support.cli import tap
from tests.support.harness import BEGIN, CONFIG, SimulatedClock, a_fake, lines, plain_account, run
from tests.support.selection import ALL_STREAMS, rows, selecting

MARK = "zzqx"
"""Stands in every value, so that a message that quotes one is found out."""

BAD_MAPS: dict[str, tuple[Any, str]] = {
    "a list": ([MARK], "stream_maps must be an object"),
    "a number": (5, "stream_maps must be an object"),
    "another default": ({"__else__": MARK}, "__else__ in stream_maps must be null"),
    "an option that there is not": ({"__x__": {}}, "__x__ in stream_maps is no option"),
    "a misspelt stream": ({"ticket_event": {"via": None}}, "ticket_event in stream_maps is for no"),
    "a pattern without a match": ({"users_*": None}, "users_* in stream_maps is for no stream"),
    "a source that is no stream": ({"a": {"__source__": MARK}}, "a in stream_maps is for no"),
    "a source that is a number": ({"a": {"__source__": 5}}, "__source__ of a in stream_maps must"),
    "a map that is text": ({"ticket_events": MARK}, "ticket_events in stream_maps must be"),
    "a rule that is a number": ({"ticket_events": {"x": 5}}, "x of ticket_events in stream_maps"),
    "a rule that is a list": ({"ticket_events": {"x": [MARK]}}, "x of ticket_events"),
    "no expression": ({"ticket_events": {"x": f"{MARK} +"}}, "x of ticket_events in stream_maps"),
    "an empty expression": ({"ticket_events": {"x": ""}}, "is no expression in Python's"),
    "two expressions": ({"ticket_events": {"x": f"{MARK}; {MARK}"}}, "is no expression"),
    "a statement": ({"ticket_events": {"x": f"import {MARK}"}}, "is no expression in Python's"),
    "a NUL": ({"ticket_events": {"x": f"{MARK}\0"}}, "is no expression in Python's notation"),
    "brackets": ({"ticket_events": {"x": "(" * 980 + ")" * 980}}, "is no expression in Python's"),
    "a filter": ({"ticket_events": {"__filter__": f"{MARK} +"}}, "__filter__ of ticket_events"),
    "a filter that is a truth": ({"ticket_events": {"__filter__": True}}, "__filter__ of ticket_"),
    "an alias": ({"ticket_events": {"__alias__": f"{MARK} +"}}, "__alias__ of ticket_events in"),
    "an alias that fails": ({"ticket_events": {"__alias__": "1/0"}}, "The SDK cannot use"),
    "keys as text": ({"ticket_events": {"__key_properties__": MARK}}, "__key_properties__ of"),
    "keys that are no columns": ({"ticket_events": {"__key_properties__": [MARK]}}, "The SDK can"),
    "a key taken away": ({"ticket_events": {"id": None}}, "must keep the key columns"),
    "another rest": ({"ticket_events": {"__else__": MARK}}, "__else__ of ticket_events in stream"),
}


@pytest.mark.parametrize(("maps", "part"), BAD_MAPS.values(), ids=BAD_MAPS)
def test_a_map_that_cannot_be_used(maps: Any, part: str) -> None:
    with pytest.raises(ZendeskEventsError) as caught:
        TapZendeskEvents(config={**CONFIG, "stream_maps": maps})
    assert part in str(caught.value)
    assert MARK not in str(caught.value)


def test_all_that_is_wrong_is_named_at_once() -> None:
    maps = {"ticket_event": {"x": 5, "y": "("}, "__else__": 1}
    config = {**CONFIG, "stream_maps": maps, "page_size": 0, "flattening_enabled": True}
    with pytest.raises(ZendeskEventsError) as caught:
        TapZendeskEvents(config=config)
    for part in (
        "ticket_event in",
        "x of",
        "y of",
        "__else__",
        "page_size",
        "flattening_max_depth",
    ):
        assert part in str(caught.value)


def test_maps_that_work_still_work() -> None:
    maps = {
        "ticket_events": {
            "__filter__": "id > 1",
            "seen_at": "str(timestamp)",
            "via": None,
            "system": "__NULL__",
            "__loaded_by": "'the tap'",
        },
        "copies": {"__source__": "ticket_events", "__key_properties__": ["id"]},
        "ticket_field_*": {
            "__else__": None,
            "child_event_id": "child_event_id",
            "field_name": "self",
        },
        "ticket_comments": None,
        "__else__": None,
    }
    clock = SimulatedClock()
    output = run(
        a_fake(plain_account(3), clock), clock, catalog=selecting(*ALL_STREAMS), stream_maps=maps
    )
    assert [row["id"] for row in rows(output, "ticket_events")] == [2, 3]
    assert [row["id"] for row in rows(output, "copies")] == [1, 2, 3]
    first = rows(output, "ticket_events")[0]
    assert (first["seen_at"], first["__loaded_by"]) == (str(BEGIN + 60), "the tap")
    assert not {"via", "system"} & first.keys()


rules = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
columns = st.text(max_size=9) | st.sampled_from(
    ["id", "via", "__else__", "__filter__", "__alias__", "__source__", "__key_properties__"]
)
maps_of_any_kind = st.dictionaries(
    st.sampled_from([*ALL_STREAMS, "*", "__else__", "other"]) | st.text(max_size=9),
    rules | st.dictionaries(columns, rules, max_size=4),
    max_size=4,
)


@given(maps_of_any_kind | rules)
def test_maps_of_any_kind_make_a_tap_or_a_sentence(maps: Any) -> None:
    with contextlib.suppress(ZendeskEventsError):
        TapZendeskEvents(config={**CONFIG, "stream_maps": maps})


@given(st.dictionaries(st.sampled_from(ALL_STREAMS), st.dictionaries(st.text(), rules)))
def test_whatever_has_no_problem_the_sdk_takes_or_tells(maps: dict[str, Any]) -> None:
    problems = stream_map_problems(maps, ALL_STREAMS)
    assert all("in stream_maps" in problem for problem in problems)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("no_such_name", "MapExpressionError"),
        ("1/0", "ZeroDivisionError"),
        ("config['a']", "KeyError"),
        ("float(via)", "ValueError"),
        ("timestamp + via", "TypeError"),
        ("via.no_such_method()", "MapExpressionError"),
    ],
)
@pytest.mark.parametrize("option", ["made_up", "__filter__"])
def test_an_expression_that_fails_at_a_record(
    rule: str, kind: str, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clock = SimulatedClock()
    event = {**plain_event(11, BEGIN), "via": MARK}
    maps = {"ticket_events": {option: rule}}
    output = run(a_fake(Account([event]), clock), clock, stream_maps=maps, fails=True)
    assert output.error
    assert f"fails ({kind}) at a record of ticket_events, that with id 11" in output.error
    assert MARK not in output.error
    assert rule not in output.error
    assert output.states == []
    assert any(line.startswith("Stopped early: sent nothing in") for line in lines(caplog, "INFO"))


def test_the_command_line_quotes_neither_expression_nor_record() -> None:
    fake = FakeZendesk(Account([{**event, "via": MARK} for event in make_events(3)]))
    with fake.serve() as url:
        settings = {"api_url": url, "access_token": "fake-access-token", "start_date": "2023-11-14"}
        settings |= {"stream_maps": '{"ticket_events": {"x": "float(via)"}}'}
        done = tap(settings=settings)
    assert done.returncode == 1
    (error,) = (line for line in done.stderr.splitlines() if "| ERROR" in line)
    assert "An expression in stream_maps fails (ValueError)" in error
    assert "Traceback" not in done.stderr
    assert MARK not in done.stderr


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"flattening_enabled": True}, "flattening_enabled needs flattening_max_depth"),
        ({"flattening_enabled": True, "flattening_max_depth": -1}, "needs flattening_max_depth"),
        (
            {
                "flattening_enabled": True,
                "flattening_max_depth": 2,
                "flattening_max_key_length": -3,
            },
            "names that flattening makes and shortens must differ",
        ),
        ({"flattening_enabled": "yes"}, "flattening_enabled must be true or false"),
        ({"emit_activate_version_messages": "yes"}, "emit_activate_version_messages must be true"),
    ],
)
def test_flattening_that_cannot_be_used(settings: dict[str, Any], part: str) -> None:
    with pytest.raises(ZendeskEventsError, match=part):
        TapZendeskEvents(config={**CONFIG, **settings})


def test_what_the_sdk_obeys_is_not_called_ignored(caplog: pytest.LogCaptureFixture) -> None:
    known = {
        "emit_activate_version_messages": True,
        "flattening_enabled": False,
        "stream_map_config": {},
        "faker_config": {},
    }
    TapZendeskEvents(config={**CONFIG, **known})
    assert lines(caplog, "WARNING") == []
    TapZendeskEvents(config={**CONFIG, "batch_config": {}, "page_siez": 5})
    assert lines(caplog, "WARNING") == [
        "Not a setting of this tap, and ignored: batch_config, page_siez."
    ]
