"""The command line, in this process: options, help, and how errors end it."""

from __future__ import annotations

import logging
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.singer.command_line import OPTIONS, TapCommand
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.termination import TerminatedError


def a_command(error: BaseException) -> TapCommand:
    """A command that ends with this error."""

    def fail() -> None:
        raise error

    return TapCommand(name="tap", callback=fail, logger=logging.getLogger("test_command_line"))


def test_help_explains_the_files_in_the_taps_own_words() -> None:
    command = TapZendeskEvents.get_singer_command()
    helps = {option.name: option.help for option in command.params if option.name in OPTIONS}
    assert helps == OPTIONS


def test_what_a_user_can_mend_is_one_line_and_status_1(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(SystemExit) as ended:
        a_command(ZendeskEventsError("Do this.")).main([])
    assert ended.value.code == 1
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "Do this.")
    ]


def test_where_it_came_from_is_told_at_debug_level_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SystemExit):
        a_command(ZendeskEventsError("Do this.")).main([])
    (_, debug) = caplog.records
    assert debug.levelname == "DEBUG"
    assert debug.exc_info


def test_a_signal_is_told_and_keeps_its_status(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(TerminatedError) as ended:
        a_command(TerminatedError(15)).main([])
    assert ended.value.code == 143
    assert "Stopped by SIGTERM" in caplog.text


def test_any_other_exception_is_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="inside"):
        a_command(RuntimeError("inside")).main([])


@pytest.mark.parametrize(
    "options", [["--state", "-"], ["--catalog", "-"]], ids=["state", "catalog"]
)
def test_a_file_is_checked_before_anything_is_made_of_it(options: list[str]) -> None:
    config = ["--config", "ENV"]
    done = CliRunner().invoke(TapZendeskEvents.cli, [*config, *options], input="[]")
    assert done.exit_code == 1


def test_the_sdks_schema_test_is_still_there() -> None:
    context: Any = click.Context(TapZendeskEvents.get_singer_command())
    (option,) = [each for each in context.command.params if each.name == "test"]
    assert option.metavar == "[schema]"
