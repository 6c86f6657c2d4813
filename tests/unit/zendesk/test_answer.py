"""What an answer says of waiting, and what of it a message may quote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.zendesk.answer import MAX_RETRY_AFTER, Answer, quote, retry_after
from tests.support.harness import NOW


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("7.5", 7.5),
        ("-7", 0),
        ("+7", 7),
        ("9" * 400, MAX_RETRY_AFTER),
        ("901", 900),
        ("Mon, 24 Nov 2025 16:00:40 GMT", 40),
        ("Mon, 24 Nov 2025 15:00:00 GMT", 0),
        ("Mon, 24 Nov 2036 16:00:00 GMT", MAX_RETRY_AFTER),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text(), st.floats(0, 4e9))
def test_no_retry_after_breaks_it(header: str, now: float) -> None:
    seconds = retry_after(header, now)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER


def answer(content: bytes) -> Answer:
    return Answer(500, {}, content)


@pytest.mark.parametrize(
    ("content", "quoted"),
    [
        (b"", ""),
        (b"<html>Authorization: Bearer abc</html>", ""),
        (b"plain text", ""),
        (b'{"error":"Couldn\'t authenticate you"}', '"Couldn\'t authenticate you"'),
        (b'{"error":{"title":"Forbidden","message":"No access."}}', '"Forbidden, No access."'),
        (b'{"errors":[{"code":"X","title":"Bad","detail":"Worse"}]}', '"Bad, X, Worse"'),
        (b'{"error":"Bad\\n\\u0007 \\u00e9 value"}', '"Bad value"'),
        (b'{"request":{"headers":{"Authorization":"Bearer abc"}}}', ""),
        (b'["a"]', ""),
        (b'{"error":[1],"errors":5}', ""),
        (b'{"error":"caf\xe9 closed"}', '"caf closed"'),
        (b'{"error":"' + b"a1" * 40 + b'"}', '"…"'),
        (b'{"error":"' + b"long " * 100 + b'"}', f'"{"long " * 40}"'),
    ],
)
def test_only_the_words_of_an_error_envelope_are_quoted(content: bytes, quoted: str) -> None:
    assert quote(answer(content)) == quoted


@given(st.binary(max_size=80))
def test_no_body_breaks_the_quotation(content: bytes) -> None:
    text = quote(answer(content))
    assert text.isascii() or "…" in text
    assert "\n" not in text
