"""Reads the ticket events with dlt's `rest_api` source. Runs in the peers' environment.

Only the reading half of dlt: no normalizing and no loading, which would cost a multiple. From the
command line: base URL, first second, page size, sideload (or nothing).
"""

from __future__ import annotations

import sys
from typing import Any

from dlt.common.json import json  # type: ignore[import-not-found,unused-ignore]
from dlt.sources.helpers.rest_client.paginators import (  # type: ignore[import-not-found,unused-ignore]
    JSONLinkPaginator,
)
from dlt.sources.rest_api import (  # type: ignore[import-not-found,unused-ignore]
    rest_api_source,
)


class UntilEndOfStream(JSONLinkPaginator):  # type: ignore[misc,unused-ignore]
    """Follows `next_page`, which the last page has too."""

    def update_state(self, response: Any, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if response.json()["end_of_stream"]:
            self._has_next_page = False


def main(url: str, start: str, page_size: str, include: str = "") -> None:
    """Write the events as RECORD lines."""
    params = {"start_time": int(start), "per_page": int(page_size)}
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/api/v2/incremental/",
                "auth": {"type": "bearer", "token": "fake-access-token"},
                "paginator": UntilEndOfStream("next_page"),
            },
            "resources": [
                {
                    "name": "ticket_events",
                    "primary_key": "id",
                    "endpoint": {
                        "path": "ticket_events",
                        "data_selector": "ticket_events",
                        "params": {**params, **({"include": include} if include else {})},
                    },
                }
            ],
        }
    )
    write = sys.stdout.buffer.write
    for event in source.resources["ticket_events"]:
        message = {"type": "RECORD", "stream": "ticket_events", "record": event}
        write(json.dumpb(message) + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
