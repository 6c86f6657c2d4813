"""The file that keeps a rotating pair of OAuth tokens between runs."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import ZendeskEventsError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class TokenPair:
    """What the file holds.

    Args:
        access_token: The newest one; empty if there is none yet.
        refresh_token: Good for one use: it and the access token end with it.
        expires_at: Epoch second from which the access token is not to be used, or None.
        origin: Fingerprint of the configuration that the pair comes from.
    """

    access_token: str
    refresh_token: str
    expires_at: float | None
    origin: str


def fingerprint(*parts: str) -> str:
    """Return what tells configurations apart without telling what is in them."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class TokenFile:
    """Reads and writes the file.

    Args:
        path: Where it is.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out, so that two of them never spend one refresh token twice.

        Raises:
            ZendeskEventsError: The file's folder cannot be written to. Found out here, before a
                token is spent whose successor could then not be kept.
        """
        lock = self._path.with_name(self._path.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            raise self._unwritable() from None
        try:
            if self._path.exists() and not os.access(self._path, os.R_OK):
                raise self._unwritable()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def read(self, origin: str) -> TokenPair | None:
        """Return the pair, or None if there is none or it comes from another configuration.

        Raises:
            ZendeskEventsError: The file holds something else.
        """
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return None
        except OSError:
            raise self._unwritable() from None
        try:
            pair = TokenPair(**json.loads(text)) if text.strip() else None
        except (ValueError, TypeError):
            raise ZendeskEventsError(
                "The file that oauth_cache names holds something else than this tap's tokens: "
                "name another file, or remove it and set a new refresh_token."
            ) from None
        return pair if pair and pair.origin == origin else None

    def write(self, pair: TokenPair) -> None:
        """Replace the file's content as a whole, readable for its owner only.

        Raises:
            ZendeskEventsError: It cannot be written.
        """
        try:
            descriptor, name = tempfile.mkstemp(prefix=self._path.name, dir=self._path.parent)
            try:
                with os.fdopen(descriptor, "w") as file:
                    json.dump(asdict(pair), file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError:
            raise self._unwritable() from None

    def _unwritable(self) -> ZendeskEventsError:
        return ZendeskEventsError(
            "The file that oauth_cache names, or its folder, cannot be read and written: let "
            "the user that runs the tap do so, because each new token must be kept, and the one "
            "before it no longer works."
        )
