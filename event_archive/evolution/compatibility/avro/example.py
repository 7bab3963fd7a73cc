"""An Avro datum that shows a finding: the smallest that leads to it, and the proof that no reader takes it.

Belongs here: building values under a writer's schema, and reading them under a reader's with fastavro.
Not here: the rules of resolution (`compare`).

An example is in Avro's JSON encoding (`{"string": "a"}` for the branch of a union). There is one only where
fastavro writes it under the writer's schema and rejects it under the reader's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from event_archive.evolution.compatibility.avro.schema import MISSING, PRIMITIVES, AvroSchema, Node
from event_archive.evolution.compatibility.findings import Example

MAX_VALUES = 200
TOO_MANY = MAX_VALUES + 1
MAX_EXAMPLES = 20
SIMPLE: dict[str, Any] = {
    "null": None, "boolean": False, "int": 0, "long": 0, "float": 0.0, "double": 0.0,
    "bytes": b"", "string": "", "array": [], "map": {},
}  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """A value of a union, with the branch that it is written as."""

    branch: Node
    value: Any


@dataclass(frozen=True)
class AvroStep:
    """How a place is reached: from the place `outer`, into this part of `node`."""

    outer: "AvroStep | None"
    node: Node
    part: str | Node | None = None

    @property
    def refers(self) -> bool:
        """Whether the schema tells the type of this part by a reference."""
        return self.node.refers or any(field.refers for field in self.node.fields if field.name == self.part)


def path_of(step: AvroStep | None, *last: str) -> str:
    """The place as findings tell it: fields, `[]` and `{}`; a union's branches are not told."""
    parts = list(reversed(last))
    while step is not None:
        if step.node.kind == "record":
            parts.append(str(step.part))
        elif step.node.kind != "union":
            parts.append("[]" if step.node.kind == "array" else "{}")
        step = step.outer
    return "/".join(reversed(parts)) or "."


def is_mixed_up(writer: Node, branch: Node, union: Node, at: AvroStep | None) -> bool:
    """Where fastavro (1.13) fails with a TypeError, though the specification and Java don't mind."""
    if not writer.is_named or at is None or at.node.kind == "union":
        return False
    return at.refers == (branch.name in union.defines)


class AvroExamples:
    """Examples of what is written under one schema and not read under another."""

    def __init__(self, writer: AvroSchema, reader: AvroSchema) -> None:
        self._sizes = _sizes(writer.named)
        self._schemas = _plain_schema(writer.top, set()), _plain_schema(reader.top, set())
        self._left = MAX_EXAMPLES

    def show(self, step: AvroStep | None, node: Node, value: Any = None) -> Example | None:
        """A whole datum with `value` (or any of `node`) at a place, if there is one and it is refused."""
        if self._left == 0:
            return None
        if value is None:
            if self._size(node) > MAX_VALUES:
                return None
            value = self._smallest(node)
        size = 0
        while step is not None:
            size += 1 + sum(self._size(field.node) for field in step.node.fields if field.name != step.part)
            if size > MAX_VALUES:
                return None
            value = self._within(step, value)
            step = step.outer
        self._left -= 1
        return Example(_to_json(value)) if self._is_refused(_to_fastavro(value)) else None

    def _within(self, step: AvroStep, value: Any) -> Any:
        if step.node.kind == "array":
            return [value]
        if step.node.kind == "map":
            return {"key": value}
        if isinstance(step.part, Node):
            return Chosen(step.part, value)
        fields = step.node.fields
        return {
            field.name: value if field.name == step.part else self._smallest(field.node) for field in fields
        }

    def _size(self, node: Node) -> int:
        return _size(node, self._sizes)

    def _smallest(self, node: Node) -> Any:
        """The smallest value; asked for only where its size is known to be small."""
        if node.kind in SIMPLE:
            return SIMPLE[node.kind]
        if node.kind == "union":
            branch = min(node.branches, key=self._size)
            return Chosen(branch, self._smallest(branch))
        if node.kind == "fixed":
            return bytes(node.size)
        if node.kind == "enum":
            return node.symbols[0]
        return {field.name: self._smallest(field.node) for field in node.fields}

    def _is_refused(self, datum: Any) -> bool:
        writer, reader = self._schemas
        try:
            written = BytesIO()
            fastavro.schemaless_writer(written, writer, datum)
            fastavro.schemaless_reader(BytesIO(written.getvalue()), writer, writer)
            written.seek(0)
        except (ValueError, SchemaParseException):
            return False  # fastavro is stricter than the specification with some schemas
        try:
            fastavro.schemaless_reader(written, writer, reader)
        except (fastavro.read.SchemaResolutionError, SchemaParseException, UnicodeDecodeError):
            return True
        except (KeyError, TypeError):
            return False  # it stumbles over the schemas, which is no proof
        return False


