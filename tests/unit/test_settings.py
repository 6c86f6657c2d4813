"""Settings are checked before the first request: named when they are wrong, quoted never."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.settings import (
    AccessToken,
    ApiToken,
    ClientCredentials,
    RefreshToken,
    Settings,
    is_loopback,
)
from tap_zendesk_events.singer.config_schema import CONFIG_SCHEMA
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.times import iso
from tap_zendesk_events.zendesk.auth import Auth
from tests.support.harness import BEGIN, NOW

GOOD: dict[str, Any] = {
    "subdomain": "acme",
    "access_token": "token",
    "start_date": "2025-11-01",
}
PREFIX = "TAP_ZENDESK_EVENTS_"
MARK = "zzqx"
"""Stands in every bad value, so that a message that quotes one is found out."""


def read(**settings: Any) -> Settings:
    """The settings; None leaves one out."""
    config = {name: v for name, v in {**GOOD, **settings}.items() if v is not None}
    return TapZendeskEvents(config=config).settings


def problem(**settings: Any) -> str:
    with pytest.raises(ZendeskEventsError) as caught:
        read(**settings)
    text = str(caught.value)
    assert MARK not in text
    assert "\n" not in text
    assert text.startswith("Please correct the settings: ")
    return text


def test_the_defaults() -> None:
    settings = read()
    assert settings == Settings(
        base_url="https://acme.zendesk.com",
        address_setting="subdomain",
        credentials=AccessToken("token"),
        start=BEGIN,
        end=None,
        settling_seconds=300,
        include_comments=False,
        support_type_scope="all",
        page_size=1000,
        parallel_requests=1,
        requests_per_minute=None,
        request_timeout=120.0,
        max_retry_seconds=900.0,
        user_agent=None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "acme",
        "ACME",
        " acme ",
        "acme.zendesk.com",
        "acme.zendesk.com.",
        "https://acme.zendesk.com",
        "http://acme.zendesk.com/",
        "HTTPS://Acme.Zendesk.com/agent/filters/1?x=y#z",
    ],
)
def test_a_subdomain_is_understood_as_pasted(text: str) -> None:
    assert read(subdomain=text).base_url == "https://acme.zendesk.com"


@pytest.mark.parametrize(
    "text",
    [
        f"{MARK}.example.com",
        f"{MARK}.zendesk.com.evil.example",
        f"https://{MARK}.example.com/",
        f"evil.example/{MARK}.zendesk.com",
        f"user:{MARK}@acme.zendesk.com",
        f"acme {MARK}",
        f"-{MARK}",
        f"{MARK}_x",
        f"{MARK}é",
        MARK * 16,
        "https://",
        ".zendesk.com",
        "ftp://acme",
    ],
)
def test_what_is_no_subdomain(text: str) -> None:
    assert "subdomain" in problem(subdomain=text)


@pytest.mark.parametrize(
    "text",
    [
        "ac\N{LATIN SMALL LETTER LONG S}me",
        "ac\N{KELVIN SIGN}me",
        "ac\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}me",
        "\N{FULLWIDTH LATIN SMALL LETTER A}cme",
        "acme.zende\N{LATIN SMALL LETTER LONG S}k.com",
        "acme.zendes\N{KELVIN SIGN}.com",
        "http\N{LATIN SMALL LETTER LONG S}://acme.zendesk.com",
    ],
)
def test_a_letter_that_only_looks_like_one_is_none(text: str) -> None:
    assert "subdomain must be the `acme`" in problem(subdomain=text)


@given(st.text(min_size=1))
def test_whatever_the_subdomain_requests_go_to_zendesk_only(text: str) -> None:
    try:
        base_url = read(subdomain=text).base_url
    except ZendeskEventsError:
        return
    assert re.fullmatch(r"https://[a-z0-9]([a-z0-9-]*[a-z0-9])?\.zendesk\.com", base_url)


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ("https://proxy.acme.com", "https://proxy.acme.com"),
        ("https://proxy.acme.com:8443/zendesk/", "https://proxy.acme.com:8443/zendesk"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_api_url_stands_for_the_subdomain(text: str, base_url: str) -> None:
    assert read(subdomain=None, api_url=text).base_url == base_url


@pytest.mark.parametrize(
    "text",
    [
        f"http://{MARK}.example",
        f"http://127.0.0.1.{MARK}.example",
        f"http://localhost.{MARK}.example",
        f"http://0.0.0.0/{MARK}",
        f"http://10.0.0.1/{MARK}",
        f"http://2130706433/{MARK}",
        f"ftp://{MARK}.example",
        f"{MARK}.example",
        f"//{MARK}.example",
        f"https:///{MARK}",
        f"https://user:{MARK}@acme.com",
        f"https://{MARK}@acme.com",
        f"https://acme.com?{MARK}",
        f"https://acme.com#{MARK}",
        f"https://acme.com:{MARK}",
        f"https://acme.com:99999/{MARK}",
        f"https://[{MARK}",
        f"https://acme..{MARK}.example",
        f"https://.{MARK}.example",
        f"https://{MARK * 16}.example",
        f"https://ac me.{MARK}",
        f"https://acme.com/\ud800{MARK}",
        f"https://acme.com/\x7f{MARK}",
        f"https://\N{KELVIN SIGN}.{MARK}",
    ],
)
def test_what_is_no_api_url(text: str) -> None:
    assert "api_url" in problem(api_url=text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("LOCALHOST", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_neither_subdomain_nor_api_url() -> None:
    assert "TAP_ZENDESK_EVENTS_SUBDOMAIN" in problem(subdomain=None)


@pytest.mark.parametrize(
    ("way", "credentials"),
    [
        ({"access_token": "t"}, AccessToken("t")),
        ({"access_token": " t\n"}, AccessToken("t")),
        ({"client_id": "c", "client_secret": "s"}, ClientCredentials("c", "s")),
        ({"email": "a@b.c", "api_token": "t"}, ApiToken("a@b.c", "t")),
        ({"email": "a@b.c/token", "api_token": "t"}, ApiToken("a@b.c", "t")),
        ({"access_token": "t", "client_id": ""}, AccessToken("t")),
        ({"access_token": "", "email": "a@b.c", "api_token": "t"}, ApiToken("a@b.c", "t")),
        ({"access_token": " \n", "email": "a@b.c", "api_token": "t"}, ApiToken("a@b.c", "t")),
        (
            {"access_token": "\u2003", "client_id": "c", "client_secret": "s", "oauth_cache": " "},
            ClientCredentials("c", "s"),
        ),
        ({"access_token": "t", "refresh_token": "\t", "api_token": " "}, AccessToken("t")),
    ],
)
def test_the_way_to_authenticate_is_what_is_set(way: dict[str, str], credentials: Any) -> None:
    assert read(**{"access_token": None, **way}).credentials == credentials


@pytest.mark.parametrize(
    ("way", "named"),
    [
        ({}, ["client_id", "client_secret", "access_token", "email", "api_token"]),
        ({"client_id": MARK}, ["client_secret"]),
        ({"client_secret": MARK}, ["client_id"]),
        ({"email": f"{MARK}@b.c"}, ["api_token"]),
        ({"api_token": MARK}, ["email"]),
        ({"access_token": MARK, "api_token": MARK}, ["access_token", "api_token"]),
        ({"access_token": MARK, "client_id": MARK}, ["access_token", "client_id"]),
        (
            {"client_id": MARK, "client_secret": MARK, "email": f"{MARK}@b.c", "api_token": MARK},
            ["client_id", "client_secret", "email", "api_token"],
        ),
        ({"access_token": f"{MARK} x"}, ["access_token"]),
        ({"access_token": f"{MARK}\nx"}, ["access_token"]),
        ({"access_token": f"{MARK}é"}, ["access_token"]),
        ({"client_id": MARK, "client_secret": f"{MARK} x"}, ["client_secret"]),
        ({"access_token": " "}, ["no way to authenticate is set"]),
        ({"client_id": MARK, "client_secret": "  "}, ["client_secret is not set"]),
        ({"email": " ", "api_token": MARK}, ["email is not set"]),
        ({"email": MARK, "api_token": "t"}, ["email"]),
        ({"email": f"\ud83d{MARK}@b.c", "api_token": "t"}, ["email"]),
        ({"email": f"a\0{MARK}@b.c", "api_token": "t"}, ["email"]),
        ({"email": f"{MARK} <a@b.c>", "api_token": "t"}, ["email"]),
        ({"email": f"a@b.c:{MARK}", "api_token": "t"}, ["email"]),
        ({"email": f"{MARK}@b.c", "api_token": f"{MARK}\tx"}, ["api_token"]),
    ],
)
def test_no_half_or_double_or_broken_way_to_authenticate(
    way: dict[str, str], named: list[str]
) -> None:
    text = problem(**{"access_token": None, **way})
    for name in named:
        assert name in text


@pytest.mark.parametrize("way", [{}, {"email": f"{MARK}@b.c"}])
def test_who_looks_for_the_password_is_told_that_it_is_gone(way: dict[str, str]) -> None:
    text = problem(**{"access_token": None, **way, "password": MARK})
    assert "31 December 2025" in text


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2025-11-01", BEGIN),
        (" 2025-11-01 ", BEGIN),
        ("2025-11-01T00:00:00Z", BEGIN),
        ("2025-11-01T00:00:00", BEGIN),
        ("20251101", BEGIN),
        ("20251101T000000Z", BEGIN),
        ("2025-W44-6", BEGIN),
        ("2025-11-01 00:00", BEGIN),
        ("2025-11-01T01:00:00+01:00", BEGIN),
        ("2025-10-31T23:59:59.001Z", BEGIN),
        ("1969-01-01", 0),
        ("0001-01-01", 0),
    ],
)
def test_start_and_end_in_every_form(text: str, second: int) -> None:
    assert read(start_date=text).start == second
    if second:
        assert read(start_date="2025-01-01", end_date=text).end == second


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize(
    "text",
    [
        MARK,
        f"2025-11-01 {MARK}",
        "2025-13-01",
        "2025-02-30",
        "01.11.2025",
        "1761955200",
        "now",
        "1711121212345",
        "2025-11-01x08:00",
        "2025-11-01T",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_date_that_is_none(name: str, text: str) -> None:
    message = problem(**{name: text})
    assert name in message
    assert text not in message


@pytest.mark.parametrize("start_date", [None, ""])
def test_without_a_start_date(start_date: str | None) -> None:
    assert "TAP_ZENDESK_EVENTS_START_DATE" in problem(start_date=start_date)


@pytest.mark.parametrize("end", ["2025-11-01", "2025-10-31", "2025-11-01T00:00:00Z"])
def test_an_end_that_is_not_after_the_start(end: str) -> None:
    text = problem(end_date=end)
    assert "end_date" in text
    assert "start_date" in text


NUMBERS: dict[str, tuple[list[Any], list[Any]]] = {
    "settling_seconds": (
        [60, 300, 31_536_000],
        [31_536_001, 1e300, 10**30, 59, 0, -1, 60.5, "300", True, [300], f"{MARK}"],
    ),
    "page_size": ([1, 1000], [0, 1001, 1e300, 10**30, -1, 1.5, "1000", True, MARK]),
    "requests_per_minute": (
        [1, 700, 100_000],
        [100_001, 1e300, 10**30, 0, -1, 0.5, "10", True, MARK],
    ),
    "request_timeout": ([0.1, 1, 86_400], [86_400.1, 1e300, 10**30, 0, -1, "120", True, MARK]),
    "max_retry_seconds": (
        [0, 0.5, 31_536_000],
        [31_536_001, 1e300, 10**30, -1, -0.1, "900", True, MARK],
    ),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (good, _) in NUMBERS.items() for value in good]
)
def test_numbers_within_bounds(name: str, value: float) -> None:
    assert getattr(read(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (_, bad) in NUMBERS.items() for value in bad]
)
def test_numbers_out_of_bounds_and_what_is_no_number(name: str, value: Any) -> None:
    assert name in problem(**{name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["request_timeout", "max_retry_seconds"])
def test_a_number_must_be_finite(name: str, value: float) -> None:
    assert name in problem(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("include_comments", MARK),
        ("include_comments", 1),
        ("access_token", 7_310_001),
        ("api_token", 7_310_001),
        ("client_secret", [MARK]),
        ("subdomain", 7_310_001),
        ("start_date", 20251101),
        ("user_agent", {"name": MARK}),
    ],
)
def test_a_value_of_another_type(name: str, value: Any) -> None:
    text = problem(**{name: value})
    assert name in text
    assert "7310001" not in text.replace("_", "")


@pytest.mark.parametrize("value", [f"{MARK}\r\nX-Evil: 1", f"{MARK}é", f"{MARK}\x00"])
def test_a_user_agent_is_one_line_of_ascii(value: str) -> None:
    assert "user_agent" in problem(user_agent=value)
    assert read(user_agent="acme (data@acme.com)").user_agent == "acme (data@acme.com)"


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_text_counts_as_unset(text: str) -> None:
    optional = [name for name in CONFIG_SCHEMA["properties"] if name not in GOOD]
    assert read(**dict.fromkeys(optional, text)) == read()


ROTATING = {"access_token": None, "refresh_token": "r", "client_id": "c", "client_secret": "s"}


@pytest.mark.parametrize(
    "path",
    [
        f"{MARK}\0",
        f"/tmp/{MARK}\ud800",
        f"~{MARK}/tokens.json",
        "/",
        ".",
        "..",
        f"{MARK}/..",
        "~",
        "/tmp",
        "/etc/hostname/tokens.json",
        MARK * 100,
        f"{MARK}/" * 2_000,
    ],
)
def test_a_path_that_can_be_no_file_is_told_before_a_token_is_spent(path: str) -> None:
    assert "oauth_cache must be the path of a file" in problem(**ROTATING, oauth_cache=path)


@pytest.mark.parametrize("path", ["tokens.json", "~/tokens.json", "~root/t", "no-such-folder/t"])
def test_a_path_that_can_be_a_file(path: str) -> None:
    read_back = read(**ROTATING, oauth_cache=path).credentials
    assert read_back == RefreshToken("r", "c", "s", path)


TEXTS = st.text(max_size=20) | st.text(st.characters(categories=["Cs", "Cc", "Lu"]), max_size=9)
NUMBERS_OF_ANY_SIZE = st.integers() | st.floats() | st.sampled_from([10**30, 1e300, 2**63, 2**31])
WAYS: list[dict[str, Any]] = [
    {},
    ROTATING,
    {"access_token": None, "email": "a@b.c", "api_token": "t"},
]


@given(
    st.sampled_from(WAYS),
    st.dictionaries(
        st.sampled_from(list(CONFIG_SCHEMA["properties"])),
        TEXTS | NUMBERS_OF_ANY_SIZE | st.booleans() | st.lists(TEXTS, max_size=2),
        max_size=4,
    ),
)
def test_settings_of_any_kind_can_be_used_or_are_refused(
    way: dict[str, Any], more: dict[str, Any]
) -> None:
    config = {name: value for name, value in {**GOOD, **way, **more}.items() if value is not None}
    try:
        tap = TapZendeskEvents(config=config)
    except ZendeskEventsError:
        return
    settings = tap.settings
    credentials = tap.account()._auth
    if type(credentials) is Auth:  # the others ask for a token first
        request = requests.Request(
            "GET", settings.base_url, auth=credentials.prepare(time.sleep)
        ).prepare()
        assert request.url
        request.headers["Authorization"].encode("ascii")
    with socket.socket() as unconnected:
        unconnected.settimeout(settings.request_timeout)
    assert settings.max_retry_seconds < threading.TIMEOUT_MAX
    iso(NOW - settings.settling_seconds)


def test_all_problems_are_named_at_once() -> None:
    text = problem(subdomain=f"{MARK}!", access_token=None, start_date=MARK, end_date=MARK)
    for name in ("subdomain", "access_token", "start_date", "end_date"):
        assert name in text


def test_a_path_that_may_not_be_looked_at_is_told_when_the_file_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As root one may look at any, so that this is made up."""

    def refuse(_: Path) -> None:
        raise PermissionError

    way = {"client_id": "a", "client_secret": "b", "refresh_token": "c", "oauth_cache": "d/e.json"}
    monkeypatch.setattr(Path, "lstat", refuse)
    credentials = read(access_token=None, **way).credentials
    assert isinstance(credentials, RefreshToken)
    assert credentials.oauth_cache == "d/e.json"
