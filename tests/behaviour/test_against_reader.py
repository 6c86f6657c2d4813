"""The tap's derived rows equal those that an independent reader finds, and those by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fake_zendesk import Account, FakeZendesk, make_events, plain_event
from tests.support.child_kinds import kinds
from tests.support.hand_written import load_hand_written
from tests.support.harness import TIMES, SimulatedClock, run
from tests.support.independent_reader import Row, comments, comparable, field_changes
from tests.support.selection import rows, selecting

STREAMS = ("ticket_comments", "ticket_field_changes")


def rows_of_the_tap(account: Account, **options: Any) -> dict[str, list[Row]]:
    clock = SimulatedClock()
    fake = FakeZendesk(account, clock=clock.server_time, rate_limit=None)
    output = run(fake, clock, catalog=selecting(*STREAMS), start_date="2023-01-01", **options)
    output.check_records()
    return {stream: [comparable(row) for row in rows(output, stream)] for stream in STREAMS}


def sorted_rows(found: list[Row]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in found)


def test_twenty_thousand_events_row_for_row() -> None:
    account = Account(make_events(20_000, seed=21))
    tap = rows_of_the_tap(account)
    changes = [comparable(row) for row in field_changes(account.events())]
    said = [comparable(row) for row in comments(account.events())]
    assert len(changes) > 40_000
    assert len(said) > 5_000
    assert sorted_rows(tap["ticket_field_changes"]) == sorted_rows(changes)
    assert sorted_rows(tap["ticket_comments"]) == sorted_rows(said)


def test_the_rows_written_by_hand() -> None:
    expected = load_hand_written()
    tap = rows_of_the_tap(Account(expected.events))
    assert sorted_rows(tap["ticket_field_changes"]) == sorted_rows(expected.field_changes)
    assert sorted_rows(tap["ticket_comments"]) == sorted_rows(expected.comments)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("aé☃0", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab12"), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    ["status", "type", "tags", "custom_ticket_fields", "previous_value", "rel", "360001"]
)
audit_names = st.sampled_from(["status", "type", "tags", "custom_ticket_fields", "360001", 360002])
in_the_form_of_audits = st.fixed_dictionaries(
    {"field_name": audit_names, "value": values},
    optional={"previous_value": values, "audit_id": st.integers(1, 9)},
)
children = st.builds(
    lambda fields, kind, via, lists: {**fields, **kind, "via": via, **lists},
    st.dictionaries(names, values) | in_the_form_of_audits,
    kinds(),
    st.sampled_from(["Mail", None, {"channel": "api", "source": {}}, {"channel": 30}]),
    st.dictionaries(
        st.sampled_from(["attachments", "added_tags", "removed_tags"]), st.lists(values, max_size=2)
    ),
)


@settings(max_examples=200 * TIMES, deadline=None)
@given(st.lists(st.lists(children, max_size=4), max_size=4))
def test_any_children_row_for_row(events: list[list[dict[str, Any]]]) -> None:
    numbers = iter(range(1, 1000))
    made = [
        plain_event(
            next(numbers),
            1_700_000_000 + position,
            child_events=[{"id": next(numbers), **child} for child in children_of_one],
        )
        for position, children_of_one in enumerate(events)
    ]
    tap = rows_of_the_tap(Account(made))
    changes = [comparable(row) for row in field_changes(made)]
    assert sorted_rows(tap["ticket_field_changes"]) == sorted_rows(changes)
    assert sorted_rows(tap["ticket_comments"]) == sorted_rows(
        [comparable(row) for row in comments(made)]
    )
