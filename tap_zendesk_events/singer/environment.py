"""What environment variables say: settings, and how much is logged."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import re
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.rows.values import nests_too_deep
from tap_zendesk_events.settings import ENV_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

LOG_LEVEL_VARIABLES = (f"{ENV_PREFIX}LOGLEVEL", "LOGLEVEL")
"""The SDK's variables for how much is logged; the first one that is set counts."""

_TRUTH_WORDS = {"true": True, "1": True, "yes": True, "on": True} | dict.fromkeys(
    ("false", "0", "no", "off"), False
)


def read_environment(
    schema: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that the environment sets, and what is wrong with the others.

    The SDK has a reader of its own, which is not used: it looks for a file `.env` in every folder
    above and lets that beat the environment, takes every word that it does not know for false,
    and stops at a word for a number without saying which variable holds it.

    Args:
        schema: JSON schema of the settings.
        environment: The variables. Nothing else is read. Empty ones are unset ones.

    Returns:
        The values by the names of their settings; and a sentence for each variable that holds no
        such value, which names it and quotes nothing.
    """
    values: dict[str, Any] = {}
    problems = []
    for name, definition in schema.get("properties", {}).items():
        variable = ENV_PREFIX + name.upper()
        text = environment.get(variable, "")
        if not text.strip():
            continue
        for kind, read, wanted in _KINDS:
            if kind in definition.get("type", []):
                try:
                    values[name] = read(text)
                except (KeyError, ValueError, RecursionError):
                    problems.append(f"{variable} {wanted}")
                break
        else:
            values[name] = text
    return values, problems


@contextlib.contextmanager
def usable_log_levels(environment: MutableMapping[str, str]) -> Iterator[list[str]]:
    """Hide for a while the variables for how much is logged that hold no level.

    The SDK reads them by itself, more than once, and stops at what it does not know.

    Yields:
        The names of the variables that hold a word that is no level. Empty ones are unset ones.
    """
    levels = logging.getLevelNamesMapping()
    hidden = {
        name: environment[name]
        for name in LOG_LEVEL_VARIABLES
        if name in environment and environment[name].upper() not in levels
    }
    for name in hidden:
        del environment[name]
    try:
        yield [name for name, text in hidden.items() if text.strip()]
    finally:
        environment.update(hidden)


def _truth(text: str) -> bool:
    return _TRUTH_WORDS[text.strip().lower()]


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?\d+\s*", text, re.ASCII):
        raise ValueError  # int also takes underscores
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _json(text: str) -> Any:
    value = json.loads(text)
    if nests_too_deep(value):
        raise ValueError
    return value


_KINDS = (
    ("boolean", _truth, "must be true or false"),
    ("integer", _whole_number, "must be a whole number"),
    ("number", _number, "must be a number"),
    ("object", _json, "must be JSON"),
    ("array", _json, "must be JSON"),
)
