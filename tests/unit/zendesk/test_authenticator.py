"""The ways to authenticate, as they are set."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from tap_zendesk_events.tap import TapZendeskEvents
from tap_zendesk_events.zendesk.auth import Auth
from tap_zendesk_events.zendesk.authenticator import authenticator
from tap_zendesk_events.zendesk.oauth import ClientCredentialsAuth, RefreshTokenAuth
from tests.support.harness import AS_CLIENT, CONFIG, SimulatedClock, a_fake, plain_account, run

LOG = logging.getLogger("test_authenticator")


def test_an_access_token_is_sent_as_it_is() -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    assert len(run(fake, clock, access_token=" fake-access-token\n").ids) == 3
    assert {request.authorization for request in fake.log} == {"Bearer fake-access-token"}


@pytest.mark.parametrize(
    "email", ["admin@example.com", "admin@example.com/token", " admin@example.com "]
)
def test_an_api_token_is_sent_with_the_email_address(email: str) -> None:
    clock = SimulatedClock()
    fake = a_fake(plain_account(3), clock)
    output = run(fake, clock, access_token=None, email=email, api_token="fake-api-token")
    assert len(output.ids) == 3
    (header,) = {request.authorization for request in fake.log}
    assert header is not None
    scheme, _, pair = header.partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(pair) == b"admin@example.com/token:fake-api-token"


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ({}, Auth),
        ({"access_token": None, "email": "admin@example.com", "api_token": "fake"}, Auth),
        (AS_CLIENT, ClientCredentialsAuth),
        ({**AS_CLIENT, "refresh_token": "fake", "oauth_cache": "tokens.json"}, RefreshTokenAuth),
    ],
)
def test_each_way_has_its_auth(way: dict[str, Any], kind: type[Auth]) -> None:
    given = {name: v for name, v in {**CONFIG, **way}.items() if v is not None}
    account = TapZendeskEvents(config=given).account()
    made = authenticator(account.settings, account.http, account.retry, LOG)
    assert type(made) is kind
