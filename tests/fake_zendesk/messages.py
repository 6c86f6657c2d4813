"""A request, its answer, and the line that the log keeps of both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .faults import Fault

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What came in; ``target`` is path and query, header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Answer:
    """What goes out, before compression and before a fault in the transport spoils it.

    ``seconds`` is how long it takes from the request to the answer. ``doubles`` are header lines
    whose names stand in the answer already.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    events: int = 0
    fault: Fault | None = None
    seconds: float = 0.0
    doubles: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class LoggedRequest:
    """One line of the log.

    ``path_kind`` is "export" (of ticket events), "metric_export", "token" or "other"; ``number``
    counts the requests for each export from 1 and is 0 for all others; ``status`` is 0 if no answer
    was sent; ``events`` is the number of events on the page.
    """

    number: int
    time: float
    method: str
    path: str
    path_kind: str
    query: dict[str, str]
    headers: dict[str, str]
    authorization: str | None
    status: int = 0
    events: int = 0


def json_answer(status: int, content: Any, headers: dict[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": JSON, **(headers or {})})


def text_answer(status: int, text: str, headers: dict[str, str] | None = None) -> Answer:
    """An answer in plain text."""
    return Answer(status, text.encode(), {"Content-Type": TEXT, **(headers or {})})