def _plain_schema(node: Node, defined: set[str]) -> Any:
    """The schema as JSON that every implementation reads: full names, no logical types, nothing to ignore.

    `defined` are the names that are already told; it is added to.
    """
    if node.kind in PRIMITIVES:
        return node.kind
    if node.kind == "union":
        return [_plain_schema(branch, defined) for branch in node.branches]
    if node.inner is not None:
        return {
            "type": node.kind,
            "items" if node.kind == "array" else "values": _plain_schema(node.inner, defined),
        }
    if node.name in defined:
        return node.name
    defined.add(node.name)
    schema_of_node: dict[str, Any] = {"type": node.kind, "name": node.name, "aliases": list(node.aliases)}
    if node.kind == "fixed":
        return schema_of_node | {"size": node.size}
    if node.kind == "enum":
        default = {} if node.default is None else {"default": node.default}
        return schema_of_node | {"symbols": list(node.symbols)} | default
    fields = []
    for field in node.fields:
        default = {} if field.default is MISSING else {"default": field.default}
        fields.append(
            {"name": field.name, "aliases": list(field.aliases), "type": _plain_schema(field.node, defined)}
            | default
        )
    return schema_of_node | {"fields": fields}


def _sizes(named: Iterable[Node]) -> dict[int, int]:
    """How many values the smallest datum of each type has; TOO_MANY also for a type that has no datum at all.

    Again and again until nothing changes: a recursive type is known once a way out of it is.
    """
    sizes: dict[int, int] = {}
    changed = True
    while changed:
        changed = False
        for node in named:
            size = _measure(node, sizes)
            if size < sizes.get(id(node), TOO_MANY):
                sizes[id(node)] = size
                changed = True
    return sizes


def _size(node: Node, sizes: dict[int, int]) -> int:
    if node.kind == "union":
        return min(_size(branch, sizes) for branch in node.branches)
    return sizes.get(id(node), TOO_MANY) if node.is_named else 1


def _measure(node: Node, sizes: dict[int, int]) -> int:
    if node.kind == "fixed":
        return min(max(node.size, 1), TOO_MANY)
    if node.kind == "enum":
        return 1 if node.symbols else TOO_MANY
    size = 1
    for field in node.fields:
        size += _size(field.node, sizes)
        if size > MAX_VALUES:
            return TOO_MANY
    return size


def _to_fastavro(value: Any) -> Any:
    """A datum as fastavro takes it; a pair names the branch of a union."""
    if isinstance(value, Chosen):
        return value.branch.label, _to_fastavro(value.value)
    if isinstance(value, dict):
        return {name: _to_fastavro(part) for name, part in value.items()}
    return [_to_fastavro(part) for part in value] if isinstance(value, list) else value


def _to_json(value: Any) -> Any:
    """A datum in Avro's JSON encoding."""
    if isinstance(value, Chosen):
        return None if value.branch.kind == "null" else {value.branch.label: _to_json(value.value)}
    if isinstance(value, dict):
        return {name: _to_json(part) for name, part in value.items()}
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return [_to_json(part) for part in value] if isinstance(value, list) else value
