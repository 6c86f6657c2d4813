"""What signs requests: an auth object of requests, that can also be renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import AuthBase
from typing_extensions import override

if TYPE_CHECKING:
    from requests import PreparedRequest


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
