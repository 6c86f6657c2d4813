"""What came back: an answer, what it says of waiting, and what a message may quote of it."""

from __future__ import annotations

import base64
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import BrokenPageError
from tap_zendesk_events.times import http_date
from tap_zendesk_events.zendesk.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

MAX_RETRY_AFTER = 900.0
"""Most seconds that a `Retry-After` is obeyed at a time; then the request is tried again."""

QUOTED = 200  # most characters of an error's body that a message quotes


@dataclass(frozen=True)
class Answer:
    """What came back, whole.

    Args:
        status: The status code.
        headers: The headers; their names in any case.
        content: The body, unzipped.
        seconds: How long it took, from sending the request until the whole body was read. What it
            tells was so when the request came in, not when the answer was there.
        request: What was sent, for the secrets that no message may show.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float = 0.0
    request: requests.PreparedRequest | None = None

    @property
    def is_markup(self) -> bool:
        """Say whether this is a page for people (HTML, XML), which Zendesk's API never sends."""
        begin = self.content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if "html" in self.headers.get("Content-Type", "").lower():
            return begin not in {b"{", b"["}  # JSON under a wrong name may be Zendesk's
        return begin == b"<"


def retry_after(header: str | None, server_now: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for: a number or an HTTP date.

    Never negative and never more than 15 minutes; None if it says nothing that can be read.
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        seconds = float(text)
    else:
        date = http_date(text)
        if date is None:
            return None
        seconds = date - server_now
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def quote(answer: Answer) -> str:
    """Return the error's own words out of an answer's body, short and harmless, or nothing.

    Only the fields that Zendesk's error envelopes have are quoted, never a body as a whole: a
    proxy may echo the request in it.
    """
    try:
        content = decode(answer.content)
    except BrokenPageError:
        return ""
    words: list[str] = []
    if isinstance(content, dict):
        envelopes = [content, content.get("error")]
        errors = content.get("errors")
        envelopes += errors if isinstance(errors, list) else []
        for envelope in envelopes:
            if isinstance(envelope, str):
                words.append(envelope)
            elif isinstance(envelope, dict):
                fields = ("title", "code", "message", "detail", "description", "error_description")
                words += [envelope[f] for f in fields if isinstance(envelope.get(f), str)]
    text = ", ".join(words[:3])
    for secret in _secrets(answer.request):
        text = text.replace(secret, "…")
    text = " ".join(re.sub(r"[^\x20-\x7e…]+", " ", text).split())
    text = re.sub(r"[A-Za-z0-9+/_=-]{32,}", "…", text)  # whatever could be a token
    return f'"{text[:QUOTED]}"' if text else ""


def words_of(answer: Answer) -> str:
    """Return the error's own words to follow a status: a space and them, or nothing."""
    words = quote(answer)
    return f" {words}" if words else ""


def _secrets(request: requests.PreparedRequest | None) -> list[str]:
    """Return what the request held that no message may show, in every usual form, longest first."""
    if request is None:
        return []
    scheme, _, value = str(request.headers.get("Authorization", "")).partition(" ")
    secrets = {value}
    if scheme == "Basic":
        pair = base64.b64decode(value).decode()
        secrets |= {pair, pair.partition(":")[2]}
    if request.body:
        grant = decode(request.body if isinstance(request.body, bytes) else request.body.encode())
        secrets |= {grant[name] for name in ("client_secret", "refresh_token") if name in grant}
    secrets.discard("")
    encoded = {base64.b64encode(secret.encode()).decode() for secret in secrets}
    encoded |= {text.rstrip("=") for text in encoded}
    quoted = {urllib.parse.quote(secret, safe="") for secret in secrets | encoded}
    return sorted(secrets | encoded | quoted, key=len, reverse=True)
