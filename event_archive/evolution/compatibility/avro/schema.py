"""Avro schemas as a graph: read from the JSON of an `.avsc` file, checked against the specification (1.12).

Belongs here: names and namespaces, definitions and references, what makes a schema invalid.
Not here: comparing two of them (`compare`), and values under them (`example`).

A file is untrusted: whatever is wrong with it is one line, and its size and depth are bounded. Invalid
*defaults* don't make it unusable: files that older implementations accepted are full of them, and the
specification says how to mend them: by comparing the old schema with a mended one.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NoReturn

from event_archive.errors import UnusableInput
from event_archive.evolution.compatibility.avro.logical import Logical, logical_type

MAX_DEPTH = 60
MAX_TYPES = 5_000
PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "enum", "fixed"})
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MISSING: Any = object()


@dataclass(eq=False)
class Node:
    """One type. A reference to a named type is the node of its definition, so graphs may have cycles.

    `refers`: whether the items or values are told by such a reference; `defines`: the branches that are not.
    """

    kind: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    plain_aliases: frozenset[str] = frozenset()
    fields: tuple["AvroField", ...] = ()
    symbols: tuple[str, ...] = ()
    symbol_set: frozenset[str] = frozenset()
    default: str | None = None
    size: int = 0
    inner: "Node | None" = None
    refers: bool = False
    branches: tuple["Node", ...] = ()
    defines: frozenset[str] = frozenset()
    logical: Logical | None = None

    @property
    def is_named(self) -> bool:
        """Whether it is a record, an enum or a fixed."""
        return self.kind in NAMED

    @property
    def short_name(self) -> str:
        """The name without its namespace."""
        return self.name.rpartition(".")[2]

    @property
    def label(self) -> str:
        """How to call it in a sentence, and in a union of Avro's JSON encoding."""
        return self.name or self.kind


@dataclass(eq=False)
class AvroField:
    """A field of a record; `default` is MISSING where there is none."""

    name: str
    aliases: tuple[str, ...]
    node: Node
    refers: bool
    default: Any = MISSING


@dataclass
class AvroSchema:
    """A whole schema: its top, and its named types, each after the types that are defined within it."""

    top: Node
    named: list[Node]


def parse_avro(content: Any) -> AvroSchema:
    """The schema that an `.avsc` file's JSON holds; UnusableInput is one line: where, and what is wrong."""
    reading = _Reading()
    return AvroSchema(reading.node(content, "", "the schema", 0), reading.named)


