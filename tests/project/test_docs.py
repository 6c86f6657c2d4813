"""README and docs say what the code says: their tables, commands, settings and messages."""

from __future__ import annotations

import ast
import json
import logging
import re
import tomllib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from singer_sdk.helpers.capabilities import (
    EMIT_ACTIVATE_VERSION_CONFIG,
    FLATTENING_CONFIG,
    STREAM_MAPS_CONFIG,
)

from tap_zendesk_events.settings import ENV_PREFIX
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.times import duration, iso
from tap_zendesk_events.walk.saved_bookmark import read_bookmark
from tests.support.columns import column_type, streams
from tests.support.docs import (
    DOCS,
    PAGES,
    README,
    REPOSITORY,
    Part,
    as_markdown,
    every_block,
    functions_of,
    without_links,
)
from tests.support.harness import SimulatedClock, a_fake, bookmark, lines, plain_account, run
from tests.support.package import MODULES, PACKAGE
from tests.support.selection import ALL_STREAMS

if TYPE_CHECKING:
    from tests.support.docs import Row

BUILT_IN = {
    name
    for described in (STREAM_MAPS_CONFIG, FLATTENING_CONFIG, EMIT_ACTIVATE_VERSION_CONFIG)
    for name in described["properties"]
}
"""The SDK's own settings, which are added to the tap's schema when it is used."""

GAP = "…"
"""What the pages write where a message has something inserted."""


# Tables


def check_table(part: Part, expected: list[Row]) -> None:
    found = part.table(expected[0][0])
    assert found == expected, f"{part.name} should hold:\n\n{as_markdown(expected)}"


def own_settings() -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = TapZendeskEvents.config_jsonschema["properties"]
    return {name: d for name, d in properties.items() if name not in BUILT_IN}


def in_words(definition: dict[str, Any]) -> str:
    """Return the type of a setting, with its bounds."""
    (kind,) = (str(kind) for kind in definition["type"] if kind != "null")
    low, high = definition.get("minimum"), definition.get("maximum")
    if definition.get("secret"):
        kind += ", secret"
    if "enum" in definition:
        kind += f": {', '.join(f'`{value}`' for value in definition['enum'])}"
    if "exclusiveMinimum" in definition:
        kind += f", above {definition['exclusiveMinimum']}, at most {high}"
    elif high is not None:
        kind += f", {low} to {high}"
    return kind


