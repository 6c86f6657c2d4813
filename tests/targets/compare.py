"""What a target stored, compared with what it was sent: rows, keys and every value."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]

LARGEST_EXACT_FLOAT = 2**53
NAMED = 3

EMPTY_TO_NULL = "empty text becomes null"
NULL_TO_EMPTY = "null becomes an empty list"
HARMLESS = (EMPTY_TO_NULL, NULL_TO_EMPTY)
"""What is a difference, but none that anybody minds."""


@dataclass(frozen=True)
class Sent:
    """A stream as the tap sends it by itself, with nested values as they are.

    Args:
        properties: The columns, as in the SCHEMA message.
        key: The columns of the key.
        rows: Every row that has to be there.
    """

    properties: Mapping[str, Any]
    key: tuple[str, ...]
    rows: list[Row]

    def of(self, row: Row) -> Key:
        """Return the key of a row as sent."""
        return tuple(row[name] for name in self.key)

    def of_stored(self, row: Row) -> Key:
        """Return the key of a row as stored; integers may have become text or decimals."""
        return tuple(
            _plain(row.get(name)) if "integer" in self.properties[name]["type"] else row.get(name)
            for name in self.key
        )


@dataclass(frozen=True, order=True)
class Problem:
    """A kind of difference.

    Args:
        what: What is wrong.
        columns: The columns in which it is, if it is about values.
        times: In how many values or rows it is, if that can be counted.
    """

    what: str
    columns: tuple[str, ...] = ()
    times: int = 0

    def __str__(self) -> str:
        text = f"{self.what}: {self.times:,}" if self.times else self.what
        return f"{text} ({listed(self.columns)})" if self.columns else text


@dataclass
class Findings:
    """What the comparison of a stream has found.

    Args:
        problems: Each kind of difference.
        nested: How objects and arrays are stored.
        blurred: Whether null and empty text cannot be told apart.
    """

    problems: list[Problem] = field(default_factory=list)
    nested: set[str] = field(default_factory=set)
    blurred: bool = False


def compare(sent: Sent, stored: Iterable[Row], *, empty_is_null: bool = False) -> Findings:
    """Compare a stream's rows in any order; `empty_is_null` where the format knows no null."""
    return _Comparison(sent, empty_is_null=empty_is_null).of(list(stored))


