"""Bodies: whole or not, zipped or not, slow, dripping, and too large."""

from __future__ import annotations

import gzip
import io
import random
import re
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.clock import Clock
from tap_zendesk_events.exceptions import CutShortError, SlowBodyError, TooLargeError, TooSlowError
from tap_zendesk_events.zendesk import body as body_module
from tap_zendesk_events.zendesk.auth import Unsigned
from tap_zendesk_events.zendesk.body import SHORTEST_LIMIT, SLOW_PACE, Body
from tests.fake_zendesk import Fault
from tests.support.harness import (
    AS_CLIENT,
    BEGIN,
    NOW,
    SimulatedClock,
    a_fake,
    bookmark,
    lines,
    on_token,
    plain_account,
    run,
)
from tests.support.sockets import an_http, listening

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from tests.fake_zendesk import FakeZendesk

SMALL = plain_account(60)
GZIP = {"Content-Encoding": "gzip"}
LONG = 900.0


class Pieces(io.BytesIO):
    """A body of which some bytes arrive at a time, each piece after some seconds."""

    def __init__(
        self, content: bytes, sizes: Iterable[int] = (), pause: float = 0, clock: Any = None
    ) -> None:
        super().__init__(content)
        self._sizes = iter(sizes)
        self._pause = pause
        self._clock = clock or SimulatedClock()

    def read1(  # type: ignore[override]
        self, size: int, *, decode_content: bool
    ) -> bytes:
        assert decode_content is False
        piece = super().read1(min(next(self._sizes, size), size))
        if piece:
            self._clock.time += self._pause
        return piece


def read(
    raw: Pieces, headers: dict[str, str], limit: float = LONG
) -> tuple[bytes, list[tuple[int, float, float]]]:
    waits: list[tuple[int, float, float]] = []
    body = Body(headers, raw._clock, limit, lambda *told: waits.append(told))
    return body.read(raw), waits


def zipped(content: bytes, kind: str) -> tuple[bytes, dict[str, str]]:
    if kind == "identity":
        return content, {}
    packed = zlib.compress(content) if kind == "deflate" else gzip.compress(content)
    return packed, {"Content-Encoding": kind}


contents = st.binary(max_size=400) | st.builds(lambda n: b"blank" * n, st.integers(0, 900_000))
kinds = st.sampled_from(["identity", "gzip", "x-gzip", "GZIP", "deflate"])


@given(contents, kinds, st.lists(st.integers(1, 5_000)))
def test_a_body_is_read_whole_however_it_comes(content: bytes, kind: str, sizes: list[int]) -> None:
    packed, headers = zipped(content, kind)
    assert read(Pieces(packed, sizes), headers) == (content, [])


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_stream_of_several_members_is_one_body(first: bytes, second: bytes) -> None:
    packed = gzip.compress(first) + gzip.compress(second)
    assert read(Pieces(packed), GZIP)[0] == first + second


