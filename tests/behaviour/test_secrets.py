"""Whatever goes wrong, no secret and no comment shows; and credentials go to one host only."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import FakeZendesk, Fault
from tests.support.harness import CONFIG, ListWriter, SimulatedClock, SimulatedTap
from tests.support.planted_secrets import (
    ACCESS_TOKEN,
    API_TOKEN,
    CLIENT_SECRET,
    COMMENT,
    EMAIL,
    INTRUDER,
    NUMBER,
    REFRESH_TOKEN,
    SECRETS,
    START,
    WAYS,
    a_fake,
    check,
    echoes,
    sent_by,
)
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_what_it_looks_for(secret: str) -> None:
    pair = base64.b64encode(f"{EMAIL}/token:{secret}".encode()).decode()
    for leak in (secret, quote(secret, safe=""), pair, json.dumps({"a": secret}), repr([secret])):
        with pytest.raises(AssertionError):
            check(f"Something went wrong with {leak}.")


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
