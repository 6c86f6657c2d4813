"""The README says what the code says: its tables, commands, settings, messages and SQL."""

from __future__ import annotations

import ast
import json
import logging
import re
import tempfile
import tomllib
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
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
from tests.demo.queries import RECIPES
from tests.fake_zendesk import Account, Event, make_events, make_metric_events, plain_event
from tests.harness import BEGIN, SimulatedClock, a_fake, bookmark, lines, plain_account, run
from tests.independent_reader import comments, field_changes
from tests.readme import README, between, blocks, section
from tests.selection import ALL_STREAMS, rows, selecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from singer_sdk import Stream

    from tests.postgres import Postgres

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "tap_zendesk_events"

BUILT_IN = {
    name
    for described in (STREAM_MAPS_CONFIG, FLATTENING_CONFIG, EMIT_ACTIVATE_VERSION_CONFIG)
    for name in described["properties"]
}
"""The SDK's own settings, which are added to the tap's schema when it is used."""

GAP = "…"
"""What the README writes where a message has something inserted."""


# Tables


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
    "boolean": ("boolean", "`boolean`"),
    "array": ("array", "`jsonb`"),
    "object": ("object", "`jsonb`"),
}
"""What tests/e2e/test_meltano_postgres.py sees in a real database."""


def column_type(definition: dict[str, Any]) -> tuple[str, str]:
    return COLUMN_TYPES[definition.get("format", definition["type"][0])]


def streams() -> dict[str, Stream]:
    return dict(TapZendeskEvents(validate_config=False).streams)


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_the_tables_of_columns(stream: str) -> None:
    rows = [
        [f"`{name}`", *column_type(definition), in_a_cell(definition["description"])]
        for name, definition in streams()[stream].schema["properties"].items()
    ]
    head = [
        "| Column | Type | In PostgreSQL | Meaning |",
        "| :----- | :--- | :------------ | :------ |",
    ]
    check_table(stream, head, rows)


def test_the_table_of_streams() -> None:
    shown = {name: (keys, key) for name, _, keys, key in cells("streams")}
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


def test_every_warning_of_the_code_is_in_the_readme() -> None:
    warnings = every_warning()
    assert len(warnings) > 5
    # what is sent is put into the sentence, and the README quotes that
    warnings.remove(f"Zendesk sends {GAP}; it is kept in the column {GAP}.")
    parts = [message.strip(f"{GAP} ") for message in quoted("warnings")]
    pattern = [re.escape(part).replace(GAP, ".*") for part in parts]
    missing = [text for text in warnings if not any(re.search(p, text) for p in pattern)]
    assert not missing, "README.md, Troubleshooting, lacks a row for:\n" + "\n".join(missing)


def test_every_row_says_what_to_do() -> None:
    for table in ("errors", "warnings"):
        for row in cells(table):
            assert len(row) == 2, row
            assert row[1].endswith("."), row


# What happens when


