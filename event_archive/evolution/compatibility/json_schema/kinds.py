"""The kinds of JSON values, finer than the types of JSON Schema: 1, 1.0 and 1.5 are three.

Belongs here: kinds, and the two spellings of whole numbers, that draft 4 tells apart. Not here: schemas as
facts (`facts`).
"""

from typing import Any

from event_archive.evolution.compatibility.json_schema.document import NAMED

NUMBERS = frozenset({"int", "whole", "fraction"})  # 1, 1.0 and 1.5
ATOMS = NUMBERS | {"null", "boolean", "string", "array", "object"}
TYPES = {
    "integer4": frozenset({"int"}),
    "integer": frozenset({"int", "whole"}),
    "number": NUMBERS,
    **{name: frozenset({name}) for name in ("null", "boolean", "string", "array", "object")},
}


def kinds_of(value: Any) -> frozenset[str]:
    """The kinds of a value, in every way to spell it."""
    if isinstance(value, bool):
        return TYPES["boolean"]
    if isinstance(value, (int, float)):
        return TYPES["integer"] if value == value // 1 else frozenset({"fraction"})
    for kind, name in ((str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return TYPES[name]
    return TYPES["null"]


def holds_whole(value: Any) -> bool:
    """Whether a value holds a whole number, that may be spelled `1` or `1.0`."""
    if isinstance(value, dict):
        return any(map(holds_whole, value.values()))
    if isinstance(value, list):
        return any(map(holds_whole, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1


def spelled(schema: Any, plain: bool) -> Any:
    """The schema for values whose whole numbers are spelled `1` (`plain`) or `1.0`."""
    if isinstance(schema, list):
        return [spelled(part, plain) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for name, part in schema.items():
        if name in (*NAMED, "$defs"):
            made[name] = {key: spelled(node, plain) for key, node in part.items()}
        else:
            made[name] = part if name in ("enum", "const") else spelled(part, plain)
    if "integer4" in made.get("type", ()):
        rest = [name for name in made["type"] if name not in ("integer4", "integer")]
        if not plain and not rest:
            return False
        made["type"] = [*rest, "integer"] if plain else rest
    return made
