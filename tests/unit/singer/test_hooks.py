"""Fails when the SDK changes under the hooks that are not public."""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import singer_sdk
from singer_sdk import Stream, Tap, metrics
from singer_sdk.plugin_base import PluginBase

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.singer.hooks import (
    QUIET_START,
    START_LINES,
    VERSION_LINE,
    HookedStream,
    HookedTap,
    QuietStart,
    quiet,
)
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.times import iso
from tests.fake_zendesk import Account, make_events, make_metric_events
from tests.support.harness import (
    BEGIN,
    CONFIG,
    ListWriter,
    SimulatedClock,
    SimulatedTap,
    a_fake,
    plain_account,
    run,
    state_of,
)
from tests.support.selection import ALL_STREAMS, rows, selecting


def test_the_sdk_still_calls_every_hook() -> None:
    whole = inspect.getsource(Stream.sync)
    assert "for _ in self._sync_records(context=context):" in whole
    # what comes before the records, which ours relies on
    before, _, _ = whole.partition("self._sync_records(")
    assert "self._write_schema_message()" in before
    assert "self._write_activate_version_message(self._stream_version)" in before
    # what the SDK's own way does with records, and ours does too
    records = inspect.getsource(Stream._sync_records)
    assert "self._check_max_record_limit(current_record_index=record_index)" in records
    assert "self._write_record_message(record)" in records
    assert "record_counter = self.get_record_counter()" in records
    assert "timer = self.get_sync_timer()" in records
    every = inspect.getsource(Tap.sync_all)
    assert "stream.sync()\n            stream.finalize_state_progress_markers()" in every
    assert "self._reset_state_progress_markers()" in inspect.getsource(Tap.sync_all)
    made = inspect.getsource(PluginBase.__init__)
    assert "self._validate_config(raise_errors=validate_config)" in made
    assert "self._setup_signal_handlers()" in made


def test_the_sdk_installs_its_signal_handlers_nowhere_else() -> None:
    root = Path(singer_sdk.__file__).parent
    installing = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"signal\.(signal|sigaction|setitimer|alarm)\(", path.read_text())
    }
    assert installing == {"plugin_base.py"}
    source = (root / "plugin_base.py").read_text()
    assert source.count("signal.signal(") == 2
    assert inspect.getsource(PluginBase._setup_signal_handlers).count("signal.signal(") == 2


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


@pytest.mark.parametrize("limit", [1, 2])
def test_the_sdks_dry_run_writes_as_many_records_as_it_was_asked_for(limit: int) -> None:
    clock = SimulatedClock()
    events = make_events(300, seed=2, start=BEGIN, spread=86_400)
    account = Account(events, metric_events=make_metric_events(100, events=events))
    writer = ListWriter()
    tap = SimulatedTap(config={**CONFIG, "start_date": iso(1)}, message_writer=writer)
    tap.clock = clock
    tap.fake = a_fake(account, clock)
    assert tap.run_sync_dry_run(limit)
    messages = [json.loads(line) for line in writer.lines]
    counted = Counter(m["stream"] for m in messages if m["type"] == "RECORD")
    assert counted == dict.fromkeys(ALL_STREAMS, limit)


def test_a_dry_run_moves_no_bookmark() -> None:
    clock = SimulatedClock()
    state = state_of(BEGIN + 60, 2)
    tap = SimulatedTap(config=CONFIG, state=deepcopy(state), message_writer=ListWriter())
    tap.clock = clock
    tap.fake = a_fake(plain_account(300), clock)
    tap.run_sync_dry_run(1, [tap.streams["ticket_events"]])
    assert tap.state == state


def test_the_records_of_one_stream_can_be_read_by_themselves() -> None:
    clock = SimulatedClock()
    tap = SimulatedTap(config=CONFIG, catalog=selecting(*ALL_STREAMS), message_writer=ListWriter())
    tap.clock = clock
    tap.fake = a_fake(plain_account(30), clock)
    changes = tap.streams["ticket_field_changes"]
    found: list[Any] = list(changes.get_records(None))
    assert [row["ticket_event_id"] for row in found] == list(range(1, 31))
    # as dicts, also those that a run passes on as they came
    found = list(tap.streams["ticket_events"].get_records(None))
    assert [row["id"] for row in found] == list(range(1, 31))


def test_counts_and_times_are_those_of_each_stream(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = SimulatedClock()
    output = run(a_fake(plain_account(30), clock), clock, catalog=selecting(*ALL_STREAMS))
    arguments: Any = [r.args for r in caplog.records if r.msg == "METRIC: %s"]
    points: list[metrics.Point[Any]] = [each[0] for each in arguments]
    counts = {p.tags["stream"]: p.value for p in points if p.metric.value == "record_count"}
    assert counts == {stream: len(rows(output, stream)) for stream in ALL_STREAMS}
    timers = [point for point in points if point.metric_type == "timer"]
    assert sorted(point.tags["stream"] for point in timers) == sorted(ALL_STREAMS)
    assert {point.tags["status"] for point in timers} == {"succeeded"}


class FailingWriter(ListWriter):
    """Gets each record by itself, as a writer of the SDK does, and takes none."""

    error: Exception

    def write_message(self, message: Any) -> None:
        if message.type == "RECORD":
            raise self.error
        super().write_message(message)


def run_into(error: Exception, **settings: Any) -> None:
    writer = FailingWriter()
    writer.error = error
    clock = SimulatedClock()
    tap = SimulatedTap(config={**CONFIG, **settings}, message_writer=writer)
    tap.clock, tap.fake = clock, a_fake(plain_account(3), clock)
    tap.sync_all()


MAPS = {"ticket_events": {"via": None}}


def test_an_output_that_fails_is_not_taken_for_an_expression_that_does() -> None:
    with pytest.raises(ZendeskEventsError, match="the output is full"):
        run_into(ZendeskEventsError("the output is full"), stream_maps=MAPS)
    with pytest.raises(ZendeskEventsError, match="ValueError") as caught:
        run_into(ValueError("s3cr3t"), stream_maps=MAPS)
    assert "s3cr3t" not in str(caught.value)


def test_without_expressions_an_error_of_the_sdk_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="inside"):
        run_into(ValueError("inside"), flattening_enabled=True, flattening_max_depth=1)