def in_a_cell(text: str) -> str:
    """Return text that Markdown shows as it is: angle brackets outside of code would vanish."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace(">", "&gt;") for part in parts[::2]]
    return "`".join(parts)


def default_of(name: str, definition: dict[str, Any]) -> str:
    if name in TapZendeskEvents.config_jsonschema["required"]:
        return "**required**"
    return f"`{json.dumps(definition['default'])}`" if "default" in definition else ""


def test_the_table_of_settings() -> None:
    rows = [
        [
            f"`{name}`",
            in_words(definition),
            default_of(name, definition),
            in_a_cell(definition["description"]),
        ]
        for name, definition in own_settings().items()
    ]
    check_table(DOCS["settings"], [["Setting", "Type", "Default", "Meaning"], *rows])


def test_the_readme_has_the_first_sentence_of_each_setting() -> None:
    rows = []
    for name, definition in own_settings().items():
        sentence = re.split(r"(?<=\.) ", definition["description"])[0]
        rows.append([f"`{name}`", default_of(name, definition), in_a_cell(sentence)])
    check_table(README, [["Setting", "Default", "Meaning"], *rows])


def test_the_sdks_settings_are_named() -> None:
    named = DOCS["settings"].below("The SDK's own settings").code()
    assert sorted(named) == sorted(BUILT_IN)


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_the_tables_of_columns(stream: str) -> None:
    rows = [
        [f"`{name}`", *column_type(definition), in_a_cell(definition["description"])]
        for name, definition in streams()[stream].schema["properties"].items()
    ]
    head = ["Column", "Type", "In PostgreSQL", "Meaning"]
    check_table(DOCS["streams"].below(stream), [head, *rows])


@pytest.mark.parametrize("part", [README, DOCS["streams"]], ids=lambda part: part.name)
def test_the_table_of_streams(part: Part) -> None:
    _, *rows = part.table("Stream")
    shown = {without_links(name): (keys, key) for name, _, keys, key in rows}
    assert shown == {
        f"`{name}`": (
            ", ".join(f"`{key}`" for key in stream.primary_keys),
            f"`{stream.replication_key}`",
        )
        for name, stream in streams().items()
    }


def test_how_long_a_history_takes() -> None:
    rows = []
    for events in (100_000, 1_000_000, 10_000_000, 100_000_000):
        spans = [duration(events / 1000 / allowance * 60) for allowance in (10, 30)]
        rows.append([f"{events:,}", *spans])
    check_table(README, [["Events", "10 requests a minute", "30 requests a minute"], *rows])


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
    sources = (path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")))
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


def every_warning() -> list[str]:
    """Return every line of the package that is no error for a user, and more than information."""
    found = []
    for node in every_node():
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in {"warning", "error"}:
                found.append(text_of(node.args[0]))
            elif name in {"warn", "_warn"}:
                found.append(text_of(node.args[1]))
    return [text for text in found if text and text != GAP]


ERRORS, WARNINGS = (DOCS["troubleshooting"].table(f"The {what} says") for what in ("error", "log"))


def quoted(table: list[Row]) -> list[str]:
    """Return the messages in the first column of a table."""
    found = []
    for first, *_ in table[1:]:
        match = re.fullmatch(r"`([^`]+)`", first)
        assert match, f"the first column quotes one message, and this is none: {first}"
        found.append(match[1])
    return found


@pytest.mark.parametrize("table", [ERRORS, WARNINGS], ids=["errors", "warnings"])
def test_every_message_in_the_docs_is_in_the_code(table: list[Row]) -> None:
    messages = quoted(table)
    assert len(messages) == len(set(messages)) > 2
    missing = [m for m in messages if not any(m.strip(f"{GAP} ") in t for t in every_text())]
    assert not missing, f"docs/troubleshooting.md quotes what no code says (any more): {missing}"


def test_every_error_of_the_code_is_in_the_docs() -> None:
    errors = every_error()
    assert len(errors) > 20
    parts = [message.strip(f"{GAP} ") for message in quoted(ERRORS)]
    missing = [error for error in errors if not any(part in error for part in parts)]
    assert not missing, "docs/troubleshooting.md lacks a row for:\n" + "\n".join(missing)


def test_every_warning_of_the_code_is_in_the_docs() -> None:
    warnings = every_warning()
    assert len(warnings) > 5
    # what is sent is put into the sentence, and the page quotes that
    warnings.remove(f"Zendesk sends {GAP}; it is kept in the column {GAP}.")
    parts = [message.strip(f"{GAP} ") for message in quoted(WARNINGS)]
    pattern = [re.escape(part).replace(GAP, ".*") for part in parts]
    missing = [text for text in warnings if not any(re.search(p, text) for p in pattern)]
    assert not missing, "docs/troubleshooting.md lacks a row for:\n" + "\n".join(missing)


@pytest.mark.parametrize("table", [ERRORS, WARNINGS], ids=["errors", "warnings"])
def test_every_row_says_what_to_do(table: list[Row]) -> None:
    for row in table[1:]:
        assert len(row) == 2, row
        assert row[1].endswith("."), row


def test_the_readmes_errors_are_those_of_the_docs() -> None:
    every, shown = (
        [[without_links(cell) for cell in row] for row in table]
        for table in (ERRORS, README.table("The error says"))
    )
    assert len(shown) == 1 + 6
    assert [row for row in every if row in shown] == shown


# What happens when


def test_whatever_happens_names_tests_that_exist() -> None:
    items = DOCS["guarantees"].items()
    assert len(items) > 20
    for item in items:
        found = re.fullmatch(r"\*\*(.+)\.\*\* (.+\.) \*Shown by\* (.+)", item)
        assert found, item
        named = re.findall(r"`((?:\w+/)+test_\w+\.py)::(\w+)`", found[3])
        assert named, item
        assert ", ".join(f"`{file}::{test}`" for file, test in named) == found[3]
        for file, test in named:
            assert test in functions_of(file), f"{file}::{test}"


def test_the_log_is_that_of_a_run(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(25_000, every=80), clock, rate_limit=(10, 60.0))
    with caplog.at_level(logging.INFO):
        output = run(fake, clock)
    said = [line.replace("127.0.0.1:1", "acme.zendesk.com") for line in lines(caplog, "INFO")]
    own = [line for line in said if not line.startswith(("METRIC", "Skipping"))]
    logs = DOCS["operations"].below("Logs")
    (sample,) = logs.blocks("text")
    assert sample.splitlines() == own
    second = iso(bookmark(output)["replication_key_value"])
    assert f"ticket_events from bookmark {second}" in logs.code()


# Commands, variables, snippets


def test_the_makefile_has_every_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    commands = "\n".join([*every_block("sh"), *(code for part in PAGES for code in part.code())])
    named = set(re.findall(r"(?:^|\s)make ([a-z-]+)", commands))
    assert {"demo", "test", "bench"} <= named
    assert named <= targets


def test_every_variable_is_that_of_a_setting() -> None:
    text = "\n".join(part.text for part in PAGES)
    named = set(re.findall(rf"{ENV_PREFIX}([A-Z_]+)", text))
    # the SDK's and Meltano's, and no settings
    named -= {"LOGLEVEL", "_SELECT"}
    assert {"SUBDOMAIN", "START_DATE", "END_DATE", "CLIENT_ID", "CLIENT_SECRET"} <= named
    assert {name.lower() for name in named} <= own_settings().keys()


def test_the_yaml_is_valid_and_names_real_settings() -> None:
    snippets = [yaml.safe_load(text) for text in every_block("yaml")]
    known = own_settings().keys() | BUILT_IN
    for snippet in snippets:
        assert snippet.get("config", {}).keys() <= known
        assert snippet.get("metadata", {}).keys() <= set(ALL_STREAMS)
    (selection,) = (snippet["select"] for snippet in snippets if "select" in snippet)
    for pattern in selection:
        stream, column = pattern.removeprefix("!").split(".")
        assert column == "*" or column in streams()[stream].schema["properties"]
    assert {pattern.partition(".")[0] for pattern in selection} >= set(ALL_STREAMS)


PLAIN = {"replication_key", "replication_key_value", "boundary_ids", "boundary_ids_at"}


def test_the_json_is_valid() -> None:
    ((event,), (plain, segmented)) = (
        [json.loads(text) for text in DOCS[name].blocks("json")] for name in ("streams", "state")
    )
    assert event.keys() <= streams()["ticket_events"].schema["properties"].keys()
    for state, more in ((plain, set[str]()), (segmented, {"segments", "segments_at"})):
        for name, fields in state["bookmarks"].items():
            assert fields.keys() == PLAIN | more
            assert fields["boundary_ids_at"] == fields["replication_key_value"]
            assert fields["replication_key"] == streams()[name].replication_key


def test_the_segments_are_those_of_the_table() -> None:
    """The tap reads them, and the table says of each second whether it is written."""
    part = DOCS["state"].below("Segments")
    (state,) = (json.loads(text) for text in part.blocks("json"))
    (fields,) = state["bookmarks"].values()
    saved = read_bookmark(fields, "ticket_events", "timestamp")
    assert saved
    assert saved.ahead_belongs
    seconds = [saved.second, *(s for each in saved.ahead for s in (each.start, each.second))]
    assert len(seconds) == 5
    _, *rows = part.table("From")
    moments = [f"{m.day} {m:%B %H:%M}" for m in (datetime.fromtimestamp(s, UTC) for s in seconds)]
    assert [row[0] for row in rows[1:]] == moments
    for (_, until, _), moment, second in zip(rows, moments, seconds, strict=False):
        assert until.startswith(moment)
        assert until.endswith(f": {second}")
    assert [row[2] for row in rows] == ["written", "to do"] * 3


def test_the_python_versions_are_those_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    floor = project["requires-python"].removeprefix(">=")
    assert f"Python {floor} or newer" in README.text
    versions = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r" 3\.\d+$", c)]
    newest = versions[-1]
    assert versions[0] == floor
    development = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"Python {floor} to {newest}" in development
    # some targets need a Python of long ago
    others = "\n".join(part.text for part in PAGES if part is not DOCS["targets"])
    assert set(re.findall(r"Python (3\.\d+)", others)) == {floor}


def test_the_modules_are_those_of_the_package() -> None:
    _, *rows = DOCS["architecture"].table("Module")
    named = re.findall(r"`((?:\w+/)*\w+\.py)`", "\n".join(modules for modules, _ in rows))
    assert sorted(named) == sorted(f"{module}.py" for module in MODULES)


def test_each_column_that_others_are_compared_with_exists() -> None:
    cells = [cell for table in DOCS["migrating"].tables() for row in table for cell in row]
    named = re.findall(r"`(\w+)\.(\w+)`", "\n".join(cells))
    assert len(named) > 50
    for stream, column in named:
        assert column in streams()[stream].schema["properties"], f"{stream}.{column}"
    assert {stream for stream, _ in named} == set(ALL_STREAMS)
