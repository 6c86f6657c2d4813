"""The settings: their public documentation, and their one way from raw configuration to values."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.times import iso_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# without ASCII, "ignoring case" takes a long s for an s and the sign for kelvin for a k
ANY_CASE = re.IGNORECASE | re.ASCII
SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", ANY_CASE)
UNSENDABLE = re.compile(r"[^\x21-\x7e]")

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

ADDRESSES = ("subdomain", "api_url")
"""The settings of which one has to say where the account is."""

WAYS_TO_AUTHENTICATE = (
    ("client_id", "client_secret"),
    ("access_token",),
    ("refresh_token", "client_id", "client_secret", "oauth_cache"),
    ("email", "api_token"),
)
"""The settings that belong together, the recommended ones first."""

ENV_PREFIX = "TAP_ZENDESK_EVENTS_"
"""What a setting's environment variable begins with."""

NO_WAY_IN = (
    "no way to authenticate is set: set client_id and client_secret (OAuth client, recommended), "
    "or access_token, or email and api_token"
)
PASSWORD_IS_GONE = "; signing in with a password ended on 31 December 2025"  # noqa: S105


@dataclass(frozen=True)
class ClientCredentials:
    """An OAuth client that fetches its own tokens."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class RefreshToken:
    """A rotating OAuth token, and the file that keeps the newest one."""

    refresh_token: str
    client_id: str
    client_secret: str
    oauth_cache: str


@dataclass(frozen=True)
class AccessToken:
    """A ready OAuth bearer token."""

    token: str


@dataclass(frozen=True)
class ApiToken:
    """An API token and the email address of its owner."""

    email: str
    token: str


Credentials = ClientCredentials | RefreshToken | AccessToken | ApiToken


@dataclass(frozen=True)
class Settings:
    """The checked settings, in the units that the code works with.

    Args:
        base_url: Scheme, host and perhaps a path, without a slash at the end.
        address_setting: Name of the setting that it comes from.
        credentials: The one way to authenticate that is set.
        start: Epoch second of `start_date`.
        end: Epoch second of `end_date`, exclusive, or None.
        settling_seconds: Age from which an event is taken.
        include_comments: Whether `ticket_events` shows comment bodies.
        support_type_scope: Whose tickets: `all`, `agent` or `ai_agent`.
        page_size: Most events asked for in one request.
        requests_per_minute: The user's own cap, or None.
        request_timeout: Longest silence, in seconds.
        max_retry_seconds: Patience for one request, in seconds.
        user_agent: Value of the header, or None for the default.
    """

    base_url: str
    address_setting: str
    credentials: Credentials
    start: int
    end: int | None
    settling_seconds: int
    include_comments: bool
    support_type_scope: str
    page_size: int
    requests_per_minute: int | None
    request_timeout: float
    max_retry_seconds: float
    user_agent: str | None

    @property
    def host(self) -> str:
        """Return the host (and port) that messages name."""
        return urlsplit(self.base_url).netloc


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Return the settings in `config`, whose types and defaults are right already.

    Raises:
        ZendeskEventsError: Something is missing, contradictory or no such value; names every
            setting in question and quotes no value.
    """
    problems: list[str] = []

    def attempt(read: Any, *args: Any) -> Any:
        try:
            return read(config, *args)
        except ZendeskEventsError as error:
            problems.append(str(error))
            return None

    base_url = attempt(_base_url)
    credentials = attempt(_credentials)
    start = attempt(_moment, "start_date")
    end = attempt(_moment, "end_date")
    user_agent = attempt(_user_agent)
    if config.get("start_date") is None:
        problems.append(
            "start_date is not set: set it to the day of the first event wanted, such as "
            f"2024-01-01 ({ENV_PREFIX}START_DATE in the environment, with --config=ENV)"
        )
    if start is not None and end is not None and end <= start:
        problems.append("end_date is not later than start_date: no event lies between them")
    problems += [
        f"{name} must be a finite number"
        for name in ("request_timeout", "max_retry_seconds")
        if not math.isfinite(config[name])
    ]
    raise_problems(problems)
    cap = config.get("requests_per_minute")
    return Settings(
        base_url=base_url,
        address_setting="api_url" if config.get("api_url") else "subdomain",
        credentials=credentials,
        start=start,
        end=end,
        settling_seconds=int(config["settling_seconds"]),
        include_comments=config["include_comments"],
        support_type_scope=config["support_type_scope"],
        page_size=int(config["page_size"]),
        requests_per_minute=None if cap is None else int(cap),
        request_timeout=float(config["request_timeout"]),
        max_retry_seconds=float(config["max_retry_seconds"]),
        user_agent=user_agent,
    )


def raise_problems(problems: list[str]) -> None:
    """Raise one error that names all `problems`, if there are any."""
    if len(problems) > 1:
        problems = [f"({number}) {problem}" for number, problem in enumerate(problems, 1)]
    if problems:
        raise ZendeskEventsError(f"Please correct the settings: {'; '.join(problems)}.")


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


