"""The ways to authenticate, each as an auth object of requests."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from requests.auth import AuthBase
from typing_extensions import override

from tap_zendesk_events.errors import ZendeskEventsError
from tap_zendesk_events.http import AnotherTryError, UnauthorizedError, quote
from tap_zendesk_events.page import BrokenPageError, decode
from tap_zendesk_events.settings import AccessToken, ApiToken

if TYPE_CHECKING:
    from requests import PreparedRequest

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.http import Http
    from tap_zendesk_events.retry import Retry
    from tap_zendesk_events.settings import ClientCredentials, Credentials

TOKEN_PATH = "/oauth/tokens"  # noqa: S105
MARGIN = 60.0  # seconds before its end at which a token is renewed


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


class ClientCredentialsAuth(Auth):
    """Fetches an OAuth token with the client's own credentials and keeps it while it lasts.

    Zendesk's answer may lack `expires_in` (clients made before 30 April 2026): such a token is
    kept until the server refuses it.

    Raises:
        ZendeskEventsError: The client is refused.
    """

    def __init__(self, credentials: ClientCredentials, http: Http, retry: Retry) -> None:
        super().__init__("")
        self._credentials = credentials
        self._http = http
        self._retry = retry
        self._clock: Clock = retry.clock
        self._ends: float | None = None  # clock seconds at which to renew; None: not known

    def prepare(self) -> None:
        """Fetch a token if there is none, or if its end is near."""
        if not self._header or (self._ends is not None and self._clock.monotonic() >= self._ends):
            self._fetch()

    def renew(self) -> bool:
        """Forget the token, so that the next request fetches another."""
        self._header = ""
        return True

    def _fetch(self) -> None:
        asked = self._clock.monotonic()
        answer = self._retry.patiently(self._ask, "the token request")
        self._header = f"Bearer {answer['access_token']}"
        lasts = answer.get("expires_in")
        if isinstance(lasts, bool) or not isinstance(lasts, int | float) or lasts <= 0:
            self._ends = None
        else:
            # a short-lived token is used for half of its life at least
            self._ends = asked + max(lasts - MARGIN, lasts / 2)

    def _ask(self) -> dict[str, Any]:
        try:
            response = self._http.send(
                "POST",
                TOKEN_PATH,
                Unsigned(),
                json={
                    "grant_type": "client_credentials",
                    "client_id": self._credentials.client_id,
                    "client_secret": self._credentials.client_secret,
                    "scope": "read",
                },
            )
        except UnauthorizedError as error:
            raise self._refused(error.response.status_code, quote(error.response)) from None
        self._retry.answered = True
        if not 200 <= response.status_code < 300:
            raise self._refused(response.status_code, quote(response))
        try:
            answer = decode(response.content)
        except BrokenPageError as error:
            raise AnotherTryError(f"the answer is {error}") from None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if (
            not isinstance(token, str)
            or not token
            or not token.isascii()
            or not token.isprintable()
        ):
            raise AnotherTryError("the answer holds no token")
        return dict(answer)

    def _refused(self, status: int, said: str) -> ZendeskEventsError:
        return ZendeskEventsError(
            f"{self._http.host} gives the OAuth client no token (status {status} {said}): check "
            "client_id (the client's unique identifier) and client_secret, that the client is "
            "confidential, and that its maker is an admin."
        )


def authenticator(credentials: Credentials, http: Http, retry: Retry) -> Auth:
    """Return the auth object for the way to authenticate that is set."""
    if isinstance(credentials, AccessToken):
        return Auth(f"Bearer {credentials.token}")
    if isinstance(credentials, ApiToken):
        pair = f"{credentials.email}/token:{credentials.token}".encode()
        return Auth(f"Basic {base64.b64encode(pair).decode('ascii')}")
    return ClientCredentialsAuth(credentials, http, retry)
