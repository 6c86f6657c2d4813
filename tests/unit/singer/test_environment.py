"""The environment: with ``--config=ENV`` it is read, whole, and nothing else is."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import singer_sdk
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.settings import ENV_PREFIX, AccessToken, Settings
from tap_zendesk_events.singer.config_schema import CONFIG_SCHEMA
from tap_zendesk_events.singer.environment import read_environment, usable_log_levels
from tap_zendesk_events.tap import TapZendeskEvents
from tests.conftest import forget_settings
from tests.fake_zendesk import Account, FakeZendesk, make_events
from tests.support.cli import tap
from tests.support.harness import BEGIN

GOOD = {"SUBDOMAIN": "acme", "ACCESS_TOKEN": "fake-access-token", "START_DATE": "2023-11-14"}
CONFIG = {name.lower(): text for name, text in GOOD.items()}
MARK = "zzqx"
"""Stands in bad values, so that a message that quotes one is found out."""
SCHEMA = TapZendeskEvents.config_jsonschema
TapZendeskEvents.append_builtin_config(SCHEMA)


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(ENV_PREFIX + name, value)


@pytest.mark.parametrize("place", ["above the environment", "where it runs"])
def test_a_file_of_variables_changes_nothing(place: str, tmp_path: Path) -> None:
    """The SDK looks above its own folder (0.54) or above the working one (0.55)."""
    environment = tmp_path / "project" / ".venv" / "lib"
    shutil.copytree(Path(singer_sdk.__file__).parent, environment / "singer_sdk")
    elsewhere = tmp_path / "elsewhere" / "deeper"
    elsewhere.mkdir(parents=True)
    folder = tmp_path / ("project" if place.startswith("above") else "elsewhere")
    other, mine = FakeZendesk(Account(make_events(3))), FakeZendesk(Account(make_events(5)))
    with other.serve() as wrong, mine.serve() as right:
        lines = (f"API_URL={wrong}", "START_DATE=2090-01-01", "PAGE_SIZE=many", "LOGLEVEL=debug")
        text = "".join(f"{ENV_PREFIX}{line}\n" for line in lines)
        (folder / ".env").write_text(text)
        settings = {"api_url": right, "access_token": "fake-access-token"}
        settings["start_date"] = "2023-11-14"
        done = tap(settings=settings, cwd=elsewhere, PYTHONPATH=f"{environment}:{Path.cwd()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"RECORD"') == 5
    assert other.log == []
    assert "DEBUG" not in done.stderr


@pytest.mark.usefixtures("good")
def test_the_sdks_own_reader_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the SDK reads the environment, and a file .env with it")

    monkeypatch.setattr("singer_sdk.plugin_base.parse_environment_config", refuse)
    assert TapZendeskEvents(parse_env_config=True).settings.host == "acme.zendesk.com"


@pytest.mark.usefixtures("good")
def test_the_environment_and_the_callers_settings_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ENV_PREFIX + "END_DATE", " ")
    monkeypatch.setenv("LOGLEVEL", "")
    before = dict(os.environ)
    given_config = {"page_size": 50, "user_agent": "", "start_date": "2020-01-01"}
    made = TapZendeskEvents(config=given_config, parse_env_config=True)
    assert made.settings.page_size == 50
    assert made.config["start_date"] == GOOD["START_DATE"]  # the environment comes last
    assert given_config == {"page_size": 50, "user_agent": "", "start_date": "2020-01-01"}
    assert dict(os.environ) == before


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PAGE_SIZE", "9" * 5_000),
        ("PAGE_SIZE", "\N{ARABIC-INDIC DIGIT FIVE}"),
        ("REQUESTS_PER_MINUTE", "1" + "0" * 30),
        ("REQUEST_TIMEOUT", "1e300"),
        ("STREAM_MAPS", "{"),
        ("STREAM_MAPS", "[" * 980 + "]" * 980),
        ("STREAM_MAPS", '{"a":' * 200 + "1" + "}" * 200),
        ("STREAM_MAP_CONFIG", '{"a":' * 980 + "1" + "}" * 980),
        ("STREAM_MAP_CONFIG", "[" * 100_000),
        ("FLATTENING_ENABLED", "perhaps"),
        ("EMIT_ACTIVATE_VERSION_MESSAGES", "perhaps"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV_PREFIX + name, text)
    with pytest.raises(ZendeskEventsError) as caught:
        TapZendeskEvents(parse_env_config=True)
    assert name.lower() in str(caught.value).lower()
    assert text not in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from([ENV_PREFIX + name.upper() for name in SCHEMA["properties"]]), st.text()
    )
)
def test_whatever_the_environment_holds_is_a_value_or_a_problem(
    environment: dict[str, str],
) -> None:
    values, problems = read_environment(SCHEMA, environment)
    told = [problem.split()[0] for problem in problems]
    read = [ENV_PREFIX + name.upper() for name in values]
    assert sorted(told + read) == sorted(n for n, text in environment.items() if text.strip())


def in_environment() -> Settings:
    return TapZendeskEvents(config={}, parse_env_config=True).settings


def problem_of_environment() -> str:
    with pytest.raises(ZendeskEventsError) as caught:
        in_environment()
    assert MARK not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("good")
def test_every_type_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "PAGE_SIZE": "250",
        "SETTLING_SECONDS": "600",
        "REQUESTS_PER_MINUTE": "5",
        "REQUEST_TIMEOUT": "2.5",
        "MAX_RETRY_SECONDS": "60",
        "INCLUDE_COMMENTS": "true",
        "END_DATE": "2025-12-01",
        "USER_AGENT": "acme",
    }
    for name, value in values.items():
        monkeypatch.setenv(ENV_PREFIX + name, value)
    settings = in_environment()
    assert (settings.page_size, settings.settling_seconds) == (250, 600)
    assert (settings.requests_per_minute, settings.request_timeout) == (5, 2.5)
    assert (settings.max_retry_seconds, settings.include_comments) == (60.0, True)
    assert settings.end == BEGIN + 30 * 86_400
    assert settings.user_agent == "acme"


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("yes", True),
        ("false", False),
        ("0", False),
    ],
)
def test_truth_in_every_form(text: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_PREFIX + "INCLUDE_COMMENTS", text)
    assert in_environment().include_comments is expected


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PAGE_SIZE", MARK),
        ("PAGE_SIZE", "1.5"),
        ("PAGE_SIZE", "1e3"),
        ("PAGE_SIZE", "1_0"),
        ("PAGE_SIZE", "0"),
        ("PAGE_SIZE", "1001"),
        ("SETTLING_SECONDS", "five minutes"),
        ("SETTLING_SECONDS", "59"),
        ("REQUESTS_PER_MINUTE", MARK),
        ("REQUEST_TIMEOUT", MARK),
        ("REQUEST_TIMEOUT", "nan"),
        ("REQUEST_TIMEOUT", "inf"),
        ("MAX_RETRY_SECONDS", MARK),
        ("MAX_RETRY_SECONDS", "-1"),
        ("INCLUDE_COMMENTS", MARK),
        ("INCLUDE_COMMENTS", "2"),
        ("START_DATE", MARK),
        ("SUBDOMAIN", f"{MARK}!"),
        ("API_TOKEN", MARK),
    ],
)
def test_a_setting_of_the_environment_that_cannot_be_used_is_named(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV_PREFIX + name, text)
    assert name.lower() in problem_of_environment().lower()


@pytest.mark.usefixtures("good")
def test_an_empty_text_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, definition in CONFIG_SCHEMA["properties"].items():
        if name not in CONFIG and "string" in definition["type"]:
            monkeypatch.setenv(ENV_PREFIX + name.upper(), "")
    assert in_environment() == TapZendeskEvents(config=CONFIG).settings


@pytest.mark.usefixtures("good")
def test_a_number_as_token_is_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_PREFIX + "ACCESS_TOKEN", "7310001")
    assert in_environment().credentials == AccessToken("7310001")


LEVEL_NAMES = pytest.mark.parametrize("name", ["LOGLEVEL", f"{ENV_PREFIX}LOGLEVEL"])
NO_LEVELS = pytest.mark.parametrize(
    "text", ["", " ", "trace", "10", "inf o", "\N{LATIN SMALL LETTER LONG S}ilent"]
)


@LEVEL_NAMES
@NO_LEVELS
def test_a_word_that_is_no_level_stops_no_program(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    assert TapZendeskEvents(validate_config=False).streams
    assert os.environ[name] == text


@LEVEL_NAMES
@NO_LEVELS
def test_the_command_says_that_a_word_is_no_level_in_a_line_and_goes_on(
    name: str, text: str
) -> None:
    done = tap("--discover", variables={name: text})
    assert done.returncode == 0, done.stderr
    assert "ticket_events" in done.stdout
    warnings = done.stderr.splitlines()
    assert len(warnings) == (1 if text.strip() else 0)
    for line in warnings:
        assert "WARNING" in line
        assert f"variable {name} holds no level" in line
        assert text not in line.partition("variable")[2].replace(name, "")


def test_levels_that_are_known_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("debug", "Warning", "CRITICAL"):
        environment = {"LOGLEVEL": text}
        with usable_log_levels(environment) as unknown:
            assert environment == {"LOGLEVEL": text}
        assert unknown == []
    monkeypatch.setenv("LOGLEVEL", "trace")
    monkeypatch.setenv(f"{ENV_PREFIX}LOGLEVEL", "error")
    assert TapZendeskEvents(validate_config=False).metrics_logger.level == logging.ERROR


def test_a_developers_own_settings_do_not_reach_the_tests() -> None:
    mine = {f"{ENV_PREFIX}SUBDOMAIN": "acme", "LOGLEVEL": "debug", "TARGET_POSTGRES_HOST": "x"}
    environment = {"PATH": "/bin", **mine, "MELTANO_ENVIRONMENT": "prod"}
    forget_settings(environment)
    assert environment == {"PATH": "/bin"}
    assert not any(name.startswith(ENV_PREFIX) for name in os.environ)
