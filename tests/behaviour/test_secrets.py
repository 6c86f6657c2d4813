"""Whatever goes wrong, no secret and no comment shows; and credentials go to one host only."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import (
    Account,
    FakeZendesk,
    Fault,
    LoggedRequest,
    make_events,
    make_metric_events,
)
from tests.support.cli import environment, tap
from tests.support.harness import CONFIG, ListWriter, SimulatedClock, SimulatedTap
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Short enough not to be taken for tokens by their length, and not the same when URL-encoded.
ACCESS_TOKEN = "acc3ss+t0ken/4f1c="
API_TOKEN = "ap1+t0ken/9b2e="
CLIENT_SECRET = "cl1ent+s3cret/77d0="
REFRESH_TOKEN = "r3fresh+t0ken/c41a="
EMAIL = "admin@example.com"
INTRUDER = "n3trc+passw0rd/5e5e="
COMMENT = "m4rk-of-a-comment-body"
SECRETS = (ACCESS_TOKEN, API_TOKEN, CLIENT_SECRET, REFRESH_TOKEN, INTRUDER, COMMENT)
HANDED_OUT = hashlib.sha256(b"0 0").hexdigest()
"""The first access token that the server hands out."""

WAYS: dict[str, dict[str, Any]] = {
    "access token": {"access_token": ACCESS_TOKEN},
    "API token": {"email": EMAIL, "api_token": API_TOKEN},
    "client": {"client_id": "fake-client", "client_secret": CLIENT_SECRET},
    "refresh token": {
        "client_id": "fake-client",
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "oauth_cache": "tokens.json",
    },
}
START = {"start_date": "2023-11-14"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


def forms(secret: str) -> set[str]:
    """What a secret looks like in a header, a URL or a log."""
    texts = {secret, encoded(secret), encoded(f"{EMAIL}/token:{secret}")}
    texts |= {base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")}
    texts |= {f(text) for text in list(texts) for f in (lambda t: quote(t, safe=""), quote_plus)}
    return texts | {json.dumps(secret)[1:-1], repr(secret)[1:-1]}


def check(said: str, handed_out: Iterable[str] = ()) -> None:
    """Search what was said for every secret in every form."""
    for secret in (*SECRETS, HANDED_OUT, *handed_out):
        for form in forms(secret):
            assert form not in said, f"{form} in:\n{said}"


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_what_it_looks_for(secret: str) -> None:
    pair = base64.b64encode(f"{EMAIL}/token:{secret}".encode()).decode()
    for leak in (secret, quote(secret, safe=""), pair, json.dumps({"a": secret}), repr([secret])):
        with pytest.raises(AssertionError):
            check(f"Something went wrong with {leak}.")


def marked(value: Any) -> Any:
    """The value with the comment's text in place of any other text of a comment."""
    if isinstance(value, list):
        return [marked(item) for item in value]
    if not isinstance(value, dict):
        return value
    texts = {name: COMMENT for name in ("body", "html_body", "plain_body") if name in value}
    return {**{name: marked(item) for name, item in value.items()}, **texts}


def an_account() -> Account:
    events = [marked(event) for event in make_events(60, seed=8)]
    assert COMMENT in json.dumps(events)
    return Account(events, metric_events=make_metric_events(20, seed=8))


ACCOUNT = an_account()


def a_fake(**options: Any) -> FakeZendesk:
    fake = FakeZendesk(
        ACCOUNT,
        **{
            "rate_limit": (100_000, 60.0),
            "access_tokens": [ACCESS_TOKEN],
            "api_tokens": [(EMAIL, API_TOKEN)],
            "clients": {("fake-client", CLIENT_SECRET): {"expires_in": 1800}},
            **options,
        },
    )
    fake.credentials.refresh_tokens = {REFRESH_TOKEN}
    return fake


