"""The README says what the code says: its tables, commands, settings, messages and SQL."""

from __future__ import annotations

import ast
import json
import re
import tempfile
import tomllib
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from singer_sdk.helpers.capabilities import FLATTENING_CONFIG, STREAM_MAPS_CONFIG

from tap_zendesk_events.schema import TICKET_EVENTS
from tap_zendesk_events.settings import ENV_PREFIX
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.times import duration
from tests.fake_zendesk import Account, make_events
from tests.harness import BEGIN, SimulatedClock, a_fake, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.postgres import Postgres

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PACKAGE = REPOSITORY / "tap_zendesk_events"

BUILT_IN = {*STREAM_MAPS_CONFIG["properties"], *FLATTENING_CONFIG["properties"]}
"""The SDK's own settings, which it adds to the tap's schema when it is used."""

GAP = "…"
"""What the README writes where a message has something inserted."""


# Tables


def between(name: str) -> str:
    """Return what stands between the two comments that mark a table."""
    found = re.search(
        rf"^<!-- {name}: .*? -->\n(.*?)^<!-- /{name} -->$", README, re.MULTILINE | re.DOTALL
    )
    assert found, f"README.md has no part marked {name}"
    return found[1]


def cells(name: str) -> list[list[str]]:
    """Return the rows of a marked table, without its head."""
    lines = between(name).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def check_table(name: str, head: list[str], rows: Iterable[list[str]]) -> None:
    expected = "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
    assert between(name) == expected, f"README.md should hold, between the marks:\n\n{expected}"


def own_settings() -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = TapZendeskEvents.config_jsonschema["properties"]
    return {name: d for name, d in properties.items() if name not in BUILT_IN}


def in_words(definition: dict[str, Any]) -> str:
    """Return the type of a setting, with its bounds."""
    (kind,) = (str(kind) for kind in definition["type"] if kind != "null")
    low, high = definition.get("minimum"), definition.get("maximum")
    if definition.get("secret"):
        kind += ", secret"
    if high is not None:
        kind += f", {low} to {high}"
    elif low is not None:
        kind += f", at least {low}"
    elif "exclusiveMinimum" in definition:
        kind += f", above {definition['exclusiveMinimum']}"
    return kind


def in_a_cell(text: str) -> str:
    """Return text that Markdown shows as it is: angle brackets outside of code would vanish."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace(">", "&gt;") for part in parts[::2]]
    return "`".join(parts).replace("|", "\\|")


def test_the_table_of_settings() -> None:
    required = TapZendeskEvents.config_jsonschema["required"]
    rows = []
    for name, definition in own_settings().items():
        default = f"`{json.dumps(definition['default'])}`" if "default" in definition else ""
        rows.append(
            [
                f"`{name}`",
                in_words(definition),
                "**required**" if name in required else default,
                in_a_cell(definition["description"]),
            ]
        )
    head = ["| Setting | Type | Default | Meaning |", "| :------ | :--- | :------ | :------ |"]
    check_table("settings", head, rows)


def test_the_sdks_settings_are_named() -> None:
    found = re.search(r"^The SDK's own settings .*?\n\n", README, re.MULTILINE | re.DOTALL)
    assert found
    assert set(re.findall(r"`(\w+)`", found[0])) == BUILT_IN


COLUMN_TYPES = {
    "integer": ("integer", "`bigint`"),
    "string": ("text", "`text`"),
    "date-time": ("date-time", "`timestamp`"),
    "array": ("array", "`jsonb`"),
    "object": ("object", "`jsonb`"),
}
"""What tests/e2e/test_meltano_postgres.py sees in a real database."""


def column_type(definition: dict[str, Any]) -> tuple[str, str]:
    return COLUMN_TYPES[definition.get("format", definition["type"][0])]


def test_the_table_of_columns() -> None:
    rows = [
        [f"`{name}`", *column_type(definition), in_a_cell(definition["description"])]
        for name, definition in TICKET_EVENTS["properties"].items()
    ]
    head = [
        "| Column | Type | In PostgreSQL | Meaning |",
        "| :----- | :--- | :------------ | :------ |",
    ]
    check_table("ticket_events", head, rows)


def test_how_long_a_history_takes() -> None:
    rows = []
    for events in (100_000, 1_000_000, 10_000_000, 100_000_000):
        spans = [duration(events / 1000 / allowance * 60) for allowance in (10, 30)]
        rows.append([f"{events:,}", *spans])
    head = [
        "| Events | 10 requests a minute | 30 requests a minute |",
        "| -----: | -------------------: | -------------------: |",
    ]
    check_table("backfill", head, rows)


# Messages


def text_of(node: ast.expr) -> str | None:
    """Return a string constant or an f-string, with gaps where something is inserted."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[srd]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (text_of(part) or GAP for part in node.values)
        return re.sub(f"{GAP}+", GAP, "".join(parts))
    return None


