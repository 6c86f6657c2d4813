"""Run the tap with ``python -m tap_zendesk_events``."""

from __future__ import annotations

from tap_zendesk_events.tap import TapZendeskEvents

TapZendeskEvents.cli()
