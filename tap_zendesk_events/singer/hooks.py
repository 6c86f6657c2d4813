"""The hooks of the SDK that are not public, in one place, each with its reason.

A test fails when a newer SDK no longer calls one of them (``tests/unit/singer/test_hooks.py``).
"""

from __future__ import annotations

import contextlib
import logging
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, Tap, metrics
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.plugin_base import JSONSchemaValidator
from typing_extensions import override

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.rows.records import as_dict
from tap_zendesk_events.settings import raise_problems
from tap_zendesk_events.singer.config_schema import type_problem
from tap_zendesk_events.singer.writer import MessageWriter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.helpers.types import Context, Record

    from tap_zendesk_events.rows.records import Row

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
    """A stream whose records come with those of the other streams of its export.

    The SDK runs one stream after the other: SCHEMA, records, STATE. Streams of one export are
    written together, page by page, in the turn of the last of them, when every SCHEMA is out.
    """

    _tap: HookedTap
    _counter: metrics.Counter | None = None

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the records of this stream alone, in a walk of its own that moves no bookmark."""
        del context
        yield from self._tap.records_of(self)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, None]:
        """Write the records of the export, or of this stream alone if the SDK tries it out.

        The SDK's own way goes record by record. It would move a bookmark in the middle of a page,
        and put values of its own into the state.
        """
        if write_messages and self.ABORT_AT_RECORD_COUNT is None:
            self._tap.sync_export_of(self)
            return
        try:
            with self.metered():
                for index, record in enumerate(self.get_records(context)):
                    self._check_max_record_limit(current_record_index=index)
                    self.write([record] if write_messages else [])
                    yield record
        finally:
            if write_messages:
                self._tap.state_writer.write_state(self._tap.state)

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # Nothing to do: our bookmarks have no such markers, and each page is followed by its STATE.
        # The SDK would write one between the SCHEMAs of streams that are written together.
        del state

    @contextlib.contextmanager
    def metered(self) -> Iterator[None]:
        """Count and time what is written in the block, as the SDK does in a stream's turn."""
        with self.get_record_counter() as counter, self.get_sync_timer() as timer:
            for meter in (counter, timer):
                meter.with_context({})
            self._counter = counter
            try:
                yield
            finally:
                self._counter = None

    def write(self, records: Sequence[Row]) -> None:
        """Write records. Counts them inside of `metered`."""
        writer = self._tap.message_writer
        if self.bypasses_sdk and isinstance(writer, MessageWriter):
            if records:
                writer.write_records(self.name, self._stream_version, records)
        else:
            for record in records:
                # the SDK takes columns out of the record it gets, and other streams share it
                self._write_mapped(as_dict(record))
        if self._counter is not None:
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

    @cached_property
    def bypasses_sdk(self) -> bool:
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


class HookedTap(Tap):
    """A tap that leaves alone what is not its own, and checks settings without quoting them."""

    def sync_export_of(self, stream: HookedStream) -> None:
        """Write the records of the stream's export, if no other stream of it comes after this."""
        raise NotImplementedError

    def records_of(self, stream: HookedStream) -> Iterator[Record]:
        """Yield the records of one stream, and write nothing."""
        raise NotImplementedError

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
