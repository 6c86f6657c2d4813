"""Secrets and a comment with marks of their own, and the search for them in all that is said."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from tests.fake_zendesk import Account, FakeZendesk, make_events, make_metric_events

if TYPE_CHECKING:
    from collections.abc import Iterable

# Short enough not to be taken for tokens by their length, and not the same when URL-encoded.
ACCESS_TOKEN = "acc3ss+t0ken/4f1c="
API_TOKEN = "ap1+t0ken/9b2e="
CLIENT_SECRET = "cl1ent+s3cret/77d0="
REFRESH_TOKEN = "r3fresh+t0ken/c41a="
EMAIL = "admin@example.com"
INTRUDER = "n3trc+passw0rd/5e5e="
NUMBER = 8_412_973_650_217
"""A secret of digits alone."""
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
