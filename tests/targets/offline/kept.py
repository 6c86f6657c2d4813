"""What these programs leave behind: rows as JSON lines, and what is known of the tables."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = Path("stored")
TABLES = FOLDER / "tables.json"

_ONE_AT_A_TIME = Lock()  # targets load streams in several threads


def rows(stream: str, found: Iterable[Mapping[str, Any]]) -> None:
    """Add rows of a stream, in the order in which they are loaded."""
    with (FOLDER / f"{stream}.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in found)


def columns(stream: str, types: Mapping[str, str]) -> None:
    """Note the columns of a stream's table, with their types."""
    _note(stream, "columns", dict(types))


def keys(stream: str, names: Iterable[str]) -> None:
    """Note by which columns a MERGE tells whether a row is there already."""
    _note(stream, "keys", list(names))


def _note(stream: str, what: str, value: object) -> None:
    with _ONE_AT_A_TIME:
        tables = json.loads(TABLES.read_text(encoding="utf-8")) if TABLES.exists() else {}
        tables.setdefault(stream, {})[what] = value
        TABLES.write_text(json.dumps(tables, indent=1), encoding="utf-8")
