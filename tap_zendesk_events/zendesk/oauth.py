"""OAuth tokens that the tap fetches by itself: with client credentials, or by rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from typing_extensions import override

from tap_zendesk_events.exceptions import (
    NotConnectedError,
    RetriableError,
    ThrottledError,
    ZendeskEventsError,
)
from tap_zendesk_events.termination import TERMINATION
from tap_zendesk_events.times import duration
from tap_zendesk_events.zendesk.answer import words_of
from tap_zendesk_events.zendesk.auth import RenewableAuth, Unsigned
from tap_zendesk_events.zendesk.decoding import decode
from tap_zendesk_events.zendesk.token_file import LockedTokenFile, TokenFile, TokenPair, fingerprint

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tap_zendesk_events.settings import ClientCredentials, RefreshToken
    from tap_zendesk_events.zendesk.answer import Answer
    from tap_zendesk_events.zendesk.http import Http
    from tap_zendesk_events.zendesk.retry import Retry, Sleep

T = TypeVar("T")

TOKEN_PATH = "/oauth/tokens"  # noqa: S105
MARGIN = 60.0  # seconds before its end at which a token is renewed

SPENT = (
    "make a new refresh token and set it as refresh_token; each is good for one use, and the "
    "newest one is kept in the file that oauth_cache names."
)
PERHAPS_SPENT_BY_US = (
    "the answer to an earlier try did not arrive, and that try has probably spent the refresh "
    "token: make a new one and set it as refresh_token."
)


class Tokens(NamedTuple):
    """An answer of the token endpoint.

    Args:
        access_token: Signs requests.
        refresh_token: Gets the next pair; None with client credentials.
        lasts: Seconds for which to use the access token, or None if that is not told.
    """

    access_token: str
    refresh_token: str | None
    lasts: float | None


class TokenEndpoint:
    """Asks for tokens, with the patience that pages get, but without a slot of the allowance."""

    def __init__(self, http: Http, retry: Retry) -> None:
        self.host = http.host
        self.base_url = http.base_url
        self.clock = retry.clock
        self._http = http
        self._retry = retry

    def ask(self, grant: dict[str, str], advice: str, sleep: Sleep) -> Tokens:
        """Return new tokens.

        Args:
            grant: The fields of the request, credentials included.
            advice: What a user should do if the grant is refused.
            sleep: Waits before another try.

        Raises:
            ZendeskEventsError: The grant is refused, or patience has ended.
        """
        return self.patiently(lambda: self.ask_once(grant, advice), sleep)

    def patiently(self, ask: Callable[[], T], sleep: Sleep) -> T:
        """Return what `ask` returns, trying again while it raises RetriableError."""
        return self._retry.patiently(ask, "the token request", sleep)

    def ask_once(self, grant: dict[str, str], advice: str) -> Tokens:
        """Return new tokens from a single try; arguments as for `ask`.

        Raises:
            RetriableError: The try failed in a way that passes.
            ZendeskEventsError: The grant is refused.
        """
        answer = self._http.send("POST", TOKEN_PATH, Unsigned(), json={**grant, "scope": "read"})
        self._retry.reached()
        self._http.check_passing(answer)
        if answer.status in {400, 401, 422}:
            raise self._refused(answer, advice)
        self._http.check(answer)
        tokens = decode(answer.content)
        access, refresh = _token(tokens, "access_token"), _token(tokens, "refresh_token")
        if access is None:
            raise RetriableError("the answer holds no token")
        self._retry.answered()
        return Tokens(access, refresh, _lasts(tokens.get("expires_in")))

    def _refused(self, answer: Answer, advice: str) -> ZendeskEventsError:
        return ZendeskEventsError(
            f"{self.host} gives no OAuth token (status {answer.status}{words_of(answer)}): {advice}"
        )


def _token(answer: Any, name: str) -> str | None:
    token = answer.get(name) if isinstance(answer, dict) else None
    usable = isinstance(token, str) and token.isascii() and token.isprintable() and token
    return token if usable else None


def _lasts(expires_in: Any) -> float | None:
    """Return for how long to use a token; a short-lived one for half of its life at least.

    Zendesk's answer may lack `expires_in` (clients made before 30 April 2026): such a token is
    used until the server refuses it.
    """
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or expires_in <= 0:
        return None
    return max(expires_in - MARGIN, expires_in / 2)


class ClientCredentialsAuth(RenewableAuth):
    """Fetches a token with the client's own credentials and keeps it while it lasts."""

    def __init__(self, credentials: ClientCredentials, endpoint: TokenEndpoint) -> None:
        super().__init__()
        self._credentials = credentials
        self._endpoint = endpoint
        self._ends: float | None = None  # clock seconds at which to renew; None: not known

    @override
    def _ready(self, sleep: Sleep) -> str:
        now = self._endpoint.clock.monotonic()
        if self._header and (self._ends is None or now < self._ends):
            return self._header
        tokens = self._endpoint.ask(
            {
                "grant_type": "client_credentials",
                "client_id": self._credentials.client_id,
                "client_secret": self._credentials.client_secret,
            },
            "check client_id (the client's unique identifier) and client_secret, that the client "
            "is confidential, and that its maker is an admin.",
            sleep,
        )
        self._ends = None if tokens.lasts is None else now + tokens.lasts
        return f"Bearer {tokens.access_token}"


