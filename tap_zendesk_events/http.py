"""One try of one request: sent, and its outcome sorted into answer, another try, or the end."""

from __future__ import annotations

import base64
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from tap_zendesk_events.errors import ZendeskEventsError
from tap_zendesk_events.page import BrokenPageError, decode
from tap_zendesk_events.settings import is_loopback
from tap_zendesk_events.times import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests.auth import AuthBase

    from tap_zendesk_events.clock import Clock
    from tap_zendesk_events.settings import Settings

LONGEST_WAIT = 900.0
"""Most seconds that a `Retry-After` is obeyed at a time; then the request is tried again."""

TOO_SLOW = frozenset({504, 524})  # gateways that gave up on a page which takes too long
QUOTED = 200  # most characters of an error's body that a message quotes


@dataclass(frozen=True)
class Answer:
    """What came back, whole.

    Args:
        status: The status code.
        headers: The headers; their names in any case.
        content: The body, unzipped.
        seconds: How long it took, from sending the request until the whole body was read. What it
            tells was so when the request came in, not when the answer was there.
        request: What was sent, for the secrets that no message may show.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float = 0.0
    request: requests.PreparedRequest | None = None


class AnotherTryError(Exception):
    """A try failed in a way that passes.

    Args:
        reason: For the log: what happened, without content of the answer.
        wait: Seconds to wait as told by the server, or None if it said nothing.
        throttled: Whether the server said that the allowance is used up (429).
        too_slow: Whether a smaller page may help (a time-out on either side).
        unreachable: Whether nobody listens at the address, or it has no such name.
        headers: The answer's headers, if there was an answer.
    """

    def __init__(
        self,
        reason: str,
        *,
        wait: float | None = None,
        throttled: bool = False,
        too_slow: bool = False,
        unreachable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.throttled = throttled
        self.too_slow = too_slow
        self.unreachable = unreachable
        self.headers: Mapping[str, str] = headers or {}


class UnauthorizedError(Exception):
    """The server does not accept the credentials (401). Args: the answer, for a message."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("401")
        self.answer = answer


