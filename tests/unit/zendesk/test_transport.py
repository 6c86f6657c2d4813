"""Connections that are not made, that are forgotten, and that a proxy does not let through."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import urllib3.util.connection

from tap_zendesk_events.exceptions import (
    NotConnectedError,
    RetriableError,
    TooSlowError,
    ZendeskEventsError,
)
from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.auth import Unsigned
from tap_zendesk_events.zendesk.http import LONGEST_IDLE, Http
from tests.fake_zendesk import FakeZendesk, Fault
from tests.support.harness import (
    CONFIG,
    NOW,
    ListWriter,
    SimulatedClock,
    a_fake,
    lines,
    plain_account,
    run,
)
from tests.support.sockets import an_http, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL = plain_account(60)
NO_WAY = [
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
    errno.ENETUNREACH,
    errno.ETIMEDOUT,
]


def sizes(fake: FakeZendesk) -> set[str]:
    return {request.query["per_page"] for request in fake.export_requests}


@pytest.mark.parametrize("number", NO_WAY, ids=lambda number: errno.errorcode[number])
def test_an_address_that_never_answers_is_soon_given_up(number: int) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(kind="no_connection", errno=number)])
    output = run(fake, clock, fails=True, request_timeout=20)
    assert 29.9 < clock.time - NOW < 30.1 + 20
    assert "cannot be reached" in str(output.error)
    assert "check api_url" in str(output.error)
    assert sizes(fake) == {"1000"}


def test_a_time_out_while_connecting_longer_than_that_patience_is_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(kind="no_connection", errno=errno.ETIMEDOUT)])
    output = run(fake, clock, fails=True)
    assert clock.time - NOW == pytest.approx(120)
    assert "cannot be reached (no connection within 120 seconds)" in str(output.error)
    assert "too slow" not in caplog.text


@pytest.mark.parametrize("number", NO_WAY, ids=lambda number: errno.errorcode[number])
def test_an_address_that_has_answered_is_waited_for_at_the_same_size(number: int) -> None:
    clock = SimulatedClock()
    fault = Fault(on=range(3, 8), times=5, kind="no_connection", errno=number)
    fake = a_fake(SMALL, clock, faults=[fault])
    output = run(fake, clock, page_size=10)
    assert sorted(output.ids) == list(range(1, 61))
    assert sizes(fake) == {"10"}


def test_any_answer_shows_that_the_address_is_right() -> None:
    clock = SimulatedClock()
    faults = [Fault(on=1, status=503), Fault(on=range(2, 999), kind="no_connection")]
    output = run(a_fake(SMALL, clock, faults=faults), clock, fails=True)
    assert clock.time - NOW == pytest.approx(900)
    assert "no good answer" in str(output.error)


# What urllib3 and requests really raise


def ask(http: Http) -> Exception:
    """What a request raises."""
    with pytest.raises((RetriableError, ZendeskEventsError)) as caught:
        http.send("GET", "/", Unsigned())
    return caught.value


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route",
    errno.EHOSTDOWN: "down",
    errno.ENETUNREACH: "no network",
    errno.EACCES: "no connection can be made",
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("number", "words"), WORDS.items())
def test_why_there_is_no_connection_is_named(
    scheme: str, number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(urllib3.util.connection, "create_connection", fail)
    error = ask(an_http(f"{scheme}://127.0.0.1:1"))
    assert isinstance(error, NotConnectedError)
    assert words in error.reason


def test_a_name_that_does_not_exist_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = ask(an_http("https://acme.zendesk.com"))
    assert isinstance(error, NotConnectedError)
    assert error.reason == "its name cannot be looked up"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_time_out_while_connecting_is_no_connection(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", fail)
    error = ask(an_http(f"{scheme}://127.0.0.1:1"))
    assert isinstance(error, NotConnectedError)
    assert error.reason == "no connection within 0.3 seconds"


def silence(_: socket.socket) -> None:
    """Accept, and say nothing."""


def test_silence_in_the_handshake_is_no_connection() -> None:
    with listening(silence) as port:
        error = ask(an_http(f"https://127.0.0.1:{port}"))
    assert isinstance(error, NotConnectedError)
    assert error.reason == "no connection within 0.3 seconds"


def test_silence_after_the_request_may_be_the_page() -> None:
    with listening(silence) as port:
        error = ask(an_http(f"http://127.0.0.1:{port}"))
    assert isinstance(error, TooSlowError)


def test_what_speaks_no_tls_is_no_connection() -> None:
    with listening(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as port:
        error = ask(an_http(f"https://127.0.0.1:{port}"))
    assert isinstance(error, NotConnectedError)
    assert "TLS" in error.reason


def test_a_connection_that_breaks_is_another_matter() -> None:
    with listening(lambda connection: connection.close()) as port:
        error = ask(an_http(f"http://127.0.0.1:{port}"))
    assert type(error) is RetriableError
    assert error.reason == "the connection broke"


# Proxies


def refusing(status: str) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.settimeout(5)
        connection.recv(65_536)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        connection.close()

    return answer


def test_a_proxy_that_wants_a_password_is_a_sentence_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening(refusing("407 Proxy Authentication Required")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pr0xy-s3cret@127.0.0.1:{port}")
        error = ask(an_http("https://acme.zendesk.com"))
    assert isinstance(error, ZendeskEventsError)
    assert "status 407" in str(error)
    assert "HTTPS_PROXY" in str(error)
    assert "s3cret" not in str(error)


def test_a_407_that_comes_as_an_answer_is_the_same_sentence() -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(status=407)])
    output = run(fake, clock, fails=True)
    assert clock.time == NOW
    assert "HTTPS_PROXY" in str(output.error)


@pytest.mark.parametrize("status", ["403 Forbidden", "502 Bad Gateway", "503 Unavailable"])
def test_a_proxy_that_lets_nothing_through_is_no_connection(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(refusing(status)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        error = ask(an_http("https://acme.zendesk.com"))
    assert isinstance(error, NotConnectedError)
    assert "the proxy does not let the request through" in error.reason
    assert status[:3] in error.reason


def test_a_proxy_that_says_nothing_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(silence) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        error = ask(an_http("https://acme.zendesk.com"))
    assert isinstance(error, NotConnectedError)


# A firewall that forgets idle connections


def forgetful_run(fake: FakeZendesk, clock: SimulatedClock, **settings: Any) -> list[bytes]:
    writer = ListWriter()
    with fake.serve() as url:
        config = {**CONFIG, "api_url": url, "page_size": 10, "request_timeout": 0.5, **settings}
        tap = TapZendeskEvents(config=config, message_writer=writer)
        tap.clock = clock
        tap.sync_all()
    return [line for line in writer.lines if b'"type":"RECORD"' in line]


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [Fault(on=3, status=429, headers={"Retry-After": "20"})],
        [Fault(on=(3, 4), status=503, headers={"Retry-After": "20"})],
    ],
    ids=["allowance", "429", "503"],
)
def test_no_request_is_lost_on_a_connection_that_a_firewall_has_forgotten(
    faults: list[Fault], caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock()
    for fault in faults:
        fault.struck = 0
    fake = FakeZendesk(
        plain_account(200),
        clock=clock.server_time,
        rate_limit=(10, 60.0),
        forgets_idle=LONGEST_IDLE,
        faults=faults,
    )
    assert len(forgetful_run(fake, clock)) == 200
    assert clock.time - NOW > 60  # there was a wait that is long enough to be forgotten in
    assert fake.forgotten == 0
    assert sizes(fake) == {"10"}
    assert "too slow" not in caplog.text


def test_nor_while_the_target_takes_its_time() -> None:
    """Nothing waits then, but nothing is asked either."""
    clock = SimulatedClock()
    fake = FakeZendesk(SMALL, clock=clock.server_time, rate_limit=None, forgets_idle=LONGEST_IDLE)
    with fake.serve() as url:
        http = an_http(url, clock)
        for _ in range(3):
            assert http.send("GET", "/", Unsigned()).status == 404
            clock.time += 600
    assert fake.forgotten == 0


def test_connections_are_closed_before_a_long_wait() -> None:
    clock = SimulatedClock()
    with listening_for_the_end() as (port, ended):
        http = an_http(f"http://127.0.0.1:{port}", clock)
        http.send("GET", "/", Unsigned())
        http.rest(LONGEST_IDLE / 2)
        assert not ended.wait(0.1)
        http.rest(LONGEST_IDLE)
        assert ended.wait(5)


@contextlib.contextmanager
def listening_for_the_end() -> Iterator[tuple[int, threading.Event]]:
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        if not connection.recv(1):
            ended.set()

    with listening(answer) as port:
        yield port, ended


def test_a_connection_serves_many_requests_in_a_row(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimulatedClock()
    fake = FakeZendesk(SMALL, clock=clock.server_time, rate_limit=None)
    caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
    assert len(forgetful_run(fake, clock)) == 60
    starts = [line for line in lines(caplog, "DEBUG") if line.startswith("Starting new")]
    assert len(fake.export_requests) > 3
    assert len(starts) == 1
