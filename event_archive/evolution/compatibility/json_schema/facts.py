"""What one schema says of the values at one place in the data.

Belongs here: a schema taken apart into facts that hold together, and what follows from them alone: the
types, the bounds, the finitely many values, what holds for a property or an item. Not here: comparing two
schemas (`proof`).

The facts may say less than their schema, never more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from event_archive.evolution.compatibility.json_schema.document import Document, Node, listed_in, validator
from event_archive.evolution.compatibility.json_schema.effort import weight_of
from event_archive.evolution.compatibility.json_schema.kinds import (
    ATOMS,
    NUMBERS,
    TYPES,
    holds_whole,
    kinds_of,
    spelled,
)

MOST_VALUES = 2000
CHARACTERS_READ, VALUES_COMPARED = 40, 60  # that take a validator as long as a part takes the proof


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts of one document that hold together: `origin` as it was written, `parts` with references followed.

    A part holds neither `$ref` nor `allOf`; `empty` where one of the facts is `false`.
    """

    document: Document
    origin: tuple[Node, ...]
    parts: tuple[dict[str, Any], ...]
    empty: bool

    @cached_property
    def key(self) -> frozenset[int]:
        """The same for facts that say the same by the same words."""
        return frozenset(map(id, self.parts)) | ({0} if self.empty else set())

    def all_of(self, keyword: str) -> list[Any]:
        """What the parts say under a keyword."""
        return [part[keyword] for part in self.parts if keyword in part]

    def least(self, keyword: str) -> Any:
        """The smallest number under a keyword; None where there is none."""
        return min(self.all_of(keyword), default=None)

    def most(self, keyword: str) -> Any:
        """The largest number under a keyword; None where there is none."""
        return max(self.all_of(keyword), default=None)

    @cached_property
    def types(self) -> frozenset[str]:
        """The kinds of values that may be here."""
        return frozenset() if self.empty else _types(self.document, self.parts, 4)

    @cached_property
    def values(self) -> list[Any] | None:
        """The only values that may be here; None where there may be others."""
        listed = [part["enum"] for part in self.parts if "enum" in part]
        listed += [[part["const"]] for part in self.parts if "const" in part]
        if not listed and self.types <= {"null", "boolean"}:
            listed = [[value for value in (None, False, True) if kinds_of(value) <= self.types]]
        if not listed or min(map(len, listed)) > MOST_VALUES:
            return None
        return [value for value in min(listed, key=len) if self.accepts(value) is not False]

    @cached_property
    def node(self) -> dict[str, Any]:
        """The facts as one schema of draft 2020-12."""
        defs = self.document.defs
        if defs:
            used = {
                part["$ref"].rpartition("/")[2]
                for part in self._reachable
                if isinstance(part.get("$ref"), str)
            }
            defs = {name: node for name, node in defs.items() if name in used}
        return {"allOf": list(self.origin) or [True], "$defs": defs}

    @cached_property
    def _reachable(self) -> list[dict[str, Any]]:
        return self.document.reachable(self.origin)

    @cached_property
    def size(self) -> int:
        """The number of characters of `node`."""
        return len(repr(self.node))

    @cached_property
    def listed(self) -> int:
        """How many values `node` lists."""
        return listed_in(self._reachable)

    @cached_property
    def _validators(self) -> tuple[Any, Any]:
        self.document.work += self.size // CHARACTERS_READ
        if self.document.is_exact:
            accepting = validator(self.node, 2020)
            return accepting, accepting
        return validator(spelled(self.node, True), 2020), validator(spelled(self.node, False), 2020)

    def accepts(self, value: Any) -> bool | None:
        """Whether a value is accepted, however it is spelled; None where that is unclear."""
        self.document.work += weight_of(value) + self.listed // VALUES_COMPARED
        if self.document.is_exact:
            return bool(self._validators[0].is_valid(value))
        if any("$opaque" in part for part in self._reachable):
            return None
        if isinstance(value, (list, dict)) and holds_whole(value):
            return None
        spelled = [accepting.is_valid(value) for accepting in self._validators]
        return spelled[0] if spelled[0] == spelled[1] or not holds_whole(value) else None

    def member(self, name: str) -> tuple[Node, ...]:
        """What holds for the value of a property."""
        nodes: list[Node] = []
        for part in self.parts:
            named = [part["properties"][name]] if name in part.get("properties", ()) else []
            named += [
                node for pattern, node in part.get("patternProperties", {}).items() if matches(pattern, name)
            ]
            nodes += named or [part.get("additionalProperties", True)]
        if any(accepts_name(self.document, node, name) is False for node in self.all_of("propertyNames")):
            nodes.append(False)
        return tuple(nodes)

    def item(self, index: int) -> tuple[Node, ...]:
        """What holds for the item at an index."""
        nodes: list[Node] = []
        for part in self.parts:
            prefix = part.get("prefixItems", ())
            nodes.append(prefix[index] if index < len(prefix) else part.get("items", True))
        return tuple(nodes)

    @cached_property
    def required(self) -> frozenset[str]:
        """The properties that are always there, where the value is an object."""
        names = {name for listed in self.all_of("required") for name in listed}
        while True:
            needs = {
                n
                for group in self.all_of("dependentRequired")
                for t in names & group.keys()
                for n in group[t]
            }
            if needs <= names:
                return frozenset(names)
            names |= needs

    def bound(self, lower: bool) -> tuple[Any, bool] | None:
        """The tightest bound of numbers and whether it is exclusive."""
        sign = 1 if lower else -1
        within, beyond = ("minimum", "exclusiveMinimum") if lower else ("maximum", "exclusiveMaximum")
        bounds = [(value, False) for value in self.all_of(within)] + [
            (value, True) for value in self.all_of(beyond)
        ]
        if self.types & NUMBERS <= {"int", "whole"}:
            bounds = [_whole_bound(value, exclusive, lower) for value, exclusive in bounds]
        return max(bounds, key=lambda bound: (sign * bound[0], bound[1]), default=None)


