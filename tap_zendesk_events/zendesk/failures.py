"""What went wrong with a request, sorted: worth another try, or a sentence for the user."""

from __future__ import annotations

import errno
import re
import socket
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3

from tap_zendesk_events.exceptions import (
    NotConnectedError,
    NotFromZendeskError,
    RetriableError,
    ThrottledError,
    TooSlowError,
    ZendeskEventsError,
)
from tap_zendesk_events.times import http_date
from tap_zendesk_events.zendesk.answer import retry_after, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_zendesk_events.zendesk.answer import Answer

TOO_SLOW = frozenset({504, 524})  # gateways that gave up on a page which takes too long

PASSING = frozenset({408, 409, 423, 425})
"""Time-out of the request, conflict (Zendesk's `DatabaseConflict`), locked, too early: the statuses
below 500, besides 429, that are gone a moment later."""

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")

_NO_WAY = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.EHOSTDOWN: "its machine is down",
    errno.ENETUNREACH: "there is no network to reach it by",
    errno.ENETDOWN: "the network of this machine is down",
}


class Failure:
    """An exception of requests with all those that it was made of.

    requests and urllib3 put one exception into another: as an argument, a reason, a cause.
    """

    def __init__(self, error: BaseException) -> None:
        self.chain = list(_chain(error))
        self.text = " ".join(str(each) for each in self.chain)

    def has(self, *kinds: type[BaseException]) -> bool:
        """Say whether one of the exceptions is of one of these kinds."""
        return any(isinstance(each, kinds) for each in self.chain)

    @property
    def tunnel_status(self) -> str | None:
        """Return the status with which a proxy refused the way through it."""
        found = _TUNNEL.search(self.text)
        return found[1] if found else None

    @property
    def no_way(self) -> str:
        """Return why no connection was made."""
        if self.has(urllib3.exceptions.NameResolutionError, socket.gaierror):
            return "its name cannot be looked up"
        numbers = (each.errno for each in self.chain if isinstance(each, OSError))
        known = (_NO_WAY[number] for number in numbers if number in _NO_WAY)
        return next(known, "no connection can be made")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if any(each is other for other in seen):
            continue
        seen.append(each)
        yield each
        inner = (*each.args, getattr(each, "reason", None), each.__cause__)
        waiting += [one for one in inner if isinstance(one, BaseException)]


class Row(NamedTuple):
    """One kind of failure.

    Args:
        matches: Says whether a failure is of this kind.
        outcome: Makes the exception to raise, from the failure, the host and the seconds of the
            time-out.
    """

    matches: Callable[[Failure], bool]
    outcome: Callable[[Failure, str, float], Exception]


def _untrusted(_: Failure, host: str, __: float) -> Exception:
    return ZendeskEventsError(
        f"the certificate of {host} cannot be verified: if a proxy of your company "
        "stands in between, let REQUESTS_CA_BUNDLE name the file with its certificates."
    )


def _proxy_wants_password(*_: object) -> ZendeskEventsError:
    return ZendeskEventsError(
        "the proxy wants to know who asks (status 407): put a name and password that it accepts "
        "into the address that HTTPS_PROXY names, as in http://name:password@proxy:8080."
    )


def _no_bundle(*_: object) -> Exception:
    return ZendeskEventsError(
        "the file of certificates that the environment names (REQUESTS_CA_BUNDLE, or "
        "CURL_CA_BUNDLE) cannot be read: correct the path, or unset the variable."
    )


def _cannot_be_sent(failure: Failure, host: str, _: float) -> Exception:
    return ZendeskEventsError(
        f"the request to {host} cannot be sent ({type(failure.chain[0]).__name__}): check "
        "subdomain, api_url and the proxy settings of the environment."
    )


def _proxy_is_silent(failure: Failure, *_: object) -> Exception:
    status = failure.tunnel_status
    if status:
        return NotConnectedError(f"the proxy does not let the request through, status {status}")
    return NotConnectedError("the proxy does not answer")


