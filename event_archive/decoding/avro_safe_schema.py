"""Schemas of Avro files, made safe to read by: bounded in size, depth, and in what one byte can cost.

Belongs here: checking a file's own schema, and writing it anew without what could harm. Not here: reading
by it (`avro`).

A schema that names itself lets a few bytes nest without end, which the reader, being compiled, can't survive.
Hence it is unrolled: each level is a type of its own, and below the last is one that no file has bytes for.
Names, defaults, aliases and logical types are left out: the bytes are the same, and values come as they are.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

LEVELS = 40  # each is up to two levels in JSON
MOST_TYPES = 300
MOST_NODES = 20_000
MOST_NESTED = 60
MOST_FREE = 64  # values that take no byte, in one that takes some
NO_FILE_HAS = {"type": "fixed", "name": "no_file_has", "size": (1 << 31) - 1}
BYTES_OF = {"null": 0, "boolean": 1, "int": 1, "long": 1, "string": 1, "bytes": 1, "float": 4, "double": 8}
CLOUD_EVENT = {
    "type": "record",
    "name": "CloudEvent",
    "namespace": "io.cloudevents",
    "fields": [
        {
            "name": "attribute",
            "type": {"type": "map", "values": ["null", "boolean", "int", "string", "bytes"]},
        },
        {
            "name": "data",
            "type": [
                "bytes",
                "null",
                "boolean",
                {
                    "type": "map",
                    "values": [
                        "null",
                        "boolean",
                        {
                            "type": "record",
                            "name": "CloudEventData",
                            "fields": [
                                {
                                    "name": "value",
                                    "type": {
                                        "type": "map",
                                        "values": [
                                            "null",
                                            "boolean",
                                            {"type": "map", "values": "CloudEventData"},
                                            {"type": "array", "items": "CloudEventData"},
                                            "double",
                                            "string",
                                        ],
                                    },
                                }
                            ],
                        },
                        "double",
                        "string",
                    ],
                },
                {"type": "array", "items": "CloudEventData"},
                "double",
                "string",
            ],
        },
    ],
}
"""The schema of an event by the CloudEvents Avro format 1.0, section 2.4."""


class UnusableSchema(Exception):
    """A schema that nothing can be read by; the message says why."""


@dataclass(frozen=True)
class Cost:
    """The cost of one value: at least so many bytes, and so many values in it that take none."""

    least: int
    free: int


@dataclass
class _SchemaBuilder:
    """Writes a schema anew. `open`: the named types around, each with its level."""

    named: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    done: dict[tuple[str, int], tuple[str, Cost]] = field(default_factory=dict)
    nodes: int = 0
    types: int = 0

    def build(self, node: Any, namespace: str, nested: int) -> tuple[Any, Cost]:
        """Return one type written anew, and what its values cost; raises UnusableSchema."""
        self.nodes += 1
        if self.nodes > MOST_NODES or nested > MOST_NESTED * LEVELS:
            raise UnusableSchema("it is too large")
        if isinstance(node, str):
            if node in BYTES_OF:
                return node, Cost(BYTES_OF[node], int(node == "null"))
            return self._reference(
                node if "." in node or not namespace else f"{namespace}.{node}", node, nested
            )
        if isinstance(node, list):
            if not node:
                raise UnusableSchema("a union has no branch")
            return [self.build(branch, namespace, nested + 1)[0] for branch in node], Cost(1, 0)
        if not isinstance(node, dict):
            raise UnusableSchema("a type is neither a name, a list nor an object")
        kind = node.get("type")
        if kind in ("array", "map"):
            key = "items" if kind == "array" else "values"
            inner, cost = self.build(node.get(key), namespace, nested + 1)
            if kind == "array" and not cost.least:
                raise UnusableSchema(
                    "it has lists of items that take no byte, of which a file may have any number"
                )
            return {"type": kind, key: inner}, Cost(1, 0)
        if kind in ("record", "error", "enum", "fixed"):
            return self._defined(node, namespace, nested)
        return self.build(kind, namespace, nested + 1)

    def _defined(self, node: dict[str, Any], namespace: str, nested: int) -> tuple[Any, Cost]:
        name = node.get("name")
        if not isinstance(name, str) or not name:
            raise UnusableSchema("a named type has no name")
        given = node.get("namespace")
        space = name.rpartition(".")[0] or (given if isinstance(given, str) else namespace)
        full = f"{space}.{name.rpartition('.')[2]}" if space else name
        if full in self.named and self.named[full][0] is not node:
            raise UnusableSchema(f"the name {full[:80]!r} is defined twice")
        self.named[full] = node, space
        return self._reference(full, full, nested)

    def _reference(self, full: str, name: str, nested: int) -> tuple[Any, Cost]:
        full = full if full in self.named else name
        if full not in self.named:
            raise UnusableSchema(f"the type {name[:80]!r} is not defined")
        level = self.open.get(full, -1) + 1
        if (known := self.done.get((full, level))) is not None:
            return known
        if level >= LEVELS:
            return self._named(full, level, NO_FILE_HAS, Cost(1, 0))
        node, namespace = self.named[full]
        before = self.open.get(full)
        self.open[full] = level
        own, cost = self._body(node, namespace, nested)
        if before is None:
            del self.open[full]
        else:
            self.open[full] = before
        return self._named(full, level, own, cost)

    def _body(self, node: dict[str, Any], namespace: str, nested: int) -> tuple[dict[str, Any], Cost]:
        if node["type"] == "enum":
            return {"type": "enum", "symbols": _texts(node.get("symbols"), "an enum")}, Cost(1, 0)
        if node["type"] == "fixed":
            size = node.get("size")
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise UnusableSchema("a fixed type has no size")
            return {"type": "fixed", "size": size}, Cost(size, int(size == 0))
        fields = node.get("fields")
        if not isinstance(fields, list) or not all(isinstance(member, dict) for member in fields):
            raise UnusableSchema("a record has no list of fields")
        names = _texts([member.get("name") for member in fields], "a record")
        built = [self.build(member.get("type"), namespace, nested + 1) for member in fields]
        least, free = sum(cost.least for _, cost in built), sum(cost.free for _, cost in built)
        if free > MOST_FREE:
            raise UnusableSchema(f"a record has more than {MOST_FREE} values that take no byte")
        members = [{"name": name, "type": kind} for name, (kind, _) in zip(names, built, strict=True)]
        return {"type": "record", "fields": members}, Cost(least, free + int(least == 0))

    def _named(self, full: str, level: int, own: dict[str, Any], cost: Cost) -> tuple[Any, Cost]:
        self.types += 1
        if self.types > MOST_TYPES:
            raise UnusableSchema(f"it has more than {MOST_TYPES} types, those that name themselves unrolled")
        name = f"T{self.types}"
        self.done[full, level] = name, cost
        return own | {"name": name}, cost


def _texts(names: Any, where: str) -> list[str]:
    """Return the names, which have to be different texts; raises UnusableSchema."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnusableSchema(f"{where} has no names")
    if len(set(names)) < len(names):
        raise UnusableSchema(f"{where} has a name twice")
    return names


