"""The bookmark of the metric events: it goes by pages and ids, never by told times."""

from __future__ import annotations

from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.saved_bookmark import read_bookmark
from tests.support.harness import BEGIN


def test_with_the_ids_of_another_second_metric_events_forget_what_was_deleted() -> None:
    saved = read_bookmark(
        {
            "replication_key_value": iso(BEGIN),
            "boundary_ids": [1, 2],
            "deleted_ids": [2],
            "boundary_ids_at": iso(BEGIN + 1),
        },
        "ticket_metric_events",
        "time",
    )
    assert saved is not None
    assert saved[:4] == (BEGIN, [], [], False)
