"""The file that keeps a rotating pair of OAuth tokens between runs."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tap_zendesk_events.exceptions import ZendeskEventsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESERVED = 32_768  # bytes of room that are made sure of for a pair; tokens are shorter by far
MOST_TRIES = 100  # to lock a file that other runs replace at the same time


@dataclass(frozen=True)
class TokenPair:
    """What the file holds.

    Args:
        access_token: The newest one.
        refresh_token: Good for one use: it and the access token end with it.
        expires_at: Epoch second from which the access token is not to be used, or None.
        account: Fingerprint of the account and client that the pair belongs to.
        origin: Fingerprint of the refresh token in the settings that the pair comes from.
    """

    access_token: str
    refresh_token: str
    expires_at: float | None
    account: str
    origin: str


def fingerprint(*parts: str) -> str:
    """Return what tells configurations apart without telling what is in them."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class TokenFile:
    """Finds and locks the file.

    Args:
        path: Where it is; may be a symbolic link to it.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[LockedTokenFile]:
        """Keep other runs out, so that two of them never spend one refresh token twice.

        The lock is one of the file itself. So it also holds between containers that share nothing
        but this file, and the folder need not be writable.

        Args:
            waiting: Is called before a wait for another run.

        Raises:
            ZendeskEventsError: The file cannot be made, or is no file.
        """
        path = Path(os.path.realpath(self._path))  # `resolve` raises RuntimeError on some links
        try:
            descriptor, is_new = _open_locked(path, waiting)
        except OSError as error:
            raise _unwritable(error) from None
        file = LockedTokenFile(path, descriptor, is_new=is_new)
        try:
            yield file
        finally:
            file.close()


class LockedTokenFile:
    """The file while no other run comes near it.

    Args:
        path: Where it is, all links followed.
        descriptor: It, open to read and write, and locked.
        is_new: Whether it was not there before.
    """

    def __init__(self, path: Path, descriptor: int, *, is_new: bool) -> None:
        self._path = path
        self._descriptor = descriptor
        self._is_new = is_new
        self._rehearsed = False

    def read(self, account: str, origin: str) -> TokenPair | None:
        """Return the pair, or None if there is none or the settings have another token since.

        Raises:
            ZendeskEventsError: The file holds something else, or another account's pair.
        """
        try:
            text = self._content()
        except OSError as error:
            raise _unwritable(error) from None
        try:
            pair = TokenPair(**json.loads(text)) if text.strip() else None
        except (ValueError, TypeError):
            raise ZendeskEventsError(
                "The file that oauth_cache names holds something else than this tap's tokens: "
                "name another file, or remove it and set a new refresh_token."
            ) from None
        if pair and pair.account != account:
            raise ZendeskEventsError(
                "The file that oauth_cache names keeps the tokens of another account or client, "
                "which would be lost: give each a file of its own, or remove this one if nobody "
                "needs it any more."
            )
        return pair if pair and pair.origin == origin else None

    def rehearse(self) -> None:
        """Write what is in the file once more, as the next pair will be written.

        Done before a token is spent, so that its successor can be kept: afterwards the file has
        room for it, even if the disk is full by then, and can be overwritten.

        Raises:
            ZendeskEventsError: It cannot be written.
        """
        try:
            content = self._content().rstrip()
            self._rehearsed = True
            self._put(content.ljust(RESERVED))
        except OSError as error:
            raise _unwritable(error) from None

    def write(self, pair: TokenPair) -> None:
        """Replace the file's content as a whole, readable for its owner only.

        Raises:
            ZendeskEventsError: It cannot be written, although a moment ago it could.
        """
        try:
            self._put(json.dumps(asdict(pair)).encode())
        except OSError as error:
            raise ZendeskEventsError(
                "The new pair of tokens cannot be kept in the file that oauth_cache names "
                f"({_reason(error)}), and the one before it no longer works: see to the disk, then "
                "make a new refresh token and set it as refresh_token."
            ) from None

    def close(self) -> None:
        """Give the file back, without room that was not needed."""
        with contextlib.suppress(OSError):
            if self._rehearsed:
                kept = len(self._content().rstrip())
                os.ftruncate(self._descriptor, kept)
                if self._is_new and not kept:
                    self._path.unlink()
        os.close(self._descriptor)

    def _content(self) -> bytes:
        return os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)

    def _put(self, content: bytes) -> None:
        try:
            self._replace(content)
        except OSError:
            # A file that is mounted by itself cannot be replaced, nor can one in a folder of
            # others, or on a disk that has become full since.
            with contextlib.suppress(OSError):
                os.fchmod(self._descriptor, 0o600)
            _fill(self._descriptor, content)

    def _replace(self, content: bytes) -> None:
        """Put another file in the place of this one, in one step."""
        descriptor, name = tempfile.mkstemp(prefix=self._path.name, dir=self._path.parent)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _fill(descriptor, content)
            Path(name).replace(self._path)
        except BaseException:
            os.close(descriptor)
            Path(name).unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor
        with contextlib.suppress(OSError):
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _open_locked(path: Path, waiting: Callable[[], None]) -> tuple[int, bool]:
    """Return the file at `path`, open and locked, and whether it had to be made."""
    for number in range(MOST_TRIES):
        descriptor, is_new = _open(path)
        with contextlib.ExitStack() as unlocked:
            unlocked.callback(os.close, descriptor)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(0, "it is no regular file")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not number:
                    waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                # else another run has put a new file in its place, and the lock is of no use
                if os.path.samestat(status, path.stat()):
                    unlocked.pop_all()
                    return descriptor, is_new
    raise OSError(0, "other runs replace it all the time")


def _open(path: Path) -> tuple[int, bool]:
    try:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK), False
    except FileNotFoundError:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600), True


def _fill(descriptor: int, content: bytes) -> None:
    """Write the content so that at no time the file holds a part of it, but for blanks at its end.

    What was there before ends in the same write: a part of it must not follow the new content.
    """
    block = content.ljust(os.fstat(descriptor).st_size)
    written = 0
    while written < len(block):
        written += os.pwrite(descriptor, block[written:], written)
    os.fsync(descriptor)
    os.ftruncate(descriptor, len(content))


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _unwritable(error: OSError) -> ZendeskEventsError:
    return ZendeskEventsError(
        "The file that oauth_cache names, or its folder, cannot be read and written "
        f"({_reason(error)}): let the user that runs the tap do so, because each new token must be "
        "kept, and the one before it no longer works. No token has been spent."
    )
