"""A faithful test server for Zendesk's incremental exports of ticket and ticket metric events."""

from .account import Account, big_account
from .events import Event, EventMaker, make_events, plain_event
from .faults import Fault
from .generated import GeneratedEvents
from .in_process import InProcessAdapter
from .messages import Answer, LoggedRequest, Request
from .metric_events import make_metric_events
from .pace import Pace
from .server import FakeZendesk

__all__ = [
    "Account",
    "Answer",
    "Event",
    "EventMaker",
    "FakeZendesk",
    "Fault",
    "GeneratedEvents",
    "InProcessAdapter",
    "LoggedRequest",
    "Pace",
    "Request",
    "big_account",
    "make_events",
    "make_metric_events",
    "plain_event",
]
