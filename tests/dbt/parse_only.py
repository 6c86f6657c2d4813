"""Parses SQL in a dialect and looks up each column in it: JSON in, JSON out.

It runs with the Python of dbt's environment. It wants ``{"dialect", "tables": {table: {column:
type}}, "statements": {state: {model: SQL}}}``, and prints the columns that each model gives.
"""

from __future__ import annotations

import json
import sys

from sqlglot import ErrorLevel, exp, parse_one  # type: ignore[import-not-found]
from sqlglot.optimizer.annotate_types import annotate_types  # type: ignore[import-not-found]
from sqlglot.optimizer.qualify import qualify  # type: ignore[import-not-found]


def main() -> None:
    given = json.load(sys.stdin)
    dialect = given["dialect"]
    schema = dict(given["tables"])
    columns = {}
    for statements in given["statements"].values():
        trees = {
            name: parse_one(text, read=dialect, error_level=ErrorLevel.RAISE)
            for name, text in statements.items()
        }
        for name in in_order(trees):
            tree = trees[name]
            for table in tree.find_all(exp.Table):
                table.set("catalog", None)
                table.set("db", None)
            whole = annotate_types(qualify(tree, schema=schema, dialect=dialect), schema=schema)
            columns[name] = whole.named_selects
            schema[name] = {
                each.alias_or_name: each.type.sql() if each.type else "text"
                for each in whole.selects
            }
    json.dump(columns, sys.stdout)


def in_order(trees: dict[str, exp.Expression]) -> list[str]:
    """Return the names of the statements, those that others read first."""
    reads = {
        name: {table.name for table in tree.find_all(exp.Table)} & trees.keys() - {name}
        for name, tree in trees.items()
    }
    done: list[str] = []
    while len(done) < len(trees):
        done += [name for name in trees if name not in done and reads[name] <= set(done)]
    return done


if __name__ == "__main__":
    main()