def _whole_bound(value: Any, exclusive: bool, lower: bool) -> tuple[int, bool]:
    floor = int(value // 1)
    if value != floor:
        return (floor + 1 if lower else floor), False
    if exclusive:
        return (floor + 1 if lower else floor - 1), False
    return floor, False


def _types(document: Document, parts: Iterable[dict[str, Any]], depth: int) -> frozenset[str]:
    types = ATOMS
    for part in parts:
        if "type" in part:
            types &= frozenset().union(*(TYPES[name] for name in part["type"]))
        if "const" in part:
            types &= kinds_of(part["const"])
        if "enum" in part:
            types &= frozenset().union(*map(kinds_of, part["enum"]))
        if depth:
            for choice in (part.get("anyOf"), part.get("oneOf")):
                if choice is not None:
                    types &= frozenset().union(
                        *(_branch_types(document, branch, depth - 1) for branch in choice)
                    )
            refused = part.get("not")
            if isinstance(refused, dict) and refused.keys() == {"type"}:
                types -= frozenset().union(*(TYPES[name] for name in refused["type"]))
    return types


def _branch_types(document: Document, node: Node, depth: int) -> frozenset[str]:
    parts, empty = _apart(document, (node,))
    return frozenset() if empty else _types(document, parts, depth)


def _apart(document: Document, nodes: tuple[Node, ...]) -> tuple[list[dict[str, Any]], bool]:
    parts: dict[int, dict[str, Any]] = {}
    waiting, seen, empty = list(nodes), set(), False
    while waiting:
        node = waiting.pop()
        if isinstance(node, bool):
            empty = empty or not node
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        if "$ref" in node:
            waiting.append(document.target(node))
        waiting += node.get("allOf", ())
        plain = document.without(node, "$ref", "allOf", "unevaluatedProperties", "unevaluatedItems")
        if plain:
            parts[id(plain)] = plain
    document.work += len(seen) + 1
    return list(parts.values()), empty


def facts_of(document: Document, nodes: Iterable[Node]) -> Facts:
    """The facts that a number of schemas say together."""
    origin = tuple(nodes)
    parts, empty = _apart(document, origin)
    return Facts(document, tuple(node for node in origin if node is not True), tuple(parts), empty)


@lru_cache(maxsize=5000)
def _pattern(pattern: str) -> Any:
    return validator({"pattern": pattern}, 2020)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, as validators see it."""
    return bool(_pattern(pattern).is_valid(text))


def accepts_name(document: Document, node: Node, name: str) -> bool | None:
    """Whether a schema for names accepts one."""
    return facts_of(document, (node,)).accepts(name)
