"""Catalogs as `meltano select` writes them, and outputs stream by stream."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.tap import TapZendeskEvents

if TYPE_CHECKING:
    from tests.support.harness import Output

EVENT_STREAMS = ("ticket_comments", "ticket_events", "ticket_field_changes")
ALL_STREAMS = (*EVENT_STREAMS, "ticket_metric_events")
KEYS = {
    "ticket_comments": ("id",),
    "ticket_events": ("id",),
    "ticket_field_changes": ("child_event_id", "field_name"),
    "ticket_metric_events": ("id",),
}


def the_catalog() -> dict[str, Any]:
    """Return the catalog that the tap announces."""
    catalog: dict[str, Any] = TapZendeskEvents(validate_config=False).catalog_dict
    return catalog


def selecting(
    *streams: str, without: tuple[str, ...] = (), full_table: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a catalog that selects these streams, all columns but those named `without`."""
    catalog = the_catalog()
    for stream in catalog["streams"]:
        if stream["tap_stream_id"] in full_table:
            stream["replication_method"] = "FULL_TABLE"
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
            elif entry["breadcrumb"][-1] in without:
                entry["metadata"]["selected"] = False
    return catalog


def rows(output: Output, stream: str) -> list[dict[str, Any]]:
    """Return the records of one stream."""
    return [
        message["record"]
        for message in output.messages
        if message["type"] == "RECORD" and message["stream"] == stream
    ]


def keys(output: Output, stream: str) -> list[tuple[Any, ...]]:
    """Return the primary keys of the records of one stream."""
    return [tuple(row[name] for name in KEYS[stream]) for row in rows(output, stream)]


def written_after_the_last_state(output: Output) -> Counter[str]:
    """How many records of each stream a run that dies will make the next one repeat."""
    written: Counter[str] = Counter()
    for message in output.messages:
        if message["type"] == "STATE":
            written.clear()
        elif message["type"] == "RECORD":
            written[message["stream"]] += 1
    return written
