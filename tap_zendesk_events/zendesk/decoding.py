"""JSON as Zendesk sends it, decoded into values that any target can store."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tap_zendesk_events.exceptions import BrokenPageError, CutShortError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
INT64_LEAST, INT64_MOST = -(2**63), 2**63 - 1


def decode(body: bytes) -> Any:
    """Decode JSON, with text that any target can store.

    Lone surrogates (Zendesk passes on what mail programs cut in two) and NUL characters become
    U+FFFD: PostgreSQL accepts neither, and a lone surrogate cannot even be written as UTF-8.

    Raises:
        CutShortError: This is no JSON, but how it begins may be.
        BrokenPageError: This is no JSON.
    """
    try:
        content = msgspec.json.decode(body)
        return _storable(content) if rb"\u0000" in body else content
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(body)


def _decode_leniently(body: bytes) -> Any:
    try:
        text = body.decode("utf-8-sig", errors="replace")
        return _storable(json.loads(text, strict=False, parse_constant=lambda _: None))
    except ValueError:
        begin = body.strip()[:1]
        what = "no JSON" if begin else "empty"
        kind = CutShortError if begin in {b"{", b"[", b""} else BrokenPageError
    except RecursionError:
        what, kind = "JSON that nests too deep to be read", BrokenPageError
    raise kind(f"{what}, {len(body)} bytes long")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        if not value.isascii():
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value.replace("\0", REPLACEMENT)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    # numbers too large for a float come as infinite, which JSON cannot hold
    return None if isinstance(value, float) and abs(value) == float("inf") else value


def as_integer(value: Any) -> int | None:
    """Return a whole number that a target can store in 64 bits, and null for anything else."""
    return value if type(value) is int and INT64_LEAST <= value <= INT64_MOST else None
