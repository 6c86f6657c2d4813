"""Runs SQL in a DuckDB file, with the Python of dbt's environment: ``in_duckdb.py FILE``.

Standard input is a JSON array of statements; standard output the rows of the last one, as JSON.
"""

from __future__ import annotations

import json
import sys

import duckdb  # type: ignore[import-not-found]  # in dbt's environment only


def main() -> None:
    rows = []
    with duckdb.connect(sys.argv[1]) as connection:
        for statement in json.load(sys.stdin):
            rows = connection.execute(statement).fetchall()
    json.dump(rows, sys.stdout, default=str)


if __name__ == "__main__":
    main()
