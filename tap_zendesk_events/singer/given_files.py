"""The files that a user gives on the command line: read once, because they may be pipes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import IO, Any

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.rows.values import nests_too_deep


def checked_json(file: IO[str], option: str) -> io.StringIO:
    """Return the content of an open file, if it is a JSON object; an empty file is an empty one.

    Args:
        file: A state or a catalog.
        option: Which of them, for the error.

    Raises:
        ZendeskEventsError: It holds something else.
    """
    try:
        content = json.loads(file.read().strip() or "{}")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or nests_too_deep(content):
        raise ZendeskEventsError(
            f"The file given with --{option} holds no JSON object: correct it."
        )
    return io.StringIO(json.dumps(content))


def config_file(path: str) -> dict[str, Any]:
    """Return the settings in a file given with ``--config``.

    Raises:
        ZendeskEventsError: There is no such file, or it holds something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or nests_too_deep(content):
        raise ZendeskEventsError(
            "A file given with --config cannot be read as JSON with settings by their names: check "
            "its path and content."
        )
    return content