def safe_schema(text: bytes) -> Any:
    """Return the schema of this JSON text, safe to read by; raises UnusableSchema."""
    try:
        node = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnusableSchema(f"it is no JSON: {error}") from error
    try:
        schema, cost = _SchemaBuilder().build(node, "", 0)
    except RecursionError as error:
        raise UnusableSchema("it is nested too deep") from error
    if not isinstance(schema, dict) or schema["type"] != "record" or not cost.least:
        raise UnusableSchema("its values are not records, or take no byte")
    return schema


EVENT_SCHEMA = safe_schema(orjson.dumps(CLOUD_EVENT))
"""The event's schema as `safe_schema` writes it: what is equal to it is an event by the specification."""


def holds_events(schema: Any) -> bool:
    """Whether records of a schema are events: a map `attribute` of simple values, and `data` of any type."""
    fields = {member["name"]: member["type"] for member in schema["fields"]}
    attribute = fields.get("attribute")
    if set(fields) != {"attribute", "data"} or not isinstance(attribute, dict) or attribute["type"] != "map":
        return False
    values = attribute["values"] if isinstance(attribute["values"], list) else [attribute["values"]]
    return all(
        kind in ("null", "boolean", "int", "long", "string", "bytes")
        for kind in values
        if isinstance(kind, str)
    ) and all(isinstance(kind, str) for kind in values)
