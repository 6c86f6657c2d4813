"""The databases that the models are run on, and how the tap's tables get into them.

The loaders take Singer messages and make the columns that the usual targets make:
MeltanoLabs' target-postgres, and MeltanoLabs' target-duckdb.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import sql

from tests.support.meltano_project import for_dbt

from .engine import programs, quiet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.support.postgres import Database

Message: TypeAlias = "Mapping[str, Any]"
Row: TypeAlias = dict[str, Any]

SCHEMA = "zendesk"
MODELS = "zendesk_models"

POSTGRES_TYPES = {
    "integer": "bigint",
    "string": "text",
    "date-time": "timestamp",
    "boolean": "boolean",
    "array": "jsonb",
    "object": "jsonb",
}
DUCKDB_TYPES = {
    "integer": "hugeint",
    "string": "varchar",
    "date-time": "timestamp",
    "boolean": "boolean",
    "array": "json",
    "object": "json",
}


class PostgresTables:
    """A PostgreSQL database with the tap's tables, and later the models."""

    name = "postgres"

    def __init__(self, database: Database) -> None:
        self._url = database.uri
        self.variables = for_dbt(database)

    def load(self, messages: Iterable[Message], schema: str = SCHEMA) -> None:
        """Make a table of each stream and add its records; those with a known key are replaced."""
        with psycopg.connect(self._url) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(_name(schema)))
            for stream, columns, keys, records in _streams(messages):
                table = sql.Identifier(schema, stream)
                definitions = [
                    sql.SQL("{} {}").format(_name(name), _plain(POSTGRES_TYPES[kind]))
                    for name, kind in columns.items()
                ]
                connection.execute(
                    sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}))").format(
                        table, _listed(definitions), _listed(map(_name, keys))
                    )
                )
                arrived = sql.Identifier("arrived")
                connection.execute(
                    sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(arrived, table)
                )
                with connection.cursor().copy(
                    sql.SQL("COPY {} FROM STDIN").format(arrived)
                ) as copy:
                    for record in records:
                        copy.write_row([_cell(record.get(name)) for name in columns])
                same = sql.SQL(" AND ").join(
                    sql.SQL("t.{0} = a.{0}").format(_name(key)) for key in keys
                )
                connection.execute(
                    sql.SQL("DELETE FROM {} t USING {} a WHERE {}").format(table, arrived, same)
                )
                connection.execute(
                    sql.SQL("INSERT INTO {} SELECT * FROM {}").format(table, arrived)
                )
                connection.execute(sql.SQL("DROP TABLE {}").format(arrived))

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, everything that is no JSON value as text."""
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(statement.encode()).fetchall()
        return [tuple(row) for row in json.loads(json.dumps(rows, default=str))]


class DuckdbTables:
    """A DuckDB file with the tap's tables, and later the models."""

    name = "duckdb"

    def __init__(self, file: Path) -> None:
        self._file = file
        self.variables = {"DBT_DUCKDB_PATH": str(file)}

    def load(self, messages: Iterable[Message], schema: str = SCHEMA) -> None:
        """Make a table of each stream and add its records; those with a known key are replaced."""
        statements = [f"CREATE SCHEMA IF NOT EXISTS {schema}"]
        for stream, columns, keys, records in _streams(messages):
            table = f"{schema}.{stream}"
            file = self._file.with_suffix(f".{stream}.jsonl")
            file.write_text("".join(f"{json.dumps(r)}\n" for r in records), encoding="utf-8")
            types = ", ".join(f"{name}: '{DUCKDB_TYPES[kind]}'" for name, kind in columns.items())
            arrived = f"read_json('{file}', format='newline_delimited', columns={{{types}}})"
            same = " AND ".join(f"t.{key} = a.{key}" for key in keys)
            statements += [
                f"CREATE TABLE IF NOT EXISTS {table} AS SELECT * FROM {arrived} LIMIT 0",
                f"DELETE FROM {table} t USING {arrived} a WHERE {same}",
                f"INSERT INTO {table} SELECT * FROM {arrived}",
            ]
        self._run(statements)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, everything that is no JSON value as text."""
        return self._run([statement])

    def _run(self, statements: list[str]) -> list[tuple[Any, ...]]:
        script = Path(__file__).with_name("in_duckdb.py")
        done = subprocess.run(
            [str(programs() / "python"), str(script), str(self._file)],
            input=json.dumps(statements),
            env=quiet(self._file.parent),
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        return [tuple(row) for row in json.loads(done.stdout)]


def seconds_of(moment: str) -> int:
    """Return the epoch second of a moment or a day, as `query` gives it."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def _streams(
    messages: Iterable[Message],
) -> Iterator[tuple[str, dict[str, str], list[str], list[Row]]]:
    """Each stream: its name, its columns with their kinds, its key, its records."""
    schemas: dict[str, Message] = {}
    records: dict[str, dict[tuple[Any, ...], Row]] = {}
    for message in messages:
        if message["type"] == "SCHEMA":
            schemas[message["stream"]] = message
        elif message["type"] == "RECORD":
            record = message["record"]
            keys = schemas[message["stream"]]["key_properties"]
            identity = tuple(record[key] for key in keys)
            records.setdefault(message["stream"], {})[identity] = record
    for stream, schema in schemas.items():
        columns = {
            name: column.get("format", column["type"][0])
            for name, column in schema["schema"]["properties"].items()
        }
        yield stream, columns, schema["key_properties"], list(records.get(stream, {}).values())


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _plain(text: str) -> sql.Composed:
    return sql.Composed([sql.SQL(text)])


def _listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
