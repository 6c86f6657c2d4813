"""Read back what targets have stored, as rows of each stream.

psycopg is imported late: the unit tests of the comparison run without it.
"""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.selection import ALL_STREAMS

if TYPE_CHECKING:
    from tests.support.postgres import Database
    from tests.targets.candidate import Place, Stored

GZIP = b"\x1f\x8b"
ELSEWHERE = Path(__file__).with_name("read_elsewhere.py")


def connection(database: Database) -> dict[str, Any]:
    """Return the parts of a database's address, as older targets want them."""
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    parts = conninfo_to_dict(database._uri)
    own = {name: parts[name] for name in ("host", "user", "dbname")}
    return {**own, "port": parts.get("port", 5432)}


def postgres(place: Place, *, schema: str) -> Stored:
    """Every row of the streams' tables in a schema."""
    import psycopg  # noqa: PLC0415
    from psycopg import sql  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415

    assert place.database
    stored: Stored = {}
    with psycopg.connect(place.database._uri, row_factory=dict_row) as connected:
        found = connected.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [schema]
        )
        for table in {row["table_name"] for row in found} & set(ALL_STREAMS):
            statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table))
            stored[table] = connected.execute(statement).fetchall()
    return stored


def sqlite(place: Place, *, name: str) -> Stored:
    """Every row of the streams' tables in a file."""
    path = place.folder / name
    if not path.is_file():
        return {}
    stored: Stored = {}
    with closing(sqlite3.connect(path)) as connected:
        connected.row_factory = sqlite3.Row
        found = connected.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for table in {row["name"] for row in found} & set(ALL_STREAMS):
            stored[table] = [dict(row) for row in connected.execute(f"SELECT * FROM {table}")]
    return stored


def csv_files(place: Place, *, pattern: str) -> Stored:
    """Every row of the files that begin with a stream's name."""
    stored: Stored = defaultdict(list)
    csv.field_size_limit(2**30)  # else 128 KiB, and some events are larger
    for path in _files(place, pattern):
        with path.open(encoding="utf-8", newline="") as file:
            stored[_stream(path.relative_to(place.folder))] += csv.DictReader(file)
    return stored


def json_files(place: Place, *, pattern: str) -> Stored:
    """Every record of files that hold JSON values one after the other, messages or records."""
    stored: Stored = defaultdict(list)
    decode = json.JSONDecoder().raw_decode
    for path in _files(place, pattern):
        data = path.read_bytes()
        # some only call their files compressed
        text = (gzip.decompress(data) if data.startswith(GZIP) else data).decode()
        rows = stored[_stream(path.relative_to(place.folder))]
        start = 0
        while start < len(text):
            if text[start].isspace():
                start += 1
                continue
            value, start = decode(text, start)
            if isinstance(value, list):
                rows += value
            elif "record" in value:
                rows.append(value["record"])
            elif value.get("type") != "SCHEMA":
                rows.append(value)
    return stored


def offline(place: Place) -> Stored:
    """What a program of `offline` has kept: known columns, and one row a key where it is merged."""
    stored = json_files(place, pattern="stored/*.jsonl")
    notes = place.folder / "stored" / "tables.json"
    tables = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    for stream, table in tables.items():
        rows = stored.get(stream, [])
        if columns := table.get("columns"):
            rows = [{name: row.get(name) for name in columns} for row in rows]
        if keys := table.get("keys"):
            rows = list({tuple(row[name] for name in keys): row for row in rows}.values())
        stored[stream] = rows
    return stored


def elsewhere(place: Place, *, kind: str, name: str) -> Stored:
    """Every row of a format that only the target's own environment can read."""
    stored: Stored = defaultdict(list)
    path = place.folder / name
    if not path.exists():
        return stored
    done = subprocess.run(
        [place.python, ELSEWHERE, kind, path],
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    for line in done.stdout.splitlines():
        name, row = json.loads(line, object_hook=_decoded)
        stored[_stream(Path(name))].append(row)
    return stored


def nothing(_: Place) -> Stored:
    """Nothing, of a target that cannot be installed."""
    return {}


def _files(place: Place, pattern: str) -> list[Path]:
    found = sorted(place.folder.glob(pattern))
    return [path for path in found if _stream(path.relative_to(place.folder))]


def _stream(path: Path) -> str:
    """The stream that a file or one of its folders is named after."""
    for name in reversed(path.parts):
        for stream in ALL_STREAMS:
            if name.startswith(stream):
                return stream
    return ""


def _decoded(value: dict[str, Any]) -> Any:
    """Undo `encoded` of read_elsewhere.py."""
    if value.keys() == {"$moment"}:
        return datetime.fromisoformat(value["$moment"])
    if value.keys() == {"$decimal"}:
        return Decimal(value["$decimal"])
    return value
