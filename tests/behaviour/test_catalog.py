"""The public face, as snapshots: a change of a schema, setting or capability shows in review.

After an intended change: ``UPDATE_SNAPSHOTS=1 pytest tests/behaviour/test_catalog.py``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from singer_sdk.about import AboutFormatter

from tap_zendesk_events.tap import TapZendeskEvents
from tests.support.harness import run_of_forty
from tests.support.selection import selecting, the_catalog

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"


def compare(name: str, content: Any) -> None:
    path = SNAPSHOTS / f"{name}.json"
    text = json.dumps(content, indent=2) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    was, now = json.loads(path.read_text()), json.loads(text)
    assert now == was
    assert orders(now) == orders(was)


def orders(value: Any) -> list[list[str]]:
    """The columns and settings in their order. That of other keys is the SDK's to choose."""
    found = []
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            found.append(list(value["properties"]))
        for key in sorted(value):
            found += orders(value[key])
    elif isinstance(value, list):
        for each in value:
            found += orders(each)
    return found


def test_the_catalog_is_as_it_was() -> None:
    compare("catalog", the_catalog())


def test_about_is_as_it_was() -> None:
    about = json.loads(
        AboutFormatter.get_formatter("json").format_about(TapZendeskEvents._get_about_info())
    )
    for changing in ("version", "sdk_version"):
        assert about.pop(changing)
    compare("about", about)


def test_every_field_and_setting_is_described() -> None:
    for stream in the_catalog()["streams"]:
        for name, definition in stream["schema"]["properties"].items():
            assert definition.get("description"), (stream["stream"], name)
    for name, definition in TapZendeskEvents.config_jsonschema["properties"].items():
        assert definition.get("description"), name
        assert definition.get("title"), name
    secrets = {
        name
        for name, definition in TapZendeskEvents.config_jsonschema["properties"].items()
        if definition.get("secret")
    }
    assert secrets == {"client_secret", "access_token", "refresh_token", "api_token"}


def test_a_deselected_column_is_not_written() -> None:
    output = run_of_forty(selecting("ticket_events", without=("child_events",)))
    assert len(output.records) == 40
    assert all("child_events" not in record for record in output.records)
    assert "child_events" not in output.schemas[0]["schema"]["properties"]


def test_full_table_starts_anew_each_time_and_keeps_no_bookmark() -> None:
    output = run_of_forty(selecting("ticket_events", full_table=("ticket_events",)))
    assert len(output.records) == 40
    assert not output.state.get("bookmarks", {}).get("ticket_events")


def test_flattening_makes_json_text_of_nested_columns() -> None:
    output = run_of_forty(flattening_enabled=True, flattening_max_depth=1)
    properties = output.schemas[0]["schema"]["properties"]
    for record in output.records:
        assert record.keys() <= properties.keys()
        assert all(not isinstance(value, dict | list) for value in record.values())
        assert isinstance(json.loads(record["child_events"]), list)
        assert isinstance(json.loads(record["system"]), dict)
    extra = [record["extra_fields"] for record in output.records if record.get("extra_fields")]
    assert extra
    assert all(isinstance(json.loads(text), dict) for text in extra)


def test_stream_maps_apply() -> None:
    maps = {"ticket_events": {"via": None, "first": "child_events[0]['event_type']"}}
    output = run_of_forty(stream_maps=maps)
    assert all("via" not in record for record in output.records)
    assert {record["first"] for record in output.records if record["child_events"]}
