"""What real processes say holds no secret and no comment; and credentials go to one host only.

Searched: standard error, and all of standard output but the records.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.fake_zendesk import FakeZendesk, Fault, LoggedRequest
from tests.support.cli import environment, tap
from tests.support.netrc import netrc
from tests.support.planted_secrets import (
    ACCESS_TOKEN,
    API_TOKEN,
    CLIENT_SECRET,
    EMAIL,
    INTRUDER,
    NUMBER,
    REFRESH_TOKEN,
    START,
    WAYS,
    a_fake,
    check,
    echoes,
    sent_by,
)
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fake() -> FakeZendesk:
    return a_fake()


@pytest.fixture(params=["info", "debug"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(selecting(*ALL_STREAMS)))
    return str(path)


def said_by(done: subprocess.CompletedProcess[str], status: int, *, traceback: bool = False) -> str:
    assert done.returncode == status, done.stderr
    assert traceback or "Traceback" not in done.stderr
    shown = [line for line in done.stdout.splitlines() if '"type":"RECORD"' not in line]
    return "\n".join([done.stderr, *shown])


@pytest.mark.parametrize(
    "options",
    [
        ["--about"],
        ["--about", "--format=json"],
        ["--discover"],
        ["--version"],
        ["--test=schema"],
    ],
    ids=" ".join,
)
def test_what_needs_no_account(options: list[str]) -> None:
    every = {name: value for way in WAYS.values() for name, value in way.items()}
    way = WAYS["client"] if "--test=schema" in options else every
    settings = {"api_url": "http://127.0.0.1:1", **way, **START, "loglevel": "debug"}
    check(said_by(tap(*options, settings=settings), 0))


@pytest.mark.parametrize("way", ["API token", "refresh token"])
def test_a_run_that_meets_every_fault(
    way: str, fake: FakeZendesk, url: str, catalog: str, tmp_path: Path
) -> None:
    bodies = list(echoes(*sent_by(way, "export")).values())
    kinds: list[Any] = ["drop", "drop_in_body", "truncate", "broken_gzip", "wrong_length"]

    def expired(request: LoggedRequest) -> bool:
        if request.path_kind == "export" and request.number == 1:
            fake.expire_tokens()
        return False

    fake.faults = [
        Fault(on=expired),
        Fault(on=3, status=429, headers={"Retry-After": "1"}, body=bodies[0]),
        Fault(on=4, status=503, headers={"Retry-After": "0"}, body=bodies[-1]),
        Fault(on=5, status=500, headers={"Retry-After": "0"}, body=bodies[0]),
        Fault(on=6, status=504, body=bodies[-2]),
        *(Fault(on=number, kind=kind) for number, kind in enumerate(kinds, 7)),
        Fault(on=12, kind="edit_page", edit=lambda _: bodies[0]),
        Fault(on=range(13, 99), status=403, body=bodies[3]),
    ]
    for fault in fake.faults[6:]:
        fault.headers = {"Retry-After": "0"}
    settings = {
        "api_url": url,
        **WAYS[way],
        **START,
        "page_size": "10",
        "max_retry_seconds": "0.01",
        "loglevel": "debug",
    }
    if "oauth_cache" in settings:
        settings["oauth_cache"] = str(tmp_path / "tokens.json")
    for _ in range(13):  # impatient, so that each fault ends a run with its sentence
        done = tap("--catalog", catalog, settings=settings)
        check(said_by(done, 1, traceback=True), fake.tokens_issued)
        if fake.faults[-1].struck:
            break
    assert all(fault.struck for fault in fake.faults[1:])


@pytest.mark.parametrize("way", WAYS)
def test_credentials_that_are_not_accepted(
    way: str, level: str, fake: FakeZendesk, url: str, tmp_path: Path
) -> None:
    fake.credentials.access_tokens = []
    fake.credentials.api_tokens = []
    fake.credentials.clients = {}
    fake.credentials.refresh_tokens = set()
    settings = {"api_url": url, **WAYS[way], **START, "loglevel": level}
    if "oauth_cache" in settings:
        settings["oauth_cache"] = str(tmp_path / "tokens.json")
    option = ["--test"] if level == "info" else []
    check(said_by(tap(*option, settings=settings), 1, traceback=level == "debug"))


def test_a_token_file_that_cannot_be_used(url: str, tmp_path: Path) -> None:
    settings = {"api_url": url, **WAYS["refresh token"], **START, "loglevel": "debug"}
    settings["oauth_cache"] = str(tmp_path / "missing" / "tokens.json")
    check(said_by(tap(settings=settings), 1, traceback=True))
    other = tmp_path / "tokens.json"
    other.write_text(json.dumps({"access_token": ACCESS_TOKEN, "token": REFRESH_TOKEN}))
    settings["oauth_cache"] = str(other)
    check(said_by(tap(settings=settings), 1, traceback=True))


def test_nobody_answers(level: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    settings = {"api_url": address, **WAYS["API token"], **START}
    impatient = {**settings, "max_retry_seconds": "0.1", "loglevel": level}
    check(said_by(tap(settings=impatient), 1, traceback=level == "debug"))


def test_a_proxy_with_a_password() -> None:
    for scheme in ("http", "socks9"):
        proxy = f"{scheme}://me:{quote(INTRUDER, safe='')}@127.0.0.1:9"
        settings = {"subdomain": "acme", **WAYS["client"], **START, "max_retry_seconds": "0"}
        done = tap(settings={**settings, "loglevel": "debug"}, HTTPS_PROXY=proxy)
        check(said_by(done, 1, traceback=True))


def test_wrong_settings_of_a_file(level: str, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    wrong = {"api_token": NUMBER, "email": EMAIL, "page_size": ACCESS_TOKEN, **START}
    config.write_text(json.dumps(wrong))
    done = tap("--config", str(config), TAP_ZENDESK_EVENTS_LOGLEVEL=level)
    said = said_by(done, 1, traceback=level == "debug")
    check(said)
    assert str(NUMBER) not in said
    config.write_text(json.dumps({**wrong, "access_token": ACCESS_TOKEN})[:-1])
    done = tap("--config", str(config), TAP_ZENDESK_EVENTS_LOGLEVEL=level)
    check(said_by(done, 1, traceback=level == "debug"))


def test_wrong_settings_of_the_environment(level: str) -> None:
    settings = {
        "access_token": f"{ACCESS_TOKEN} {ACCESS_TOKEN}",
        "api_url": f"https://me:{INTRUDER}@example.com",
        "start_date": CLIENT_SECRET,
        "page_size": API_TOKEN,
        "include_comments": REFRESH_TOKEN,
        "loglevel": level,
    }
    check(said_by(tap(settings=settings), 1, traceback=level == "debug"))


def test_an_exception_that_nobody_expects(level: str, url: str) -> None:
    program = (
        "import tap_zendesk_events.zendesk.client as client\n"
        "from tap_zendesk_events.tap import TapZendeskEvents\n"
        "def fail(*_, **__): raise RuntimeError('inside')\n"
        "client.read_page = fail\n"
        "TapZendeskEvents.cli()\n"
    )
    settings = {"api_url": url, **WAYS["API token"], **START, "loglevel": level}
    done = subprocess.run(
        [sys.executable, "-c", program, "--config=ENV"],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = said_by(done, 1, traceback=True)
    assert "inside" in said
    check(said)


# A second server stands by: nothing may come there, whatever the first one says


@pytest.fixture
def other() -> FakeZendesk:
    return a_fake()


@pytest.fixture
def other_url(other: FakeZendesk) -> Iterator[str]:
    with other.serve() as url:
        yield url


@pytest.mark.parametrize(
    ("way", "redirected"),
    [
        *((way, "export") for way in WAYS),
        ("client", "token"),
        ("refresh token", "token"),
    ],
)
def test_no_request_goes_elsewhere(
    way: str, redirected: str, other: FakeZendesk, other_url: str, tmp_path: Path
) -> None:
    fake = a_fake(public_url=other_url)
    if redirected == "export":  # the third page; the first two name another host's next page
        export = {"Location": f"{other_url}/api/v2/incremental/ticket_events?start_time=0"}
        fake.faults = [Fault(on=3, status=302, headers=export)]
    else:
        token = {"Location": f"{other_url}/oauth/tokens"}
        on_token = Fault(on=lambda r: r.path_kind == "token", status=307, headers=token)
        fake.faults = [on_token]
    settings = {**WAYS[way], **START, "page_size": "10"}
    if "oauth_cache" in settings:
        settings["oauth_cache"] = str(tmp_path / "tokens.json")
    with fake.serve() as url:
        # names of the other server's owner, should anybody look for them
        addresses = [each.removeprefix("http://") for each in (url, other_url)]
        machines = [f"machine {host}" for host in ("127.0.0.1", "localhost", *addresses)]
        own = netrc(tmp_path, *machines, "default", password=INTRUDER)
        done = tap(settings={"api_url": url, **settings}, NETRC=own, HOME=str(tmp_path))
    assert done.returncode == 1
    assert "redirect" in done.stderr or "gives no OAuth token" in done.stderr
    assert other.log == []
    assert len(fake.export_requests) == (3 if redirected == "export" else 0)
    for request in fake.log:
        assert request.authorization == signature(way, request, fake)
    check(done.stderr, fake.tokens_issued)


def signature(way: str, request: LoggedRequest, fake: FakeZendesk) -> str | None:
    """The one header that our own credentials make."""
    if request.path_kind == "token":
        return None
    if way == "API token":
        pair = f"{EMAIL}/token:{API_TOKEN}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return f"Bearer {ACCESS_TOKEN if way == 'access token' else fake.tokens_issued[-1]}"
