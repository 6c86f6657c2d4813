"""dbt as a process, in an environment of its own: what it pins conflicts with Meltano's."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.environments import FOLDER, find_python, install

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "dbt"
REQUIREMENTS = REPOSITORY / "requirements" / "dbt.txt"
PATIENCE = 300.0
"""No command here takes this many seconds."""

PYTHONS = ("3.13", "3.12", "3.11")
"""Those that dbt-core 1.11 names, newest first. Where none is, that of the tests is tried."""


@cache
def programs() -> Path:
    """Return the folder of dbt's environment that holds its programs; it is made if need be."""
    own = "{}.{}".format(*sys.version_info[:2])
    wanted = sorted(PYTHONS, key=lambda version: version != own)
    base = next((found for version in wanted if (found := find_python(version))), None)
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "dbt.lock").open("w") as lock:
        # `make test` runs in two processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        return install(FOLDER / "dbt", base or Path(sys.executable), REQUIREMENTS, seconds=600)


def quiet(folder: Path) -> dict[str, str]:
    """Return an environment in which dbt tells nobody anything, and writes into this folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DBT_", "PYTHON", "MELTANO_"))
    }
    return {
        **kept,
        "PATH": f"{programs()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }


class Dbt:
    """The package as a project of its own, on one database.

    Args:
        target: The name of the database in dbt/profiles.yml.
        folder: What dbt writes goes here.
        variables: The environment variables that the profile reads.
        package: Another copy of the package.
    """

    def __init__(
        self,
        target: str,
        folder: Path,
        variables: Mapping[str, str],
        package: Path = PACKAGE,
    ) -> None:
        self.target = target
        self.folder = folder
        self._variables = {**quiet(folder), **variables, "DBT_TARGET": target}
        self._package = package

    def run(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> str:
        """Run a command that has to succeed; return what it printed."""
        status, output = self.try_to(*arguments, variables=variables)
        assert status == 0, output
        return output

    def try_to(
        self, *arguments: str, variables: Mapping[str, Any] | None = None
    ) -> tuple[int, str]:
        """Run a command; return its exit status and what it printed."""
        done = subprocess.run(
            [
                str(programs() / "dbt"),
                *arguments,
                f"--vars={json.dumps({'zendesk_events_unit_tests': True, **(variables or {})})}",
                f"--project-dir={self._package}",
                f"--profiles-dir={PACKAGE}",
            ],
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout

    def results(self) -> dict[str, str]:
        """Return the status of each node of the last command, by its unique id."""
        file = self.folder / "target" / "run_results.json"
        results = json.loads(file.read_text(encoding="utf-8"))["results"]
        return {result["unique_id"]: result["status"] for result in results}
