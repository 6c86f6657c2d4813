"""The settings' public documentation, and what it makes an error say."""

from __future__ import annotations

from typing import Any

import pytest

from tap_zendesk_events.singer.config_schema import CONFIG_SCHEMA, type_problem


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"type": ["integer", "null"]}, "a whole number"),
        ({"type": ["integer"], "minimum": 60}, "a whole number of at least 60"),
        ({"type": ["integer"], "minimum": 1, "maximum": 9}, "a whole number from 1 to 9"),
        ({"type": ["number"], "exclusiveMinimum": 0}, "a number above 0"),
        ({"type": ["number"], "exclusiveMinimum": 0, "maximum": 5}, "a number above 0, at most 5"),
        ({"type": ["boolean", "null"]}, "true or false"),
        ({"type": ["string", "null"]}, "text (put it in quotes)"),
        ({"type": ["string"], "enum": ["all", "agent"]}, "one of all, agent"),
        ({"type": ["object", "null"]}, "of the type object"),
    ],
)
def test_what_a_setting_must_be_is_said_by_its_schema(
    definition: dict[str, Any], words: str
) -> None:
    assert type_problem("it", definition) == f"it must be {words}"


def test_no_setting_is_required_by_the_schema_alone() -> None:
    """Which belong together depends on the way to authenticate, and is checked elsewhere."""
    required = CONFIG_SCHEMA.get("required", [])
    assert set(required) <= {"start_date"}
