"""Reads what needs a target's own packages, with the Python of its environment.

It is given a format and a path and prints a line of JSON for each row, so it uses nothing of this
repository.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = "dict[str, Any]"


def duckdb_rows(path: Path) -> list[tuple[str, Row]]:
    """Every row of every table of a database."""
    connection = import_module("duckdb").connect(str(path), read_only=True)
    found = connection.execute("SELECT table_schema, table_name FROM information_schema.tables")
    rows = []
    for schema, table in found.fetchall():
        cursor = connection.execute(f'SELECT * FROM "{schema}"."{table}"')
        names = [column[0] for column in cursor.description]
        rows += [(table, dict(zip(names, row))) for row in cursor.fetchall()]  # noqa: B905
    return rows


def avro_rows(folder: Path) -> list[tuple[str, Row]]:
    """Every record of every Avro file."""
    reader = import_module("fastavro").reader
    rows = []
    for path in sorted(folder.glob("*.avro")):
        with path.open("rb") as file:
            rows += [(path.name.split(".")[-2], row) for row in reader(file)]
    return rows


def parquet_rows(folder: Path) -> list[tuple[str, Row]]:
    """Every row of every Parquet file."""
    read = import_module("pyarrow.parquet").read_table
    return [
        (str(path.relative_to(folder)), row)
        for path in sorted(folder.rglob("*.parquet"))
        for row in read(path).to_pylist()
    ]


def encoded(value: Any) -> Any:
    """What JSON has no word for, as an object that the caller undoes."""
    if isinstance(value, datetime):
        return {"$moment": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    raise TypeError(type(value).__name__)


READERS = {"duckdb": duckdb_rows, "avro": avro_rows, "parquet": parquet_rows}

if __name__ == "__main__":
    for stream, row in READERS[sys.argv[1]](Path(sys.argv[2])):
        print(json.dumps([stream, row], default=encoded))