def functions_in(file: str) -> set[str]:
    """Return the tests of a file, those of a class with its name before theirs."""
    found = set()
    tree = ast.parse((REPOSITORY / "tests" / file).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            inside = (each for each in node.body if isinstance(each, ast.FunctionDef))
            found |= {f"{node.name}::{each.name}" for each in inside}
    return found


def test_each_row_about_a_fault_names_tests_that_exist() -> None:
    rows = cells("faults")
    assert len(rows) > 20
    for what, does, shown in rows:
        assert does.endswith("."), what
        named = re.findall(r"`(test_\w+\.py)::([\w:]+)`", shown)
        assert named, what
        assert ", ".join(f"`{file}::{test}`" for file, test in named) == shown
        for file, test in named:
            assert test in functions_in(file), f"{file}::{test}"


def test_the_log_is_that_of_a_run(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(25_000, every=80), clock, rate_limit=(10, 60.0))
    with caplog.at_level(logging.INFO):
        output = run(fake, clock)
    said = [line.replace("127.0.0.1:1", "acme.zendesk.com") for line in lines(caplog, "INFO")]
    own = [line for line in said if not line.startswith(("METRIC", "Skipping"))]
    (sample,) = (text for text in blocks("text") if text.startswith("Reading"))
    assert sample.splitlines() == own
    second = iso(bookmark(output)["replication_key_value"])
    assert f"`ticket_events from bookmark {second}`" in README


# Commands, variables, snippets


def test_the_makefile_has_every_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    commands = "\n".join([*blocks("sh"), *re.findall(r"`([^`\n]+)`", README)])
    named = set(re.findall(r"(?:^|\s)make ([a-z-]+)", commands))
    assert {"demo", "test", "lint", "soak", "test-pythons"} <= named
    assert named <= targets


def test_every_variable_is_that_of_a_setting() -> None:
    named = set(re.findall(rf"{ENV_PREFIX}([A-Z_]+)", README))
    # the SDK's and Meltano's, and no settings
    named -= {"LOGLEVEL", "_SELECT"}
    assert {"SUBDOMAIN", "START_DATE", "END_DATE", "CLIENT_ID", "CLIENT_SECRET"} <= named
    assert {name.lower() for name in named} <= own_settings().keys()


def test_the_yaml_is_valid_and_names_real_settings() -> None:
    snippets = [yaml.safe_load(text) for text in blocks("yaml")]
    known = own_settings().keys() | BUILT_IN
    for snippet in snippets:
        assert snippet.get("config", {}).keys() <= known
        assert snippet.get("metadata", {}).keys() <= set(ALL_STREAMS)
    (selection,) = (snippet["select"] for snippet in snippets if "select" in snippet)
    for pattern in selection:
        stream, column = pattern.removeprefix("!").split(".")
        assert column == "*" or column in streams()[stream].schema["properties"]
    assert {pattern.partition(".")[0] for pattern in selection} >= set(ALL_STREAMS)


def test_the_json_is_valid() -> None:
    event, state = (json.loads(text) for text in blocks("json"))
    assert event.keys() <= streams()["ticket_events"].schema["properties"].keys()
    for name, fields in state["bookmarks"].items():
        assert fields.keys() == {
            "replication_key",
            "replication_key_value",
            "boundary_ids",
            "boundary_ids_at",
        }
        assert fields["boundary_ids_at"] == fields["replication_key_value"]
        assert fields["replication_key"] == streams()[name].replication_key


def test_the_python_versions_are_those_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    floor = project["requires-python"].removeprefix(">=")
    assert f"Python {floor} or newer" in README
    versions = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r" 3\.\d+$", c)]
    newest = versions[-1]
    assert versions[0] == floor
    assert f"Python {floor} to {newest}" in README
    others = README.replace(section("## Targets"), "")  # some need a Python of long ago
    assert set(re.findall(r"Python (3\.\d+)", others)) == {floor}


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
TICKETS_WITH_A_NOTE_FIRST = (901, 902)
WRITTEN_BY_AN_AGENT = 903


def conversation(ticket: int, *turns: tuple[float, int, bool]) -> list[Event]:
    """A ticket of customer 7, and its comments: day, author, public or not."""
    events = []
    for number, (day, author, public) in enumerate(turns):
        event_id = 10_000 * ticket + 10 * number
        comment = {"event_type": "Comment", "type": "Comment", "body": "…", "_comment": True}
        children = [{"id": event_id + 1, **comment, "author_id": author, "public": public}]
        if not number:
            children.append({"id": event_id + 2, "event_type": "Create", "requester_id": 7})
        second = BEGIN + int(day * 86_400)
        events.append(plain_event(event_id, second, ticket_id=ticket, child_events=children))
    return events


EVENTS = [
    *make_events(3_000, seed=1, start=BEGIN, spread=86_400 * 20, unknown_fields=True),
    # agent 8 notes a call, the customer writes, the agent answers
    *conversation(901, (0.0, 8, False), (0.5, 7, True), (19.6, 8, True)),
    *conversation(902, (0.0, 8, False), (1.0, 7, True), (1.5, 8, False), (19.5, 8, True)),
    # the agent writes, the customer answers
    *conversation(WRITTEN_BY_AN_AGENT, (0.0, 8, True), (19.9, 7, True)),
]
CLOCKS = make_metric_events(1_000, seed=1, start=BEGIN, spread=86_400 * 20, events=EVENTS)
CHANGES = field_changes(EVENTS)
COMMENTS = comments(EVENTS)


def statement(part: str) -> str:
    """Return the one SQL recipe that holds these words."""
    (found,) = (text.rstrip() for text in blocks("sql") if part in text)
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
def ask(request: pytest.FixtureRequest, server: Postgres) -> Iterator[Callable[[str], Rows]]:
    """A way to ask a database that holds what the tap writes."""
    import psycopg  # noqa: PLC0415

    clock = SimulatedClock()
    fake = a_fake(Account(EVENTS, metric_events=CLOCKS), clock)
    catalog = selecting(*ALL_STREAMS)
    output = run(fake, clock, catalog=catalog, include_comments=request.param)
    with psycopg.connect(server.fresh_database("readme")._uri) as connection:
        connection.execute("CREATE SCHEMA zendesk")
        for name, stream in streams().items():
            columns = ", ".join(
                f'"{column}" {column_type(definition)[1].strip("`")}'
                for column, definition in stream.schema["properties"].items()
            )
            insert = (
                f"INSERT INTO zendesk.{name} SELECT * FROM jsonb_to_recordset(%s) AS x({columns})"
            )
            connection.execute(f"CREATE TABLE zendesk.{name} ({columns})".encode())
            connection.execute(insert.encode(), [json.dumps(rows(output, name))])

        def answer(text: str) -> Rows:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

        yield answer


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=None)


