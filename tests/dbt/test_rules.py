"""Each history by hand fails when the rule that it is about is taken away from the package."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .account import history
from .databases import MODELS, DuckdbTables
from .engine import PACKAGE, Dbt
from .rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BY_HAND = "unit_tests.yml"


class Copy:
    """A copy of the package, from which rules can be taken away."""

    def __init__(self, folder: Path) -> None:
        tables = DuckdbTables(folder / "rules.duckdb")
        tables.load(history(seed=1, events=300, metric_events=50).messages)
        self.tables = tables
        self._package = folder / "package"
        shutil.copytree(PACKAGE, self._package)
        self._dbt = Dbt("duckdb", folder, tables.variables, self._package)
        self._dbt.run("run")

    def findings(self, *models: str) -> dict[str, str]:
        """Test the rows of these models; return what did not pass, and how."""
        status, output = self._dbt.try_to(
            "test",
            "--select",
            *models,
            "--indirect-selection=cautious",
            "--exclude",
            "test_type:unit",
        )
        assert status in (0, 1), output
        results = self._dbt.results().items()
        return {name.split(".")[2]: status for name, status in results if status != "pass"}

    def failing_without(self, *rules: Rule) -> set[str]:
        """Return the names of the histories that fail without these rules."""
        try:
            for rule in rules:
                file = self._package / "models" / f"{rule.model}.sql"
                text = file.read_text(encoding="utf-8")
                assert text.count(rule.stands) == 1, f"{rule.words}: {rule.model}.sql has changed"
                file.write_text(text.replace(rule.stands, rule.without), encoding="utf-8")
            status, output = self._dbt.try_to("test", "--select", "test_type:unit")
            assert status in (0, 1), output
            results = self._dbt.results()
        finally:
            for rule in rules:
                name = f"{rule.model}.sql"
                shutil.copy(PACKAGE / "models" / name, self._package / "models" / name)
        assert len(results) == len(names_by_hand()), output
        return {name.rpartition(".")[2] for name, status in results.items() if status != "pass"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("rules"))


WRONG_ROWS = (
    # a status that nobody has heard of, in an interval that overlaps the next one
    ("ticket_status_intervals", "1, 'snoozed', '2025-01-01', '2025-01-03', 1, 1, true"),
    ("ticket_status_intervals", "1, 'open', '2025-01-02', '2025-01-04', 1, 1, true"),
    # a gap
    ("ticket_status_intervals", "2, 'open', '2025-01-01', '2025-01-02', 1, 1, true"),
    ("ticket_status_intervals", "2, 'open', '2025-01-03', null, null, 1, true"),
    # no end, and yet another
    ("ticket_assignments", "1, 'group', 5, '2025-01-01', null, null, 1, true"),
    ("ticket_assignments", "1, 'group', 6, '2025-01-02', null, null, 1, true"),
    # the same row twice, and one without its key
    ("ticket_tag_history", "1, 'vip', '2025-01-01', '2025-01-02', true"),
    ("ticket_tag_history", "1, 'vip', '2025-01-01', '2025-01-02', true"),
    ("ticket_tag_history", "null, 'vip', '2025-01-01', '2025-01-02', true"),
)


def names_by_hand() -> set[str]:
    text = (PACKAGE / "models" / BY_HAND).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return {test["name"] for test in document["unit_tests"]}


def different_places() -> Iterator[Rule]:
    """Yield the rules, one of each place."""
    seen = set()
    for rule in RULES:
        if (place := (rule.model, rule.stands)) not in seen:
            seen.add(place)
            yield rule


def test_each_history_is_about_a_rule() -> None:
    assert {name for rule in RULES for name in rule.histories} == names_by_hand()


def test_without_rules_every_history_fails(copy: Copy) -> None:
    # the small sibling: all of them are taken away at once
    assert copy.failing_without(*different_places()) == names_by_hand()


@pytest.mark.soak
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.words)
def test_a_history_fails_without_its_rule(copy: Copy, rule: Rule) -> None:
    failing = copy.failing_without(rule)
    print(f"{rule.words}: {', '.join(sorted(failing))}")
    assert failing >= set(rule.histories)


def test_the_tests_of_the_rows_find_what_is_wrong(copy: Copy) -> None:
    models = ("ticket_status_intervals", "ticket_assignments", "ticket_tag_history")
    assert copy.findings(*models) == {}
    for model, values in WRONG_ROWS:
        copy.tables.query(f"INSERT INTO {MODELS}.{model} VALUES ({values})")
    found = copy.findings(*models)
    assert {(name.partition("__")[0], status) for name, status in found.items()} == {
        ("accepted_values_ticket_status_intervals_status", "warn"),
        ("no_overlap_ticket_status_intervals_ticket_id", "fail"),
        ("no_overlap_ticket_assignments_ticket_id", "fail"),
        ("no_overlap_ticket_tag_history_ticket_id", "fail"),
        ("unique_together_ticket_tag_history_ticket_id", "fail"),
        ("not_null_ticket_tag_history_ticket_id", "fail"),
    }


def test_without_comments_and_metric_events(tmp_path: Path) -> None:
    streams = ("ticket_events", "ticket_field_changes")
    messages = history(seed=1, events=300, metric_events=50).messages
    tables = DuckdbTables(tmp_path / "two.duckdb")
    tables.load(message for message in messages if message.get("stream") in streams)
    dbt = Dbt("duckdb", tmp_path, tables.variables)
    without = {"zendesk_events_comments": False, "zendesk_events_metric_events": False}
    dbt.run("build", variables={**without, "zendesk_events_unit_tests": False})
    made = {name.split(".")[2] for name in dbt.results() if name.startswith("model.")}
    every = {file.stem for file in PACKAGE.glob("models/**/*.sql")}
    assert every - made == {
        "stg_zendesk_events__comments",
        "stg_zendesk_events__metric_events",
        "int_zendesk_events__messages",
        "ticket_replies",
        "ticket_slas",
    }
    ((tickets, told),) = tables.query(
        "SELECT count(*), count(public_replies) + count(first_reply_seconds) + "
        f"count(waiting_since) FROM {MODELS}.tickets"
    )
    assert tickets > 0
    assert told == 0
