"""The settings: from raw configuration to checked values."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.times import iso_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# without ASCII, "ignoring case" takes a long s for an s and the sign for kelvin for a k
ANY_CASE = re.IGNORECASE | re.ASCII
SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", ANY_CASE)
UNSENDABLE = re.compile(r"[^\x21-\x7e]")

ADDRESSES = ("subdomain", "api_url")
"""The settings of which one has to say where the account is."""

WAYS_TO_AUTHENTICATE = (
    ("client_id", "client_secret"),
    ("access_token",),
    ("refresh_token", "client_id", "client_secret", "oauth_cache"),
    ("email", "api_token"),
)
"""The settings that belong together, the recommended ones first."""

MOST_PARALLEL_REQUESTS = 8
"""Most requests for pages that may be on their way at a time."""

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
        parallel_requests: Most requests for pages on their way at a time.
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
    parallel_requests: int
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
    start = attempt(_date_time, "start_date")
    end = attempt(_date_time, "end_date")
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
        parallel_requests=int(config["parallel_requests"]),
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


def _date_time(config: Mapping[str, Any], name: str) -> int | None:
    text = config.get(name)
    if text is None:
        return None
    seconds = iso_seconds(text.strip())
    if seconds is None:
        raise ZendeskEventsError(
            f"{name} must be a date or date-time such as 2024-01-01 or 2024-01-01T08:00:00Z"
        )
    # Zendesk's time line has whole seconds: of a broken one, only later seconds are inside
    return max(0, math.ceil(seconds))


def _user_agent(config: Mapping[str, Any]) -> str | None:
    value: str | None = config.get("user_agent")
    if value is not None and not re.fullmatch(r"[\x20-\x7e]+", value):
        raise ZendeskEventsError("user_agent must be one line of plain ASCII text")
    return value
