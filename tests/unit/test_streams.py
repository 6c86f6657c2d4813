"""The streams: their keys, and what of a catalog they accept."""

from __future__ import annotations

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tests.support.harness import run_of_forty
from tests.support.selection import ALL_STREAMS, KEYS, selecting, the_catalog


def test_the_tap_knows_the_keys_of_all_streams() -> None:
    catalog = selecting(*ALL_STREAMS)
    assert {s["tap_stream_id"]: tuple(s["key_properties"]) for s in catalog["streams"]} == KEYS


def test_a_catalog_without_keys_means_ours() -> None:
    catalog = the_catalog()
    (stream,) = (s for s in catalog["streams"] if s["stream"] == "ticket_events")
    stream.pop("key_properties")
    stream.pop("replication_key")
    stream.pop("replication_method")
    for entry in stream["metadata"]:
        if not entry["breadcrumb"]:
            entry["metadata"] = {"selected": True}
    output = run_of_forty(catalog)
    assert output.schemas[0]["key_properties"] == ["id"]
    assert output.state["bookmarks"]["ticket_events"]["replication_key"] == "timestamp"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replication_key": "created_at"}, "replication key"),
        ({"replication_method": "LOG_BASED"}, "replication method"),
    ],
)
def test_another_replication_is_refused(change: dict[str, str], message: str) -> None:
    catalog = selecting("ticket_events")
    for stream in catalog["streams"]:
        stream.update(change)
    with pytest.raises(Exception, match=message):
        run_of_forty(catalog)


def test_deselected_keys_are_written_all_the_same() -> None:
    catalog = selecting("ticket_events", without=("id", "timestamp"))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"].pop("inclusion", None)
            if entry["breadcrumb"] and entry["breadcrumb"][-1] in {"id", "timestamp"}:
                entry["metadata"]["selected"] = False
            elif entry["breadcrumb"]:
                entry["metadata"]["selected"] = True
    output = run_of_forty(catalog)
    assert all(record["id"] and record["timestamp"] for record in output.records)
    assert output.schemas[0]["schema"]["properties"].keys() >= {"id", "timestamp", "via"}


def test_a_schema_without_keys_is_refused() -> None:
    catalog = selecting("ticket_events")
    for stream in catalog["streams"]:
        stream["schema"]["properties"].pop("timestamp", None)
    with pytest.raises(ZendeskEventsError, match="lacks timestamp"):
        run_of_forty(catalog)


def test_batch_is_not_offered() -> None:
    batch = {"encoding": {"format": "jsonl"}, "storage": {"root": "file:///nowhere"}}
    output = run_of_forty(batch_config=batch)
    assert {message["type"] for message in output.messages} == {"SCHEMA", "RECORD", "STATE"}
