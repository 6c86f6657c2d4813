"""What is wrong with the SDK's own settings, said before the SDK stumbles over it."""

from __future__ import annotations

import ast
import fnmatch
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

NULL = "__NULL__"
NOTHING = (None, NULL)
NO_EXPRESSION = "is no expression in Python's notation"


def flattening_problems(config: Mapping[str, Any]) -> list[str]:
    """Return a sentence if flattening is on and nothing says how deep it goes."""
    if config.get("flattening_enabled") is True and config.get("flattening_max_depth") in {
        None,
        -1,
    }:
        return ["flattening_enabled needs flattening_max_depth, such as 1"]
    return []


def stream_map_problems(maps: Any, streams: Collection[str]) -> list[str]:
    """Return a sentence for each thing in the setting `stream_maps` that the SDK cannot use.

    The SDK ends with a traceback there, and its words quote the setting. A map for a stream that
    does not exist it passes over without a word, so that a column which somebody misspelt the
    stream of, to hide it, is exported.

    Args:
        maps: The value of the setting.
        streams: The names of the tap's streams.
    """
    if maps is None:
        return []
    if not isinstance(maps, dict):
        return ["stream_maps must be an object with the names of streams"]
    return list(_map_problems(maps, streams))


def _map_problems(maps: dict[str, Any], streams: Collection[str]) -> Iterator[str]:
    for name, rules in maps.items():
        where = f"{name} in stream_maps"
        if name == "__else__":
            if rules not in NOTHING:
                yield f"{where} must be null or {NULL}"
        elif name.startswith("__"):
            yield f"{where} is no option of the SDK's"
        elif rules not in NOTHING and not isinstance(rules, dict):
            yield f"{where} must be an object with a rule for each column, or null"
        else:
            columns = rules if isinstance(rules, dict) else {}
            source = columns.get("__source__", name)
            if isinstance(source, str) and not fnmatch.filter(streams, source):
                yield f"{where} is for no stream that exists: they are {', '.join(streams)}"
            for column, rule in columns.items():
                if problem := _rule_problem(column, rule):
                    yield f"{column} of {where} {problem}"


def _rule_problem(column: str, rule: Any) -> str | None:
    """Say what is wrong with the rule for a column, or with an option that stands among them."""
    if column == "__key_properties__":
        good = isinstance(rule, list) and all(isinstance(key, str) for key in rule)
        return None if good else "must be a list of columns"
    if column == "__else__":
        return None if rule in NOTHING else f"must be null or {NULL}"
    if column == "__source__":
        return None if isinstance(rule, str) else "must be the name of a stream"
    optional = column not in {"__alias__", "__filter__"}
    if optional and rule in NOTHING:
        return None
    if not isinstance(rule, str):
        return "must be an expression, as text" + (", or null" if optional else "")
    return None if _is_expression(rule) else NO_EXPRESSION


def _is_expression(text: str) -> bool:
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(statements) == 1 and isinstance(statements[0], ast.Expr)
