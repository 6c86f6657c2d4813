"""What signs requests, and can be renewed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from requests.auth import AuthBase
from typing_extensions import override

if TYPE_CHECKING:
    from requests import PreparedRequest

    from tap_zendesk_events.zendesk.retry import Sleep


class Signature(AuthBase):
    """Signs requests with one header, which stays the same whatever comes after it."""

    def __init__(self, header: str) -> None:
        self.header = header

    @override
    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self.header
        return request


class Auth:
    """Signs with one fixed header. Several threads may use one object."""

    def __init__(self, header: str) -> None:
        self._header = header

    def prepare(self, sleep: Sleep) -> Signature:
        """Return what signs the next request; asked before a slot of the allowance is taken.

        Args:
            sleep: Waits, if a credential has to be fetched and that is tried again.
        """
        del sleep
        return Signature(self._header)

    def renew(self, refused: Signature) -> bool:
        """Give the refused credential up. Returns whether another one can be had."""
        del refused
        return False


class RenewableAuth(Auth):
    """Signs with a credential that is fetched when it is needed, once for all threads."""

    def __init__(self) -> None:
        super().__init__("")
        self._lock = threading.Lock()

    @override
    def prepare(self, sleep: Sleep) -> Signature:
        with self._lock:
            self._header = self._ready(sleep)
            return Signature(self._header)

    @override
    def renew(self, refused: Signature) -> bool:
        with self._lock:
            # if not, another request has been refused before this one, and renewed it
            if refused.header == self._header:
                self._give_up()
                self._header = ""  # given up once, however many requests were refused with it
            return True

    def _ready(self, sleep: Sleep) -> str:
        """Return the header of a credential that is good, fetched if there is none."""
        raise NotImplementedError

    def _give_up(self) -> None:
        """Note that the credential at hand is refused."""


class Unsigned(AuthBase):
    """Adds nothing. Given so that requests does not look into a ``.netrc``."""

    @override
    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request
