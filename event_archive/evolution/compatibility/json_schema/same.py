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
    seen: set[tuple[int, int]] = set()
    waiting = [(node, other_node)]
    while waiting:
        first, second = waiting.pop()
        if isinstance(first, bool) or isinstance(second, bool):
            if first is not second:
                return False
            continue
        if (id(first), id(second)) in seen:
            continue
        seen.add((id(first), id(second)))
        writer.document.work += 1
        pairs = _pairs_of_nodes(writer, first, reader, second)
        if pairs is None:
            return False
        waiting += pairs
    return True


def _pairs_of_nodes(
    writer: Facts, node: dict[str, Any], reader: Facts, other: dict[str, Any]
) -> list[tuple[Any, Any]] | None:
    """The schemas that have to be the same for two nodes to say the same; None where they can't."""
    if node.keys() != other.keys() or not node.get("$opaque", SAMEABLE[0]).startswith(SAMEABLE):
        return None
    found: list[tuple[Any, Any]] = []
    for name, part in node.items():
        if name == "$ref":
            found.append((writer.document.target(node), reader.document.target(other)))
        elif (pairs := _pairs(name, part, other[name])) is None:
            return None
        else:
            found += pairs
    return found


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
