"""Who may call: API tokens, access tokens, and the tokens that the token endpoint hands out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .messages import Answer, Request, json_answer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

API_TOKEN = ("admin@example.com", "fake-api-token")
ACCESS_TOKEN = "fake-access-token"
CLIENT = ("fake-client", "fake-client-secret")
REFRESH_TOKEN = "fake-refresh-token"

_INVALID_TOKEN = {
    "error": "invalid_token",
    "error_description": (
        "The access token provided is expired, revoked, malformed or invalid for other reasons."
    ),
}
_NOT_ADMIN = {
    "error": {
        "title": "Forbidden",
        "message": (
            "You do not have access to this page."
            " Please contact the account owner of this help desk for further help."
        ),
    }
}
_NO_SCOPE = {
    "error": "Forbidden",
    "description": "You are missing the following required scopes: read",
}
_INVALID_CLIENT = {
    "error": "invalid_client",
    "error_description": (
        "Client authentication failed due to unknown client, no client authentication included,"
        " or unsupported authentication method."
    ),
}


_INVALID_GRANT = {
    "error": "invalid_grant",
    "error_description": (
        "The provided authorization grant is invalid, expired, revoked, or was issued to another"
        " client."
    ),
}


@dataclass(slots=True)
class _Issued:
    """A token that a client got."""

    client_id: str
    scope: str
    ends: float | None
    refresh_token: str | None = None


@dataclass(slots=True)
class Credentials:
    """The accepted credentials.

    Args:
        api_tokens: pairs of email and API token.
        access_tokens: bearer tokens that never expire.
        clients: by id and secret, the life of their tokens: ``{"expires_in": 1800}``; None answers
            ``null``, ``{}`` leaves the field out, and in both cases the tokens do not expire.
        non_admins: those of the above (email, access token, client id) that belong to someone
            without the admin role.
        refresh_tokens: those that are good for one use; each is replaced by the one it gets.
        seed: makes the tokens.
    """

    api_tokens: Collection[tuple[str, str]] = (API_TOKEN,)
    access_tokens: Collection[str] = (ACCESS_TOKEN,)
    clients: Mapping[tuple[str, str], Mapping[str, int | None]] = field(
        default_factory=lambda: {CLIENT: {"expires_in": 1800}}
    )
    non_admins: Collection[str] = ()
    refresh_tokens: set[str] = field(default_factory=lambda: {REFRESH_TOKEN})
    seed: int = 0
    refused_grants: int = field(default=0, init=False)
    issued: list[str] = field(default_factory=list, init=False)
    _valid: dict[str, _Issued] = field(default_factory=dict, init=False)

    def refusal(self, authorization: str | None, now: float) -> Answer | None:
        """The answer to a caller who may not read the export; None for one who may."""
        scheme, _, value = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer_refusal(value.strip(), now)
        email = self._email(value) if scheme.lower() == "basic" else None
        if email is None:
            return json_answer(401, {"error": "Couldn't authenticate you"})
        return json_answer(403, _NOT_ADMIN) if email in self.non_admins else None

    def expire(self) -> None:
        """Revoke every token that was handed out."""
        self._valid.clear()

    def token(self, request: Request, now: float) -> Answer:
        """What ``POST /oauth/tokens`` answers."""
        form = _fields(request)
        rotating = form.get("grant_type") == "refresh_token"
        if not rotating and form.get("grant_type") != "client_credentials":
            error = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
            return json_answer(
                400,
                {
                    "error": error,
                    "error_description": "The grant type is missing or not supported.",
                },
            )
        client_id = form.get("client_id", "")
        client = self.clients.get((client_id, form.get("client_secret", "")))
        if client is None:
            return json_answer(401, _INVALID_CLIENT)
        refresh_token = None
        if rotating:
            spent = form.get("refresh_token", "")
            if spent not in self.refresh_tokens:
                self.refused_grants += 1
                return json_answer(400, _INVALID_GRANT)
            # the pair ends as a whole
            self.refresh_tokens.remove(spent)
            self._valid = {t: i for t, i in self._valid.items() if i.refresh_token != spent}
            refresh_token = hashlib.sha256(f"{self.seed} r {len(self.issued)}".encode()).hexdigest()
            self.refresh_tokens.add(refresh_token)
        life = client.get("expires_in")
        asked = form.get("expires_in", "")
        if life is not None and asked.isdecimal() and 301 <= int(asked) <= 172_800:
            life = int(asked)
        scope = form.get("scope") or "read"
        token = hashlib.sha256(f"{self.seed} {len(self.issued)}".encode()).hexdigest()
        self.issued.append(token)
        ends = None if life is None else now + life
        self._valid[token] = _Issued(client_id, scope, ends, refresh_token)
        answer: dict[str, Any] = {"access_token": token, "token_type": "bearer", "scope": scope}
        if "expires_in" in client:
            answer["expires_in"] = life
        if refresh_token:
            answer["refresh_token"] = refresh_token
        return json_answer(200, answer, {"Cache-Control": "no-store"})

    def _bearer_refusal(self, token: str, now: float) -> Answer | None:
        if token in self.access_tokens:
            return json_answer(403, _NOT_ADMIN) if token in self.non_admins else None
        issued = self._valid.get(token)
        if issued is None or (issued.ends is not None and now >= issued.ends):
            challenge = 'Bearer realm="Zendesk", error="invalid_token"'
            return json_answer(401, _INVALID_TOKEN, {"WWW-Authenticate": challenge})
        # A scope of another name still gets a token; only its use is refused.
        if "read" not in issued.scope.split():
            return json_answer(403, _NO_SCOPE)
        return json_answer(403, _NOT_ADMIN) if issued.client_id in self.non_admins else None

    def _email(self, value: str) -> str | None:
        """The email of ``{email}/token:{api_token}``; passwords were abolished in 2025."""
        try:
            user, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        email, slash, _ = user.rpartition("/token")
        return (
            email
            if slash and user.endswith("/token") and (email, secret) in self.api_tokens
            else None
        )


def _fields(request: Request) -> dict[str, str]:
    """The fields of a JSON or form body as text."""
    text = request.body.decode(errors="replace")
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(text))
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return (
        {name: str(value) for name, value in content.items()} if isinstance(content, dict) else {}
    )
