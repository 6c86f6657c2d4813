"""File systems of a test's own: mounted for one command, and gone with it."""

from __future__ import annotations

import subprocess
from functools import cache

NAMESPACE = ("unshare", "--mount", "--map-root-user")


def within(mount: str, command: list[str]) -> list[str]:
    """Return a command that runs `command` where the shell command `mount` has mounted something.

    Nobody else sees the mounts; they end with the command. Needs no root where users may make
    namespaces.
    """
    return [*NAMESPACE, "sh", "-c", f'{mount} && exec "$@"', "sh", *command]


@cache
def lacking() -> str | None:
    """Return why nothing can be mounted here, or None if it can."""
    trial = within("mount -t tmpfs -o size=64k none /mnt", ["true"])
    try:
        done = subprocess.run(trial, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        return f"no mounts here: {error}"
    return f"no mounts here: {done.stderr.strip()}" if done.returncode else None
