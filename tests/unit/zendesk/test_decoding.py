"""Any bytes become values that any target can store, or are told as no JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import BrokenPageError
from tap_zendesk_events.zendesk.decoding import decode
from tests.support.json_values import JSON_VALUES


@settings(max_examples=250, deadline=None)
@given(JSON_VALUES)
def test_what_is_decoded_can_be_stored_by_any_target(value: Any) -> None:
    stored = json.dumps(decode(json.dumps(value).encode()), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in stored
    stored.encode("utf-8")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda inner: b'{"a":"' + inner + b'"}'))
def test_no_bytes_break_the_decoder(content: bytes) -> None:
    try:
        decoded = decode(content)
    except BrokenPageError:
        return
    json.dumps(decoded, allow_nan=False)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (rb'"caf\u00e9 \ud83d\ude00"', "café 😀"),
        (rb'"half \ud83d"', "half �"),
        (rb'"\ude00 half"', "� half"),
        (rb'"\ud83d\u0000\ude00"', "���"),
        (rb'"nul \u0000"', "nul �"),
        (b'"raw nul \x00 and tab \t"', "raw nul � and tab \t"),
        (b'"cut \xf0\x9f"', "cut �"),
        (rb'"\\u0000"', "\\u0000"),
        (rb'{"\u0000\ud83d": ["\u0000"]}', {"��": ["�"]}),
        (b"[NaN, Infinity, -Infinity, 1e400, -1e400]", [None] * 5),
        (b'["\\u0000", NaN, 1e400]', ["�", None, None]),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'\xef\xbb\xbf["\\ud83d"]', ["�"]),
    ],
)
def test_text_and_numbers_that_targets_cannot_store(sent: bytes, stored: Any) -> None:
    assert decode(sent) == stored
