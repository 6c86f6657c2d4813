"""Reads the ticket events with Airbyte's CDK. Runs in an environment of its own.

A declarative source, as Airbyte's connector builder makes them. From the command line: base URL,
first second, page size, sideload (or nothing).
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from airbyte_cdk.models import (  # type: ignore[import-not-found,unused-ignore]
    AirbyteStream,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (  # type: ignore[import-not-found,unused-ignore]
    ConcurrentDeclarativeSource,
)

STREAM = "ticket_events"


def manifest(url: str, include: str) -> dict[str, Any]:
    """Return the source: one stream, page after page until the end of the stream."""
    parameters = {
        "start_time": "{{ next_page_token['next_page_token'] or config['start'] }}",
        "per_page": "{{ config['page_size'] }}",
    }
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": [STREAM]},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": STREAM,
                "primary_key": "id",
                "schema_loader": {
                    "type": "InlineSchemaLoader",
                    "schema": {"type": "object", "additionalProperties": True, "properties": {}},
                },
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": f"{url}/api/v2/incremental/",
                        "path": STREAM,
                        "authenticator": {
                            "type": "BearerAuthenticator",
                            "api_token": "fake-access-token",
                        },
                        "request_parameters": {
                            **parameters,
                            **({"include": include} if include else {}),
                        },
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": [STREAM]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "pagination_strategy": {
                            "type": "CursorPagination",
                            "cursor_value": "{{ response['end_time'] }}",
                            "stop_condition": "{{ response['end_of_stream'] }}",
                        },
                    },
                },
            }
        ],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {}},
        },
    }


def main(url: str, start: str, page_size: str, include: str = "") -> None:
    """Write the events as RECORD lines."""
    config = {"start": int(start), "page_size": int(page_size)}
    stream = AirbyteStream(
        name=STREAM, json_schema={}, supported_sync_modes=[SyncMode.full_refresh]
    )
    catalog = ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=stream,
                sync_mode=SyncMode.full_refresh,
                destination_sync_mode=DestinationSyncMode.append,
            )
        ]
    )
    source = ConcurrentDeclarativeSource(
        catalog=catalog, config=config, state=[], source_config=manifest(url, include)
    )
    for message in source.read(logging.getLogger("airbyte"), config, catalog, []):
        if message.type == Type.RECORD:
            record = {"type": "RECORD", "stream": STREAM, "record": message.record.data}
            sys.stdout.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
