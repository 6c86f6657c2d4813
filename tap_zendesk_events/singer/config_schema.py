"""The settings as the SDK, Meltano and Meltano Hub know them: their public documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_zendesk_events.settings import MOST_PARALLEL_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Mapping

# The most that numbers may be: far beyond any use, and small enough for what computes with them.
DAY, YEAR = 86_400, 31_536_000  # seconds
MOST_REQUESTS = 100_000

CONFIG_SCHEMA = th.PropertiesList(
    th.Property(
        "subdomain",
        th.StringType,
        title="Subdomain",
        description=(
            "The `acme` of acme.zendesk.com. A pasted address such as "
            "https://acme.zendesk.com/agent is understood too. Needed unless `api_url` is set."
        ),
        examples=["acme"],
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API address",
        description=(
            "Another base address instead of `https://<subdomain>.zendesk.com`, for a proxy or a "
            "test server: https, or plain http on a loopback address."
        ),
        examples=["http://127.0.0.1:8080"],
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="OAuth client identifier",
        description=(
            "The unique identifier of a confidential OAuth client (Admin Center, Apps and "
            "integrations, APIs, OAuth clients). Together with `client_secret` the recommended "
            "way to authenticate: the tap fetches tokens by itself and renews them in time."
        ),
        examples=["warehouse_export"],
    ),
    th.Property(
        "client_secret",
        th.StringType,
        title="OAuth client secret",
        description="The secret of the OAuth client that `client_id` names.",
        secret=True,
    ),
    th.Property(
        "access_token",
        th.StringType,
        title="OAuth access token",
        description="A ready OAuth access token with the scope `read`, sent as it is.",
        secret=True,
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        title="OAuth refresh token",
        description=(
            "A refresh token to begin with; needs `client_id`, `client_secret` and `oauth_cache` "
            "too. Each refresh token works once: the tap keeps the newest in the file "
            "`oauth_cache`, and reads this setting only at the first run and after you change it. "
            "Use it only where that file is kept between runs; otherwise `client_id` and "
            "`client_secret` alone are enough."
        ),
        secret=True,
    ),
    th.Property(
        "oauth_cache",
        th.StringType,
        title="OAuth token file",
        description=(
            "Path of the file that keeps the newest pair of tokens when `refresh_token` is set. "
            "The tap makes it, readable for its owner only, and locks it while it renews the pair."
        ),
        examples=["/var/lib/meltano/zendesk-tokens.json"],
    ),
    th.Property(
        "email",
        th.StringType,
        title="Email address",
        description="The email address of the admin to whom `api_token` belongs.",
        examples=["admin@acme.com"],
    ),
    th.Property(
        "api_token",
        th.StringType,
        title="API token",
        description=(
            "An API token that exists already. Zendesk has allowed no new ones since 27 October "
            "2026, switches off those not used for 30 days, and ends all on 30 April 2027: prefer "
            "`client_id` and `client_secret`."
        ),
        secret=True,
    ),
    th.Property(
        "start_date",
        th.StringType(nullable=False),
        required=True,
        title="Start date",
        description=(
            "Load events from this date or date-time on. It counts for the first run; later runs "
            "go on where the last one ended. Without a time zone it is UTC. Only ISO dates such "
            "as 2024-01-31 are safe: Meltano reads other forms by itself, and takes 2024-13-01 or "
            "01.02.2024 silently for some other day. Its `6 months ago` works."
        ),
        examples=["2024-01-01", "2024-01-01T08:00:00Z"],
    ),
    th.Property(
        "end_date",
        th.StringType,
        title="End date",
        description=(
            "Load only events before this date or date-time, for example to load history year by "
            "year. Written as `start_date` is. Unset: up to five minutes ago, see "
            "`settling_seconds`."
        ),
        examples=["2025-01-01"],
    ),
    th.Property(
        "settling_seconds",
        th.IntegerType(minimum=60, maximum=YEAR),
        default=300,
        title="Settling time (seconds)",
        description=(
            "How old an event must be before the tap takes it, because Zendesk adds some events "
            "late. Younger ones come with the next run. At least 60; for `ticket_metric_events` it "
            "is 1800 unless you set more."
        ),
    ),
    th.Property(
        "include_comments",
        th.BooleanType,
        default=False,
        title="Include comments",
        description=(
            "Ask for comment bodies and attachments inside `child_events` of `ticket_events`. "
            "Off: an event only says that there is a comment, and whether it is public."
        ),
    ),
    th.Property(
        "support_type_scope",
        th.StringType(allowed_values=["all", "agent", "ai_agent"]),
        default="all",
        title="Whose tickets",
        description=(
            "Whose tickets to read: `all`, those of human agents (`agent`) or those of AI agents "
            "(`ai_agent`: conversations with bots). Rows do not tell the two apart: set `agent` to "
            "compare with reports on agents' tickets. `ticket_metric_events` is not affected."
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=1000,
        title="Page size",
        description=(
            "How many events to ask for in one request, from 1 to 1000. The tap asks for fewer "
            "while Zendesk is too slow for full pages, and for 1000 where many events share a "
            "second."
        ),
    ),
    th.Property(
        "parallel_requests",
        th.IntegerType(minimum=1, maximum=MOST_PARALLEL_REQUESTS),
        default=1,
        title="Requests at a time",
        description=(
            "How many requests for pages of ticket events may be on their way at a time, from 1 to "
            "8. More than one pays where Zendesk takes longer for a page than the allowance "
            "spaces requests, 6 seconds at 10 a minute. The allowance stays the limit."
        ),
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(minimum=1, maximum=MOST_REQUESTS),
        title="Requests per minute",
        description=(
            "A cap of your own on requests a minute, to leave some of the allowance to other "
            "programs. Unset: all that Zendesk's response headers allow, and 10 until they do."
        ),
        examples=[5],
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0, maximum=DAY),
        default=120,
        title="Request time-out (seconds)",
        description=(
            "How many seconds to wait for Zendesk without receiving anything before a request "
            "counts as failed."
        ),
    ),
    th.Property(
        "max_retry_seconds",
        th.NumberType(minimum=0, maximum=YEAR),
        default=900,
        title="Retry time (seconds)",
        description=(
            "For how many seconds one request is tried again after server errors, time-outs, "
            "dropped connections and broken answers. Waits for the rate limit are not counted."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="The User-Agent header. Unset: `tap-zendesk-events/<version>`.",
        examples=["acme-warehouse (data@acme.com)"],
    ),
).to_dict()
"""JSON schema of the settings: what ``--about``, Meltano and Meltano Hub show."""


def type_problem(name: str, definition: Mapping[str, Any]) -> str:
    """Say what setting `name` must be, from its schema alone, so that no value can slip out."""
    types = definition.get("type", [])
    if "enum" in definition:
        return f"{name} must be one of {', '.join(definition['enum'])}"
    if "integer" in types or "number" in types:
        kind = "a whole number" if "integer" in types else "a number"
        low, high = definition.get("minimum"), definition.get("maximum")
        if low is not None:
            kind += f" of at least {low}" if high is None else f" from {low} to {high}"
        elif "exclusiveMinimum" in definition:
            kind += f" above {definition['exclusiveMinimum']}"
            kind += "" if high is None else f", at most {high}"
    elif "boolean" in types:
        kind = "true or false"
    elif "string" in types:
        kind = "text (put it in quotes)"
    else:
        kind = f"of the type {' or '.join(t for t in types if t != 'null')}"
    return f"{name} must be {kind}"
