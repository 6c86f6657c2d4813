"""The floor: get a page, decode it, encode its events, write them. Who decodes does it no cheaper.

Started with the first page's address; follows ``next_page`` until ``end_of_stream``.
"""

from __future__ import annotations

import sys

import msgspec
import requests

TOKEN = "fake-access-token"


def main(url: str) -> None:
    """Write the events of all pages from this one on as RECORD lines."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    encoder = msgspec.json.Encoder()
    output = sys.stdout.buffer
    while True:
        response = session.get(url, timeout=60)
        response.raise_for_status()
        page = msgspec.json.decode(response.content)
        output.write(
            encoder.encode_lines(
                [
                    {"type": "RECORD", "stream": "ticket_events", "record": event}
                    for event in page["ticket_events"]
                ]
            )
        )
        output.flush()
        if page["end_of_stream"]:
            return
        url = page["next_page"]


if __name__ == "__main__":
    main(sys.argv[1])
