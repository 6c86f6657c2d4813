"""What a report may show of an answer. Content of tickets never: names, types, numbers do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_zendesk_events.settings import Settings

ANOTHER_FORM = "(a name that is not shown)"
LONGEST = 160  # characters of an error's words

_KEY = re.compile(r"[a-z][a-z_]{0,39}")
_KIND = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
_WORD = re.compile(r"([A-Za-z][A-Za-z'_-]*|\d{1,4})[.,:;!?]?")
_IN_TEXT = re.compile(r"[^\W\d_]+")
_RATE_HEADER = re.compile(r"[a-z-]*rate-?limit[a-z-]*|retry-after")
_RATE_VALUE = re.compile(r"\d{1,9}|((total|remaining|resets)=\d{1,9}(; ?)?)+")

VOCABULARY = frozenset(
    re.findall(
        r"\w+",
        """
        a about above access account again all allowed already an and api are as at
        attribute bad be because been before below but by can cannot could date day days
        does error exceeded expected export exports for format found from future greater
        has have hour hours id if in incremental integer invalid is it its later least
        less limit many may minute minutes missing more must no not now number of off old
        older on one only or other parameter parameters past per please present provided
        recent request requests required scope second seconds should since start
        start_time than that the then there this time timestamp to too type unix use value
        wait was were with within wrong you your
        """,
    )
)
"""Words of an error that are shown also if they occur in texts of the account."""


class Shown:
    """Decides what is shown.

    Args:
        settings: The settings, of which nothing is.
    """

    def __init__(self, settings: Settings) -> None:
        self._secrets = sorted(_secrets(settings), key=len, reverse=True)
        self._texts: set[str] = set()
        self._values: set[str] = set()

    def saw(self, content: Any) -> None:
        """Note the words in the texts of decoded JSON: what an error repeats of them is hidden."""
        for text in _texts(content):
            self._values.add(text)
            self._texts.update(word.casefold() for word in _IN_TEXT.findall(text))

    def key(self, name: str) -> str:
        """Return a key's name if it is one of the API's form, and nothing of the account's.

        What is also a value, such as a tag, is the account's.
        """
        told = _KEY.fullmatch(name) and name not in self._values and not self._has_secret(name)
        return name if told else ANOTHER_FORM

    def kind(self, name: str) -> str:
        """Return a word of an open set, such as an ``event_type``, likewise."""
        return name if _KIND.fullmatch(name) and not self._has_secret(name) else ANOTHER_FORM

    def words(self, content: Any) -> str:
        """Return the words of an error's body that may be shown, the others as ``…``.

        Args:
            content: The decoded body, or a text. Of objects only the values count.
        """
        told = [self._word(word) for text in _texts(content) for word in text.split()]
        kept = [word for i, word in enumerate(told) if word != "…" or told[i - 1 : i] != ["…"]]
        text = " ".join(kept)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    def _word(self, word: str) -> str:
        plain = word.strip("\"'()[]")
        found = _WORD.fullmatch(plain)
        if not found or self._has_secret(plain):
            return "…"
        parts = set(_IN_TEXT.findall(found[1].casefold()))
        return "…" if parts & self._texts - VOCABULARY else plain

    def _has_secret(self, text: str) -> bool:
        return any(secret in text.casefold() for secret in self._secrets)


def rate_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers about rate limits whose values are counts; names in small letters."""
    return {
        name.lower(): value
        for name, value in headers
        if _RATE_HEADER.fullmatch(name.lower()) and _RATE_VALUE.fullmatch(value.strip())
    }


def _texts(content: Any) -> Iterator[str]:
    waiting = [content]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting[:0] = each.values()
        elif isinstance(each, list):
            waiting[:0] = each


def _secrets(settings: Settings) -> Iterator[str]:
    """Yield what stands for the account and its users, in small letters."""
    host = urlsplit(settings.base_url).hostname or ""
    yield host.casefold()
    labels = host.casefold().split(".")[:-1]
    yield from (label for label in labels if label != "zendesk" and not label.isdigit())
    for value in vars(settings.credentials).values():
        yield value.casefold()
        yield from (part.casefold() for part in value.split("@") if len(part) > 3)
