"""What the project knows of the two exports, as a document, and what an answer has beyond that."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("exports.json")

_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Unknown(NamedTuple):
    """Something that the description does not know. Its words are as they came: not for showing.

    Args:
        place: Where; known keys only, with ``[]`` for the items of a list.
        what: ``key``, ``type`` (a known key, another JSON type) or ``kind`` (of an open set).
        word: The key or the kind; empty for a type.
        json_type: The JSON type of what stands there.
    """

    place: str
    what: str
    word: str
    json_type: str


@cache
def document() -> dict[str, Any]:
    """Return the description: OpenAPI 3.1, whose schemas are JSON schemas (draft 2020-12)."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def operation(path: str) -> dict[str, Any]:
    """Return what can be asked for at a path, and what is answered."""
    found: dict[str, Any] = document()["paths"][path.removesuffix(".json")]["get"]
    return found


@cache
def validator(path: str, status: int) -> jsonschema.Draft202012Validator:
    """Return a validator for the JSON of an answer.

    Args:
        path: Where it was asked for.
        status: The answer's.

    Raises:
        KeyError: The document does not know such an answer.
    """
    answer = operation(path)["responses"][str(status)]
    schema = answer["content"]["application/json"]["schema"]
    # the references in it start from the document's root
    return jsonschema.Draft202012Validator({**document(), **schema})


def unknown(value: Any, schema_name: str) -> Counter[Unknown]:
    """Count what decoded JSON has that a schema such as ``TicketEvent`` does not know."""
    schema = {"$ref": f"#/components/schemas/{schema_name}"}
    return Counter(_unknown(value, schema, ""))


def json_type(value: Any) -> str:
    """Return the name of a value's JSON type."""
    return _TYPES.get(type(value), "null")


def _unknown(value: Any, schema: dict[str, Any], place: str) -> Iterator[Unknown]:
    schema = _resolved(schema, value)
    kind = json_type(value)
    allowed = schema.get("type", kind)
    allowed = [allowed] if isinstance(allowed, str) else allowed
    if kind not in allowed and not (kind == "integer" and "number" in allowed):
        yield Unknown(place, "type", "", kind)
        return
    known = schema.get("x-known")
    if known and isinstance(value, str) and value not in {*known, *schema.get("x-made-up", ())}:
        yield Unknown(place, "kind", value, kind)
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _unknown(item, schema["items"], f"{place}[]")
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name in schema["properties"]:
                there = f"{place}.{name}" if place else name
                yield from _unknown(inner, schema["properties"][name], there)
            else:
                yield Unknown(place, "key", name, json_type(inner))


def _resolved(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """Follow a reference; of two forms, take the one that is null if the value is."""
    for form in schema.get("anyOf", ()):
        if (form.get("type") == "null") == (value is None):
            schema = form
            break
    if "$ref" in schema:
        found: dict[str, Any] = document()["components"]["schemas"][
            schema["$ref"].rpartition("/")[2]
        ]
        return found
    return schema