@dataclass
class _Reading:
    """What is known while a file is read, depth first and from left to right, as definitions count."""

    types: int = 0
    known: dict[str, Node] = field(default_factory=dict)
    named: list[Node] = field(default_factory=list)

    def node(self, schema: Any, namespace: str, place: str, depth: int) -> Node:
        self.count_type(depth)
        if isinstance(schema, str):
            return Node(schema) if schema in PRIMITIVES else self.reference(schema, namespace, place)
        if isinstance(schema, list):
            return self.union(schema, namespace, place, depth)
        if not isinstance(schema, dict):
            _refuse(place, f"{_short(schema)} is no Avro schema: write a type's name, an object or a list")
        kind = schema.get("type")
        if not isinstance(kind, str):
            _refuse(place, f"`type` is {_short(kind)}; it must be the name of a type")
        if kind in PRIMITIVES:
            return Node(kind, logical=logical_type(schema, kind, 0))
        if kind in ("array", "map"):
            word = "items" if kind == "array" else "values"
            if word not in schema:
                _refuse(place, f"this {kind} needs `{word}`")
            inner = self.node(schema[word], namespace, f"{place}/{word}", depth + 1)
            return Node(kind, inner=inner, refers=isinstance(schema[word], str))
        kind = "record" if kind == "error" else kind
        if kind not in NAMED:
            _refuse(place, f"`type` is {_short(kind)}, which is no Avro type; a reference is written alone")
        return self.definition(schema, kind, namespace, place, depth)

    def count_type(self, depth: int) -> None:
        self.types += 1
        if depth > MAX_DEPTH:
            _refuse(
                "the schema", f"types are nested deeper than {MAX_DEPTH}; define them apart and refer to them"
            )
        if self.types > MAX_TYPES:
            _refuse("the schema", f"has more than {MAX_TYPES:,} types; split it")

    def reference(self, name: str, namespace: str, place: str) -> Node:
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        if full not in self.known:
            _refuse(place, f"{_short(full)} is not defined before it is used")
        return self.known[full]

    def union(self, schema: list[Any], namespace: str, place: str, depth: int) -> Node:
        branches = []
        seen = set()
        for number, part in enumerate(schema):
            branch = self.node(part, namespace, f"{place}/{number}", depth + 1)
            if branch.kind == "union":
                _refuse(f"{place}/{number}", "a union can't hold a union directly; put its branches into one")
            if branch.label in seen:
                _refuse(f"{place}/{number}", f"the union has two branches of type {branch.label}")
            seen.add(branch.label)
            branches.append(branch)
        if not branches:
            _refuse(place, "the union has no branches")
        pairs = zip(branches, schema, strict=True)
        defines = frozenset(
            branch.name for branch, part in pairs if branch.is_named and isinstance(part, dict)
        )
        return Node("union", branches=tuple(branches), defines=defines)

    def definition(self, schema: dict[str, Any], kind: str, namespace: str, place: str, depth: int) -> Node:
        name, namespace = _full_name(schema, namespace, place)
        if name in self.known:
            _refuse(place, f"{_short(name)} is defined a second time")
        aliases = _texts(schema.get("aliases", []), place, "aliases")
        full = tuple(alias if "." in alias or not namespace else f"{namespace}.{alias}" for alias in aliases)
        plain = frozenset(alias for alias in aliases if "." not in alias)
        node = self.known[name] = Node(kind, name=name, aliases=full, plain_aliases=plain)
        if kind == "record":
            node.fields = self.fields(schema, namespace, place, depth)
        elif kind == "enum":
            node.symbols, node.default = _symbols(schema, place)
            node.symbol_set = frozenset(node.symbols)
        else:
            size = schema.get("size")
            if type(size) is not int or not 0 <= size < 2**31:
                _refuse(place, f"`size` of a fixed is a number of bytes, not {_short(size)}")
            node.size = size
            node.logical = logical_type(schema, kind, size)
        self.named.append(node)
        return node

    def fields(self, schema: dict[str, Any], namespace: str, place: str, depth: int) -> tuple[AvroField, ...]:
        parts = schema.get("fields")
        if not isinstance(parts, list):
            _refuse(place, f"`fields` of a record is a list, not {_short(parts)}")
        fields: dict[str, AvroField] = {}
        for number, part in enumerate(parts):
            at = f"{place}/fields/{number}"
            if not isinstance(part, dict):
                _refuse(at, f"a field is an object, not {_short(part)}")
            name = part.get("name")
            if not isinstance(name, str) or not NAME.fullmatch(name):
                _refuse(at, f"{_short(name)} is no name for a field: letters, digits and _")
            at = f"{place}/{name}"
            if name in fields:
                _refuse(at, "the record has two fields of this name")
            if "type" not in part:
                _refuse(at, "the field has no `type`")
            aliases = _texts(part.get("aliases", []), at, "aliases")
            node = self.node(part["type"], namespace, at, depth + 1)
            fields[name] = AvroField(
                name, aliases, node, isinstance(part["type"], str), part.get("default", MISSING)
            )
        return tuple(fields.values())


def _full_name(schema: dict[str, Any], namespace: str, place: str) -> tuple[str, str]:
    """The name with its namespace, and the namespace that holds within."""
    name = schema.get("name")
    given = schema.get("namespace", namespace)
    if not isinstance(name, str):
        _refuse(place, f"`name` is {_short(name)}; a {_short(schema['type'])} needs a name")
    if not isinstance(given, str):
        _refuse(place, f"`namespace` is {_short(given)}; it must be a text")
    full = name if "." in name or not given else f"{given}.{name}"
    if not all(NAME.fullmatch(part) for part in full.split(".")):
        _refuse(place, f"{_short(full)} is no Avro name: letters, digits and _, with dots between")
    namespace, _, short = full.rpartition(".")
    if short in PRIMITIVES:
        _refuse(place, f"{_short(full)} has the name of a primitive type")
    return full, namespace


def _symbols(schema: dict[str, Any], place: str) -> tuple[tuple[str, ...], str | None]:
    symbols = _texts(schema.get("symbols"), place, "symbols")
    for symbol in symbols:
        if not NAME.fullmatch(symbol):
            _refuse(place, f"{_short(symbol)} is no name for a symbol: letters, digits and _")
    if len(set(symbols)) < len(symbols):
        ((twice, _),) = Counter(symbols).most_common(1)
        _refuse(place, f"the enum has the symbol {_short(twice)} twice")
    default = schema.get("default")
    if default is not None and default not in symbols:
        _refuse(place, f"the enum's default {_short(default)} is none of its symbols")
    return symbols, default


def _texts(value: Any, place: str, word: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        _refuse(place, f"`{word}` is a list of names, not {_short(value)}")
    return tuple(value)


def _refuse(place: str, why: str) -> NoReturn:
    raise UnusableInput(f"{place if len(place) <= 200 else f'…{place[-199:]}'}: {why}")


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…'"
