"""Whether the default of an Avro field is a value of its type.

Belongs here: defaults. Not here: where they are needed (`compare`).
"""

from collections.abc import Iterator
from typing import Any

from event_archive.evolution.compatibility.avro.schema import MAX_DEPTH, MISSING, AvroField, AvroSchema, Node

RANGES = {"int": 2**31, "long": 2**63}
# As what JSON values come that are one of these; a bool is no number.
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    **{"null": (type(None),), "boolean": (bool,), "string": (str,)},
    **{"float": (int, float), "double": (int, float)},
}


def invalid_defaults(schema: AvroSchema) -> Iterator[tuple[Node, AvroField]]:
    """The records and their fields whose default no reader can use."""
    checked: dict[tuple[int, int], bool] = {}
    for node in schema.named:
        for field in node.fields:
            if field.default is not MISSING and not _is_value(field.default, field.node, 0, checked):
                yield node, field


def _is_value(value: Any, node: Node, depth: int, checked: dict[tuple[int, int], bool]) -> bool:
    """Whether a JSON value is a default of this type; each pair is looked at once: unions can't explode."""
    pair = id(value), id(node)
    if pair not in checked:
        checked[pair] = False  # what leans on itself is no value
        checked[pair] = depth <= MAX_DEPTH and _fits(value, node, depth + 1, checked)
    return checked[pair]


def _fits(value: Any, node: Node, depth: int, checked: dict[tuple[int, int], bool]) -> bool:
    if node.kind in RANGES:
        return type(value) is int and -RANGES[node.kind] <= value < RANGES[node.kind]
    if node.kind in PYTHON_TYPES:
        return type(value) in PYTHON_TYPES[node.kind]
    if node.kind in ("bytes", "fixed"):
        is_bytes = isinstance(value, str) and all(character <= "\xff" for character in value)
        return is_bytes and (node.kind == "bytes" or len(value) == node.size)
    if node.kind == "enum":
        return isinstance(value, str) and value in node.symbol_set
    if node.kind == "union":
        # Any branch, as 1.12 says; until 1.11 it was the first one.
        return any(_is_value(value, branch, depth, checked) for branch in node.branches)
    inner = node.inner or node
    if node.kind == "array":
        return isinstance(value, list) and all(_is_value(item, inner, depth, checked) for item in value)
    if not isinstance(value, dict):
        return False
    if node.kind == "map":
        return all(_is_value(item, inner, depth, checked) for item in value.values())
    return all(
        _is_value(value.get(field.name, field.default), field.node, depth, checked) for field in node.fields
    )
