"""Every exception of the tap.

::

    Exception
    ├── ZendeskEventsError         a run cannot go on; the message is for the user
    │   └── RunEndedError          ... because it has ended, so that nobody gets the message
    ├── StartTooRecentError        there is nothing to export yet
    └── RetriableError             a try failed in a way that passes
        ├── ThrottledError         the allowance is used up (429)
        ├── NotConnectedError      nobody was reached, so it says nothing about the page
        ├── NotFromZendeskError    something in between answered: a proxy, a firewall, a cache
        ├── BrokenPageError        a body that cannot be a page
        │   └── CutShortError      ... because its end is missing, or it is damaged
        └── TooSlowError           a smaller page may help
            ├── SlowBodyError      ... because the body comes too slowly
            └── TooLargeError      ... because the body is larger than any page should be
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ZendeskEventsError(Exception):
    """A run cannot go on, and the message says what to do about it.

    The message is one sentence for the person who runs the tap. It never quotes a setting's value,
    a token or a comment. The command line turns it into one ERROR line and exit status 1.
    """


class RunEndedError(ZendeskEventsError):
    """A run has ended while a thread was still to ask for a page, for which nobody waits now."""


class StartTooRecentError(Exception):
    """Zendesk calls the start too recent: there is nothing to export yet."""


class RetriableError(Exception):
    """A try failed in a way that passes.

    Args:
        reason: For the log: what happened, without content of the answer.
        wait: Seconds to wait as told by the server (`Retry-After`), or None if it said nothing.
        headers: The answer's headers, as far as there was an answer.
    """

    def __init__(
        self,
        reason: str,
        *,
        wait: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.headers: Mapping[str, str] = headers or {}


class ThrottledError(RetriableError):
    """The server says that the allowance is used up (429)."""


class NotConnectedError(RetriableError):
    """No connection was made: refused, no route, no such name, no answer while connecting."""


class NotFromZendeskError(RetriableError):
    """The answer is none of Zendesk's own, but of something in between."""


class BrokenPageError(RetriableError):
    """A body that cannot be a page: not whole, no JSON, or of another shape.

    Args:
        what: What it is instead, to follow "the answer is".
    """

    def __init__(self, what: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"the answer is {what}", headers=headers)


class CutShortError(BrokenPageError):
    """A body without its end, or damaged on the way."""


class TooSlowError(RetriableError):
    """A page that takes too long, on either side. A smaller one may help."""


class SlowBodyError(TooSlowError):
    """A body that comes so slowly that it is given up.

    Args:
        reason: For the log.
        seconds: How long it was waited for.
        headers: The answer's headers.
    """

    def __init__(self, reason: str, seconds: float, headers: Mapping[str, str]) -> None:
        super().__init__(reason, headers=headers)
        self.seconds = seconds


class TooLargeError(TooSlowError):
    """A body that is larger than any page should be."""
