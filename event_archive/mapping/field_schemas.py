"""What a contract's schema says of a field for certain: which kinds of value it can't have, and which names.

Belongs here: reading JSON Schema so that what is refused is refused of every value. Not here: what a mapping
gives (`contract_check`), and validating a value (`validation`).

Whatever hangs on the value (`if`, `not`, `dependentSchemas` …) is left out, and may let anything pass.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from event_archive.registry.column_types import Schema

KINDS = frozenset({"string", "integer", "fraction", "boolean", "array", "object", "null"})
OF_TYPE = {"number": frozenset({"integer", "fraction"})}
FORMATS = frozenset({"date", "date-time", "uuid", "decimal"})
"""Formats of which no text has two."""
DEEPEST = 20


def applying(schema: Any, root: Schema, depth: int = 0) -> Iterator[Schema]:
    """Yield the schemas that hold for every value that a schema holds for: itself, and what it points to."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return
    yield schema
    for part in [*_targets(schema, root), *_listed(schema, "allOf")]:
        yield from applying(part, root, depth + 1)


def accepted_kinds(schema: Any, root: Schema, depth: int = 0) -> frozenset[str]:
    """Return the kinds of JSON value that a schema may accept; a whole number is an integer, also 1.0."""
    if schema is False:
        return frozenset()
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return KINDS
    kinds = KINDS
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds &= frozenset().union(*(OF_TYPE.get(name, frozenset({name})) for name in types))
    values = [schema["const"]] if "const" in schema else _listed(schema, "enum")
    if values:
        kinds &= frozenset(map(kind_of_value, values))
    for part in [*_targets(schema, root), *_listed(schema, "allOf")]:
        kinds &= accepted_kinds(part, root, depth + 1)
    for keyword in ("anyOf", "oneOf"):
        if choices := _listed(schema, keyword):
            kinds &= frozenset().union(*(accepted_kinds(part, root, depth + 1) for part in choices))
    return kinds


def formats(schemas: Sequence[Schema]) -> set[str]:
    """Return the formats that every text has to have for which these schemas hold."""
    return {str(schema["format"]) for schema in schemas if schema.get("format") in FORMATS}


def field_schemas(schema: Schema, name: str) -> list[Any] | None:
    """Return the schemas that one schema of an object has for a field; None where there can be none."""
    found = [schema["properties"][name]] if name in _mapping(schema, "properties") else []
    for pattern, part in _mapping(schema, "patternProperties").items():
        try:
            found += [part] if re.search(pattern, name) else []
        except re.error:
            return [True]  # ECMA-262 can say more than Python
    if found:
        return found
    rest = schema.get("additionalProperties", True)
    return None if rest is False else [rest]


def required_fields(schemas: Sequence[Schema]) -> list[str]:
    """Return the fields that every object has for which these schemas hold."""
    return list(dict.fromkeys(name for schema in schemas for name in _listed(schema, "required")))


def declared_fields(schemas: Sequence[Schema]) -> list[str]:
    """Return the fields that these schemas name."""
    return list(dict.fromkeys(name for schema in schemas for name in _mapping(schema, "properties")))


def kind_of_value(value: Any) -> str:
    """Return the kind of a JSON value, as Python has it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, (int, float)):
        return "integer" if value == int(value) else "fraction"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _targets(schema: Schema, root: Schema) -> Iterator[Any]:
    """Yield what a local `$ref` stands for; True, which says nothing, where it can't be told."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return
    target: Any = root
    for part in reference.removeprefix("#/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        target = target.get(name, True) if isinstance(target, Mapping) else True
    yield target


def _listed(schema: Schema, keyword: str) -> list[Any]:
    part = schema.get(keyword)
    return part if isinstance(part, list) else []


def _mapping(schema: Schema, keyword: str) -> Mapping[str, Any]:
    part = schema.get(keyword)
    return part if isinstance(part, Mapping) else {}