class Http:
    """Sends requests to the configured host, and to no other.

    Args:
        settings: Address, time-out and user agent.
        user_agent: The default for the header.
        clock: Measures how long answers take, and tells the local time to read a `Retry-After`
            date against.
    """

    def __init__(self, settings: Settings, user_agent: str, clock: Clock) -> None:
        self.base_url = settings.base_url
        self.host = settings.host
        self._address_setting = settings.address_setting
        self.session = requests.Session()
        self.session.headers["User-Agent"] = settings.user_agent or user_agent
        self.session.headers["Accept"] = "application/json"
        parts = urlsplit(settings.base_url)
        if parts.scheme == "http" and is_loopback(parts.hostname or ""):
            # plain http stays on this machine, whatever proxy the environment names
            self.session.trust_env = False
        self._timeout = (settings.request_timeout, settings.request_timeout)
        self._clock = clock

    def send(
        self,
        method: str,
        path: str,
        auth: AuthBase,
        *,
        params: dict[str, str] | None = None,
        json: dict[str, Any] | None = None,
    ) -> Answer:
        """Send one request and return its answer, whose status is then 2xx, 400 or 422.

        `auth` is always given, so that requests never looks into a ``.netrc``. Redirects are not
        followed, because they could name another host.

        Raises:
            AnotherTryError: 429, 5xx, a time-out or a broken connection.
            UnauthorizedError: 401.
            ZendeskEventsError: Anything else that no other try would help.
        """
        url = self.base_url + path
        began = self._clock.monotonic()
        try:
            response = self.session.request(
                method,
                url,
                params=params,
                json=json,
                auth=auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._failure(error) from error
        except OSError:
            # requests looks for the file of certificates before it begins
            raise ZendeskEventsError(
                "the file of certificates that the environment names (REQUESTS_CA_BUNDLE, or "
                "CURL_CA_BUNDLE) cannot be read: correct the path, or unset the variable."
            ) from None
        answer = Answer(
            response.status_code,
            response.headers,
            response.content,
            self._clock.monotonic() - began,
            response.request,
        )
        status = answer.status
        if 200 <= status < 300 or status in {400, 422}:
            return answer
        if status == 401:
            raise UnauthorizedError(answer)
        if status == 429 or status >= 500:
            raise AnotherTryError(
                f"status {status} {quote(answer)}".strip(),
                wait=retry_after(answer.headers.get("Retry-After"), self._server_now(answer)),
                throttled=status == 429,
                too_slow=status in TOO_SLOW,
                headers=answer.headers,
            )
        raise self.refusal(answer)

    def refusal(self, answer: Answer) -> ZendeskEventsError:
        """Return the sentence for an answer that no other try would help."""
        status, said = answer.status, quote(answer)
        if 300 <= status < 400:
            return ZendeskEventsError(
                f"{self.host} answered with a redirect (status {status}), which is not followed, "
                "because credentials go to the configured host only: set subdomain to the name "
                "in the address of your Zendesk agent pages."
            )
        if status == 401:
            return ZendeskEventsError(
                f"{self.host} does not accept the credentials (status 401 {said}): check that the "
                "token or OAuth client is active and was copied whole, and belongs to this account."
            )
        if status == 403:
            return ZendeskEventsError(
                f"{self.host} refuses access (status 403 {said}): incremental exports need the "
                "credentials of an admin, and an OAuth token the scope `read`."
            )
        if status == 404:
            return ZendeskEventsError(
                f"{self.host} does not know this export (status 404 {said}): check "
                f"{self._address_setting}, subdomain is the `acme` of acme.zendesk.com."
            )
        return ZendeskEventsError(
            f"{self.host} refuses the request (status {status} {said}), and asking again would not "
            "change that: check the settings, or report this with the tap's version."
        )

    def _failure(self, error: requests.RequestException) -> Exception:
        """Sort an exception of requests: another try, or a sentence. Quotes nothing of it."""
        if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in str(error).upper():
            return ZendeskEventsError(
                f"the certificate of {self.host} cannot be verified: if a proxy of your company "
                "stands in between, let REQUESTS_CA_BUNDLE name the file with its certificates."
            )
        if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
            seconds = f"{self._timeout[1]:g}"
            return AnotherTryError(f"no answer for {seconds} seconds", too_slow=True)
        if isinstance(error, requests.exceptions.ProxyError):
            return AnotherTryError("the proxy does not answer", unreachable=_is_refused(error))
        if isinstance(error, requests.ConnectionError):
            if _is_refused(error):
                return AnotherTryError("connection refused", unreachable=True)
            if "NameResolution" in repr(error):
                return AnotherTryError("its name cannot be looked up", unreachable=True)
            return AnotherTryError("the connection broke")
        if isinstance(
            error,
            requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError,
        ):
            return AnotherTryError("the answer broke off or is damaged")
        return ZendeskEventsError(
            f"the request to {self.host} cannot be sent ({type(error).__name__}): check subdomain, "
            "api_url and the proxy settings of the environment."
        )

    def _server_now(self, answer: Answer) -> float:
        date = http_date(answer.headers.get("Date"))
        return self._clock.now() if date is None else date


def _is_refused(error: Exception) -> bool:
    seen: BaseException | None = error
    for _ in range(6):
        if seen is None:
            break
        if isinstance(seen, ConnectionRefusedError):
            return True
        reason = getattr(seen, "reason", None)
        inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        seen = reason if isinstance(reason, BaseException) else inner or seen.__cause__
    return "Connection refused" in str(error)


def retry_after(header: str | None, server_now: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for: a number or an HTTP date.

    Never negative and never more than 15 minutes; None if it says nothing that can be read.
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        seconds = float(text)
    else:
        date = http_date(text)
        if date is None:
            return None
        seconds = date - server_now
    return min(max(seconds, 0.0), LONGEST_WAIT)


def quote(answer: Answer) -> str:
    """Return the error's own words out of an answer's body, short and harmless, or nothing.

    Only the fields that Zendesk's error envelopes have are quoted, never a body as a whole: a
    proxy may echo the request in it.
    """
    try:
        content = decode(answer.content)
    except BrokenPageError:
        return ""
    words: list[str] = []
    if isinstance(content, dict):
        envelopes = [content, content.get("error")]
        errors = content.get("errors")
        envelopes += errors if isinstance(errors, list) else []
        for envelope in envelopes:
            if isinstance(envelope, str):
                words.append(envelope)
            elif isinstance(envelope, dict):
                fields = ("title", "code", "message", "detail", "description", "error_description")
                words += [envelope[f] for f in fields if isinstance(envelope.get(f), str)]
    text = ", ".join(words[:3])
    for secret in _secrets(answer.request):
        text = text.replace(secret, "…")
    text = " ".join(re.sub(r"[^\x20-\x7e…]+", " ", text).split())
    text = re.sub(r"[A-Za-z0-9+/_=-]{32,}", "…", text)  # whatever could be a token
    return f'"{text[:QUOTED]}"' if text else ""


def _secrets(request: requests.PreparedRequest | None) -> list[str]:
    """Return what the request held that no message may show, in every usual form, longest first."""
    if request is None:
        return []
    scheme, _, value = str(request.headers.get("Authorization", "")).partition(" ")
    secrets = {value}
    if scheme == "Basic":
        pair = base64.b64decode(value).decode()
        secrets |= {pair, pair.partition(":")[2]}
    if request.body:
        grant = decode(request.body if isinstance(request.body, bytes) else request.body.encode())
        secrets |= {grant[name] for name in ("client_secret", "refresh_token") if name in grant}
    secrets.discard("")
    encoded = {base64.b64encode(secret.encode()).decode() for secret in secrets}
    encoded |= {text.rstrip("=") for text in encoded}
    quoted = {urllib.parse.quote(secret, safe="") for secret in secrets | encoded}
    return sorted(secrets | encoded | quoted, key=len, reverse=True)
