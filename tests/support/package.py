"""The package's files, for tests that look at its code."""

from __future__ import annotations

from tests.support.docs import REPOSITORY

PACKAGE = REPOSITORY / "tap_zendesk_events"

MODULES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix()
    for path in PACKAGE.rglob("*.py")
    if path.name not in {"__init__.py", "__main__.py"}
)
"""Where each module is, such as `walk/bookmark`; without those that Python asks for."""
