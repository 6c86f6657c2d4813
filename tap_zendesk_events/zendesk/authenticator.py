"""The way to authenticate that is set, as an auth object."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tap_zendesk_events.settings import AccessToken, ApiToken, RefreshToken
from tap_zendesk_events.zendesk.auth import Auth

if TYPE_CHECKING:
    import logging

    from tap_zendesk_events.settings import Settings
    from tap_zendesk_events.zendesk.http import Http
    from tap_zendesk_events.zendesk.retry import Retry


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
