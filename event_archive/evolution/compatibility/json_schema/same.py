"""Whether two schemas say the same in the same words.

Belongs here: equality of schemas wherever their references lead, around circles too. Not here: schemas that
mean the same in other words (`json_schema_proof`).
"""

import json
from typing import Any

from event_archive.evolution.compatibility.json_schema.document import LISTS, NAMED, SINGLE, Node
from event_archive.evolution.compatibility.json_schema.side import Side

NODES = (*SINGLE, "propertyNames", "items", "contains", "$unevaluated")
SAMEABLE = ("the format", "the encoding")  # what is opaque, but the same where its words are


def same_list(writer: Side, one: list[Node], reader: Side, other: list[Node]) -> bool:
    """Whether two lists of schemas say the same."""
    return len(one) == len(other) and all(
        same(writer, first, reader, second) for first, second in zip(one, other, strict=True)
    )


def same(writer: Side, one: Any, reader: Side, other: Any) -> bool:
    """Whether two schemas say the same in the same words, wherever their references lead."""
    return _same(writer, one, reader, other, set())


def _same(writer: Side, one: Any, reader: Side, other: Any, seen: set[tuple[int, int]]) -> bool:
    if (id(one), id(other)) in seen:
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    seen.add((id(one), id(other)))
    if one.keys() != other.keys() or not one.get("$opaque", SAMEABLE[0]).startswith(SAMEABLE):
        return False
    for name, part in one.items():
        pairs = [(part, other[name])]
        if name == "$ref":
            pairs = [(writer.document.target(one), reader.document.target(other))]
        elif name in NAMED:
            if part.keys() != other[name].keys():
                return False
            pairs = [(node, other[name][key]) for key, node in part.items()]
        elif name in LISTS or name == "prefixItems":
            if len(part) != len(other[name]):
                return False
            pairs = list(zip(part, other[name], strict=True))
        elif name not in NODES:
            if json.dumps(part, sort_keys=True) != json.dumps(other[name], sort_keys=True):
                return False
            continue
        if not all(_same(writer, first, reader, second, seen) for first, second in pairs):
            return False
    return True