def test_sql_the_status_history_of_one_ticket(ask: Callable[[str], Rows]) -> None:
    text = statement("AS time_spent")
    found = re.search(r"ticket_id = (\d+)", text)
    assert found
    history = [
        row
        for row in sorted(CHANGES, key=lambda row: (row["timestamp"], row["child_event_id"]))
        if row["ticket_id"] == int(found[1]) and row["field_name"] == "status"
        if row["value"] != row["previous_value"]
    ]
    since = [utc(row["created_at"]) for row in history]
    spent: list[timedelta | None] = [later - earlier for earlier, later in pairwise(since)]
    assert len(history) > 3
    assert any(spent)
    assert ask(text) == [
        (moment, row["updater_id"], row["value"], time)
        for moment, row, time in zip(since, history, [*spent, None], strict=True)
    ]


def test_sql_the_most_reassigned_tickets(ask: Callable[[str], Rows]) -> None:
    agents: dict[int, list[str]] = {}
    for row in CHANGES:
        if row["field_name"] == "assignee_id" and row["event_type"] == "Change":
            before, after = row["previous_value"], row["value"]
            if before is not None and after is not None and before != after:
                agents.setdefault(row["ticket_id"], []).append(after)
    counted = [(ticket, len(found), len(set(found))) for ticket, found in agents.items()]
    answer = ask(statement("AS reassignments"))
    assert answer == sorted(counted, key=lambda row: (-row[1], row[0]))[:10]
    assert answer[0][1] > 1


def first_replies() -> dict[int, tuple[datetime, datetime]]:
    """When each ticket's customer first asked, and when somebody else answered; one by one."""
    customers: dict[int, int] = {}
    asked: dict[int, datetime] = {}
    answered: dict[int, tuple[datetime, datetime]] = {}
    for event in sorted(EVENTS, key=lambda event: (event["timestamp"], event["id"])):
        ticket = event["ticket_id"]
        for child in event["child_events"]:
            if child["event_type"] == "Create" and "requester_id" in child:
                customers[ticket] = child["requester_id"]
        for child in event["child_events"]:
            if not child.get("_comment") or not child["public"]:
                continue
            now, author = utc(event["created_at"]), child["author_id"]
            if ticket in asked and author != customers[ticket]:
                answered.setdefault(ticket, (asked[ticket], now))
            elif author == customers.get(ticket):
                asked.setdefault(ticket, now)
    return answered


def test_sql_first_reply_times(ask: Callable[[str], Rows]) -> None:
    waited = [(ticket, asked, now - asked) for ticket, (asked, now) in first_replies().items()]
    answer = ask(statement("AS first_reply_time"))
    assert answer == sorted(waited, key=lambda row: (-row[2], row[0]))[:10]
    assert len(answer) == 10
    # of these the note was taken for the request, and the customer's own message for the reply
    noted = [row for row in answer if row[0] in TICKETS_WITH_A_NOTE_FIRST]
    assert [wait.days for *_, wait in noted] == [19, 18]
    # the agent wrote first here, so that nobody waited but the agent
    assert WRITTEN_BY_AN_AGENT not in {row[0] for row in answer}


def test_sql_sla_breaches(ask: Callable[[str], Rows]) -> None:
    breaches = [clock for clock in CLOCKS if clock["type"] == "breach"]
    standing = [clock for clock in breaches if clock.get("deleted") is not True]
    assert 0 < len(standing) < len(breaches)
    tickets: dict[str, list[int]] = {}
    for clock in standing:
        tickets.setdefault(clock["metric"], []).append(clock["ticket_id"])
    counted = [(metric, len(found), len(set(found))) for metric, found in tickets.items()]
    expected = sorted(counted, key=lambda row: (-row[1], row[0]))
    assert ask(statement("AS breaches")) == expected