class RefreshTokenAuth(RenewableAuth):
    """Renews a pair of tokens that end together, and keeps the newest pair in a file.

    A refresh token is good for one use. So the pair in the file counts, not the one in the
    settings, until somebody sets another one there; and a run holds the file's lock from before
    it spends a token until the new pair is written. What remains is what no client can mend: an
    answer with the new pair that does not arrive, and a process that is killed before it does.

    Args:
        credentials: Client, first refresh token and file.
        endpoint: Where a token is spent.
        longest_wait: Seconds for which a signal waits for a request that spends a token.
        log: Says what is waited for.
    """

    def __init__(
        self,
        credentials: RefreshToken,
        endpoint: TokenEndpoint,
        longest_wait: float,
        log: logging.Logger,
    ) -> None:
        super().__init__()
        self._credentials = credentials
        self._endpoint = endpoint
        self._longest_wait = longest_wait
        self._log = log
        self._file = TokenFile(credentials.oauth_cache)
        self._account = fingerprint(endpoint.base_url, credentials.client_id)
        self._origin = fingerprint(credentials.refresh_token)
        self._pair: TokenPair | None = None
        self._refused = ""  # the access token that the server no longer accepts

    @override
    def _ready(self, sleep: Sleep) -> str:
        if self._pair is None or not self._usable(self._pair):
            with self._file.locked(self._waiting_for_another_run) as file:
                pair = file.read(self._account, self._origin)
                if pair is None or not self._usable(pair):
                    pair = self._next(file, pair, sleep)
            self._pair = pair
        return f"Bearer {self._pair.access_token}"

    @override
    def _give_up(self) -> None:
        self._refused = self._pair.access_token if self._pair else ""
        self._pair = None

    def _usable(self, pair: TokenPair) -> bool:
        if pair.access_token == self._refused:
            return False
        return pair.expires_at is None or self._endpoint.clock.now() < pair.expires_at

    def _next(self, file: LockedTokenFile, pair: TokenPair | None, sleep: Sleep) -> TokenPair:
        """Spend the newest refresh token that is known, and keep what comes for it."""
        with TERMINATION:
            file.rehearse()
        spent = self._credentials.refresh_token if pair is None else pair.refresh_token
        spending = Spending(self._endpoint, self._credentials, spent)

        def spend() -> TokenPair:
            TERMINATION.check()
            # from here on the token may be gone, so a signal waits until its successor is kept
            with TERMINATION.outlasting(self._longest_wait, self._waiting_for_answer):
                now = self._endpoint.clock.now()
                tokens = spending.ask()
                new = TokenPair(
                    access_token=tokens.access_token,
                    refresh_token=tokens.refresh_token or spent,
                    expires_at=None if tokens.lasts is None else now + tokens.lasts,
                    account=self._account,
                    origin=self._origin,
                )
                file.write(new)
                return new

        try:
            return self._endpoint.patiently(spend, sleep)
        except ZendeskEventsError as error:
            if spending.gave_up_in_doubt:
                raise ZendeskEventsError(
                    f"{error} One of these tries may have spent the refresh token: if the next "
                    "run is given no OAuth token, make a new one."
                ) from None
            raise

    def _waiting_for_another_run(self) -> None:
        self._log.info(
            "Another run is renewing the tokens in the file that oauth_cache names: waiting for it."
        )

    def _waiting_for_answer(self, signal_name: str | None) -> None:
        self._log.info(
            "%s while a refresh token is being spent: the run ends when the new one is in the file "
            "that oauth_cache names, and in %s at the latest.",
            f"{signal_name} has come" if signal_name else "An error has come",
            duration(self._longest_wait),
        )


class Spending:
    """The tries to spend one refresh token, any of which may do it without an answer.

    Args:
        endpoint: Where it is spent.
        credentials: Name the client.
        refresh_token: The newest one.
    """

    def __init__(
        self, endpoint: TokenEndpoint, credentials: RefreshToken, refresh_token: str
    ) -> None:
        self._endpoint = endpoint
        self._grant = {
            "grant_type": "refresh_token",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "refresh_token": refresh_token,
        }
        self._in_doubt = False  # whether a try may have spent it
        self._failed = False  # whether the last one is to be tried again

    @property
    def gave_up_in_doubt(self) -> bool:
        """Whether the last try was one too many, and any of them may have spent the token."""
        return self._failed and self._in_doubt

    def ask(self) -> Tokens:
        """Return the next tokens, from a single try.

        Raises:
            RetriableError: The try failed in a way that passes.
            ZendeskEventsError: The token is refused.
        """
        try:
            self._failed = False
            return self._endpoint.ask_once(
                self._grant, PERHAPS_SPENT_BY_US if self._in_doubt else SPENT
            )
        except RetriableError as error:
            self._failed = True
            if not isinstance(error, ThrottledError | NotConnectedError):
                self._in_doubt = True
            raise
