"""The streams as the tap announces them, and what PostgreSQL makes of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.tap import TapZendeskEvents

if TYPE_CHECKING:
    from singer_sdk import Stream

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
    """Return a column's type in words, and its type in PostgreSQL."""
    return COLUMN_TYPES[definition.get("format", definition["type"][0])]


def streams() -> dict[str, Stream]:
    """Return every stream by its name."""
    return dict(TapZendeskEvents(validate_config=False).streams)
