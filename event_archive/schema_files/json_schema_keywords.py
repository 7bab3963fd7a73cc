"""The keywords of JSON Schema, of draft 4 to 2020-12, by what stands behind them.

Belongs here: lists of keywords, and the schemas within a schema.
Not here: what a keyword means for a contract (`readers.json_schema`).
"""

from collections.abc import Iterator
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


def children(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the schemas that stand directly within a schema."""
    for keyword, part in schema.items():
        if keyword in SINGLE and not isinstance(part, list):
            yield part
        elif keyword in LISTS and isinstance(part, list):
            yield from part
        elif keyword in MAPS and isinstance(part, dict):
            yield from part.values()
