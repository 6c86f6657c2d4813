"""Compiles the package for a database that is not there.

``compile_only.py FOLDER TYPE ARGUMENTS``, where TYPE is dbt's name of the database.

It runs with the Python of dbt's environment, and compiles twice: as if no model were built yet,
into FOLDER/new, and as if all were, into FOLDER/existing. That is the one thing that compiling asks
a database.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

# by name, because only dbt's environment has them
dbt = import_module("dbt.cli.main")
adapters = import_module("dbt.adapters.factory")

QUIETLY = (
    "--no-populate-cache",
    "--no-introspect",
    "--select=resource_type:model",
    "--indirect-selection=empty",
)


class NoConnection:
    """Stands for a connection; it can be closed and nothing else."""

    def close(self) -> None:
        """Close nothing."""


def main() -> int:
    folder, kind, arguments = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    parsed = dbt.dbtRunner().invoke(["parse", *arguments])
    if not parsed.success:
        return 1
    runner = dbt.dbtRunner(manifest=parsed.result)
    for name, exists in (("new", False), ("existing", True)):
        pretend(kind, exists=exists)
        target = f"--target-path={folder / name}"
        done = runner.invoke(["compile", *QUIETLY, target, *arguments])
        if not done.success:
            raise SystemExit(f"{name}: {done.exception or 'see above'}")
    return 0


def pretend(kind: str, *, exists: bool) -> None:
    """Let the adapter say that every table exists, or that none does, without a connection."""

    def get_relation(self: Any, database: str, schema: str, identifier: str) -> Any:
        kind = self.Relation.get_relation_type("table")
        return self.Relation.create(database, schema, identifier, type=kind) if exists else None

    def opened(_: object, connection: Any) -> Any:
        connection.handle = NoConnection()
        connection.state = "open"
        return connection

    adapter = adapters.get_adapter_class_by_name(kind)
    adapter.get_relation = get_relation
    adapter.ConnectionManager.open = classmethod(opened)


if __name__ == "__main__":
    sys.exit(main())
