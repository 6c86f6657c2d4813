"""Reads the ticket events with zenpy. Runs in the peers' environment, as a file of its own.

The address comes from ZENPY_FORCE_NETLOC and ZENPY_FORCE_SCHEME, the rest from the command line:
first second, page size, sideload (or nothing).
"""

from __future__ import annotations

import json
import sys

from zenpy import Zenpy  # type: ignore[import-not-found,unused-ignore]


def main(start: str, page_size: str, include: str = "") -> None:
    """Write the events as RECORD lines."""
    client = Zenpy(subdomain="bench", oauth_token="fake-access-token")
    events = client.tickets.events(
        start_time=int(start), include=[include] if include else None, per_page=int(page_size)
    )
    write = sys.stdout.write
    for event in events:
        message = {"type": "RECORD", "stream": "ticket_events", "record": event.to_dict()}
        write(json.dumps(message) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
