"""The command line: what a person types, and what the tap answers."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tap_zendesk_events.singer.command_line import OPTIONS
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, plain_event
from tests.support.cli import environment, tap
from tests.support.docs import DOCS
from tests.support.harness import CLIENT
from tests.support.selection import ALL_STREAMS

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t-that-nobody-may-see"
START = {"start_date": "2023-11-14"}
TAP = f"{sys.executable} -m tap_zendesk_events"


@pytest.fixture
def fake() -> FakeZendesk:
    return FakeZendesk(Account(make_events(50, seed=2)))


def test_version_about_and_discover_need_no_configuration(tmp_path: Path) -> None:
    # nobody listens at the proxy, so that whoever asks the network fails
    proxy = "http://127.0.0.1:9"
    version = tap("--version", cwd=tmp_path, HTTPS_PROXY=proxy, HTTP_PROXY=proxy)
    assert version.returncode == 0
    assert version.stdout.startswith("tap-zendesk-events v")
    about = tap("--about", "--format=json", cwd=tmp_path, HTTPS_PROXY=proxy, HTTP_PROXY=proxy)
    assert about.returncode == 0
    assert "start_date" in json.loads(about.stdout)["settings"]["properties"]
    discover = tap("--discover", cwd=tmp_path, HTTPS_PROXY=proxy, HTTP_PROXY=proxy)
    assert discover.returncode == 0
    assert [s["tap_stream_id"] for s in json.loads(discover.stdout)["streams"]] == list(ALL_STREAMS)
    assert discover.stderr == ""


def test_help_says_what_each_file_is_in_words_of_its_own() -> None:
    shown = tap("--help")
    assert shown.returncode == 0
    words = " ".join(shown.stdout.split())
    for option, text in OPTIONS.items():
        assert f"--{option}" in words
        assert text in words


def test_a_run_prints_messages_only_and_says_what_it_did(url: str) -> None:
    done = tap(settings={"api_url": url, **CLIENT, **START})
    assert done.returncode == 0
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds == ["SCHEMA", *["RECORD"] * 50, "STATE"]
    lines = [line for line in done.stderr.splitlines() if "METRIC" not in line]
    assert len(lines) == 4
    assert "ticket_events from start_date, no bookmark yet" in lines[0]
    assert "First run of ticket_events: it begins at start_date, which is Tuesday 14 " in lines[1]
    assert "Sent 50 ticket_events" in lines[3]
    assert all("INFO" in line for line in lines)


def test_the_commands_without_meltano(fake: FakeZendesk, url: str, tmp_path: Path) -> None:
    first = DOCS["without-meltano"].blocks("sh")[0]
    (later,) = DOCS["without-meltano"].below("Go on where it was").blocks("sh")
    access = re.sub(r"=\.\.\. (\w+)=\.\.\.", r"=fake-client \1=fake-client-secret", first)
    access = access.replace("START_DATE=2024-01-01", "START_DATE=2023-11-14")

    def shell(commands: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", commands.replace("uvx tap-zendesk-events", TAP)],
            cwd=tmp_path,
            env={"TAP_ZENDESK_EVENTS_API_URL": url, "PATH": os.environ["PATH"]},
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert shell(access).startswith("ok: ")
    newest = max(event["timestamp"] for event in fake.account.events())
    fake.account.add(plain_event(7, newest + 1))
    exports = "".join(line for line in access.splitlines(keepends=True) if "export" in line)
    shell(exports + later)
    with (tmp_path / "events.jsonl").open(encoding="utf-8") as file:
        messages = [json.loads(line) for line in file]
    found = [message["record"]["id"] for message in messages if message["type"] == "RECORD"]
    assert sorted(found) == sorted(event["id"] for event in fake.account.events())


def test_debug_shows_every_page_and_the_sdk_too(url: str) -> None:
    done = tap(settings={"api_url": url, **CLIENT, **START, "loglevel": "debug"})
    assert "Page 1: start" in done.stderr
    assert "Beginning sync of" in done.stderr


def test_the_connection_test_sends_one_request(url: str, fake: FakeZendesk) -> None:
    done = tap("--test", settings={"api_url": url, **CLIENT, **START})
    assert done.returncode == 0
    host = url.removeprefix("http://")
    first = "2023-11-14T22:2"
    assert done.stdout.startswith(
        f"ok: {host} answers, allowance 10 a minute, first event of {first}"
    )
    assert len(done.stdout.splitlines()) == 1
    assert [request.path_kind for request in fake.log] == ["token", "export"]


def test_the_connection_test_is_content_with_no_events(url: str) -> None:
    done = tap("--test", settings={"api_url": url, **CLIENT, "start_date": "2025-01-01"})
    assert done.returncode == 0
    assert "no events since 2025-01-01T00:00:00Z" in done.stdout
    recent = tap("--test", settings={"api_url": url, **CLIENT, "start_date": "2090-01-01"})
    assert recent.returncode == 0
    assert "nothing to export yet" in recent.stdout


def test_the_connection_test_tells_a_passing_fault_without_a_second_try(
    url: str, fake: FakeZendesk
) -> None:
    fake.faults = [Fault(status=503)]
    done = tap("--test", settings={"api_url": url, **CLIENT, **START})
    assert done.returncode == 1
    assert_one_sentence(done.stderr, "status 503")
    assert len(fake.export_requests) == 1


def test_the_schema_test_writes_the_schema(url: str) -> None:
    done = tap("--test=schema", settings={"api_url": url, **CLIENT, **START})
    assert done.returncode == 0
    assert {json.loads(line)["type"] for line in done.stdout.splitlines()} == {"SCHEMA"}


def assert_one_sentence(stderr: str, *parts: str) -> None:
    errors = [line for line in stderr.splitlines() if "| ERROR" in line]
    assert len(errors) == 1, stderr
    for part in parts:
        assert part in errors[0]
    assert "Traceback" not in stderr
    encoded = base64.b64encode(SECRET.encode()).decode().rstrip("=")
    for form in (SECRET, encoded, "fake-client-secret", "fake-access-token"):
        assert form not in stderr


def refused(settings: dict[str, str], *parts: str) -> None:
    done = tap(settings=settings)
    assert done.returncode == 1, done.stderr
    assert "RECORD" not in done.stdout
    assert "STATE" not in done.stdout
    assert_one_sentence(done.stderr, *parts)


def test_a_wrong_token(url: str) -> None:
    refused({"api_url": url, "access_token": SECRET, **START}, "does not accept", "401", "token")
    refused(
        {"api_url": url, "email": "admin@example.com", "api_token": SECRET, **START},
        "does not accept",
        "401",
    )


def test_a_wrong_client(url: str) -> None:
    refused(
        {"api_url": url, "client_id": "fake-client", "client_secret": SECRET, **START},
        "client_id",
        "client_secret",
    )


def test_a_wrong_subdomain(url: str, fake: FakeZendesk) -> None:
    fake.no_help_desk = True
    refused({"api_url": url, "access_token": SECRET, **START}, "subdomain", "404")


def test_not_an_admin(url: str, fake: FakeZendesk) -> None:
    fake.faults = [Fault(status=403, body='{"error":{"title":"Forbidden","message":"No access"}}')]
    refused({"api_url": url, **CLIENT, **START}, "admin", "403")


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused(
        {"api_url": f"http://127.0.0.1:{port}", **CLIENT, **START, "max_retry_seconds": "1"},
        f"127.0.0.1:{port} cannot be reached",
    )


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"start_date": ""}, ["start_date is not set", "2024-01-01"]),
        ({"start_date": "yesterday"}, ["start_date must be a date"]),
        ({"page_size": "many"}, ["TAP_ZENDESK_EVENTS_PAGE_SIZE must be a whole number"]),
        ({"page_size": "0"}, ["page_size must be a whole number from 1 to 1000"]),
        ({"include_comments": "jein"}, ["TAP_ZENDESK_EVENTS_INCLUDE_COMMENTS", "true or false"]),
        ({"request_timeout": "soon"}, ["TAP_ZENDESK_EVENTS_REQUEST_TIMEOUT must be a number"]),
        ({"api_url": "http://zendesk.example.com"}, ["api_url must begin with https"]),
        ({"client_secret": ""}, ["client_secret is not set"]),
        ({"access_token": "x"}, ["only one way to authenticate"]),
    ],
)
def test_a_setting_that_cannot_be_used(settings: dict[str, str], parts: list[str]) -> None:
    good = {"api_url": "http://127.0.0.1:1", **CLIENT, **START}
    refused({**good, **settings}, "Please correct the settings", *parts)


def test_a_number_as_api_token(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps({"subdomain": "acme", "email": "a@b.c", "api_token": 12345678, **START})
    )
    done = tap("--config", str(config))
    assert done.returncode == 1
    assert_one_sentence(done.stderr, "api_token must be text")
    assert "12345678" not in done.stderr


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_a_file_that_is_no_json(tmp_path: Path, option: str) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    settings = (
        None if option == "--config" else {"api_url": "http://127.0.0.1:1", **CLIENT, **START}
    )
    done = tap(option, str(broken), settings=settings)
    assert done.returncode == 1
    assert_one_sentence(done.stderr, option)


FILES_THAT_HOLD_NO_SETTINGS = {
    "a list": b"[]",
    "a list of pairs": b'[["page_size", 5]]',
    "a number": b"5",
    "text": b'"ENV"',
    "null": b"null",
    "nothing": b"",
    "bytes": b"\xff\xfe\x00{",
    "another encoding": '{"subdomain": "caf\xe9"}'.encode("latin-1"),
    "a number of 5,000 digits": b'{"page_size": ' + b"9" * 5_000 + b"}",
    "YAML": b"subdomain: acme",
}


@pytest.mark.parametrize(
    "content", FILES_THAT_HOLD_NO_SETTINGS.values(), ids=FILES_THAT_HOLD_NO_SETTINGS
)
def test_a_configuration_file_without_settings(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(content)
    done = tap("--config", str(config))
    assert done.returncode == 1
    assert_one_sentence(done.stderr, "A file given with --config cannot be read as JSON with")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("path", [".", "no-such-file.json", "a" * 300, "\udcff.json"])
def test_a_configuration_file_that_is_none(tmp_path: Path, path: str) -> None:
    done = tap("--config", path, cwd=tmp_path)
    assert done.returncode == 1
    assert_one_sentence(done.stderr, "A file given with --config cannot be read as JSON with")


def test_configuration_files_add_up_and_the_environment_comes_last(
    url: str, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"api_url": "http://127.0.0.1:9", **START}).encode()
    )
    two.write_text(json.dumps({"api_url": url, "client_id": "x", "request_timeout": 2.5}))
    done = tap("--config", str(one), "--config", str(two), "--test", settings=CLIENT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok: ")


def test_a_configuration_may_come_through_a_pipe(url: str) -> None:
    config = json.dumps({"api_url": url, **CLIENT, **START})
    done = subprocess.run(
        ["bash", "-c", f"{TAP} --test --config <(printf '%s' \"$0\")", config],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ending", ["an error", "success"])
def test_no_file_is_left_open(url: str, fake: FakeZendesk, tmp_path: Path, ending: str) -> None:
    """Meltano has Python warn of that, and shows it."""
    if ending == "an error":
        fake.faults = [Fault(status=403, body="{}")]
    settings = {"api_url": url, **CLIENT, **START}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    catalog = tap("--discover").stdout
    (tmp_path / "catalog.json").write_text(catalog)
    (tmp_path / "state.json").write_text("{}")
    files = [f"--{name}={tmp_path / name}.json" for name in ("config", "catalog", "state")]
    for options in (files, [*files, "--test"], ["--test", *files]):
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "tap_zendesk_events", *options],
            env=environment(PYTHONWARNINGS="always"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (1 if ending == "an error" else 0), done.stderr
        assert "ResourceWarning" not in done.stderr, options
        assert "Traceback" not in done.stderr


def test_a_bookmark_of_a_file_may_be_a_broken_number(url: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"bookmarks": {"ticket_events": {"replication_key_value": 1700000000.0}}}')
    done = tap("--state", str(state), settings={"api_url": url, **CLIENT, **START})
    assert done.returncode == 0, done.stderr
    assert "bookmark 2023-11-14T22:13:20Z" in done.stderr


def test_a_state_that_cannot_be_used(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(
        json.dumps({"bookmarks": {"ticket_events": {"replication_key_value": "soon"}}})
    )
    settings = {"api_url": "http://127.0.0.1:1", **CLIENT, **START}
    done = tap("--state", str(state), settings=settings)
    assert done.returncode == 1
    assert_one_sentence(done.stderr, "bookmark of ticket_events")


def test_an_empty_state_file_is_no_state(url: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("")
    done = tap("--state", str(state), settings={"api_url": url, **CLIENT, **START})
    assert done.returncode == 0
    assert done.stdout.count('"RECORD"') == 50
