"""The baseline: a tap on the SDK's defaults, as the SDK's template makes it.

Frozen. Every figure of the benchmark is a ratio to this file's, so a change here would change what
all earlier results mean. It is what somebody gets who fills the template's gaps in and stops there:
the template's client with the gaps for address, token, paging and schema filled in, nothing tuned
up and nothing tuned down.
"""

from __future__ import annotations

import decimal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import BaseHATEOASPaginator
from singer_sdk.streams import RESTStream
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from singer_sdk.streams.rest import HTTPRequest, PageContext


class EventPaginator(BaseHATEOASPaginator):
    """Follows `next_page` until `end_of_stream`."""

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        content = response.json()
        return None if content["end_of_stream"] else content["next_page"]


class TicketEventsStream(RESTStream[Any]):
    """The ticket events."""

    name = "ticket_events"
    path = "/api/v2/incremental/ticket_events"
    primary_keys = ("id",)
    replication_key = "timestamp"
    records_jsonpath = "$.ticket_events[*]"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True),
        th.Property("ticket_id", th.IntegerType),
        th.Property("timestamp", th.IntegerType, required=True),
        th.Property("created_at", th.DateTimeType),
        th.Property("updater_id", th.IntegerType),
        th.Property("via", th.StringType),
        th.Property("system", th.ObjectType()),
        th.Property("event_type", th.StringType),
        th.Property("child_events", th.ArrayType(th.ObjectType())),
        th.Property("merged_ticket_ids", th.ArrayType(th.IntegerType)),
        th.Property("metadata", th.ObjectType()),
        th.Property("extra_fields", th.ObjectType()),
        th.Property("instance_id", th.IntegerType),
        th.Property("metric", th.StringType),
        th.Property("time", th.DateTimeType),
        th.Property("type", th.StringType),
    ).to_dict()

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self.config.get("auth_token", ""))

    @override
    def get_new_paginator(self) -> EventPaginator:
        return EventPaginator()

    @override
    def get_http_request(self, *, page: PageContext[Any]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        if page.next_page_token:
            request.url = page.next_page_token.geturl()
            request.params = {}
            return request
        start = self.get_starting_replication_key_value(page.stream_context)
        if isinstance(start, str):
            start = int(datetime.fromisoformat(start).astimezone(UTC).timestamp())
        request.params = {"start_time": start, "per_page": self.config["page_size"]}
        if self.config["include_comments"]:
            request.params["include"] = "comment_events"
        return request

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        yield from extract_jsonpath(
            self.records_jsonpath,
            input=response.json(parse_float=decimal.Decimal),
        )


class TapOnDefaults(Tap):
    """Reads the ticket events."""

    name = "tap-on-defaults"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("auth_token", th.StringType(nullable=False), required=True, secret=True),
        th.Property("api_url", th.StringType(nullable=False), required=True),
        th.Property("start_date", th.DateTimeType(nullable=True)),
        th.Property("page_size", th.IntegerType, default=1000),
        th.Property("include_comments", th.BooleanType, default=False),
    ).to_dict()

    @override
    def discover_streams(self) -> list[TicketEventsStream]:
        return [TicketEventsStream(self)]


if __name__ == "__main__":
    TapOnDefaults.cli()
