"""The exports: where each is, what its answers hold, and what can be asked of it."""

from __future__ import annotations

from typing import NamedTuple

ZENDESKS_OWN_SCOPE = "agent"  # what Zendesk shows to who sends no `support_type_scope`


class Export(NamedTuple):
    """One of Zendesk's time-based incremental exports.

    Args:
        what: Its name in the words of a message.
        path: Where it is, below the account's address.
        key: Name of the list of events in its answers.
        min_settling_seconds: Age that an event must have at least.
        unordered: Whether the server may sort events by another time than the one they tell.
        can_be_cut: Whether events come by the time that they tell, so that parts of the time line
            can be read by themselves.
        of_tickets: Whether it knows the parameters `include` and `support_type_scope`.
        parameters: Query parameters beside those that name the page, as names and values.
    """

    what: str
    path: str
    key: str
    min_settling_seconds: int = 0
    unordered: bool = False
    can_be_cut: bool = False
    of_tickets: bool = False
    parameters: tuple[tuple[str, str], ...] = ()

    def asking_for(self, *, comments: bool, support_type_scope: str) -> Export:
        """Return the export with the parameters that ask for just this.

        Args:
            comments: Whether the sideload `comment_events` is asked for.
            support_type_scope: Whose tickets: `all`, `agent` or `ai_agent`. Without the parameter
                Zendesk shows agents' tickets only, says its reference of this export.
        """
        parameters = []
        if self.of_tickets and comments:
            parameters.append(("include", "comment_events"))
        if self.of_tickets and support_type_scope != ZENDESKS_OWN_SCOPE:
            parameters.append(("support_type_scope", support_type_scope))
        return self._replace(parameters=tuple(parameters))


TICKET_EVENTS = Export(
    what="ticket events",
    path="/api/v2/incremental/ticket_events",
    key="ticket_events",
    can_be_cut=True,
    of_tickets=True,
)
TICKET_METRIC_EVENTS = Export(
    what="ticket metric events",
    path="/api/v2/incremental/ticket_metric_events",
    key="ticket_metric_events",
    # Zendesk adds them many minutes late, with the time of the change
    min_settling_seconds=1800,
    unordered=True,
)
