"""Files given on the command line: JSON objects, or one sentence."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.rows.values import DEEPEST
from tap_zendesk_events.singer.given_files import checked_json, config_file

if TYPE_CHECKING:
    from pathlib import Path

NO_OBJECTS = ["[]", "5", "null", '"text"', "{", "x", '{"a": ' * 3 * DEEPEST]
TOO_DEEP = '{"a": ' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1)


@pytest.mark.parametrize("option", ["state", "catalog"])
@pytest.mark.parametrize("content", [*NO_OBJECTS, TOO_DEEP])
def test_a_file_that_holds_no_object_is_refused_by_its_option(content: str, option: str) -> None:
    with pytest.raises(ZendeskEventsError, match=f"--{option} holds no JSON object"):
        checked_json(io.StringIO(content), option)


@pytest.mark.parametrize("content", ["", " \n", "{}"])
def test_an_empty_file_is_an_empty_object(content: str) -> None:
    assert json.load(checked_json(io.StringIO(content), "state")) == {}


def test_what_was_read_can_be_read_again() -> None:
    state = {"bookmarks": {"ticket_events": {"replication_key_value": 1_761_955_200}}}
    assert json.load(checked_json(io.StringIO(json.dumps(state)), "state")) == state


@pytest.mark.parametrize("content", [*NO_OBJECTS, TOO_DEEP, ""])
def test_a_file_that_holds_no_settings_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ZendeskEventsError, match="--config cannot be read"):
        config_file(str(path))


def test_a_file_that_is_not_there_is_refused_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(ZendeskEventsError, match="--config cannot be read") as caught:
        config_file(str(tmp_path / "s3cr3t.json"))
    assert "s3cr3t" not in str(caught.value)


def test_settings_may_come_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"subdomain": "acme"}', encoding="utf-8-sig")
    assert config_file(str(path)) == {"subdomain": "acme"}