def test_sql_the_fields_that_change_most(ask: Callable[[str], Rows]) -> None:
    changed = [row for row in CHANGES if row["event_type"] == "Change"]
    counted = Counter(row["field_name"] for row in changed)
    tickets = {(row["field_name"], row["ticket_id"]) for row in changed}
    of_field = Counter(name for name, _ in tickets)
    expected = [(name, count, of_field[name]) for name, count in counted.items()]
    answer = ask(statement("AS changes"))
    assert answer == sorted(expected, key=lambda row: (-row[1], row[0]))[:10]
    assert {"status", "priority", "tags"} <= {name for name, *_ in answer}


def test_sql_comments_per_month(ask: Callable[[str], Rows]) -> None:
    counted: dict[date, list[int]] = {}
    for row in COMMENTS:
        month = utc(row["created_at"]).date().replace(day=1)
        counted.setdefault(month, [0, 0])[0 if row["public"] else 1] += 1
    answer = ask(statement("AS internal"))
    assert answer == [(month, *counts) for month, counts in sorted(counted.items())]
    assert all(count for _, *counts in answer for count in counts)


def view(ask: Callable[[str], Rows], name: str, columns: str) -> Rows:
    """Make one of the README's views and return what these columns of it hold."""
    (text,) = (t for t in blocks("sql") if t.startswith(f"CREATE VIEW zendesk.{name} AS\n"))
    assert ask(text) == []
    return ask(f"SELECT {columns} FROM zendesk.{name}")


def changes_in_order() -> list[dict[str, Any]]:
    return sorted(CHANGES, key=lambda row: (row["timestamp"], row["child_event_id"]))


def test_the_view_of_fields_holds_the_last_change_of_each_second(
    ask: Callable[[str], Rows],
) -> None:
    shown = view(ask, "ticket_field_history", "ticket_id, field_name, updated, value, user_id")
    kept = {}
    changes = [row for row in changes_in_order() if row["field_name"] != "tags"]
    for row in changes:
        kept[row["ticket_id"], row["field_name"], utc(row["created_at"])] = row
    assert Counter((*row[:3], as_json(row[3]), row[4]) for row in shown) == Counter(
        (*key, as_json(row["value"]), row["updater_id"]) for key, row in kept.items()
    )
    assert 0 < len(shown) < len(changes)


def as_json(value: str | None) -> str | None:
    """Return text that does not depend on how JSON is written."""
    try:
        return repr(json.loads(value or ""))
    except ValueError:
        return value


def test_the_view_of_tags_holds_a_row_for_each_tag(ask: Callable[[str], Rows]) -> None:
    kept = {}
    for row in changes_in_order():
        if row["field_name"] == "tags":
            for column, tagged in (("added_tags", True), ("removed_tags", False)):
                for tag in json.loads(row[column] or "[]"):
                    key = (row["ticket_id"], tag, utc(row["created_at"]))
                    kept[key] = (tagged, row["updater_id"])
    shown = view(ask, "ticket_tag_history", "ticket_id, tag, updated, tagged, user_id")
    assert Counter(shown) == Counter((*key, *rest) for key, rest in kept.items())
    assert {tagged for *_, tagged, _ in shown} == {True, False}


def test_the_view_of_comments_holds_them_all(ask: Callable[[str], Rows]) -> None:
    # a call has a number
    calls = {
        child["id"]
        for event in EVENTS
        for child in event["child_events"]
        if child.get("data", {}).get("call_id")
    }
    assert {row["type"] for row in COMMENTS if row["id"] in calls} == {
        "VoiceComment",
        "TpeVoiceComment",
    }
    columns = "id, ticket_id, user_id, created, public, body, voice_comment, via_channel"
    shown = view(ask, "ticket_comment", columns)
    assert Counter(shown) == Counter(
        (
            row["id"],
            row["ticket_id"],
            row["author_id"],
            utc(row["created_at"]),
            row["public"],
            row["body"],
            row["id"] in calls,
            row["via_channel"],
        )
        for row in COMMENTS
    )
    assert {voice for *_, voice, _ in shown} == {True, False}


def test_each_column_that_others_are_compared_with_exists() -> None:
    part = between("elsewhere")
    named = re.findall(r"`(\w+)\.(\w+)`", part)
    assert len(named) > 50
    for stream, column in named:
        assert column in streams()[stream].schema["properties"], f"{stream}.{column}"
    assert {stream for stream, _ in named} == set(ALL_STREAMS)
    for line in part.splitlines():
        assert not line.startswith("|") or len(line.strip("|").split(" | ")) == 3, line


def test_the_recipes_are_those_that_the_demo_shows() -> None:
    shown = blocks("sql", section("## Recipes in SQL"))
    assert [text.rstrip("\n") for text in shown] == [r.statement for r in RECIPES]
    tested = [name for name in globals() if name.startswith("test_sql_")]
    assert len(tested) == len(RECIPES)
