"""Each history by hand fails when the rule that it is about is taken away from the package."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .account import history
from .databases import MODELS, DuckdbTables
from .engine import PACKAGE, Dbt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPELLS = "intermediate/int_zendesk_events__spells"
MESSAGES = "intermediate/int_zendesk_events__messages"
BY_HAND = "unit_tests.yml"


@dataclass(frozen=True)
class Rule:
    """A rule, what is left of it when it is taken away, and the histories that then fail.

    Args:
        words: What the rule says.
        model: The file that it stands in.
        stands: The text of it there.
        without: What stands there without it.
        histories: The names of unit tests.
    """

    words: str
    model: str
    stands: str
    without: str
    histories: tuple[str, ...]


RULES = (
    Rule(
        "every way back from solved or closed is a reopening",
        "tickets",
        "sum(case when was_resolved",
        "max(case when was_resolved",
        ("a_ticket_is_reopened_twice",),
    ),
    Rule(
        "from solved to closed is no second solution",
        "tickets",
        "max(case when is_resolved and not was_resolved and",
        "max(case when is_resolved and",
        ("a_ticket_is_reopened_twice",),
    ),
    Rule(
        "what is deleted is not reopened",
        "tickets",
        " and value <> 'deleted'",
        "",
        ("what_is_deleted_or_unheard_of",),
    ),
    Rule(
        "a time without an assignee is no spell",
        SPELLS,
        "from new_values\nwhere value is not null",
        "from new_values",
        ("a_ticket_is_assigned_and_unassigned",),
    ),
    Rule(
        "assignees and groups, and nothing else",
        "ticket_assignments",
        "where field_name in ('assignee_id', 'group_id')",
        "",
        ("who_and_which_group_a_ticket_was_assigned_to",),
    ),
    Rule(
        "a value that was there already begins no spell",
        SPELLS,
        "where value is distinct from held_value",
        "",
        ("an_update_that_changes_nothing_ends_no_spell",),
    ),
    Rule(
        "internal notes are no messages",
        MESSAGES,
        "where comments.is_public\n",
        "where true\n",
        ("an_internal_note_comes_before_the_first_message",),
    ),
    Rule(
        "what the requester writes is no reply",
        MESSAGES,
        "comments.author_id = requesters.requester_id as is_from_requester",
        "false as is_from_requester",
        ("the_requester_writes_again", "the_requester_changes"),
    ),
    Rule(
        "the wait begins with the first message",
        MESSAGES,
        "min(case when is_reply = 0",
        "max(case when is_reply = 0",
        ("the_requester_writes_again",),
    ),
    Rule(
        "a reply ends the wait",
        MESSAGES,
        "over (partition by ticket_id, replies_before) as waiting_epoch",
        "over (partition by ticket_id) as waiting_epoch",
        ("the_requester_writes_again",),
    ),
    Rule(
        "whose ticket it is, is asked of the moment",
        MESSAGES,
        "    and (comments.epoch < requesters.ended_epoch or requesters.ended_epoch is null)\n",
        "",
        ("the_requester_changes",),
    ),
    Rule(
        "the requester of a second is the one at its end",
        MESSAGES,
        "comments.epoch >= requesters.started_epoch",
        "comments.epoch > requesters.started_epoch",
        ("the_requester_changes",),
    ),
    Rule(
        "without a requester nothing is told",
        MESSAGES,
        "inner join requesters",
        "left join requesters",
        ("nobody_knows_whose_ticket_it_is",),
    ),
    Rule(
        "the comment that opens a ticket is no reply",
        MESSAGES,
        "where is_from_requester\n    or not opens_ticket",
        "",
        ("the_comment_that_opens_a_ticket_is_no_reply",),
    ),
    Rule(
        "a notice of a merge is no reply",
        MESSAGES,
        "    and not coalesce(events.is_merge, false)\n",
        "",
        ("a_merged_ticket",),
    ),
    Rule(
        "an event is about a merge by its kind",
        "staging/stg_zendesk_events__events",
        "coalesce(lower(via), '') = 'merge'\n    or ",
        "",
        ("an_event_is_about_a_merge",),
    ),
    Rule(
        "an event is about a merge by the tickets that it names",
        "staging/stg_zendesk_events__events",
        "{{ json_array_size('merged_ticket_ids') }} > 0",
        "false",
        ("an_event_is_about_a_merge",),
    ),
    Rule(
        "a merged ticket knows into which",
        "tickets",
        "last_merges.merged_into_ticket_id,",
        "cast(null as bigint) as merged_into_ticket_id,",
        ("a_merged_ticket_and_who_is_waiting",),
    ),
    Rule(
        "nobody waits on a ticket that is closed",
        "tickets",
        "when current_values.status not in ('solved', 'closed', 'deleted')",
        "when true",
        ("a_merged_ticket_and_who_is_waiting",),
    ),
    Rule(
        "the system does not reply",
        MESSAGES,
        "    and comments.author_id <> -1\n",
        "",
        ("the_system_does_not_reply",),
    ),
    Rule(
        "a message comes before a reply in its second",
        MESSAGES,
        "order by epoch, is_reply, comment_id",
        "order by epoch, comment_id",
        ("a_message_and_its_reply_in_one_second",),
    ),
    Rule(
        "replies are not the requester's messages",
        "ticket_replies",
        "where is_reply",
        "",
        ("replies_are_the_messages_of_others",),
    ),
    Rule(
        "the first change tells what was before",
        SPELLS,
        "    and known_from < epoch\n",
        "    and false\n",
        (
            "a_ticket_is_older_than_the_export",
            "two_changes_in_the_first_second_that_is_loaded_of_a_ticket",
        ),
    ),
    Rule(
        "how long an older ticket had its first status is not known",
        SPELLS,
        "created_epoch is not null as is_start_known",
        "true as is_start_known",
        ("a_ticket_is_older_than_the_export",),
    ),
    Rule(
        "in a second the value remains that was entered more often than left",
        SPELLS,
        "balance > 0",
        "true",
        ("two_changes_in_one_second",),
    ),
    Rule(
        "before a second there was the value that was left more often than entered",
        SPELLS,
        "else left_value",
        "else previous_value",
        ("two_changes_in_the_first_second_that_is_loaded_of_a_ticket",),
    ),
    Rule(
        "a custom status is no status",
        "ticket_status_intervals",
        "where field_name = 'status'",
        "where field_name in ('status', 'custom_status_id')",
        ("a_custom_status_is_no_status",),
    ),
    Rule(
        "a custom status has intervals of its own",
        "ticket_custom_status_intervals",
        "where field_name = 'custom_status_id'",
        "where field_name = 'status'",
        ("a_custom_status_has_intervals_of_its_own",),
    ),
    Rule(
        "fields have spells of their own",
        SPELLS,
        "lead(epoch) over (partition by ticket_id, field_name order by epoch)",
        "lead(epoch) over (partition by ticket_id order by epoch)",
        ("a_custom_status_changes_within_a_status",),
    ),
    Rule(
        "what was taken back did not happen",
        "ticket_slas",
        "where not is_taken_back",
        "",
        ("a_breach_is_taken_back",),
    ),
    Rule(
        "what happens belongs to the target that was in force",
        "ticket_slas",
        "    and (happened.epoch < targets.replaced_epoch or targets.replaced_epoch is null)\n",
        "",
        ("a_target_is_replaced",),
    ),
    Rule(
        "a tag that comes back begins another spell",
        "ticket_tag_history",
        "nth_set - row_number() over (partition by ticket_id, tag order by nth_set) as stretch",
        "0 as stretch",
        ("a_tag_is_removed_and_added_again",),
    ),
    Rule(
        "what is solved at midnight is in the backlog of the day that ends",
        "ticket_backlog_daily",
        "ended_day - 1, last_day_over",
        "ended_day, last_day_over",
        ("the_backlog_at_the_end_of_a_day",),
    ),
    Rule(
        "the day of the latest change is not over",
        "ticket_backlog_daily",
        "{{ day_number('max(epoch)') }} - 1",
        "{{ day_number('max(epoch)') }}",
        ("the_backlog_at_the_end_of_a_day", "the_backlog_of_a_later_run"),
    ),
    Rule(
        "a ticket that has changed since is told anew",
        "ticket_backlog_daily",
        "when changed_tickets.ticket_id is null then",
        "when true then",
        ("the_backlog_of_a_later_run",),
    ),
    Rule(
        "other tickets are not told anew",
        "ticket_backlog_daily",
        "when changed_tickets.ticket_id is null then",
        "when false then",
        ("the_backlog_of_a_later_run",),
    ),
)


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