def echoes(*secrets: str) -> dict[str, bytes]:
    """Bodies of an error that say back what the request held."""
    pair = base64.b64encode(f"{EMAIL}/token:{API_TOKEN}".encode()).decode()
    every = [*secrets, *(quote(s, safe="") for s in secrets), *map(encoded, secrets), pair]
    said = " ".join(every)
    request = {"headers": {"Authorization": f"Bearer {said}"}, "body": said, "comment": COMMENT}
    bodies: dict[str, Any] = {
        "title": {"error": {"title": said, "message": f"not valid: {said}"}},
        "text": {"error": f"Bearer {said} is not accepted", "error_description": said},
        "list": {"errors": [{"code": every[0], "detail": every[-1], "title": every[1]}]},
        "request": {"error": "Forbidden", "request": request},
    }
    html = f"<html><!-- {request} -->Authorization: Basic {said}<p>{COMMENT}</p></html>"
    return {
        "html": html.encode(),
        "text/plain": f"Authorization: Bearer {said}\n{COMMENT}".encode(),
        "torn": json.dumps(bodies["text"]).encode()[:-1],
        **{name: json.dumps(body).encode() for name, body in bodies.items()},
    }


def sent_by(way: str, path_kind: str) -> list[str]:
    """The secrets that a request of this kind holds."""
    if path_kind == "token":
        return [CLIENT_SECRET, REFRESH_TOKEN] if way == "refresh token" else [CLIENT_SECRET]
    return {"access token": [ACCESS_TOKEN], "API token": [API_TOKEN]}.get(way, [HANDED_OUT])


def everything_said(
    fake: FakeZendesk, caplog: pytest.LogCaptureFixture, **settings: Any
) -> tuple[str, BaseException | None]:
    """Run the tap in this process; return all it said, debug lines and tracebacks included."""
    caplog.set_level(logging.DEBUG)
    clock = SimulatedClock()
    fake.clock = clock.server_time
    writer = ListWriter()
    caught: BaseException | None = None
    tap: SimulatedTap | None = None
    try:
        tap = SimulatedTap(
            config={**CONFIG, "access_token": None, "max_retry_seconds": 5, **START, **settings},
            catalog=selecting(*ALL_STREAMS),
            message_writer=writer,
        )
        tap.clock = clock
        tap.fake = fake
        tap.sync_all()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
        caught = error
    shown = [line.decode() for line in writer.lines if b'"type":"RECORD"' not in line]
    trace = [] if caught is None else traceback.format_exception(caught)
    return "\n".join([caplog.text, *shown, *trace, repr(tap)]), caught


STATUSES = [400, 401, 403, 404, 302, 429, 500, 200]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("path_kind", ["export", "token"])
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_says_everything_back(
    way: str,
    path_kind: str,
    status: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if path_kind == "token" and way not in {"client", "refresh token"}:
        return
    location = {"Location": f"https://evil.example/?token={ACCESS_TOKEN}", "Retry-After": "1"}
    for number, (name, body) in enumerate(echoes(*sent_by(way, path_kind)).items()):
        settings = dict(WAYS[way])
        if "oauth_cache" in settings:
            settings["oauth_cache"] = str(tmp_path / f"{number}.json")
        fault = Fault(
            on=lambda request: request.path_kind == path_kind,
            # what passes, passes at last
            times=3 if status == 429 else None,
            status=status,
            headers=location,
            body=body,
        )
        fake = a_fake(faults=[fault])
        caplog.clear()
        said, error = everything_said(fake, caplog, **settings)
        assert fault.struck, name
        assert (error is None) == (status == 429 and fault.struck == 3), name
        check(said, fake.tokens_issued)


def a_message(way: str, path_kind: str) -> str:
    """The text of an error that a person needs, around a secret that nobody may see."""
    (secret, *_) = sent_by(way, path_kind)
    return f"The token {secret} was revoked by its owner"


@pytest.mark.parametrize("way", ["access token", "API token", "client"])
def test_the_words_around_a_secret_are_still_quoted(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"error": {"title": a_message(way, "export")}})
    fake = a_fake(faults=[Fault(status=403, body=body)])
    said, error = everything_said(fake, caplog, **WAYS[way])
    check(said)
    assert "The token" in str(error)
    assert "was revoked by its owner" in str(error)


def hostile(page: dict[str, Any]) -> dict[str, Any]:
    """Comment text wherever a message could pick it up."""
    name = "ticket_events" if "ticket_events" in page else "ticket_metric_events"
    events = page[name]
    spoiled: list[Any] = [
        COMMENT,
        [COMMENT],
        {"id": COMMENT, "body": COMMENT},
        {**events[0], "id": None},
    ]
    for number, event in enumerate(events):
        values = ("timestamp", "created_at", "time", "ticket_id", "system", "via", "novelty")
        spoiled.append({**event, values[number % len(values)]: COMMENT})
        if "child_events" in event:
            child = {"id": COMMENT, "event_type": "Comment", "type": "Comment", "body": COMMENT}
            spoiled[-1]["child_events"] = [*event["child_events"], child, COMMENT]
    return {**page, name: spoiled, "end_of_stream": page["end_of_stream"]}


