"""A .netrc, from which no credentials may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def netrc(folder: Path, *places: str, password: str = "from-netrc") -> str:
    """Write one with an intruder for each place, such as "machine acme" or "default".

    Returns:
        Its path, for the environment variable NETRC.
    """
    path = folder / ".netrc"
    path.write_text("".join(f"{place} login intruder password {password}\n" for place in places))
    path.chmod(0o600)
    return str(path)
