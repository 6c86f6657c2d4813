"""The rules of the dbt package that its histories by hand are about, and how to take them away."""

from __future__ import annotations

from dataclasses import dataclass

SPELLS = "intermediate/int_zendesk_events__spells"
MESSAGES = "intermediate/int_zendesk_events__messages"


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
