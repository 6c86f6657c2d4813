"""The tap: settings in, streams out."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import (
    EMIT_ACTIVATE_VERSION_CONFIG,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.singerlib import Catalog
from typing_extensions import override

from tap_zendesk_events.clock import Clock
from tap_zendesk_events.exceptions import StartTooRecentError, ZendeskEventsError
from tap_zendesk_events.rows.values import nests_too_deep
from tap_zendesk_events.settings import Settings, raise_problems, read_settings
from tap_zendesk_events.singer.command_line import CommandLineTap
from tap_zendesk_events.singer.config_schema import CONFIG_SCHEMA
from tap_zendesk_events.singer.environment import read_environment, usable_log_levels
from tap_zendesk_events.singer.hooks import HookedStream, activate_version
from tap_zendesk_events.singer.sdk_settings import flattening_problems, stream_map_problems
from tap_zendesk_events.singer.writer import MessageWriter
from tap_zendesk_events.streams import STREAMS, ZendeskStream
from tap_zendesk_events.sync import ExportSync
from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.fetcher import InThreads, OneByOne
from tap_zendesk_events.zendesk.account import Account
from tap_zendesk_events.zendesk.export import TICKET_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

    from tap_zendesk_events.walk.fetcher import Fetcher
    from tap_zendesk_events.zendesk.page import Page


class TapZendeskEvents(CommandLineTap):
    """Reads the history of Zendesk's tickets, who changed what and when: its event export."""

    name = "tap-zendesk-events"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    message_writer_class: type[GenericSingerWriter[Any, Any]] = MessageWriter
    # without BATCH: in this SDK version it writes deselected columns
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        activate_version(),
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    clock = Clock()
    """Tells the time and waits. Tests put another one here."""

    reads_ahead = True
    """Whether pages are fetched while another one is written. Not on simulated time, which knows
    one thing at a time only."""

    def __init__(
        self,
        *,
        parse_env_config: bool = False,
        validate_config: bool = True,
        **options: Any,
    ) -> None:
        """See the base class.

        Raises:
            ZendeskEventsError: A setting, the state or the catalog cannot be used.
        """
        self._parse_env_config = parse_env_config
        if isinstance(options.get("catalog"), dict):
            options["catalog"] = _checked_catalog(options["catalog"])
        with usable_log_levels(os.environ):
            # the environment is read below, not by the SDK, which reads a file .env too
            super().__init__(validate_config=validate_config, **options)
        if not any(stream.selected for stream in self.streams.values()):
            self.logger.warning(
                "No stream is selected, so nothing is exported: name one under `select` in "
                "meltano.yml, such as ticket_events.*, or select it in the catalog."
            )

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = dict(self._config)  # the one given belongs to the caller
        if self._parse_env_config:
            self.append_builtin_config(self.config_jsonschema)
            values, found = read_environment(self.config_jsonschema, os.environ)
            if raise_errors:
                raise_problems(found)
            self._config.update(values)
        problems = super()._validate_config(raise_errors=raise_errors)
        if raise_errors:
            self.settings  # noqa: B018 - the checks that a JSON schema cannot express
        return problems

    @override
    def problems_of_sdk_settings(self) -> list[str]:
        names = [str(stream.name) for stream in STREAMS]  # type: ignore[misc]
        maps = stream_map_problems(self.config.get("stream_maps"), names)
        return [*maps, *flattening_problems(self.config)]

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        super().append_builtin_config(config_jsonschema)
        # obeyed by SDK 0.54, but not described
        for name, definition in EMIT_ACTIVATE_VERSION_CONFIG["properties"].items():
            config_jsonschema["properties"].setdefault(name, definition)

    @cached_property
    def settings(self) -> Settings:
        """The checked settings.

        Raises:
            ZendeskEventsError: Something is missing or wrong.
        """
        return read_settings(self.config)

    def account(self, *, once: bool = False) -> Account:
        """Return a new access to the account, which sends nothing by itself.

        Args:
            once: Whether the first failure is the last.
        """
        user_agent = f"{self.name}/{self.plugin_version}"
        return Account(self.settings, self.clock, user_agent, self.logger, once=once)

    @cached_property
    def _account(self) -> Account:
        return self.account()

    @override
    def setup_mapper(self) -> None:
        # The mapper takes keys from the catalog, which the streams complete when they are loaded.
        _ = self.streams
        failed = False
        try:
            super().setup_mapper()
        except Exception:  # noqa: BLE001 - expressions are run here; the error quotes them
            failed = True
        if failed:
            raise ZendeskEventsError(
                "The SDK cannot use stream_maps or the settings of flattening: correct them. A map "
                "must keep the key columns, and name them if it has __else__; __key_properties__ "
                "must name columns that exist; names that flattening makes and shortens must "
                "differ from each other."
            )

    @override
    def discover_streams(self) -> Sequence[ZendeskStream]:
        return [stream(self) for stream in STREAMS]

    @override
    def sync_export_of(self, stream: HookedStream) -> None:
        streams = self._streams_with(stream)
        # every stream's SCHEMA is out when the turn of the last one has come
        if stream is streams[-1]:
            self._export_sync(streams).run()

    @override
    def records_of(self, stream: HookedStream) -> Iterator[Record]:
        streams = self._streams_with(stream)
        (alone,) = [each for each in streams if each is stream]
        return self._export_sync(streams).records(alone)

    def _streams_with(self, stream: HookedStream) -> list[ZendeskStream]:
        """Return the selected streams that come out of one export with `stream`, itself too."""
        selected = [s for s in self.streams.values() if isinstance(s, ZendeskStream) and s.selected]
        (export,) = {each.export for each in selected if each is stream}
        return [each for each in selected if each.export == export]

    def _export_sync(self, streams: list[ZendeskStream]) -> ExportSync:
        return ExportSync(
            self._account,
            streams,
            lambda: self.state_writer.write_state(self.state),
            self.clock,
            self.logger,
            self.fetcher,
        )

    def fetcher(self, fetch: Callable[[int], Page | None]) -> Fetcher[Any]:
        """Return who gets the pages of a walk.

        Args:
            fetch: Gets one.
        """
        return InThreads(fetch) if self.reads_ahead else OneByOne(fetch)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        # a state of another form must not pass for an empty one: all would be loaded anew
        bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
        if bookmarks is None and not state:
            bookmarks = {}
        if (
            not isinstance(bookmarks, dict)
            or not all(isinstance(bookmark, dict) for bookmark in bookmarks.values())
            or nests_too_deep(bookmarks)
        ):
            raise ZendeskEventsError(
                "The state is not of the form that this tap writes (an object `bookmarks` with an "
                "object for each stream; of a STATE message only what is under `value`): correct "
                "it, or remove it to start from start_date."
            )
        super().load_state({"bookmarks": bookmarks})
        for name, stream in self.streams.items():
            if name in bookmarks and isinstance(stream, ZendeskStream):
                stream.adopt_state(bookmarks[name])

    @override
    def check_connection(self) -> str:
        settings = self.settings
        export = TICKET_EVENTS.asking_for(
            comments=settings.include_comments, support_type_scope=settings.support_type_scope
        )
        client = self.account(once=True).client(export)
        found = "nothing to export yet"
        try:
            page = client.page(settings.start)
        except StartTooRecentError:
            pass
        else:
            found = f"no events since {iso(settings.start)}"
            if page.events:
                found = f"first event of {iso(page.events[0].time)}"
        allowance = f"allowance {client.quota.allowance} a minute"
        if not client.quota.ever_told:
            allowance += " (assumed, the answer does not tell)"
        return f"ok: {settings.host} answers, {allowance}, {found}"


def _checked_catalog(catalog: dict[str, Any]) -> Catalog:
    try:
        if not nests_too_deep(catalog):
            return Catalog.from_dict(catalog)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise ZendeskEventsError("The catalog is not of the form that --discover writes: make it anew.")
