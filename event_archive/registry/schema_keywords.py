"""The keywords of JSON Schema, of draft 4 to 2020-12, by what stands behind them.

Belongs here: lists of keywords, and the schemas within a schema.
Not here: those that change nothing (`annotations`), and what a keyword means for a contract
(`schema_files.readers.json_schema`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

SINGLE = frozenset(
    {"additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "items"}
    | {"unevaluatedItems", "unevaluatedProperties", "contentSchema", "additionalItems"}
)
LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
MAPS = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies"}
)
CHECKS = frozenset(
    {"type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}
    | {"maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains"}
    | {"minContains", "maxProperties", "minProperties", "required", "dependentRequired", "format"}
    | {"contentEncoding", "contentMediaType"}
)
# Names of schemas, and what holds them: they are written out where they are used.
NAMING = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$ref"}
    | {"$defs", "definitions"}
)
APPLICATORS = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "$ref"})


def children(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas that stand directly within a schema."""
    return (part for _, part in placed_children(schema))


def placed_children(schema: Mapping[str, Any]) -> Iterator[tuple[list[str | int], Any]]:
    """Yield the schemas that stand directly within a schema, each with its path from there.

    What stands under other keywords (`examples`, `default`, `const`, `enum`, `x-…`) is data, whatever it
    looks like.
    """
    for keyword, part in schema.items():
        if keyword in SINGLE and not isinstance(part, list):
            yield [keyword], part
        elif keyword in LISTS and isinstance(part, list):
            for index, item in enumerate(part):
                yield [keyword, index], item
        elif keyword in MAPS and isinstance(part, dict):
            for name, item in part.items():
                yield [keyword, name], item
