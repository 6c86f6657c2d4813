"""The targets that are tried, with the smallest settings that work for each."""

from __future__ import annotations

from tests.targets import databases, files

CANDIDATES = (
    *databases.MOST_USED,
    *files.MOST_USED,
    *databases.OTHERS,
    *files.OTHERS,
)