_TABLE = (
    # no other try makes a certificate trusted (requests has no exception of its own for it)
    Row(
        lambda f: f.has(requests.exceptions.SSLError) and "CERTIFICATE" in f.text.upper(),
        _untrusted,
    ),
    # the proxy has answered, and will not answer otherwise; http.client says so in a text only
    Row(lambda f: f.tunnel_status == "407", _proxy_wants_password),
    # before the kinds of connection, because with a proxy they are about the proxy
    Row(lambda f: f.has(requests.exceptions.ProxyError), _proxy_is_silent),
    # other tunnels that fail: requests takes some for broken connections
    Row(lambda f: f.tunnel_status is not None, _proxy_is_silent),
    # refused, no route, no such name: urllib3's kind of it is one of time-out, so before these
    Row(
        lambda f: f.has(urllib3.exceptions.NewConnectionError),
        lambda f, *_: NotConnectedError(f.no_way),
    ),
    # nothing was sent yet, so the page cannot be the reason
    Row(
        lambda f: f.has(requests.exceptions.ConnectTimeout),
        lambda _, __, seconds: NotConnectedError(f"no connection within {seconds:g} seconds"),
    ),
    # sent, and not answered: a page of this size may take too long
    Row(
        lambda f: f.has(requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError),
        lambda _, __, seconds: TooSlowError(f"no answer for {seconds:g} seconds"),
    ),
    # the other side speaks no TLS, or not ours
    Row(
        lambda f: f.has(requests.exceptions.SSLError),
        lambda *_: NotConnectedError("no TLS connection can be made"),
    ),
    # closed or reset before the answer
    Row(
        lambda f: f.has(requests.exceptions.ConnectionError, urllib3.exceptions.ProtocolError),
        lambda *_: RetriableError("the connection broke"),
    ),
    # an address that is none, a proxy of an unknown kind
    Row(
        lambda f: f.has(requests.exceptions.RequestException, urllib3.exceptions.HTTPError),
        _cannot_be_sent,
    ),
    # requests looks for the file of certificates before it begins, and says so with an OSError
    Row(lambda f: f.has(OSError), _no_bundle),
)


def sort_failure(error: Exception, host: str, timeout: float) -> Exception:
    """Return what to raise for a request without an answer. Quotes nothing of `error`.

    Args:
        error: What requests raised: one of its own exceptions, urllib3's, or an OSError.
        host: The host that messages name.
        timeout: Seconds of silence that were allowed.
    """
    failure = Failure(error)
    row = next(row for row in _TABLE if row.matches(failure))
    return row.outcome(failure, host, timeout)


def retriable(answer: Answer, local_now: float) -> RetriableError | None:
    """Return the error for an answer that another try may mend, or None.

    Args:
        answer: Any answer.
        local_now: The local wall clock, if the answer has no `Date` to read `Retry-After` against.
    """
    status, headers = answer.status, answer.headers
    date = http_date(headers.get("Date"))
    wait = retry_after(headers.get("Retry-After"), local_now if date is None else date)
    if status == 429 or status in PASSING or status >= 500:
        # not for every answer: to quote a page would be to decode it once more
        said = f"status {status}{words_of(answer)}"
        kind: type[RetriableError] = TooSlowError if status in TOO_SLOW else RetriableError
        kind = ThrottledError if status == 429 else kind
        return kind(said, wait=wait, headers=headers)
    if status == 304:
        # nothing was asked for on a condition, so it comes from a cache that is at fault
        reason = "status 304, not modified, although a whole answer was asked for"
        return NotFromZendeskError(reason, wait=wait, headers=headers)
    if answer.is_markup and (status < 300 or status in {400, 403}):
        reason = f"status {status} with a page of HTML"
        return NotFromZendeskError(reason, wait=wait, headers=headers)
    return None


def refusal(answer: Answer, host: str, address_setting: str) -> ZendeskEventsError:
    """Return the sentence for an answer that no other try would help.

    Args:
        answer: The answer.
        host: The host that asks for the credentials.
        address_setting: The setting that names it.
    """
    status, said = answer.status, words_of(answer)
    if 300 <= status < 400:
        return ZendeskEventsError(
            f"{host} answered with a redirect (status {status}), which is not followed, "
            "because credentials go to the configured host only: set subdomain to the name "
            "in the address of your Zendesk agent pages."
        )
    if status == 401:
        return ZendeskEventsError(
            f"{host} does not accept the credentials (status 401{said}): check that the "
            "token or OAuth client is active and was copied whole, and belongs to this account."
        )
    if status == 403:
        return ZendeskEventsError(
            f"{host} refuses access (status 403{said}): incremental exports need the "
            "credentials of an admin, and an OAuth token the scope `read`."
        )
    if status == 404:
        return ZendeskEventsError(
            f"{host} does not know this export (status 404{said}): check "
            f"{address_setting}; subdomain is the `acme` of acme.zendesk.com."
        )
    if status == 407:
        return _proxy_wants_password()
    return ZendeskEventsError(
        f"{host} refuses the request (status {status}{said}), and asking again would not "
        "change that: check the settings, or report this with the tap's version."
    )
