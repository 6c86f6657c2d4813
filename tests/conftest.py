"""What must not reach the tests from the shell of whoever runs them; and servers for many."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from tests.fake_zendesk import FakeZendesk
    from tests.support.postgres import Postgres

OTHERS = ("LOGLEVEL", "SINGER_SDK_LOG_CONFIG")
PREFIXES = ("TAP_ZENDESK_EVENTS_", "TARGET_", "MELTANO_")


def forget_settings(environment: MutableMapping[str, str]) -> None:
    """Take out what says where an account and a database are, and how much is logged.

    Who works on the tap may use it too, and have its settings in the shell. A test that took one
    of them over would ask the real account.
    """
    for name in list(environment):
        if name in OTHERS or name.startswith(PREFIXES):
            del environment[name]


forget_settings(os.environ)


@pytest.fixture
def url(fake: FakeZendesk) -> Iterator[str]:
    """Where a file's `fake` can be asked."""
    with fake.serve() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; not below pytest's folder, which only its owner may read."""
    pytest.importorskip("psycopg", reason="only the quick tests' packages are installed")
    from tests.support.postgres import running_postgres  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory(prefix="tap-postgres-") as folder,
        running_postgres(Path(folder) / "data") as server,
    ):
        yield server
