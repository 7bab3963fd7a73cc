"""Whether two schemas say the same in the same words.

Belongs here: equality of schemas wherever their references lead, around circles too. Not here: schemas that
mean the same in other words (`proof`).
"""

import json
from typing import Any

from event_archive.evolution.compatibility.json_schema.document import LISTS, NAMED, SINGLE, Node
from event_archive.evolution.compatibility.json_schema.facts import Facts

NODES = (*SINGLE, "propertyNames", "items", "contains", "$unevaluated")
SAMEABLE = ("the format", "the keyword")  # what is opaque, but the same where its words are


def is_same_json(old: Any, new: Any) -> bool:
    """Whether two parts of schemas are one, whatever they say: then each accepts what the other does."""
    try:
        return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False


def same_list(writer: Facts, nodes: list[Node], reader: Facts, other_nodes: list[Node]) -> bool:
    """Whether two lists of schemas say the same."""
    return len(nodes) == len(other_nodes) and all(
        same(writer, node, reader, other_node) for node, other_node in zip(nodes, other_nodes, strict=True)
    )


def same(writer: Facts, node: Any, reader: Facts, other_node: Any) -> bool:
    """Whether two schemas say the same in the same words, wherever their references lead."""
    return _same(writer, node, reader, other_node, set())


def _same(writer: Facts, node: Any, reader: Facts, other_node: Any, seen: set[tuple[int, int]]) -> bool:
    if (id(node), id(other_node)) in seen:
        return True
    if isinstance(node, bool) or isinstance(other_node, bool):
        return node is other_node
    seen.add((id(node), id(other_node)))
    if node.keys() != other_node.keys() or not node.get("$opaque", SAMEABLE[0]).startswith(SAMEABLE):
        return False
    for name in node:
        pairs = (
            [(writer.document.target(node), reader.document.target(other_node))]
            if name == "$ref"
            else _pairs(name, node[name], other_node[name])
        )
        if pairs is None or not all(_same(writer, first, reader, second, seen) for first, second in pairs):
            return False
    return True


def _pairs(name: str, part: Any, other: Any) -> list[tuple[Any, Any]] | None:
    """The schemas that have to be the same for a keyword to say the same; None where it can't."""
    if name in NAMED:
        same_names = part.keys() == other.keys()
        return [(schema, other[key]) for key, schema in part.items()] if same_names else None
    if name in LISTS or name == "prefixItems":
        return list(zip(part, other, strict=True)) if len(part) == len(other) else None
    if name in NODES:
        return [(part, other)]
    return [] if is_same_json(part, other) else None
