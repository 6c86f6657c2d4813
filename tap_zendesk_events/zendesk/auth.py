"""The ways to authenticate, each as an auth object of requests."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from requests.auth import AuthBase
from typing_extensions import override

from tap_zendesk_events.settings import AccessToken, ApiToken, RefreshToken

if TYPE_CHECKING:
    import logging

    from requests import PreparedRequest

    from tap_zendesk_events.settings import Settings
    from tap_zendesk_events.zendesk.http import Http
    from tap_zendesk_events.zendesk.retry import Retry


class Auth(AuthBase):
    """Signs requests with one fixed header."""

    def __init__(self, header: str) -> None:
        self._header = header

    @override
    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header
        return request

    def prepare(self) -> None:
        """Make sure that a credential is at hand, before a slot of the allowance is taken."""

    def renew(self) -> bool:
        """Give up the present credential. Returns whether a new one can be had."""
        return False


class Unsigned(AuthBase):
    """Adds nothing. Given so that requests does not look into a ``.netrc``."""

    @override
    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


def authenticator(settings: Settings, http: Http, retry: Retry, log: logging.Logger) -> Auth:
    """Return the auth object for the way to authenticate that is set."""
    credentials = settings.credentials
    if isinstance(credentials, AccessToken):
        return Auth(f"Bearer {credentials.token}")
    if isinstance(credentials, ApiToken):
        pair = f"{credentials.email}/token:{credentials.token}".encode()
        return Auth(f"Basic {base64.b64encode(pair).decode('ascii')}")

    from tap_zendesk_events.zendesk.oauth import (  # noqa: PLC0415 - only for those who use it
        ClientCredentialsAuth,
        RefreshTokenAuth,
        TokenEndpoint,
    )

    endpoint = TokenEndpoint(http, retry)
    if isinstance(credentials, RefreshToken):
        return RefreshTokenAuth(credentials, endpoint, settings.request_timeout, log)
    return ClientCredentialsAuth(credentials, endpoint)
