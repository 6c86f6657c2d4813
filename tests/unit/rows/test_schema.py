"""The columns: one type each, and each described."""

from __future__ import annotations

from typing import Any

import pytest

from tap_zendesk_events.rows import schema
from tests.support.columns import streams


def test_one_type_for_each_column() -> None:
    columns = [c for s in streams().values() for c in s.schema["properties"].values()]
    for definition in columns:
        assert len([kind for kind in definition["type"] if kind != "null"]) == 1
        assert "properties" not in definition
        assert "items" not in definition


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        (schema.TICKET_EVENTS, {"id"}),
        (schema.TICKET_FIELD_CHANGES, {"child_event_id", "field_name"}),
        (schema.TICKET_COMMENTS, {"id"}),
        (schema.TICKET_METRIC_EVENTS, {"id"}),
    ],
)
def test_only_what_is_always_there_is_never_null(columns: dict[str, Any], keys: set[str]) -> None:
    always = {name for name, c in columns["properties"].items() if "null" not in c["type"]}
    assert keys <= always
    assert always >= set(columns.get("required", ()))
    assert not always - keys - {"timestamp", "created_at", "time", "ticket_event_id", "event_type"}
