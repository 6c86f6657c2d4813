"""The hooks of the SDK that are not public, in one place, each with its reason.

A test fails when a newer SDK no longer calls one of them (``tests/test_sdk_hooks.py``).
"""

from __future__ import annotations

import logging
import re
from functools import cached_property
from time import time
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, Tap, metrics
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.plugin_base import JSONSchemaValidator
from typing_extensions import override

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.output import MessageWriter
from tap_zendesk_events.settings import raise_problems, type_problem

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.helpers.types import Context, Record

START_LINES = (
    "Skipping parse of env var settings...",
    "Beginning sync of '%s' in %s mode",
    "Skipping deselected stream '%s'.",
    "Config validation failed",
    # of an error that we turn into one sentence anyway
    "An unhandled error occurred while syncing '%s'",
)
"""What the SDK logs about itself: of interest at debug level only."""

VERSION_LINE = re.compile(r"tap-zendesk-events v\S+, Meltano SDK v\S+")


class QuietStart(logging.Filter):
    """Lowers the SDK's own lines to debug level."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lower the level of a line of the SDK; drop it unless debug lines are wanted."""
        if record.msg not in START_LINES and not VERSION_LINE.fullmatch(str(record.msg)):
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


QUIET_START = QuietStart()
"""One for all, because a logger keeps every filter that it is given, but none of them twice."""


def quiet(logger: Any) -> None:
    """Lower the SDK's own lines in this logger. From SDK 0.55 on, a stream's is an adapter."""
    getattr(logger, "logger", logger).addFilter(QUIET_START)


def activate_version() -> CapabilitiesEnum:
    """Return the capability, which is the plugin's instead of the tap's from SDK 0.55 on."""
    capabilities: tuple[CapabilitiesEnum, ...] = (*TapCapabilities, *PluginCapabilities)
    return next(each for each in capabilities if each.value == "activate-version")