SPOILED_PAGES: dict[str, dict[str, Any]] = {
    "hostile events": {"kind": "edit_page", "edit": hostile},
    "torn": {"kind": "truncate"},
    "end_of_stream is text": {
        "kind": "edit_page",
        "edit": lambda page: {**page, "end_of_stream": COMMENT},
    },
    "only a comment": {"kind": "edit_page", "edit": lambda _: COMMENT},
    "a comment instead of the list": {
        "kind": "edit_page",
        "edit": lambda page: {**page, "ticket_events": COMMENT, "ticket_metric_events": COMMENT},
    },
    "next_page is a comment": {
        "kind": "edit_page",
        "edit": lambda page: {**page, "next_page": COMMENT, "end_time": COMMENT},
    },
    "broken gzip": {"kind": "broken_gzip"},
    "drop in the body": {"kind": "drop_in_body"},
}


@pytest.mark.parametrize("include_comments", [False, True])
@pytest.mark.parametrize("name", SPOILED_PAGES)
def test_no_comment_shows_outside_of_records(
    name: str, include_comments: bool, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [Fault(**SPOILED_PAGES[name], path_kind=kind) for kind in ("export", "metric_export")]
    fake = a_fake(faults=faults)
    said, _ = everything_said(
        fake, caplog, **WAYS["access token"], include_comments=include_comments, page_size=20
    )
    assert faults[0].struck
    check(said)


NUMBER = 8_412_973_650_217
WRONG_SETTINGS: dict[str, dict[str, Any]] = {
    "a number as access token": {"access_token": NUMBER},
    "a number as API token": {"email": EMAIL, "api_token": NUMBER},
    "a number as client secret": {"client_id": "fake-client", "client_secret": float(NUMBER)},
    "a number as refresh token": {**WAYS["refresh token"], "refresh_token": NUMBER},
    "a list as token": {"access_token": [ACCESS_TOKEN]},
    "an object as token": {"access_token": {"token": ACCESS_TOKEN}},
    "a token with a blank": {"access_token": f"{ACCESS_TOKEN} {CLIENT_SECRET}"},
    "a token of two lines": {"access_token": f"{ACCESS_TOKEN}\n{ACCESS_TOKEN}"},
    "a token with an umlaut": {"access_token": f"ü{ACCESS_TOKEN}"},
    "a token as email address": {"email": API_TOKEN, "api_token": API_TOKEN},
    "two ways": {**WAYS["access token"], **WAYS["client"]},
    "half a pair": {"client_secret": CLIENT_SECRET},
    "half of a rotating one": {"refresh_token": REFRESH_TOKEN, "client_secret": CLIENT_SECRET},
    "a password": {"email": EMAIL, "password": INTRUDER},
    "an unknown setting": {"acces_token": ACCESS_TOKEN},
    "an address with a password": {"api_url": f"https://admin:{INTRUDER}@example.com"},
    "an address with a query": {"api_url": f"https://example.com/?token={ACCESS_TOKEN}"},
    "an address that is none": {"api_url": f"https://[{ACCESS_TOKEN}"},
    "plain http": {"api_url": f"http://example.com/{ACCESS_TOKEN}"},
    "a token as subdomain": {"api_url": None, "subdomain": f"{ACCESS_TOKEN}"},
    "a token as date": {"start_date": ACCESS_TOKEN, "end_date": API_TOKEN},
    "a token as page size": {"page_size": ACCESS_TOKEN},
    "a token as truth value": {"include_comments": ACCESS_TOKEN},
    "a token as time": {"request_timeout": ACCESS_TOKEN, "max_retry_seconds": API_TOKEN},
    "a token as allowance": {"requests_per_minute": ACCESS_TOKEN, "settling_seconds": API_TOKEN},
    "a token as user agent": {"user_agent": f"me\n{ACCESS_TOKEN}"},
    "a list as date": {"start_date": [ACCESS_TOKEN]},
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_setting_that_is_refused_is_not_quoted(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = WRONG_SETTINGS[name]
    credentials = any(key in wrong for way in WAYS.values() for key in way) or "email" in wrong
    way = {} if credentials else WAYS["access token"]
    said, error = everything_said(a_fake(), caplog, **{**way, **wrong})
    if name == "an unknown setting":
        assert "acces_token" in said
    else:
        assert error is not None
    check(said)
    assert str(NUMBER) not in said


@pytest.mark.parametrize(
    "bookmark",
    [
        {"replication_key_value": ACCESS_TOKEN},
        {"replication_key": ACCESS_TOKEN, "replication_key_value": 1},
        {"replication_key_value": 1, "boundary_ids": [ACCESS_TOKEN]},
        ACCESS_TOKEN,
    ],
)
def test_a_state_that_is_refused_is_not_quoted(
    bookmark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Exception, match="state") as caught:
        TapZendeskEvents(
            config={**CONFIG, **WAYS["access token"]},
            state={"bookmarks": {"ticket_events": bookmark}},
        )
    check(caplog.text + "".join(traceback.format_exception(caught.value)))


def test_an_exception_that_nobody_expects(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("inside")

    for name in ("tap_zendesk_events.zendesk.client.read_page", "requests.Session.request"):
        with monkeypatch.context() as patch:
            patch.setattr(name, fail)
            for way in ("access token", "API token", "client"):
                said, error = everything_said(a_fake(), caplog, **WAYS[way])
                assert isinstance(error, RuntimeError)
                check(said)


class TestProcesses:
    """The same in real processes: standard error, and all of standard output but the records."""

    @pytest.fixture
    def fake(self) -> FakeZendesk:
        return a_fake()

    @pytest.fixture
    def url(self, fake: FakeZendesk) -> Iterator[str]:
        with fake.serve() as url:
            yield url

    @pytest.fixture(params=["info", "debug"])
    def level(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def catalog(self, tmp_path: Path) -> str:
        path = tmp_path / "catalog.json"
        path.write_text(json.dumps(selecting(*ALL_STREAMS)))
        return str(path)

    def said(
        self, done: subprocess.CompletedProcess[str], status: int, *, traceback: bool = False
    ) -> str:
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
    def test_what_needs_no_account(self, options: list[str]) -> None:
        every = {name: value for way in WAYS.values() for name, value in way.items()}
        way = WAYS["client"] if "--test=schema" in options else every
        settings = {"api_url": "http://127.0.0.1:1", **way, **START, "loglevel": "debug"}
        check(self.said(tap(*options, settings=settings), 0))

    @pytest.mark.parametrize("way", ["API token", "refresh token"])
    def test_a_run_that_meets_every_fault(
        self, way: str, fake: FakeZendesk, url: str, catalog: str, tmp_path: Path
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
            check(self.said(done, 1, traceback=True), fake.tokens_issued)
            if fake.faults[-1].struck:
                break
        assert all(fault.struck for fault in fake.faults[1:])

    @pytest.mark.parametrize("way", WAYS)
    def test_credentials_that_are_not_accepted(
        self, way: str, level: str, fake: FakeZendesk, url: str, tmp_path: Path
    ) -> None:
        fake.credentials.access_tokens = []
        fake.credentials.api_tokens = []
        fake.credentials.clients = {}
        fake.credentials.refresh_tokens = set()
        settings = {"api_url": url, **WAYS[way], **START, "loglevel": level}
        if "oauth_cache" in settings:
            settings["oauth_cache"] = str(tmp_path / "tokens.json")
        option = ["--test"] if level == "info" else []
        check(self.said(tap(*option, settings=settings), 1, traceback=level == "debug"))

    def test_a_token_file_that_cannot_be_used(self, url: str, tmp_path: Path) -> None:
        settings = {"api_url": url, **WAYS["refresh token"], **START, "loglevel": "debug"}
        settings["oauth_cache"] = str(tmp_path / "missing" / "tokens.json")
        check(self.said(tap(settings=settings), 1, traceback=True))
        other = tmp_path / "tokens.json"
        other.write_text(json.dumps({"access_token": ACCESS_TOKEN, "token": REFRESH_TOKEN}))
        settings["oauth_cache"] = str(other)
        check(self.said(tap(settings=settings), 1, traceback=True))

    def test_nobody_answers(self, level: str) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        settings = {"api_url": address, **WAYS["API token"], **START}
        impatient = {**settings, "max_retry_seconds": "0.1", "loglevel": level}
        check(self.said(tap(settings=impatient), 1, traceback=level == "debug"))

    def test_a_proxy_with_a_password(self) -> None:
        for scheme in ("http", "socks9"):
            proxy = f"{scheme}://me:{quote(INTRUDER, safe='')}@127.0.0.1:9"
            settings = {"subdomain": "acme", **WAYS["client"], **START, "max_retry_seconds": "0"}
            done = tap(settings={**settings, "loglevel": "debug"}, HTTPS_PROXY=proxy)
            check(self.said(done, 1, traceback=True))

    def test_wrong_settings_of_a_file(self, level: str, tmp_path: Path) -> None:
        config = tmp_path / "config.json"
        wrong = {"api_token": NUMBER, "email": EMAIL, "page_size": ACCESS_TOKEN, **START}
        config.write_text(json.dumps(wrong))
        done = tap("--config", str(config), TAP_ZENDESK_EVENTS_LOGLEVEL=level)
        said = self.said(done, 1, traceback=level == "debug")
        check(said)
        assert str(NUMBER) not in said
        config.write_text(json.dumps({**wrong, "access_token": ACCESS_TOKEN})[:-1])
        done = tap("--config", str(config), TAP_ZENDESK_EVENTS_LOGLEVEL=level)
        check(self.said(done, 1, traceback=level == "debug"))

    def test_wrong_settings_of_the_environment(self, level: str) -> None:
        settings = {
            "access_token": f"{ACCESS_TOKEN} {ACCESS_TOKEN}",
            "api_url": f"https://me:{INTRUDER}@example.com",
            "start_date": CLIENT_SECRET,
            "page_size": API_TOKEN,
            "include_comments": REFRESH_TOKEN,
            "loglevel": level,
        }
        check(self.said(tap(settings=settings), 1, traceback=level == "debug"))

    def test_an_exception_that_nobody_expects(self, level: str, url: str) -> None:
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
        said = self.said(done, 1, traceback=True)
        assert "inside" in said
        check(said)


class TestOneHost:
    """A second server stands by: nothing may come there, whatever the first one says."""

    @pytest.fixture
    def other(self) -> FakeZendesk:
        return a_fake()

    @pytest.fixture
    def other_url(self, other: FakeZendesk) -> Iterator[str]:
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
        self, way: str, redirected: str, other: FakeZendesk, other_url: str, tmp_path: Path
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
            netrc = self.netrc(tmp_path, url, other_url)
            done = tap(settings={"api_url": url, **settings}, NETRC=netrc, HOME=str(tmp_path))
        assert done.returncode == 1
        assert "redirect" in done.stderr or "gives no OAuth token" in done.stderr
        assert other.log == []
        assert len(fake.export_requests) == (3 if redirected == "export" else 0)
        for request in fake.log:
            assert request.authorization == self.signature(way, request, fake)
        check(done.stderr, fake.tokens_issued)

    def netrc(self, folder: Path, *addresses: str) -> str:
        path = folder / "netrc"
        hosts = ["127.0.0.1", "localhost", *(url.removeprefix("http://") for url in addresses)]
        lines = [f"machine {host} login intruder password {INTRUDER}\n" for host in hosts]
        path.write_text("".join(lines) + f"default login intruder password {INTRUDER}\n")
        path.chmod(0o600)
        return os.fspath(path)

    def signature(self, way: str, request: LoggedRequest, fake: FakeZendesk) -> str | None:
        """The one header that our own credentials make."""
        if request.path_kind == "token":
            return None
        if way == "API token":
            pair = f"{EMAIL}/token:{API_TOKEN}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return f"Bearer {ACCESS_TOKEN if way == 'access token' else fake.tokens_issued[-1]}"


def test_a_secret_travels_in_the_authorization_header_and_the_token_request_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for way in ("access token", "API token", "client"):
        fake = a_fake()
        _, error = everything_said(fake, caplog, **WAYS[way])
        assert error is None
        for request in fake.log:
            rest = {n: v for n, v in request.headers.items() if n != "authorization"}
            check(json.dumps([request.path, request.query, rest]))
