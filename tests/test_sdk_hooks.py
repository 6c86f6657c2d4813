"""Fails when the SDK changes under the hooks that are not public."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path

import singer_sdk
from singer_sdk import Stream, Tap
from singer_sdk.plugin_base import PluginBase

from tap_zendesk_events.sdk_hooks import (
    ENVIRONMENT_LOGGER,
    START_LINES,
    VERSION_LINE,
    HookedStream,
    HookedTap,
    QuietStart,
)


def test_the_sdk_still_calls_every_hook() -> None:
    sync = inspect.getsource(Stream._sync_records)
    assert "self._increment_stream_state(record, context=current_context)" in sync
    assert "self._write_starting_replication_value(current_context)" in sync
    whole = inspect.getsource(Stream.sync)
    assert "self._write_schema_message()" in whole
    assert "self._write_activate_version_message(self._stream_version)" in whole
    assert "self._stream_version = self._initialized_at // 1000" in whole
    assert "self._write_record_message(record)" in sync
    assert "self._reset_state_progress_markers()" in inspect.getsource(Tap.sync_all)
    assert "self._validate_config(raise_errors=validate_config)" in inspect.getsource(
        PluginBase.__init__
    )


def test_the_hooks_keep_the_signatures_of_the_sdk() -> None:
    for ours, theirs in ((HookedStream, Stream), (HookedTap, Tap)):
        for name in set(vars(ours)) & set(dir(theirs)):
            if name.startswith("_") and callable(getattr(ours, name)) and "__" not in name:
                mine = inspect.signature(getattr(ours, name)).parameters
                assert list(mine) == list(inspect.signature(getattr(theirs, name)).parameters)


def test_the_sdk_still_logs_the_lines_that_are_lowered() -> None:
    root = Path(singer_sdk.__file__).parent
    source = "".join(path.read_text() for path in root.rglob("*.py"))
    for line in START_LINES:
        assert f'"{line}"' in source, line
    assert 'print_fn(f"{cls.name} v{cls.plugin_version}, Meltano SDK v{cls.sdk_version}")' in source
    assert VERSION_LINE.fullmatch("tap-zendesk-events v0.1.0, Meltano SDK v0.54.9")
    package, _, module = ENVIRONMENT_LOGGER.rpartition(".")
    assert (root.parent / package.replace(".", "/") / f"{module}.py").exists()


def test_lowered_lines_show_at_debug_level_only() -> None:
    logger = logging.getLogger("tests.quiet")
    record = logger.makeRecord("tests.quiet", logging.INFO, "", 0, START_LINES[0], (), None)
    logger.setLevel(logging.INFO)
    assert not QuietStart().filter(record)
    logger.setLevel(logging.DEBUG)
    assert QuietStart().filter(record)
    assert record.levelname == "DEBUG"
    other = logger.makeRecord("tests.quiet", logging.INFO, "", 0, "Something else", (), None)
    logger.setLevel(logging.INFO)
    assert QuietStart().filter(other)
    assert other.levelname == "INFO"
