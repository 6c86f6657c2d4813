"""Redshift: statements are kept, not run; the files for COPY are kept in place of S3.

What AWS documents of COPY with the options that the target gives is done to the rows: blank text
becomes null, blanks at the end go, and what is longer than its column is cut, in bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.targets.offline import kept

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_OF_A_VALUE = 16 * 2**20  # what SUPER holds
COLUMN = re.compile(r'^\s*"?(\w+)"? ([A-Z]+(?: [A-Z]+)*(?:\(\d+\))?)', re.MULTILINE)


class Warehouse:
    """What the target believes to be a cluster and a bucket."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {}
        self._types: dict[str, dict[str, str]] = {}
        self._files: dict[str, Kept] = {}
        self._loaded: dict[str, list[dict[str, Any]]] = {}

    def open(self, address: str, _mode: str) -> Kept:
        """Open a file that a COPY reads afterwards."""
        self._files[address] = Kept()
        return self._files[address]

    def execute(self, statement: str) -> None:
        """Take a statement of the target."""
        if made := re.match(r"\s*CREATE (TEMPORARY )?TABLE (\S+) \(", statement):
            self._types[_last(made[2])] = dict(COLUMN.findall(statement[made.end() :]))
            self._types[_last(made[2])].pop("PRIMARY", None)
        elif copy := re.match(r"\s*COPY (\S+) \((.*?)\)\s+FROM '(.*?)'", statement):
            table, names = _last(copy[1]), re.findall(r"\w+", copy[2])
            self._loaded[table] = self._rows(copy[3], names, self._types[table])
        elif merge := re.match(r"\s*MERGE INTO (\S+)\s+USING (\S+)\s+ON (.*)", statement):
            stream = _last(merge[1])
            kept.columns(stream, self._types[stream])
            kept.keys(stream, re.findall(rf'{stream}"?\."?(\w+)', merge[3]))
            kept.rows(stream, self._loaded[_last(merge[2])])

    def _rows(self, address: str, names: list[str], types: dict[str, str]) -> list[dict[str, Any]]:
        csv.field_size_limit(MOST_OF_A_VALUE)
        rows = csv.reader(io.StringIO(self._files[address].getvalue(), newline=""))
        return [
            {name: _loaded(text, types[name]) for name, text in zip(names, row, strict=True)}
            for row in rows
        ]


class Kept(io.StringIO):
    """A file that can be read when it has been closed."""

    def __init__(self) -> None:
        super().__init__(newline="")

    def close(self) -> None:
        """Do nothing."""


def _loaded(text: str, kind: str) -> Any:
    text = text.rstrip(" ")
    if not text:
        return None
    if kind == "SUPER":
        return json.loads(text)
    if length := re.fullmatch(r"VARCHAR\((\d+)\)", kind):
        return text.encode()[: int(length[1])].decode(errors="ignore")
    return text


def _last(name: str) -> str:
    return name.replace('"', "").rpartition(".")[2]


def main() -> None:
    """Run the target with the warehouse in the place of Amazon's."""
    warehouse = Warehouse()

    @contextmanager
    def cursor(_: Any) -> Iterator[Warehouse]:
        yield warehouse

    connector = import_module("target_redshift.connector").RedshiftConnector
    connector.connect_cursor = cursor
    connector.schema_exists = lambda *_: False
    connector.table_exists = lambda *_, **__: False
    make = connector.create_empty_table

    def create_empty_table(self: Any, table_name: str, **options: Any) -> Any:
        warehouse.tables[table_name] = make(self, table_name=table_name, **options)
        return warehouse.tables[table_name]

    connector.create_empty_table = create_empty_table
    connector.get_table = lambda _, full_table_name: warehouse.tables[_last(str(full_table_name))]
    sinks: Any = import_module("target_redshift.sinks")
    sinks.boto3 = SimpleNamespace(client=lambda *_, **__: None)
    sinks.smart_open = SimpleNamespace(open=warehouse.open)
    import_module("target_redshift.target").TargetRedshift.cli()


if __name__ == "__main__":
    main()