@cache
def every_node() -> list[ast.AST]:
    """Return every piece of the package's code."""
    sources = (path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py")))
    return [node for source in sources for node in ast.walk(ast.parse(source))]


@cache
def every_text() -> list[str]:
    """Return every string of the package."""
    texts = (text_of(node) for node in every_node() if isinstance(node, ast.expr))
    return [text for text in texts if text]


def every_error() -> list[str]:
    """Return the sentence of every error that is made for a user."""
    made = (
        node
        for node in every_node()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "ZendeskEventsError"
    )
    texts = (text_of(call.args[0]) for call in made)
    return [text for text in texts if text]


def quoted(table: str) -> list[str]:
    """Return the messages in the first column of a table."""
    found = []
    for first, *_ in cells(table):
        match = re.fullmatch(r"`([^`]+)`", first)
        assert match, f"the first column quotes one message, and this is none: {first}"
        found.append(match[1])
    return found


@pytest.mark.parametrize("table", ["errors", "warnings"])
def test_every_message_in_the_readme_is_in_the_code(table: str) -> None:
    messages = quoted(table)
    assert len(messages) == len(set(messages)) > 2
    missing = [m for m in messages if not any(m.strip(f"{GAP} ") in t for t in every_text())]
    assert not missing, f"README.md quotes what the code does not say (any more): {missing}"


def test_every_error_of_the_code_is_in_the_readme() -> None:
    errors = every_error()
    assert len(errors) > 20
    parts = [message.strip(f"{GAP} ") for message in quoted("errors")]
    missing = [error for error in errors if not any(part in error for part in parts)]
    assert not missing, "README.md, Troubleshooting, lacks a row for:\n" + "\n".join(missing)


def test_every_row_says_what_to_do() -> None:
    for table in ("errors", "warnings"):
        for row in cells(table):
            assert len(row) == 2, row
            assert row[1].endswith("."), row


# Commands, variables, snippets


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language, without the indentation that lists need."""
    pattern = rf"^( *)```{language}\n(.*?)^\1```$"
    found = re.findall(pattern, README, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def test_the_makefile_has_every_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    commands = "\n".join([*blocks("sh"), *re.findall(r"`([^`\n]+)`", README)])
    named = set(re.findall(r"(?:^|\s)make ([a-z-]+)", commands))
    assert {"demo", "test", "lint", "soak", "test-pythons"} <= named
    assert named <= targets


def test_every_variable_is_that_of_a_setting() -> None:
    named = set(re.findall(rf"{ENV_PREFIX}([A-Z_]+)", README))
    # the SDK's, and no setting
    named.discard("LOGLEVEL")
    assert {"SUBDOMAIN", "START_DATE", "END_DATE", "CLIENT_ID", "CLIENT_SECRET"} <= named
    assert {name.lower() for name in named} <= own_settings().keys()


def test_the_yaml_is_valid_and_names_real_settings() -> None:
    snippets = [yaml.safe_load(text) for text in blocks("yaml")]
    plugins = [plugin for s in snippets for plugin in s.get("plugins", {}).get("extractors", [])]
    assert plugins
    known = own_settings().keys() | BUILT_IN
    for plugin in plugins:
        assert plugin["select"] == ["ticket_events.*"]
        names = {setting["name"] for setting in plugin["settings"]}
        assert plugin["config"].keys() <= names <= known
        secrets = {setting["name"] for setting in plugin["settings"] if setting.get("sensitive")}
        assert secrets == {name for name in names if own_settings()[name].get("secret")}
    for snippet in snippets:
        assert snippet.get("config", {}).keys() <= known
        assert snippet.get("metadata", {}).keys() <= {"ticket_events"}


def test_the_json_is_valid() -> None:
    event, state = (json.loads(text) for text in blocks("json"))
    assert event.keys() <= TICKET_EVENTS["properties"].keys()
    bookmark = state["bookmarks"]["ticket_events"]
    assert bookmark.keys() == {"replication_key", "replication_key_value", "boundary_ids"}


def test_the_python_versions_are_those_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    floor = project["requires-python"].removeprefix(">=")
    assert f"Python {floor} or newer" in README
    versions = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r" 3\.\d+$", c)]
    newest = versions[-1]
    assert versions[0] == floor
    assert f"Python {floor} to {newest}" in README
    assert set(re.findall(r"Python (3\.\d+)", README)) == {floor}


def test_every_link_inside_the_readme_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (REPOSITORY / target).exists(), target


def test_the_modules_are_those_of_the_package() -> None:
    development = README.partition("\n## Development\n")[2]
    named = set(re.findall(r"`(\w+\.py)`", development.partition("\n```")[0]))
    plumbing = {"__init__.py", "__main__.py"}
    assert named == {path.name for path in PACKAGE.glob("*.py")} - plumbing


# SQL, in a real PostgreSQL

Rows = list[tuple[Any, ...]]
Loaded = tuple[list[dict[str, Any]], "Callable[[str], Rows]"]


def statement(part: str) -> str:
    """Return the one SQL example that holds these words."""
    (found,) = (text for text in blocks("sql") if part in text)
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    pytest.importorskip("psycopg", reason="only the quick tests' packages are installed")
    from tests.postgres import running_postgres  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory(prefix="tap-postgres-") as folder,
        running_postgres(Path(folder) / "data") as postgres,
    ):
        yield postgres


@pytest.fixture(scope="module", params=[False, True], ids=["no bodies", "comment bodies"])
def loaded(request: pytest.FixtureRequest, server: Postgres) -> Iterator[Loaded]:
    """The tap's records, and a way to ask a database that holds them."""
    import psycopg  # noqa: PLC0415

    clock = SimulatedClock()
    events = make_events(600, start=BEGIN, spread=86_400 * 20, unknown_fields=True)
    output = run(a_fake(Account(events), clock), clock, include_comments=request.param)
    columns = ", ".join(
        f'"{name}" {column_type(definition)[1].strip("`")}'
        for name, definition in TICKET_EVENTS["properties"].items()
    )
    insert = (
        f"INSERT INTO zendesk.ticket_events SELECT * FROM jsonb_to_recordset(%s) AS x({columns})"
    )
    with psycopg.connect(server.fresh_database("readme")._uri) as connection:
        connection.execute("CREATE SCHEMA zendesk")
        connection.execute(f"CREATE TABLE zendesk.ticket_events ({columns})".encode())
        connection.execute(insert.encode(), [json.dumps(output.records)])
        yield output.records, lambda text: connection.execute(text.encode()).fetchall()


def children(records: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for record in records:
        for child in record["child_events"]:
            yield record, child


def utc(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None)


def test_sql_the_status_changes_of_one_ticket(loaded: Loaded) -> None:
    records, ask = loaded
    text = statement("AS to_status")
    found = re.search(r"ticket_id = (\d+)", text)
    assert found
    expected = [
        (
            utc(record["timestamp"]),
            record["updater_id"],
            child.get("previous_value"),
            child["status"],
        )
        for record, child in sorted(
            children(records), key=lambda pair: (pair[0]["timestamp"], pair[0]["id"])
        )
        if record["ticket_id"] == int(found[1]) and "status" in child
    ]
    assert len(expected) > 2
    assert ask(text) == expected


def test_sql_the_fields_that_change_most(loaded: Loaded) -> None:
    records, ask = loaded
    around = (
        {"id", "event_type", "via", "via_reference_id", "previous_value"}
        | {"added_tags", "removed_tags"}
        | {"updater_id", "rel", "created_at"}
    )
    counted = Counter(
        name
        for _, child in children(records)
        if child["event_type"] == "Change"
        for name in child.keys() - around
    )
    answer = ask(statement("AS changes"))
    assert answer == sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    assert {"status", "priority", "tags", "custom_ticket_fields"} <= {name for name, _ in answer}


def test_sql_comments_per_month(loaded: Loaded) -> None:
    records, ask = loaded
    counted: dict[Any, list[int]] = {}
    for record, child in children(records):
        if child["event_type"] == "Comment":
            month = utc(record["timestamp"]).date().replace(day=1)
            public = child["public"] if "public" in child else child["comment_public"]
            counted.setdefault(month, [0, 0])[0 if public else 1] += 1
    answer = ask(statement("AS internal"))
    assert answer == [(month, *counts) for month, counts in sorted(counted.items())]
    assert all(count for _, *counts in answer for count in counts)


def test_every_sql_example_is_tested() -> None:
    assert len(blocks("sql")) == 3
