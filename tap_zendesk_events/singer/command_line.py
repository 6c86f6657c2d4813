"""The command line around the tap: options, files, and the one line for what goes wrong."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import click
from singer_sdk.cli import plugin_cli
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.singer.environment import usable_log_levels
from tap_zendesk_events.singer.given_files import checked_json, config_file
from tap_zendesk_events.singer.hooks import HookedTap, quiet
from tap_zendesk_events.singer.writer import printing
from tap_zendesk_events.termination import TerminatedError

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


class CommandLineTap(HookedTap):
    """A tap with this command line."""

    def check_connection(self) -> str:
        """Send one request, read one page and say in one line what it holds.

        Raises:
            ZendeskEventsError: No page came; says what to do.
        """
        raise NotImplementedError

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
