"""Snowflake and BigQuery: what is compiled for them, without a connection, is SQL of theirs.

Nothing is run there. What these tests cannot see is whether the answers are right.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_zendesk_events.tap import TapZendeskEvents

from .engine import PACKAGE, PATIENCE, programs, quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

PROFILES: dict[str, dict[str, Any]] = {
    "snowflake": {
        "type": "snowflake",
        "account": "nowhere",
        "user": "nobody",
        "password": "none",
        "database": "ANALYTICS",
        "warehouse": "NONE",
        "schema": "zendesk_models",
    },
    "bigquery": {
        "type": "bigquery",
        "method": "oauth",
        "project": "nowhere",
        "dataset": "zendesk_models",
    },
}
TYPES = {
    "integer": "bigint",
    "string": "text",
    "date-time": "timestamp",
    "boolean": "boolean",
    "array": "json",
    "object": "json",
}


def in_environment(script: str, *arguments: str, given: str, folder: Path) -> str:
    """Run one of the scripts beside this file with the Python of dbt's environment."""
    done = subprocess.run(
        [str(programs() / "python"), str(Path(__file__).with_name(script)), *arguments],
        input=given,
        env=quiet(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def tables() -> Mapping[str, Mapping[str, str]]:
    """Return the columns of the tap's tables, with types."""
    return {
        name: {
            column: TYPES[schema.get("format", schema["type"][0])]
            for column, schema in stream.schema["properties"].items()
        }
        for name, stream in TapZendeskEvents(validate_config=False).streams.items()
    }


@pytest.mark.parametrize("database", PROFILES)
def test_what_is_compiled_is_sql_of_the_database(database: str, tmp_path: Path) -> None:
    profiles = {"zendesk_events": {"target": database, "outputs": {database: PROFILES[database]}}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles), encoding="utf-8")
    in_environment(
        "compile_only.py",
        str(tmp_path),
        database,
        f"--project-dir={PACKAGE}",
        f"--profiles-dir={tmp_path}",
        given="",
        folder=tmp_path,
    )
    names = {file.stem for file in PACKAGE.glob("models/**/*.sql")}
    statements: dict[str, dict[str, str]] = {}
    for state in ("new", "existing"):
        found = (tmp_path / state / "compiled" / "zendesk_events" / "models").glob("**/*.sql")
        statements[state] = {file.stem: file.read_text(encoding="utf-8") for file in found}
        assert statements[state].keys() == names
    different = {n for n in names if statements["new"][n] != statements["existing"][n]}
    assert different == {"ticket_backlog_daily"}

    given = {"dialect": database, "tables": tables(), "statements": statements}
    answer = in_environment("parse_only.py", given=json.dumps(given), folder=tmp_path)
    columns = json.loads(answer)
    assert columns.keys() == names
    for file in PACKAGE.glob("models/**/*.yml"):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            described = [column["name"] for column in model["columns"]]
            assert [name.lower() for name in columns[model["name"]]] == described
