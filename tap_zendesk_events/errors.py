"""The one exception for everything that a user can correct."""

from __future__ import annotations


class ZendeskEventsError(Exception):
    """A run cannot go on, and the message says what to do about it.

    The message is one sentence for the person who runs the tap. It never quotes a setting's value,
    a token or a comment. The command line turns it into one ERROR line and exit status 1.
    """
