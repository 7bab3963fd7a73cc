"""Null in a JSON Schema: under a contract, a field that may be null is always there.

Belongs here: what becomes of a schema that allows null. Not here: everything else of it (`json_schema`).
"""

from collections.abc import Iterator
from typing import Any

from event_archive.registry.annotations import ANNOTATIONS
from event_archive.registry.schema_keywords import APPLICATORS


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, which has a type, as one that allows null too."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    changed = {**schema, "type": [*types, *([] if "null" in types else ["null"])]}
    if "const" in changed:
        changed["enum"] = [changed.pop("const")]
    if isinstance(changed.get("enum"), list) and None not in changed["enum"]:
        changed["enum"] = [*changed["enum"], None]
    return changed


def without_null_branch(schema: dict[str, Any]) -> dict[str, Any]:
    """Return `anyOf: [T, null]` as T that may be null: a column has a type then."""
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword, ())
        others = [branch for branch in branches if branch != {"type": "null"}]
        if len(branches) == 2 and len(others) == 1 and not set(schema) - ANNOTATIONS - {keyword}:
            only = others[0]
            if not isinstance(only, dict) or "type" not in only or APPLICATORS & set(only):
                continue
            if keyword != "oneOf" or "null" not in only["type"]:
                rest = {name: part for name, part in schema.items() if name != keyword}
                return {**nullable(only), **rest}
    return schema


def absent_or_null(schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """Make fields that may be null and may be absent ones that may be absent, in place; yield where they are.

    Conditions (`if`, `anyOf`, …) stay as they are.
    """
    if isinstance(schema.get("items"), dict):
        yield from absent_or_null(schema["items"], f"{place}/items".lstrip("/"))
    required = schema.get("required", ())
    properties = schema.get("properties")
    for name, part in (properties if isinstance(properties, dict) else {}).items():
        if not isinstance(part, dict):
            continue
        yield from absent_or_null(part, f"{place}/properties/{name}".lstrip("/"))
        if name in (required if isinstance(required, list) else ()):
            continue
        types = part.get("type")
        if isinstance(types, list) and "null" in types:
            others = [kind for kind in types if kind != "null"]
            part["type"] = others[0] if len(others) == 1 else others or "null"
            if isinstance(part.get("enum"), list) and others:
                part["enum"] = [value for value in part["enum"] if value is not None]
            if part.get("default", False) is None:
                del part["default"]
            yield f"{place}/properties/{name}".lstrip("/")
