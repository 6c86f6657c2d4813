"""The tap: settings in, streams out, and the command line around them."""

from __future__ import annotations

import gc
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.cli import plugin_cli
from singer_sdk.helpers.capabilities import (
    EMIT_ACTIVATE_VERSION_CONFIG,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.plugin_base import SingerCommand
from singer_sdk.singerlib import Catalog
from typing_extensions import override

from tap_zendesk_events.client import TICKET_METRIC_EVENTS, ticket_events
from tap_zendesk_events.clock import Clock
from tap_zendesk_events.connection import Connection
from tap_zendesk_events.environment import read_environment, usable_log_levels
from tap_zendesk_events.exceptions import StartTooRecentError, ZendeskEventsError
from tap_zendesk_events.given_files import checked_json, config_file
from tap_zendesk_events.joint_walk import JointWalk
from tap_zendesk_events.output import MessageWriter, printing
from tap_zendesk_events.sdk_hooks import HookedStream, HookedTap, activate_version, quiet
from tap_zendesk_events.sdk_settings import flattening_problems, stream_map_problems
from tap_zendesk_events.settings import CONFIG_SCHEMA, Settings, raise_problems, read_settings
from tap_zendesk_events.streams import (
    STREAMS,
    EventStream,
    TicketCommentsStream,
    TicketMetricEventsStream,
    ZendeskStream,
)
from tap_zendesk_events.termination import TerminatedError
from tap_zendesk_events.times import iso
from tap_zendesk_events.values import nests_too_deep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter


ENV = "ENV"
"""Given with ``--config``, it stands for the environment."""

OPTIONS = {
    "config": (
        "A JSON file with the settings, or the word ENV: then they come from environment "
        "variables, TAP_ZENDESK_EVENTS_SUBDOMAIN and so on."
    ),
    "discover": "Print the catalog: the streams and their columns. Needs no configuration.",
    "test": (
        "Read one page, write no data, and say in one line whether it works. With --test=schema "
        "print the schemas instead."
    ),
    "catalog": (
        "A JSON file that selects streams and columns, as --discover prints it. Without one, "
        "ticket_events alone is read."
    ),
    "state": (
        "A JSON file that says where the last run ended: the value of the last STATE message that "
        "it printed."
    ),
}
"""What `--help` says of the options, where the SDK's words are for those who know Singer."""


class TapZendeskEvents(HookedTap):
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
    """Whether the next page is fetched while the present one is written. Not on simulated time,
    which knows one thing at a time only."""

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

    @cached_property
    def connection(self) -> Connection:
        """The connection to the account, one for the whole run."""
        return self.connect()

    def connect(self, *, once: bool = False) -> Connection:
        """Return a new connection to the account, which sends nothing by itself.

        Args:
            once: Whether the first failure is the last.
        """
        user_agent = f"{self.name}/{self.plugin_version}"
        return Connection(self.settings, self.clock, user_agent, self.logger, once=once)

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
            self._walk_of(streams).run()

    @override
    def records_of(self, stream: HookedStream) -> Iterator[Record]:
        streams = self._streams_with(stream)
        (alone,) = [each for each in streams if each is stream]
        return self._walk_of(streams).records(alone)

    def _streams_with(self, stream: HookedStream) -> list[ZendeskStream]:
        """Return the selected streams that come out of one export with `stream`, itself too."""
        kind = EventStream if isinstance(stream, EventStream) else TicketMetricEventsStream
        return self._selected(kind)

    def _walk_of(self, streams: list[ZendeskStream]) -> JointWalk:
        endpoint = TICKET_METRIC_EVENTS
        if isinstance(streams[0], EventStream):
            endpoint = ticket_events(
                comments=self.settings.include_comments
                or any(isinstance(stream, TicketCommentsStream) for stream in streams),
                support_type_scope=self.settings.support_type_scope,
            )
        return JointWalk(self, self.connection, endpoint, streams)

    def _selected(self, kind: type[ZendeskStream]) -> list[ZendeskStream]:
        return [s for s in self.streams.values() if isinstance(s, kind) and s.selected]

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

    def check_connection(self) -> str:
        """Send one request, read one page and say in one line what it holds.

        Raises:
            ZendeskEventsError: No page came; says what to do.
        """
        connection = self.connect(once=True)
        settings = connection.settings
        client = connection.client(
            ticket_events(
                comments=settings.include_comments, support_type_scope=settings.support_type_scope
            )
        )
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

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        if value in {"disabled", "schema"}:
            super().cb_test(ctx, param, value)
            return
        config = ctx.params["config"]
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        click.echo(tap.check_connection())
        ctx.exit()

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        given = super().cb_config(ctx, param, tuple(word for word in value if word == ENV))
        for path in value:
            if path != ENV:
                given.config.update(config_file(path))
        return given

    @plugin_cli
    def cli(cls) -> click.Command:  # noqa: N805 - the SDK's decorator makes a class property of it
        """Return the command line."""
        with usable_log_levels(os.environ) as unknown:
            command: click.Command = super().cli
        for name in unknown:
            cls.logger.warning(
                "The environment variable %s holds no level of logging, and is ignored: set it to "
                "DEBUG, INFO, WARNING or ERROR.",
                name,
            )
        return command

    @classmethod
    @override
    def invoke(cls, **options: Any) -> None:
        for name in ("state", "catalog"):
            if options.get(name) is not None:
                options[name] = checked_json(options[name], name)
        _tune_interpreter()
        super().invoke(**options)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        quiet(cls.logger)
        command = super().get_singer_command()
        for option in command.params:
            if isinstance(option, click.Option) and option.name in OPTIONS:
                option.help = OPTIONS[option.name]
                if option.name == "test":
                    option.metavar = "[schema]"
        return TapCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=(
                "Read Zendesk's ticket events and print them as Singer messages, lines of JSON for "
                "a target. To check the connection: tap-zendesk-events --config=ENV --test"
            ),
            logger=cls.logger,
        )


class TapCommand(SingerCommand):
    """The command line: what a user can correct becomes one ERROR line and exit status 1."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except BaseException:
            ctx.close()  # the files of --catalog and --state, which click leaves open
            raise

    @override
    def main(self, *args: Any, **options: Any) -> Any:
        try:
            with printing():
                return super().main(*args, **options)
        except ZendeskEventsError as error:
            self.logger.error("%s", error)  # noqa: TRY400 - the traceback is of no use to a user
            self.logger.debug("Where it came from:", exc_info=error)
            sys.exit(1)
        except TerminatedError as error:
            self.logger.info(
                "Stopped by %s. The next run goes on after the last STATE.", error.name
            )
            raise


def _tune_interpreter() -> None:
    """Make the process fit for its one task. Only for the command: a program keeps its own ways."""
    # A page is tens of thousands of objects and no cycles: looking for some at every 700th object
    # takes a fourth of the run.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    # Two threads that take turns every 5 ms in the middle of their pages get in each other's way;
    # each lets the other in anyway when it reads or writes.
    sys.setswitchinterval(0.1)


def _checked_catalog(catalog: dict[str, Any]) -> Catalog:
    try:
        if not nests_too_deep(catalog):
            return Catalog.from_dict(catalog)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise ZendeskEventsError("The catalog is not of the form that --discover writes: make it anew.")
