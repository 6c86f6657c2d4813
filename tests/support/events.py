"""Events as the tap's own modules get them: out of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zendesk_events.zendesk.page import Event
from tests.fake_zendesk import plain_event
from tests.support.harness import BEGIN

if TYPE_CHECKING:
    from collections.abc import Mapping


def event_of(sent: Mapping[str, Any] | None = None, **fields: Any) -> Event:
    """Return an event as it is sent, or a plain one with these fields instead."""
    sent = {**(sent or plain_event(1, BEGIN)), **fields}
    return Event(sent["id"], sent["timestamp"], sent["timestamp"], doubtful=False, fields=sent)
