"""The tree of exceptions is the one that its module draws."""

from __future__ import annotations

import inspect
import re

from tap_zendesk_events import exceptions


def drawn() -> dict[str, str]:
    """Each exception of the drawing, with the one it hangs from."""
    path: list[str] = []
    found = {}
    for line in (exceptions.__doc__ or "").splitlines():
        branch = re.match(
            r"(?P<indent> *(?:│   |    )*(?:├── |└── )?)(?P<name>\w+)", line.strip("\n")
        )
        if not branch or not re.fullmatch(r"Exception|\w+Error", branch["name"]):
            continue
        depth = (len(branch["indent"]) - 4) // 4
        path[depth:] = [branch["name"]]
        if depth:
            found[branch["name"]] = path[depth - 1]
    return found


def test_the_drawing_is_the_tree() -> None:
    classes = dict(inspect.getmembers(exceptions, inspect.isclass))
    assert drawn() == {name: made.__bases__[0].__name__ for name, made in classes.items()}


def test_a_failure_keeps_what_the_answer_told() -> None:
    headers = {"Retry-After": "7"}
    for error in (
        exceptions.ThrottledError("throttled", wait=7.0, headers=headers),
        exceptions.BrokenPageError("no JSON", headers=headers),
        exceptions.SlowBodyError("slow", 12.5, headers),
    ):
        assert error.headers == headers
        assert str(error) == error.reason
    assert exceptions.RetriableError("dropped").headers == {}
    assert exceptions.BrokenPageError("no JSON").reason == "the answer is no JSON"
