"""From an answer to the bytes of its body and the headers that describe them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .messages import Answer


def encode(
    answer: Answer, request_headers: Mapping[str, str], *, compress: bool, chunked: bool
) -> tuple[list[tuple[str, str]], bytes]:
    """The header lines and the body to send; a body may fall short of what its headers promise."""
    headers, body = dict(answer.headers), answer.body
    kind = answer.fault.kind if answer.fault else None
    accepted = "gzip" in request_headers.get("accept-encoding", "")
    if kind == "broken_gzip" or (
        compress and accepted and body and "Content-Encoding" not in headers
    ):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    if kind == "broken_gzip":
        # After the ten bytes of the gzip header: a block of a type that does not exist.
        body = body[:10] + b"\xff" + body[11:]
    if kind == "wrong_length":
        headers["Content-Length"] = str(len(body) + 100)
    elif chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(len(body))
    if kind == "drop_in_body":
        body = body[: len(body) // 2]
    return [*headers.items(), *answer.doubles], body
