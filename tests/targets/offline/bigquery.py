"""BigQuery: a client that keeps what it is told to load, for two of the target's four methods.

What BigQuery documents of its tables is done to the rows: a repeated column has no null.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from concurrent.futures import Future
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.targets.offline import kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEYS = re.compile(r"target\.`(\w+)` = source\.`(\w+)`")


def keep(table: str, repeated: Iterable[str], found: Iterable[Mapping[str, Any]]) -> None:
    """Keep rows; those of a temporary table are the stream's, which they are merged into."""
    rows = []
    for row in found:
        data = row.get("data", row)  # with denormalized: false, the record is in one column
        values = dict(json.loads(data) if isinstance(data, str) else data)
        values.update({name: [] for name in repeated if values.get(name) is None})
        rows.append(values)
    kept.rows(_stream(table), rows)


class Tables:
    """The tables of a run, by name; a run knows none at first."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._made

    def __getitem__(self, name: str) -> Any:
        return self._made[name]

    def make(self, table: Any) -> None:
        """Take a new one, and note its columns, if they are those of the record."""
        self._made[table.table_id] = table
        types = {field.name: f"{field.field_type} {field.mode}" for field in table.schema}
        if "data" not in types:
            kept.columns(_stream(table.table_id), types)

    def load(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Load rows into one of them."""
        repeated = [field.name for field in self[name].schema if field.mode == "REPEATED"]
        keep(name, repeated, rows)


def client_class(tables: Tables) -> type:
    """Return a class of clients that know these tables alone."""
    not_found = import_module("google.api_core.exceptions").NotFound

    class Client(import_module("google.cloud.bigquery").Client):  # type: ignore[misc]
        def __init__(self, project: str, **_: Any) -> None:
            pass

        def get_dataset(self, reference: Any) -> Any:
            return reference

        def get_table(self, reference: Any) -> Any:
            if reference.table_id not in tables:
                raise not_found("no such table")
            return tables[reference.table_id]

        def create_table(self, table: Any) -> Any:
            tables.make(table)
            return table

        def load_table_from_file(self, file: Any, table: Any, **_: Any) -> Future[None]:
            lines = gzip.decompress(file.read()).splitlines()
            tables.load(table.table_id, map(json.loads, lines))
            return _done()

        def query(self, statement: str) -> Future[None]:
            if merge := re.search(r"MERGE `[\w.-]+\.(\w+)` AS target .*? ON (.*?) WHEN", statement):
                pairs = KEYS.findall(merge[2])
                kept.keys(merge[1], [ours for ours, theirs in pairs if ours == theirs])
            return _done()

    return Client


def stream_class(tables: Tables) -> type:
    """Return a class of streams of the Storage Write API; rows come as protocol buffers."""
    pool = import_module("google.protobuf.descriptor_pool")
    factory = import_module("google.protobuf.message_factory")
    descriptors = import_module("google.protobuf.descriptor_pb2")
    to_dict = import_module("google.protobuf.json_format").MessageToDict

    class Stream:
        _closed = False

        def __init__(self, _: Any, template: Any) -> None:
            self._table = template.write_stream.split("/tables/")[1].split("/")[0]
            file = descriptors.FileDescriptorProto(name="row.proto")
            file.message_type.add().CopyFrom(template.proto_rows.writer_schema.proto_descriptor)
            own = pool.DescriptorPool()
            own.Add(file)
            name = file.message_type[0].name
            self._message = factory.GetMessageClass(own.FindMessageTypeByName(name))

        def send(self, request: Any) -> Future[None]:
            rows = map(self._message.FromString, request.proto_rows.rows.serialized_rows)
            found = (to_dict(row, preserving_proto_field_name=True) for row in rows)
            tables.load(self._table, found)
            return _done()

        def close(self) -> None:
            self._closed = True

    return Stream


def main() -> None:
    """Run the target with these in the place of Google's."""
    tables = Tables()
    bigquery: Any = import_module("google.cloud.bigquery")
    bigquery.Client = client_class(tables)
    core: Any = import_module("target_bigquery.core")
    # it waits for seconds after it has made a table
    core.time = SimpleNamespace(sleep=lambda _: None, strftime=time.strftime)
    storage_write: Any = import_module("target_bigquery.storage_write")
    storage_write.storage_client_factory = lambda _: None
    storage_write.writer = SimpleNamespace(AppendRowsStream=stream_class(tables))
    import_module("target_bigquery.target").TargetBigQuery.cli()


def _stream(table: str) -> str:
    return table.partition("__")[0]


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


if __name__ == "__main__":
    main()