class HookedStream(Stream):
    """A stream that keeps its own bookmark, and whose records another stream may write.

    The SDK runs one stream after the other. Streams that come from one walk are written by the
    first of them; when the turn of the others comes, all is done but to report their numbers.
    """

    _announced = False
    _written_ahead = 0
    _ahead_since: float | None = None
    _counter: metrics.Counter | None = None

    def begin_anew(self) -> None:
        """Forget what was written ahead: a program may let one run follow another."""
        self._announced = False
        self._written_ahead = 0
        self._ahead_since = None
        self._counter = None

    def announce(self) -> None:
        """Write what comes before the records, ahead of the stream's turn."""
        self.begin_anew()  # the last run may have ended before the stream's turn
        self._ahead_since = time()
        self._write_schema_message()
        if self.replication_method == "FULL_TABLE" and self.emit_activate_version_messages:
            # as `Stream.sync` does it, to the letter
            self._stream_version = self._initialized_at // 1000
            self._write_activate_version_message(self._stream_version)
        self._announced = True

    def write(self, records: list[Record]) -> None:
        """Write records, be it the stream's turn or not."""
        writer = self._tap.message_writer
        if self.is_plain and isinstance(writer, MessageWriter):
            if records:
                writer.write_records(self.name, self._stream_version, records)
        else:
            for record in records:
                # the SDK takes columns out of the record it gets, and other streams share it
                self._write_mapped(dict(record))
        if self._counter is None:
            self._written_ahead += len(records)
        else:
            self._counter.increment(len(records))

    def _write_mapped(self, record: Record) -> None:
        failure = ""
        try:
            self._write_record_message(record)
        except ZendeskEventsError:
            raise
        except Exception as error:
            # an expression may raise anything, and the error quotes it or what is in the record
            if not self.config.get("stream_maps"):
                raise
            failure = type(error).__name__
        if failure:
            raise ZendeskEventsError(
                f"An expression in stream_maps fails ({failure}) at a record of {self.name}, that "
                f"with {' and '.join(f'{key} {record.get(key)}' for key in self.primary_keys)}: "
                "correct it; mind that most columns can be null, and that names are those of "
                "columns."
            )

    def report_failure(self) -> None:
        """Report what was written ahead, if the run ends before the stream has its turn."""
        if self._counter is not None or self._ahead_since is None:
            return  # it has had its turn, or nothing of it was begun
        timer = self.get_sync_timer()
        timer.tags[metrics.Tag.STATUS] = metrics.Status.FAILED
        with self.get_record_counter(), timer:
            pass

    @cached_property
    def is_plain(self) -> bool:
        """Whether records go out as they are: no stream map, no flattening, nothing deselected.

        Then what the SDK does to each record changes nothing, and is left out: selection, types
        (`rows` makes them fit) and mapping. A test compares the bytes of both ways.
        """
        ours = self.schema["properties"].keys()
        (first, *more) = self.stream_maps
        return (
            not more
            and type(first) is SameRecordTransform
            and first.stream_alias == self.name
            and not first.flattening_enabled
            and all(self.mask.values())
            and all(self.mask["properties", name] for name in ours)
            and self.effective_schema.get("properties", {}).keys() >= ours
        )

    @override
    def get_record_counter(self, **options: Any) -> metrics.Counter:
        counter = super().get_record_counter(**options)
        counter.value = self._written_ahead
        self._counter = counter
        return counter

    @override
    def get_sync_timer(self) -> metrics.Timer:
        timer = super().get_sync_timer()
        return timer if self._ahead_since is None else _TimerSince(timer, self._ahead_since)

    def _write_schema_message(self) -> None:
        """Write the SCHEMA once."""
        if not self._announced:
            super()._write_schema_message()

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Write the ACTIVATE_VERSION once."""
        if not self._announced:
            super()._write_activate_version_message(full_table_version)

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing: the bookmark moves by whole pages, after their records are written."""

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing: it would put `start_date`, or another key, into the state that we write."""


class _TimerSince(metrics.Timer):
    """A timer that began earlier than it was entered."""

    def __init__(self, timer: metrics.Timer, began: float) -> None:
        super().__init__(timer.metric, timer.tags)
        self._began = began

    @override
    def elapsed(self) -> float:
        return time() - self._began


class HookedTap(Tap):
    """A tap that leaves alone what is not its own, and checks settings without quoting them."""

    def _setup_signal_handlers(self) -> None:
        """Do nothing: the SDK's handler writes a STATE into the middle of a line, and exits with 0.

        It would run from the start on, when that STATE is empty; and the signals are the
        program's, until a stream is read.
        """

    def _reset_state_progress_markers(self) -> None:
        """Do nothing: our bookmarks have no such markers, and others' may be of any form."""

    def problems_of_sdk_settings(self) -> list[str]:
        """Return what is wrong with the SDK's own settings beyond their types."""
        raise NotImplementedError

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Fill in the defaults and check the types of the settings.

        The SDK's own check quotes the values that it complains about, secrets too.
        """
        schema: dict[str, Any] = self.config_jsonschema
        self.append_builtin_config(schema)
        config: dict[str, Any] = self._config
        for name in schema["properties"]:
            value = config.get(name)
            if value is None or (isinstance(value, str) and not value.strip()):
                config.pop(name, None)  # Meltano passes an empty variable on as empty text
        unknown = sorted(str(name) for name in config.keys() - schema["properties"].keys())
        if unknown and raise_errors:
            self.logger.warning("Not a setting of this tap, and ignored: %s.", ", ".join(unknown))
        problems = self.problems_of_sdk_settings()
        # the validator stumbles over some of what is wrong in maps
        maps = [name for name in ("stream_maps",) if problems and name in config]
        aside = {name: config.pop(name) for name in maps}
        for error in JSONSchemaValidator(schema).iter_errors(config):
            if error.path:
                name = str(error.path[0])
                problems.append(type_problem(name, schema["properties"].get(name, {})))
        config.update(aside)
        if raise_errors:
            raise_problems(list(dict.fromkeys(problems)))
        return problems