class _Comparison:
    def __init__(self, sent: Sent, *, empty_is_null: bool) -> None:
        self._sent = sent
        self._empty_is_null = empty_is_null
        self._found = Findings()
        self._differences: dict[str, Counter[str]] = defaultdict(Counter)

    def of(self, stored: list[Row]) -> Findings:
        expected = {self._sent.of(row): row for row in self._sent.rows}
        rounded = {tuple(map(_as_float, key)): key for key in expected}
        times: Counter[Key] = Counter()
        foreign = 0
        for row in stored:
            key = self._sent.of_stored(row)
            if key not in expected:
                key = rounded.get(tuple(map(_as_float, key)), key)
            if key not in expected:
                foreign += 1
                continue
            times[key] += 1
            self._row(expected[key], row)
        self._count("rows missing", len(expected.keys() - times.keys()))
        self._count("rows there more than once", sum(number > 1 for number in times.values()))
        self._count("rows that were never sent", foreign)
        self._columns(stored)
        return self._found

    def _count(self, what: str, number: int) -> None:
        if number:
            self._found.problems.append(Problem(what, times=number))

    def _columns(self, stored: list[Row]) -> None:
        """Tell the differences; a column that is nowhere is one by itself."""
        there = {name for row in stored for name in row}
        used = {name for row in self._sent.rows for name, v in row.items() if v is not None}
        gone = used - there if stored else set()
        for what, names in sorted(self._differences.items()):
            if columns := names.keys() - gone:
                times = sum(names[name] for name in columns)
                self._found.problems.append(Problem(what, tuple(sorted(columns)), times))
        if gone:
            self._found.problems.append(Problem("columns not stored", tuple(sorted(gone))))

    def _row(self, sent: Row, stored: Row) -> None:
        for name, definition in self._sent.properties.items():
            what = self._value(definition, sent.get(name), stored.get(name))
            if what:
                self._differences[what][name] += 1

    def _value(self, definition: Mapping[str, Any], sent: Any, stored: Any) -> str | None:
        if sent is None or stored is None or (stored == "" and sent == ""):
            return self._nothing(sent, stored)
        kinds = definition["type"]
        if "object" in kinds or "array" in kinds:
            return self._nested(sent, stored)
        if "integer" in kinds:
            return _integer(sent, stored)
        if "boolean" in kinds:
            return None if _as_boolean(stored) is sent else "booleans changed"
        if definition.get("format") == "date-time":
            return _moment(sent, stored)
        return _text(sent, stored)

    def _nothing(self, sent: Any, stored: Any) -> str | None:
        if self._empty_is_null and sent in (None, "") and stored in (None, ""):
            self._found.blurred |= sent == ""
            return None
        if sent is None and stored == []:
            return NULL_TO_EMPTY
        if sent is None and stored is not None:
            return "null became something"
        if sent == "" and stored is None:
            return EMPTY_TO_NULL
        return None if sent == stored else "null instead of a value"

    def _nested(self, sent: Any, stored: Any) -> str | None:
        if not isinstance(stored, str):
            self._found.nested.add("JSON")
            return None if same(sent, stored) else "nested columns changed"
        try:
            value = json.loads(stored)
        except ValueError:
            is_python = _is_python(sent, stored)
            return "nested columns in Python's notation" if is_python else "nested columns not JSON"
        if isinstance(value, str):
            # written as JSON twice
            return (
                "nested columns JSON inside of JSON text"
                if _is_json(sent, value)
                else "nested columns changed"
            )
        self._found.nested.add("JSON text")
        return None if same(sent, value) else "nested columns changed"


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; unlike with ==, true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _integer(sent: int, stored: Any) -> str | None:
    if isinstance(stored, bool):
        return "integers changed"
    if isinstance(stored, str):
        if stored == str(sent):
            return None
        stored = _as_float(stored)
    if isinstance(stored, float):
        if stored == sent and abs(sent) < LARGEST_EXACT_FLOAT:
            return "integers with a fraction"
        return "integers rounded" if stored == float(sent) else "integers changed"
    if isinstance(stored, (int, Decimal)) and stored == sent:
        return None
    is_rounded = isinstance(stored, (int, Decimal)) and float(stored) == float(sent)
    return "integers rounded" if is_rounded else "integers changed"


def _text(sent: str, stored: Any) -> str | None:
    if stored == sent:
        return None
    escaped = sent.translate({10: "\\n", 13: "\\r", 9: "\\t"})
    return "line breaks in text become `\\n`" if stored == escaped else "text changed"


def _moment(sent: str, stored: Any) -> str | None:
    found = _as_moment(stored)
    if found is None:
        return "no date-times"
    return None if found == _as_moment(sent) else "date-times changed"


def _as_moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _as_boolean(value: Any) -> bool | None:
    """The boolean, also of a format that has none: CSV and SQLite."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def _as_float(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _plain(value: Any) -> Any:
    """An integer, if it is one in another guise."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    if isinstance(value, Decimal) and value == int(value):
        return int(value)
    return value


def _is_python(sent: Any, text: str) -> bool:
    # the SDK reads numbers with a fraction as decimals
    text = re.sub(r"Decimal\('([^']*)'\)", r"\1", text)
    try:
        return same(sent, ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return False


def _is_json(sent: Any, text: str) -> bool:
    try:
        return same(sent, json.loads(text))
    except ValueError:
        return False


def listed(names: Iterable[str]) -> str:
    """Return names as code, the first few of them."""
    shown = [f"`{name}`" for name in names]
    return ", ".join(shown[:NAMED] + ["…"] * (len(shown) > NAMED))
