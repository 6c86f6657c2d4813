"""Fails when the SDK changes under the hooks that are not public."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path

import singer_sdk
from singer_sdk import Stream, Tap
from singer_sdk.plugin_base import PluginBase

from tap_zendesk_events.sdk_hooks import (
    QUIET_START,
    START_LINES,
    VERSION_LINE,
    HookedStream,
    HookedTap,
    QuietStart,
    quiet,
)
from tap_zendesk_events.tap import TapZendeskEvents


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


def test_many_taps_in_one_process_leave_one_filter_at_a_logger() -> None:
    for _ in range(3):
        tap = TapZendeskEvents(validate_config=False)
        tap.get_singer_command()
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    ours = [log for log in loggers if any(isinstance(f, QuietStart) for f in log.filters)]
    assert {tap.logger.name, *(f"{tap.name}.{name}" for name in tap.streams)} <= {
        log.name for log in ours
    }
    assert all(len(log.filters) == 1 for log in ours)


def test_a_logger_may_be_an_adapter() -> None:
    """As those of streams are from SDK 0.55 on."""
    logger = logging.getLogger("tests.adapted")
    quiet(logging.LoggerAdapter(logger, {}))
    quiet(logger)
    assert logger.filters == [QUIET_START]


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
