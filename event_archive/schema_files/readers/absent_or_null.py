"""Null in a JSON Schema: under a contract, a field whose column has a type is null or absent, not both.

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


def decide_null_or_absent(schema: dict[str, Any], choice: str, place: str = "") -> Iterator[tuple[str, str]]:
    """Make each field that may be null and may be absent what a contract can say of it, in place.

    `choice`: one of `NULL_OR_ABSENT`. Yields where the fields are, and what that changes. Conditions (`if`,
    `anyOf`, …) stay as they are.
    """
    if isinstance(schema.get("items"), dict):
        yield from decide_null_or_absent(schema["items"], choice, f"{place}/items".lstrip("/"))
    required = schema.get("required", [])
    properties = schema.get("properties")
    for name, part in (properties if isinstance(properties, dict) else {}).items():
        if not isinstance(part, dict):
            continue
        at = f"{place}/properties/{name}".lstrip("/")
        yield from decide_null_or_absent(part, choice, at)
        if not isinstance(required, list) or name in required:
            continue
        types = part.get("type")
        if isinstance(types, list) and "null" in types:
            if choice == "null":
                schema["required"] = required = [*required, name]
            elif choice == "absent":
                _refuse_null(part, types)
            else:
                _keep_both(part, types)
            yield at, f"may be null and may be absent; {CONSEQUENCES[choice]}"


CONSEQUENCES = {
    "both": "its column holds JSON text, which tells the two apart (--null-or-absent gives it a type)",
    "absent": "here it is left out where there is nothing, and null is refused",
    "null": "here it is null where there is nothing, and has to be there",
}


def _refuse_null(part: dict[str, Any], types: list[Any]) -> None:
    others = [kind for kind in types if kind != "null"]
    part["type"] = others[0] if len(others) == 1 else others or "null"
    if isinstance(part.get("enum"), list) and others:
        part["enum"] = [value for value in part["enum"] if value is not None]
    if part.get("default", False) is None:
        del part["default"]


def _keep_both(part: dict[str, Any], types: list[Any]) -> None:
    """Write the schema as a choice of two, whose column has no type of its own."""
    if types == ["null"]:
        part["type"] = "null"
        return
    about = {keyword: part.pop(keyword) for keyword in list(part) if keyword in ANNOTATIONS}
    inner = dict(part)
    _refuse_null(inner, types)
    part.clear()
    part.update({**about, "anyOf": [inner, {"type": "null"}]})
