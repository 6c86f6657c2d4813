"""The command: ``tap-zendesk-events``, or ``python -m tap_zendesk_events``."""

from __future__ import annotations

import gc

from tap_zendesk_events.termination import TERMINATION


def main() -> None:
    """Run the tap as a process of its own."""
    with TERMINATION.owning_process():
        # What is imported stays: it need not be looked through again and again for what is garbage.
        gc.disable()
        # not before signals are handled: it takes most of the time of a start
        from tap_zendesk_events.tap import TapZendeskEvents  # noqa: PLC0415

        gc.freeze()
        gc.enable()
        TapZendeskEvents.cli()


if __name__ == "__main__":
    main()