@given(st.binary(min_size=1, max_size=3_000), st.data())
def test_a_stream_that_is_cut_is_never_taken_for_whole(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(CutShortError):
        read(Pieces(packed[:cut]), GZIP)


@given(st.binary(min_size=20, max_size=3_000), st.data())
def test_a_stream_that_is_damaged_is_never_taken_for_whole(
    content: bytes, data: st.DataObject
) -> None:
    packed = bytearray(gzip.compress(content, mtime=0))
    at = data.draw(st.integers(10, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        found, _ = read(Pieces(bytes(packed)), GZIP)
    except CutShortError:
        return
    assert found == content  # the damage was where nothing looks


def test_no_body_at_all_is_an_empty_one() -> None:
    assert read(Pieces(b""), GZIP)[0] == b""


# Too large


@pytest.mark.parametrize("kind", ["identity", "gzip", "deflate"])
def test_a_bomb_is_given_up_while_memory_is_bounded(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 4 * 2**20
    monkeypatch.setattr(body_module, "LARGEST_BODY", most)
    packed, headers = zipped(b" " * (100 * 2**20), kind)
    raw = Pieces(packed)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="larger than 4 MB"):
            read(raw, headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * most


def test_a_body_of_just_the_bound_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "LARGEST_BODY", 2_000_000)
    for size, fits in ((2_000_000, True), (2_000_001, False)):
        packed, headers = zipped(b"x" * size, "gzip")
        if fits:
            assert len(read(Pieces(packed), headers)[0]) == size
        else:
            with pytest.raises(TooLargeError):
                read(Pieces(packed), headers)


def test_the_bound_is_generous() -> None:
    """A page of 1000 comments of the greatest length, each in three forms, fits twice."""
    assert body_module.LARGEST_BODY >= 2 * 1000 * 3 * 65_536


def blanks(_: dict[str, Any]) -> bytes:
    return b" " * 3_000_000


def test_a_page_that_is_too_large_is_asked_for_smaller(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(body_module, "LARGEST_BODY", 1_000_000)
    clock = SimulatedClock()
    fault = Fault(
        on=lambda request: int(request.query.get("per_page", 0)) > 20,
        kind="edit_page",
        edit=blanks,
    )
    fake = a_fake(SMALL, clock, faults=[fault])
    assert sorted(run(fake, clock, page_size=40).ids) == list(range(1, 61))
    assert "larger than 0 MB" in caplog.text


def test_one_event_that_is_too_large_is_a_sentence_that_names_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_module, "LARGEST_BODY", 2 * 2**20)
    clock = SimulatedClock()
    fault = Fault(on=range(3, 999), kind="edit_page", edit=blanks)
    output = run(a_fake(SMALL, clock, faults=[fault]), clock, page_size=10, fails=True)
    assert "larger than 2 MB" in str(output.error)
    assert clock.time - NOW < 120
    assert bookmark(output)["boundary_ids"] == [19]


def test_a_token_that_is_too_large_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "LARGEST_BODY", 2 * 2**20)
    clock = SimulatedClock()
    fault = Fault(on=on_token, status=200, body=b" " * 3_000_000)
    output = run(a_fake(SMALL, clock, faults=[fault]), clock, fails=True, **AS_CLIENT)
    assert "larger than 2 MB" in str(output.error)


# Slow


@pytest.mark.parametrize("limit", [20.0, 300.0, 900.0])
def test_a_drip_is_given_up_at_the_limit_and_a_line_says_that_it_is_waited_for(
    limit: float,
) -> None:
    clock = SimulatedClock()
    raw = Pieces(b"x" * 100_000, [1] * 100_000, pause=1, clock=clock)
    waits: list[tuple[int, float, float]] = []
    with pytest.raises(SlowBodyError) as caught:
        Body({}, clock, limit, lambda *told: waits.append(told)).read(raw)
    assert limit < clock.time - NOW <= limit + 1
    assert caught.value.seconds == pytest.approx(limit + 1)
    (told,) = waits
    assert told[1] <= limit / 2
    assert told[2] == limit


def test_a_zipped_drip_out_of_which_nothing_comes_is_given_up_too() -> None:
    """The name of a file may stand in front of the content, and be of any length."""
    clock = SimulatedClock()
    packed = gzip.compress(b"{}", mtime=0)
    endless = packed[:3] + b"\x08" + packed[4:10] + b"x" * 100_000
    with pytest.raises(SlowBodyError):
        read(Pieces(endless, [1] * 100_000, pause=1, clock=clock), GZIP)
    assert clock.time - NOW == pytest.approx(901)


def test_without_patience_a_body_may_still_take_some_time() -> None:
    clock = SimulatedClock()
    raw = Pieces(b"x" * 10, [1] * 10, pause=SHORTEST_LIMIT / 10, clock=clock)
    assert read(raw, {}, limit=0)[0] == b"x" * 10
    raw = Pieces(b"x" * 10, [1] * 10, pause=SHORTEST_LIMIT / 10 + 0.1, clock=clock)
    with pytest.raises(SlowBodyError):
        read(raw, {}, limit=0)


def test_a_slow_line_is_no_drip() -> None:
    clock = SimulatedClock()
    raw = Pieces(b"x" * (SLOW_PACE * 50), [SLOW_PACE] * 99, pause=1, clock=clock)
    assert len(read(raw, {}, limit=10)[0]) == SLOW_PACE * 50


def asked(fake: FakeZendesk) -> list[int]:
    return [int(request.query["per_page"]) for request in fake.export_requests]


def dripping(*on: int, **more: Any) -> Fault:
    return Fault(on=on or None, kind="slow", pieces=10_000, seconds=50_000, **more)


def test_bodies_that_drip_are_given_up_in_all_by_the_end_of_patience(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(4_000, every=1), clock, faults=[dripping()])
    output = run(fake, clock, fails=True)
    assert 900 <= clock.time - NOW <= 900 + 60
    assert "no good answer" in str(output.error)
    assert "bytes of the answer came in" in str(output.error)
    assert asked(fake)[:4] == [1000, 500, 250, 125]
    said = [line for line in lines(caplog, "WARNING") if line.startswith("The answer comes slowly")]
    assert said[0].endswith("; it is given up after 8 min.")


def test_a_page_that_drips_is_asked_for_smaller() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(4_000, every=1), clock, faults=[dripping(2)])
    output = run(fake, clock)
    assert sorted(output.ids) == list(range(1, 4_001))
    assert asked(fake)[:4] == [1000, 1000, 500, 1000]
    assert clock.time - NOW < 900


def test_pages_of_one_event_that_drip_are_given_up_too() -> None:
    clock = SimulatedClock()
    fault = Fault(kind="slow", pieces=10_000, seconds=900_000)
    output = run(a_fake(SMALL, clock, faults=[fault]), clock, page_size=1, fails=True)
    assert "no good answer" in str(output.error)
    assert 900 <= clock.time - NOW <= 900 + 200


class FastClock(Clock):
    """A hundred seconds pass in one."""

    def monotonic(self) -> float:
        return time.monotonic() * 100


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("kind", ["length", "chunked", "gzip", "until it is closed"])
def test_a_drip_over_real_sockets(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    content = random.Random(1).randbytes(50_000)
    body = gzip.compress(content) if kind == "gzip" else content
    head = {
        "length": f"Content-Length: {len(body)}\r\n",
        "gzip": f"Content-Length: {len(body)}\r\nContent-Encoding: gzip\r\n",
        "chunked": "Transfer-Encoding: chunked\r\n",
        "until it is closed": "Connection: close\r\n",
    }[kind]

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(HEAD + head.encode() + b"\r\n")
        for number in range(300):
            byte = body[number : number + 1]
            connection.sendall(b"1\r\n" + byte + b"\r\n" if kind == "chunked" else byte)
            time.sleep(0.01)

    clock = FastClock()
    began = clock.monotonic()
    with listening(drip) as port:
        http = an_http(f"http://127.0.0.1:{port}", clock, request_timeout=5, max_retry_seconds=60)
        with pytest.raises(SlowBodyError) as caught:
            http.send("GET", "/", Unsigned())
        assert clock.monotonic() - began < 200
    assert re.fullmatch(r"only \d+ bytes of the answer came in \d+ s", caught.value.reason)
    assert caught.value.headers["Content-Type"] == "application/json"
    assert "The answer comes slowly" in caplog.text


def test_silence_in_the_middle_of_a_body_may_be_the_page() -> None:
    def stop(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")

    with listening(stop) as port, pytest.raises(TooSlowError, match="stopped in the middle"):
        an_http(f"http://127.0.0.1:{port}").send("GET", "/", Unsigned())


def test_the_body_of_a_redirect_is_bounded_too() -> None:
    """requests would read it before anybody could look at the status."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9999\r\n\r\n")
        for _ in range(300):
            connection.sendall(b"x")
            time.sleep(0.01)

    with listening(drip) as port:
        http = an_http(f"http://127.0.0.1:{port}", FastClock(), request_timeout=5)
        with pytest.raises(SlowBodyError):
            http.send("GET", "/", Unsigned())


# Cut short


CUTS: dict[str, Any] = {
    "dropped within": {"kind": "drop_in_body"},
    "too short": {"kind": "wrong_length"},
    "half of the JSON": {"kind": "truncate"},
    "broken gzip": {"kind": "broken_gzip"},
    "empty": {"status": 200},
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_what_is_cut_short_again_and_again_is_tried_smaller(cut: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fault = Fault(on=lambda request: int(request.query.get("per_page", 0)) > 100, **cut)
    fake = a_fake(plain_account(600, every=0.9), clock, faults=[fault])
    output = run(fake, clock, page_size=400)
    assert sorted(output.ids) == list(range(1, 601))
    assert asked(fake)[:7] == [400] * 3 + [200] * 3 + [100]
    assert clock.time - NOW < 300


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_what_is_cut_short_once_or_twice_is_not(cut: dict[str, Any]) -> None:
    clock = SimulatedClock()
    fake = a_fake(SMALL, clock, faults=[Fault(on={1, 2, 4}, **cut)])
    assert len(run(fake, clock, page_size=10).ids) == 60
    assert set(asked(fake)) == {10}


@pytest.mark.parametrize("patience", [100, 900])
def test_what_stays_cut_short_ends_the_run_when_patience_with_one_event_does(
    patience: float,
) -> None:
    clock = SimulatedClock()
    fault = Fault(on=range(4, 10_000), kind="truncate")
    fake = a_fake(SMALL, clock, rate_limit=(9_999, 60.0), faults=[fault])
    output = run(fake, clock, page_size=10, max_retry_seconds=patience, fails=True)
    assert patience <= clock.time - NOW <= patience + 3 * 3
    assert "no good answer" in str(output.error)
    assert bookmark(output)["replication_key_value"] == BEGIN + 27 * 60
    assert bookmark(output)["boundary_ids"] == [28]


def test_a_crowded_second_that_is_cut_short_at_the_largest_size_is_tried_as_before() -> None:
    """1000 are asked for to get past it; if that never comes whole, the largest size that did."""
    clock = SimulatedClock()
    account = plain_account(3_000, every=0.001)
    fault = Fault(on=lambda request: request.query.get("per_page") == "1000", kind="truncate")
    fake = a_fake(account, clock, page_rule="capping", faults=[fault])
    output = run(fake, clock, page_size=200, fails=True)
    assert "holds" in str(output.error)
    assert asked(fake).count(1000) == 3
