"""A schema in one form: that of draft 2020-12, with every reference by number.

Belongs here: the form, and the real validators. Not here: bringing a schema into it (`normal`).

The form holds only keywords that the validator heeds. What it can't say stands as `$opaque`, which no proof
may rest on. Draft 4 tells `1.0` from `1`: its integers are of the type `integer4`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs

from event_archive.registry.exact_values import DECIMAL_TEXT
from event_archive.registry.schema_keywords import LISTS as KEYWORDS_OF_LISTS
from event_archive.registry.schema_keywords import MAPS
from event_archive.registry.schema_keywords import SINGLE as KEYWORDS_OF_ONE

Node = bool | dict[str, Any]
VALIDATORS = {
    4: jsonschema_rs.Draft4Validator,
    6: jsonschema_rs.Draft6Validator,
    7: jsonschema_rs.Draft7Validator,
    2019: jsonschema_rs.Draft201909Validator,
    2020: jsonschema_rs.Draft202012Validator,
}
LARGEST_EXACT = 2**53  # below, a float has the value of its decimal digits wherever it is whole
FORMATS = {"decimal": lambda text: DECIMAL_TEXT.fullmatch(text) is not None}
VARYING = {
    **dict.fromkeys((6, 7), ("contentEncoding", "contentMediaType")),
    **dict.fromkeys((2019, 2020), ("dependencies",)),
}
"""Per draft the keywords that some validators heed and others don't, as the specification lets them."""
UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
NAMED = ("properties", "patternProperties", "dependentSchemas")
LISTS = ("allOf", "anyOf", "oneOf")
SINGLE = ("additionalProperties", "not", "if", "then", "else", *UNEVALUATED)


class NotComparable(Exception):
    """A schema that is one, but that the product can't judge: `rule` and a sentence."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


@dataclass
class Document:
    """A schema in the one form: `root` and `defs`, that `{"$ref": "#/$defs/n…"}` names.

    `work`: how many parts of it were looked at, that searches may be bounded (`effort`).
    """

    source: Any
    draft: int
    root: Node = True
    defs: dict[str, Node] = field(default_factory=dict)
    work: int = 0
    _cached: dict[Any, tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    @cached_property
    def validator(self) -> Any:
        """The real validator of the schema as it was given."""
        return validator(self.source, self.draft)

    @cached_property
    def readings(self) -> tuple[Any, ...]:
        """The real validator, and one like those that ignore the keywords which validators differ in.

        Empty where they differ in what no reading can tell.
        """
        if not self.has_agreed_meaning:
            return ()
        left_out = VARYING.get(self.draft, ())
        ignoring = _without_keywords(self.source, left_out)
        if ignoring == self.source:
            return (self.validator,)
        try:
            return self.validator, validator(ignoring, self.draft)
        except ValueError:  # a reference leads into what is left out
            return ()

    @cached_property
    def has_agreed_meaning(self) -> bool:
        """Whether validators agree on all but what `readings` tells apart.

        In 2019-09 an item that `contains` found is still unevaluated; the library and others think otherwise.
        """
        parts = parts_of(self.source) if self.draft == 2019 else []
        return not all(any(word in part for part in parts) for word in ("contains", "unevaluatedItems"))

    @cached_property
    def size(self) -> int:
        """The number of characters of all of it."""
        return len(repr((self.root, self.defs)))

    @cached_property
    def listed(self) -> int:
        """How many values it lists."""
        return listed_in(parts_of([self.root, self.defs]))

    @cached_property
    def is_exact(self) -> bool:
        """Whether the form says all that the schema says, in words of draft 2020-12."""
        return not any(
            "$opaque" in part or _is_integer4(part.get("type")) for part in parts_of([self.root, self.defs])
        )

    @cached_property
    def has_faithful_canonical_form(self) -> bool:
        """Whether the library's canonical form means what the library's validator means.

        It doesn't for a float beyond 2^53: the one takes its shortest decimal digits, the other its value.
        """
        return self.is_exact and not _holds_large_float([self.root, self.defs])

    def without(self, node: dict[str, Any], *keywords: str) -> dict[str, Any]:
        """The same node without some keywords, the same object each time.

        What is unevaluated depends on all of a node, so a part of one can only point to the whole.
        """
        if not any(keyword in node for keyword in keywords):
            return node
        cached = self._cached.get((id(node), keywords))
        if cached is None:
            made = {name: part for name, part in node.items() if name not in keywords}
            if any(keyword in node and keyword in keywords for keyword in UNEVALUATED):
                made["$unevaluated"] = node
            cached = self._cached[id(node), keywords] = (node, made)
        return cached[1]

    def made(self, keyword: str, *parts: Any) -> dict[str, Any]:
        """A node of one keyword, the same object each time."""
        key = (keyword, *(part if isinstance(part, (str, bool)) else id(part) for part in parts))
        if key not in self._cached:
            value = list(parts) if keyword in ("type", "required", "anyOf", "enum") else parts[0]
            self._cached[key] = (parts, {keyword: value})
        return self._cached[key][1]

    def target(self, node: dict[str, Any]) -> Node:
        """What the reference of a node names."""
        return self.defs[node["$ref"].rpartition("/")[2]]

    def reachable(self, nodes: Iterable[Node]) -> list[dict[str, Any]]:
        """All objects in some nodes, and in what they refer to."""
        objects: list[dict[str, Any]] = []
        waiting: list[Any] = list(nodes)
        names: set[str] = set()
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                objects.append(value)
                name = value.get("$ref")
                if isinstance(name, str) and name not in names:
                    names.add(name)
                    waiting.append(self.defs.get(name.rpartition("/")[2]))
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return objects


def _without_keywords(schema: Any, left_out: Iterable[str]) -> Any:
    """A schema without some keywords, wherever there are schemas."""
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for keyword, part in schema.items():
        if keyword in MAPS and isinstance(part, dict):
            made[keyword] = {name: _without_keywords(inner, left_out) for name, inner in part.items()}
        elif keyword in KEYWORDS_OF_LISTS and isinstance(part, list):
            made[keyword] = [_without_keywords(inner, left_out) for inner in part]
        else:
            made[keyword] = _without_keywords(part, left_out) if keyword in KEYWORDS_OF_ONE else part
    return {keyword: part for keyword, part in made.items() if keyword not in left_out}


def validator(schema: Any, draft: int) -> Any:
    """The real validator: formats asserted, nothing fetched."""
    return VALIDATORS[draft](schema, validate_formats=True, formats=FORMATS, retriever=_fetch_nothing)


def _fetch_nothing(uri: str) -> Any:
    raise ValueError("a remote schema is never fetched")


def _is_integer4(types: Any) -> bool:
    return isinstance(types, list) and "integer4" in types


def _holds_large_float(source: Any) -> bool:
    waiting = [source]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float) and abs(value) >= LARGEST_EXACT:
            return True
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return False


def listed_in(parts: Iterable[dict[str, Any]]) -> int:
    """How many values some parts list."""
    return sum(len(part["enum"]) for part in parts if isinstance(part.get("enum"), list))


def parts_of(source: Any) -> list[dict[str, Any]]:
    """All objects in a JSON value."""
    objects, waiting = [], [source]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            objects.append(value)
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return objects