def _base_url(config: Mapping[str, Any]) -> str:
    if api_url := config.get("api_url"):
        return _checked_api_url(api_url)
    text = config.get("subdomain")
    if not text:
        raise ZendeskEventsError(
            "subdomain is not set: set it to the `acme` of acme.zendesk.com "
            f"({ENV_PREFIX}SUBDOMAIN in the environment, with --config=ENV)"
        )
    name = re.sub(r"^https?://", "", text.strip(), flags=ANY_CASE)
    name = re.split(r"[/?#]", name, maxsplit=1)[0]
    name = re.sub(r"\.zendesk\.com\.?$", "", name, flags=ANY_CASE)
    if not SUBDOMAIN.fullmatch(name):
        raise ZendeskEventsError(
            "subdomain must be the `acme` of acme.zendesk.com, without other characters; an "
            "address of your own that points to Zendesk is not accepted here, because "
            "credentials go to zendesk.com only"
        )
    return f"https://{name.lower()}.zendesk.com"


def _checked_api_url(api_url: str) -> str:
    problem = (
        "api_url must be an address such as https://zendesk-proxy.acme.com, without user name, "
        "query or fragment"
    )
    try:
        parts = urlsplit(api_url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ZendeskEventsError(problem) from None
    stray = parts.username or parts.password or parts.query or parts.fragment
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or stray
        or UNSENDABLE.search(parts.netloc)  # the host name is in small letters, ASCII ones too
        or not parts.path.isprintable()
        or not all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))
    ):
        raise ZendeskEventsError(problem)
    if parts.scheme == "http" and not is_loopback(host):
        raise ZendeskEventsError(
            "api_url must begin with https, because credentials travel with every request; plain "
            "http is accepted for loopback addresses only, such as http://127.0.0.1:8080"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Say whether `host` can only be this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _credentials(config: Mapping[str, Any]) -> Credentials:
    client, access, refresh, api = WAYS_TO_AUTHENTICATE
    # a refresh token makes the client's settings part of its own way
    rotating = bool(config.get("refresh_token") or config.get("oauth_cache"))
    ways = (access, refresh if rotating else client, api)
    found = [names for names in ways if any(config.get(name) for name in names)]
    gone = PASSWORD_IS_GONE if config.get("password") else ""
    if not found:
        raise ZendeskEventsError(NO_WAY_IN + gone)
    if len(found) > 1:
        every = ", ".join(name for names in found for name in names if config.get(name))
        raise ZendeskEventsError(
            f"only one way to authenticate may be set, but {every} belong to different ones: keep "
            f"{', or '.join(' and '.join(names) for names in found)}, and remove the rest"
        )
    (names,) = found
    for name in names:
        if not config.get(name):
            raise ZendeskEventsError(
                f"{name} is not set, and {' and '.join(names)} belong together{gone}"
            )
    values = dict(_credential_values(config, names))
    if "access_token" in values:
        return AccessToken(values["access_token"])
    if "api_token" in values:
        return ApiToken(values["email"], values["api_token"])
    return RefreshToken(**values) if rotating else ClientCredentials(**values)


def _credential_values(
    config: Mapping[str, Any], names: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for name in names:
        value = config[name].strip().removesuffix("/token" if name == "email" else "")
        if name not in {"email", "oauth_cache"} and UNSENDABLE.search(value):
            raise ZendeskEventsError(
                f"{name} has white space or other characters that do not belong in it: copy it anew"
            )
        if name == "email" and (
            "@" not in value or re.search(r"[\s:]", value) or not value.isprintable()
        ):
            raise ZendeskEventsError("email must be the admin's email address alone")
        if name == "oauth_cache" and not _can_be_a_file(value):
            raise ZendeskEventsError(
                "oauth_cache must be the path of a file, such as /var/lib/meltano/zendesk.json; a "
                "folder, the home (~) of a user that does not exist, or a name that is too long "
                "for the file system cannot be one"
            )
        yield name, value


def _can_be_a_file(text: str) -> bool:
    """Say whether a path can be that of a file that is there or can be made."""
    try:
        path = Path(text).expanduser()
        path.lstat()
        return not path.is_dir()
    except FileNotFoundError:
        return path.name != ".."
    except PermissionError:
        return True  # what is in the way there is told when the file is used
    except (OSError, ValueError, RuntimeError):  # too long; NUL or surrogates; no such home
        return False


def _moment(config: Mapping[str, Any], name: str) -> int | None:
    text = config.get(name)
    if text is None:
        return None
    moment = iso_moment(text.strip())
    if moment is None:
        raise ZendeskEventsError(
            f"{name} must be a date or date-time such as 2024-01-01 or 2024-01-01T08:00:00Z"
        )
    # Zendesk's time line has whole seconds: of a broken one, only later seconds are inside
    return max(0, math.ceil(moment))


def _user_agent(config: Mapping[str, Any]) -> str | None:
    value: str | None = config.get("user_agent")
    if value is not None and not re.fullmatch(r"[\x20-\x7e]+", value):
        raise ZendeskEventsError("user_agent must be one line of plain ASCII text")
    return value
