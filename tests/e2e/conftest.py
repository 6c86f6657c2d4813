"""Meltano's plugins and one PostgreSQL, both set up once for all tests in this folder."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.meltano_project import MELTANO, REPOSITORY, MeltanoProject, install

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.postgres import Database, Postgres


class Pipelines:
    """A project in which pipelines run, and what they have printed."""

    def __init__(self, project: MeltanoProject) -> None:
        self._project = project
        self.output_folder = project.folder / "output"
        self.output: list[str] = []

    def run(self, *arguments: str) -> str:
        """Run a pipeline; it has to succeed, and to leave meltano.yml as it is."""
        status, text = self._try(*arguments)
        assert status == 0, text
        assert self._project.file.read_bytes() == (REPOSITORY / "meltano.yml").read_bytes()
        return text

    def fail(self, *arguments: str) -> str:
        """Run a pipeline that has to fail; return what it printed."""
        status, text = self._try(*arguments)
        assert status != 0, text
        return text

    def _try(self, *arguments: str) -> tuple[int, str]:
        self.output = []
        status = self._project.meltano("run", *arguments, show=self.output.append)
        return status, "\n".join(self.output)


@pytest.fixture(scope="session")
def plugins() -> None:
    """Meltano's plugins are installed."""
    output: list[str] = []
    assert install(show=output.append) == 0, "\n".join(output)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our wheel, for `UV_FIND_LINKS`: what a package index would hold."""
    folder = tmp_path_factory.mktemp("wheels")
    uv = MELTANO.with_name("uv")
    command = [str(uv), "build", "--quiet", "--wheel", "--out-dir", str(folder), str(REPOSITORY)]
    built = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def pipelines(plugins: None, tmp_path: Path) -> Callable[..., Pipelines]:  # noqa: ARG001
    """Make a project for a server's address; settings are those of tap and targets."""

    def make(url: str, **settings: str) -> Pipelines:
        variables = {"TAP_ZENDESK_EVENTS_API_URL": url, **settings}
        return Pipelines(MeltanoProject(tmp_path / "project", variables))

    return make


_numbers = itertools.count(1)


@pytest.fixture
def database(postgres: Postgres) -> Database:
    """An empty database."""
    return postgres.fresh_database(f"test_{next(_numbers)}")
