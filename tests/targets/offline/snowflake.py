"""Snowflake: fakesnow makes the tables; what is put on the stage is kept, MERGE is not run.

fakesnow knows neither stages of a user nor formats of files.
"""

from __future__ import annotations

import gzip
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from tests.targets.offline import kept

NOT_RUN = ("put ", "merge into ", "remove ", "create or replace file format ", "drop file format ")
DATABASE, SCHEMA = "WAREHOUSE", "ZENDESK"


def watch(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any
) -> tuple[str, Any]:
    """Look at a statement before it is run; return what is run in its place."""
    if put := re.match(r"put .*target-snowflake/(\w+)-[0-9a-f-]{36}'", statement):
        path = url2pathname(urlparse(parameters["file_uri"]).path)
        with gzip.open(path, "rt", encoding="utf-8") as file:
            kept.rows(put[1], map(json.loads, file))
    elif merge := re.match(
        r'merge into \S+\."?(\w+)"? d using .* on (.*?) when matched', statement
    ):
        pairs = re.findall(r'd\."?(\w+)"? = s\."?(\w+)"?', merge[2])
        kept.keys(merge[1].lower(), [ours.lower() for ours, theirs in pairs if ours == theirs])
    return ("SELECT 1", ()) if statement.startswith(NOT_RUN) else (statement, parameters)


def main() -> None:
    """Run the target; the tables are kept in the folder `fakesnow` from one run to the next."""
    Path("fakesnow").mkdir(exist_ok=True)
    with import_module("fakesnow").patch(db_path="fakesnow"):
        sqlalchemy = import_module("sqlalchemy")
        engines = sqlalchemy.engine.Engine
        sqlalchemy.event.listen(engines, "before_cursor_execute", watch, retval=True)
        target = import_module("target_snowflake.target").TargetSnowflake
        try:
            target.cli()
        finally:
            _note_columns()


def _note_columns() -> None:
    connection = import_module("snowflake.connector").connect(database=DATABASE, schema=SCHEMA)
    cursor = connection.cursor()
    found = cursor.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        f" WHERE table_schema = '{SCHEMA}'"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in found:
        tables.setdefault(table.lower(), {})[column.lower()] = kind
    for table, types in tables.items():
        kept.columns(table, types)


if __name__ == "__main__":
    main()
