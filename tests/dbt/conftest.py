"""One PostgreSQL for the tests in this folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; not below pytest's folder, which only its owner may read."""
    with (
        tempfile.TemporaryDirectory(prefix="tap-postgres-") as folder,
        running_postgres(Path(folder) / "data") as server,
    ):
        yield server
