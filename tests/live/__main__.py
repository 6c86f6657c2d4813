"""Asks the account that the environment names: ``python -m tests.live``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema

from tap_zendesk_events.clock import Clock
from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.settings import (
    AccessToken,
    ApiToken,
    ClientCredentials,
    RefreshToken,
    raise_problems,
    read_settings,
)
from tap_zendesk_events.singer.config_schema import CONFIG_SCHEMA, type_problem
from tap_zendesk_events.singer.environment import read_environment
from tests.live import report
from tests.live.asking import MOST_REQUESTS, Asker
from tests.live.interview import interview
from tests.support.console import interruptible, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_zendesk_events.settings import Settings
    from tests.live.interview import Answers

NAME = "tap-zendesk-events"
FOLDER = Path(__file__).resolve().parents[2] / "build" / "live"
OPTIONS = ("late", "together")
WAYS: dict[type, str] = {
    AccessToken: "access_token",
    ApiToken: "email and api_token",
    ClientCredentials: "client_id and client_secret",
    RefreshToken: "refresh_token",
}

BEGIN = """\
Asking the account what only live traffic can settle: at most {most} requests, inside its allowance.
Nothing is changed in the account, and no content of tickets is kept.
"""
END = """
Written: {paths}
The report holds no content of tickets and no name of the account. Please read it, and attach both
files to an issue ("What Zendesk says" among the forms): it tells what to correct."""


def main(arguments: list[str] | None = None) -> int:
    """Ask, write the report, and return the exit status."""
    options = _parser().parse_args(arguments)
    interruptible()
    log = logging.getLogger("tests.live")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("      %(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        settings = settings_of(os.environ)
    except ZendeskEventsError as error:
        say(str(error))
        return 1
    say(BEGIN.format(most=options.most))
    asker = Asker(settings, Clock(), f"{NAME}/{version(NAME)}", log, options.most)
    wanted = [name for name in OPTIONS if getattr(options, name)]
    answers, ended = interview(asker, wanted, say)
    if answers.for_pages:
        paths = report.write(options.folder, answers, about(settings))
        say(END.format(paths=", ".join(map(str, paths))))
    return _status(answers, ended)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the tap's settings as the environment gives them, checked as the tap checks them.

    Raises:
        ZendeskEventsError: They cannot be used; names them and quotes nothing.
    """
    properties = CONFIG_SCHEMA["properties"]
    values, problems = read_environment(CONFIG_SCHEMA, environment)
    raise_problems(problems)
    defaults = {name: d["default"] for name, d in properties.items() if "default" in d}
    config = defaults | values
    validator = jsonschema.Draft202012Validator(CONFIG_SCHEMA)
    wrong = {str(error.path[0]) for error in validator.iter_errors(config) if error.path}
    raise_problems([type_problem(name, properties[name]) for name in sorted(wrong)])
    return read_settings(config)


def about(settings: Settings) -> dict[str, str]:
    """Return what a report says of the run besides its answers: nothing of the account."""
    way = WAYS[type(settings.credentials)]
    return {"version": version(NAME), "date": f"{datetime.now(UTC):%Y-%m-%d}", "way": way}


def _status(answers: Answers, ended: BaseException | None) -> int:
    if isinstance(ended, ZendeskEventsError):
        say(str(ended))
        return 1
    if ended is not None:
        say("Interrupted." if answers.requests else "Interrupted before anything was asked.")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.live",
        description=(
            "Ask Zendesk what only live traffic can settle. The account is that of the tap's "
            "settings in the environment (TAP_ZENDESK_EVENTS_SUBDOMAIN and so on)."
        ),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--late", action="store_true", help="also look how late events appear: ten minutes more")
    add("--together", action="store_true", help="also send two requests at once")
    add("--folder", type=Path, default=FOLDER, help="where the report goes")
    add("--most", type=_most, default=MOST_REQUESTS, help="send no more requests than this")
    return parser


def _most(text: str) -> int:
    most = int(text)
    if not 1 <= most <= MOST_REQUESTS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MOST_REQUESTS}")
    return most


if __name__ == "__main__":
    sys.exit(main())
