"""The package's files: its sources are the tap's tables, and everything in it is described."""

from __future__ import annotations

import os
import re
import tomllib
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Any

import yaml

from tap_zendesk_events.tap import TapZendeskEvents

from .engine import PACKAGE, REPOSITORY, REQUIREMENTS

if TYPE_CHECKING:
    from singer_sdk import Stream

SOURCES = PACKAGE / "models" / "sources.yml"
PROJECT: dict[str, Any] = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text("utf-8"))
TABLES = {
    "ticket_events": ("created_at", "One row for each update of a ticket, as Zendesk sends it."),
    "ticket_field_changes": ("created_at", "One row for each field that an update changed."),
    "ticket_comments": ("created_at", "One row for each comment."),
    "ticket_metric_events": (
        "time",
        "One row for each start, pause, end or breach of a service level's clock.",
    ),
}
"""What tells how fresh a table is, and what is in it."""

HEAD = """\
# The tables that tap-zendesk-events loads. tests/dbt/test_package.py compares this file with the
# tap's columns: UPDATE_SNAPSHOTS=1 writes it anew.

sources:
- name: zendesk_events
  description: The tables that tap-zendesk-events loads.
  database: "{{ var('zendesk_events_database', none) or target.database }}"
  schema: "{{ var('zendesk_events_schema', 'zendesk') }}"
  config:
    # By the newest event, so that a quiet weekend can warn too.
    freshness:
      warn_after: {count: 1, period: day}
  tables:
"""


def streams() -> dict[str, Stream]:
    return dict(TapZendeskEvents(validate_config=False).streams)


def described(text: str, depth: int) -> str:
    lines = wrap(text, 96 - depth)
    return indent("description: >-\n" + indent("\n".join(lines), "  "), " " * depth)


def sources_as_they_should_be() -> str:
    text = HEAD
    for name, (moment, description) in TABLES.items():
        text += f"  - name: {name}\n{described(description, 4)}\n"
        text += f"    config:\n      loaded_at_field: {moment}\n    columns:\n"
        for column, schema in streams()[name].schema["properties"].items():
            text += f"    - name: {column}\n{described(schema['description'], 6)}\n"
    return text


def models() -> list[dict[str, Any]]:
    files = PACKAGE.glob("models/**/*.yml")
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return [model for document in documents for model in document.get("models", [])]


def test_the_sources_are_the_taps_tables() -> None:
    assert TABLES.keys() == streams().keys()
    text = sources_as_they_should_be()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SOURCES.write_text(text, encoding="utf-8")
    assert SOURCES.read_text(encoding="utf-8") == text
    assert len(yaml.safe_load(text)["sources"][0]["tables"]) == len(TABLES)


def test_every_model_is_described_and_has_a_key_that_is_tested() -> None:
    files = {file.stem for file in PACKAGE.glob("models/**/*.sql")}
    assert {model["name"] for model in models()} == files
    for model in models():
        assert model["description"].endswith("."), model["name"]
        for column in model["columns"]:
            assert column["description"].rstrip("`").endswith("."), (model["name"], column["name"])
        tests = [*model.get("data_tests", []), *_column_tests(model)]
        assert any(test == "unique" or "unique_together" in test for test in tests), model["name"]


def _column_tests(model: dict[str, Any]) -> list[Any]:
    return [test for column in model["columns"] for test in column.get("data_tests", [])]


def test_json_is_read_in_macros_only() -> None:
    for file in (*PACKAGE.glob("models/**/*.sql"), *PACKAGE.glob("macros/*.sql")):
        text = file.read_text(encoding="utf-8")
        if file.name != "databases.sql":
            assert not re.search(r"json_(extract|value|query)|jsonb|->|#>|flatten", text), file
            assert "target.type" not in text, file


def test_each_macro_has_a_form_for_each_database() -> None:
    text = (PACKAGE / "macros" / "databases.sql").read_text(encoding="utf-8")
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)', 'zendesk_events'\)", text))
    assert len(dispatched) > 5
    made = set(re.findall(r"{% macro (\w+)\(", text))
    for name in dispatched:
        forms = ("postgres", "duckdb", "snowflake", "bigquery", "default")
        missing = {form for form in forms if f"{form}__{name}" not in made}
        refuses = re.search(rf"macro default__{name}\([^)]*\) %}}\s*{{%- do", text)
        assert missing == set() if refuses else missing <= {"postgres", "duckdb"}, (name, missing)


def test_the_package_needs_nothing_else_and_tells_nobody() -> None:
    assert not (PACKAGE / "packages.yml").exists()
    assert "dbt_utils" not in "".join(
        file.read_text(encoding="utf-8") for file in PACKAGE.glob("**/*.sql")
    )
    assert PROJECT["flags"]["send_anonymous_usage_stats"] is False


def test_versions_are_those_of_the_tap_and_of_the_dbt_that_runs_it() -> None:
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert PROJECT["version"] == pyproject["project"]["version"]
    (pinned,) = re.findall(r"^dbt-core==(1\.\d+)\.", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
    assert PROJECT["require-dbt-version"] == [f">={pinned}.0", "<2.0.0"]
