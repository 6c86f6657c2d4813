"""The tap: settings in, streams out, and the command line around them."""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import SingerCommand
from singer_sdk.singerlib import Catalog
from typing_extensions import override

from tap_zendesk_events.client import TICKET_METRIC_EVENTS, ticket_events
from tap_zendesk_events.clock import Clock
from tap_zendesk_events.connection import Connection
from tap_zendesk_events.exceptions import StartTooRecentError, ZendeskEventsError
from tap_zendesk_events.joint_walk import JointWalk
from tap_zendesk_events.output import TERMINATION, MessageWriter, TerminatedError
from tap_zendesk_events.sdk_hooks import ENVIRONMENT_LOGGER, QUIET_START, HookedTap
from tap_zendesk_events.settings import (
    CONFIG_SCHEMA,
    Settings,
    drop_empty_variables,
    environment_problems,
    number,
    raise_problems,
    read_settings,
)
from tap_zendesk_events.streams import (
    STREAMS,
    EventStream,
    TicketCommentsStream,
    TicketMetricEventsStream,
    ZendeskStream,
)
from tap_zendesk_events.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter


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
        TapCapabilities.ACTIVATE_VERSION,
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
        if parse_env_config:
            drop_empty_variables(self.config_jsonschema, os.environ)
        try:
            super().__init__(
                parse_env_config=parse_env_config, validate_config=validate_config, **options
            )
        except ValueError:
            # the SDK reads numbers and JSON from the environment without saying which is none
            try:
                if parse_env_config:
                    raise_problems(environment_problems(self.config_jsonschema, os.environ))
            except ZendeskEventsError as problems:
                raise problems from None  # the other error quotes the value
            raise
        TERMINATION.install()
        if not any(stream.selected for stream in self.streams.values()):
            self.logger.warning(
                "No stream is selected, so nothing is exported: name one under `select` in "
                "meltano.yml, such as ticket_events.*, or select it in the catalog."
            )

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        if self._parse_env_config:
            if raise_errors:
                raise_problems(environment_problems(self.config_jsonschema, os.environ))
            self._read_broken_numbers()
        problems = super()._validate_config(raise_errors=raise_errors)
        if raise_errors:
            self.settings  # noqa: B018 - the checks that a JSON schema cannot express
        return problems

    def _read_broken_numbers(self) -> None:
        """Turn text from the environment into numbers, where the SDK reads whole ones only."""
        for name, definition in self.config_jsonschema["properties"].items():
            value = self._config.get(name)
            if isinstance(value, str) and "number" in definition["type"]:
                self._config[name] = number(value)

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
        super().setup_mapper()

    @override
    def discover_streams(self) -> Sequence[ZendeskStream]:
        return [stream(self) for stream in STREAMS]

    def walk_of(self, stream: ZendeskStream) -> JointWalk:
        """Return the walk that `stream` comes out of, the same for all streams of one export."""
        return self._event_walk if isinstance(stream, EventStream) else self._metric_walk

    @cached_property
    def _event_walk(self) -> JointWalk:
        streams = self._selected(EventStream)
        endpoint = ticket_events(
            comments=self.settings.include_comments
            or any(isinstance(stream, TicketCommentsStream) for stream in streams),
            support_type_scope=self.settings.support_type_scope,
        )
        return JointWalk(self, self.connection, endpoint, streams)

    @cached_property
    def _metric_walk(self) -> JointWalk:
        streams = self._selected(TicketMetricEventsStream)
        return JointWalk(self, self.connection, TICKET_METRIC_EVENTS, streams)

    def _selected(self, kind: type[ZendeskStream]) -> list[ZendeskStream]:
        return [s for s in self.streams.values() if isinstance(s, kind) and s.selected]

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        # a state of another form must not pass for an empty one: all would be loaded anew
        bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
        if bookmarks is None and not state:
            bookmarks = {}
        if not isinstance(bookmarks, dict) or not all(
            isinstance(bookmark, dict) for bookmark in bookmarks.values()
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
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError):
            raise ZendeskEventsError(
                "A file given with --config cannot be read as JSON: check its path and content."
            ) from None

    @classmethod
    @override
    def invoke(cls, **options: Any) -> None:
        for name in ("state", "catalog"):
            if options.get(name) is not None:
                options[name] = _checked_json(options[name], name)
        _tune_interpreter()
        super().invoke(**options)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        logging.getLogger(ENVIRONMENT_LOGGER).addFilter(QUIET_START)
        cls.logger.addFilter(QUIET_START)
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
    def main(self, *args: Any, **options: Any) -> Any:
        try:
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


def _checked_json(file: Any, option: str) -> io.StringIO:
    """Return the content of a file given on the command line, if it is a JSON object."""
    try:
        content = json.loads(file.read().strip() or "{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ZendeskEventsError(
            f"The file given with --{option} holds no JSON object: correct it."
        )
    return io.StringIO(json.dumps(content))


def _checked_catalog(catalog: dict[str, Any]) -> Catalog:
    try:
        return Catalog.from_dict(catalog)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ZendeskEventsError(
            "The catalog is not of the form that --discover writes: make it anew."
        ) from None
