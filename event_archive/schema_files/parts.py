"""A contract's data schema as a tree of parts: what those who write it in another language go by.

Belongs here: which kind of value a part is, whether it may be absent or null, and in words what else is asked
of it. Not here: any of the languages (`writers`).

A part is of the kind `any` where its schema leaves the type open: the archive holds its JSON text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from event_archive.errors import UnusableInput
from event_archive.registry.annotations import ANNOTATIONS
from event_archive.registry.column_types import DECIMAL_PRECISION, DECIMAL_SCALE, Schema, is_nullable, resolve
from event_archive.registry.contract import Contract
from event_archive.schema_files.reading import MAX_PARTS

Kind = Literal[
    "object",
    "list",
    "map",
    "text",
    "integer",
    "number",
    "boolean",
    "date",
    "moment",
    "uuid",
    "decimal",
    "any",
]
FORMATS: dict[str, Kind] = {"date": "date", "date-time": "moment", "uuid": "uuid", "decimal": "decimal"}
# Keywords that a part's kind already covers, and those that ask for nothing.
COVERED = (
    frozenset({"type", "properties", "required", "items", "enum", "const", "additionalProperties"})
    | {"$defs", "definitions", "x-precision", "x-scale", "$ref"}
    | (ANNOTATIONS - {"readOnly", "writeOnly"})
)
OPENING = frozenset({"oneOf", "anyOf", "allOf", "not", "if", "$ref"})
WORDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "pattern": "matches {}",
    "format": "format {}",
    "contentEncoding": "in {}",
}


@dataclass(frozen=True)
class Part:
    """A field, item or value. `name`: empty for what has none; `schema`: without a `$ref` at its top."""

    name: str
    path: str
    kind: Kind
    schema: Schema
    required: bool
    nullable: bool
    fields: tuple["Part", ...] = ()
    item: "Part | None" = None

    @property
    def description(self) -> str:
        """What the part means, on a single line; empty where the contract does not say."""
        return " ".join(str(self.schema.get("description") or self.schema.get("title") or "").split())

    @property
    def is_open(self) -> bool:
        """Whether an object may have fields beside those that are named."""
        return self.schema.get("additionalProperties", True) is not False

    @property
    def choices(self) -> tuple[Any, ...] | None:
        """The values that are allowed, without null; None where any is."""
        if "const" in self.schema:
            return (self.schema["const"],)
        values = self.schema.get("enum")
        return None if values is None else tuple(value for value in values if value is not None)

    @property
    def fits_32_bits(self) -> bool:
        """Whether every integer that is allowed fits 32 bits."""
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return False
        return low >= -(2**31) and high <= 2**31 - 1

    @property
    def decimal(self) -> tuple[int, int]:
        """How many digits a decimal has, and how many of them behind the point."""
        return (
            int(self.schema.get("x-precision", DECIMAL_PRECISION)),
            int(self.schema.get("x-scale", DECIMAL_SCALE)),
        )


def data_of(contract: Contract) -> Part:
    """Return the data of a contract as a tree; raises UnusableInput where it is too large to write out."""
    return _PartsBuilder(contract).part("", contract.schema, "", True, 0)


def walk(part: Part) -> Iterator[Part]:
    """Yield every part below a part, in the order of the contract."""
    for inner in (*part.fields, *([part.item] if part.item else [])):
        yield inner
        yield from walk(inner)


def class_name(words: str) -> str:
    """Return a name for a record, message or class: UpperCamelCase of ASCII letters and digits."""
    parts = re.findall(r"[A-Za-z0-9]+", words)
    name = "".join(part[:1].upper() + part[1:] for part in parts)
    return name if name[:1].isalpha() else f"Part{name}"


def unique(name: str, taken: set[str]) -> str:
    """Return the name, with a number where it is `taken` in upper or lower case, and add it to those."""
    free, number = name, 1
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free.lower())
    return free


def identifier(name: str) -> str:
    """Return a name of ASCII letters, digits and `_` that opens with a letter."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "field"
    return plain if plain[0].isalpha() else f"field_{plain}"


def demands(part: Part) -> list[str]:
    """Return in words what is asked of a part beyond its kind: bounds, patterns, allowed values."""
    asked = []
    if part.choices is not None:
        shown = ", ".join(json_of(value) for value in part.choices[:40])
        more = ", …" if len(part.choices) > 40 else ""
        asked.append(f"one of {shown}{more}" if len(part.choices) != 1 else f"always {shown}")
    if part.kind == "decimal":
        digits, scale = part.decimal
        asked.append(f"up to {digits} digits, {scale} of them behind the point")
    for keyword, value in part.schema.items():
        if keyword == "format" and value in FORMATS:
            continue
        if keyword == "x-pii":
            asked.extend(["personal data"] if value is True else [])
        elif keyword == "uniqueItems":
            asked.extend(["no item twice"] if value else [])
        elif keyword in WORDS:
            words = WORDS[keyword].format(value if isinstance(value, str) else json_of(value))
            asked.append(re.sub(r"\b1 (characters|items|fields)\b", lambda match: match[0][:-1], words))
        elif keyword not in COVERED:
            asked.append(f"{keyword} {json_of(value)[:300]}")
    if part.kind == "object" and not part.is_open:
        asked.append("no other fields")
    return asked


def json_of(value: Any) -> str:
    """Return a value as JSON, on a single line."""
    return json.dumps(value, ensure_ascii=False)


class _PartsBuilder:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._left = MAX_PARTS

    def part(self, name: str, schema: Any, path: str, required: bool, depth: int) -> Part:
        self._left -= 1
        if self._left < 0 or depth > 40:
            raise UnusableInput(
                f"{self._contract.path}: data: written out, this schema has more than {MAX_PARTS:,} parts, "
                "or 40 levels; make it smaller"
            )
        resolved = resolve(schema, self._contract.schema)
        if isinstance(schema, Mapping) and "$ref" in schema and "description" in schema:
            resolved = {**resolved, "description": schema["description"]}
        kind = _kind(resolved)
        fields, item = [], None
        if kind == "object":
            required_names = set(resolved.get("required", ()))
            fields = [
                self.part(key, field, f"{path}.{key}".lstrip("."), key in required_names, depth + 1)
                for key, field in resolved["properties"].items()
            ]
        elif kind == "list":
            item = self.part("", resolved["items"], f"{path}[]", True, depth + 1)
        elif kind == "map":
            item = self.part("", resolved["additionalProperties"], f"{path}{{}}", True, depth + 1)
        nullable = is_nullable(resolved) or (kind == "any" and _accepts_null(resolved))
        return Part(name, path, kind, resolved, required, nullable, tuple(fields), item)


def _kind(schema: Schema) -> Kind:
    types = schema.get("type")
    names = [name for name in (types if isinstance(types, list) else [types]) if name != "null"]
    if len(names) != 1 or OPENING & set(schema):
        return "any"
    match names[0]:
        case "object" if "patternProperties" in schema:
            return "any"
        case "object" if schema.get("properties"):
            return "object"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return "map"
        case "array" if isinstance(schema.get("items"), Mapping) and "prefixItems" not in schema:
            return "list"
        case "string":
            return FORMATS.get(str(schema.get("format")), "text")
        case "integer":
            return "integer"
        case "number":
            return "number"
        case "boolean":
            return "boolean"
    return "any"


def _accepts_null(schema: Schema) -> bool:
    """Return whether a part whose type is open may be null, as far as its own keywords show."""
    return "type" not in schema or schema["type"] == "null"
