"""Column types: how a contract's JSON Schema becomes the type of the `data` column.

Belongs here: the small type algebra (`Scalar`, `ListOf`, `Struct`) and its DuckDB spelling. Not here: the
Arrow one (`arrow_types`), conversion of values (`exact_values`) and validation by the schema (`validation`).

Where a schema leaves the type open (no `type`, `oneOf`, an object without properties), the column holds the
value's JSON text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from event_archive.sql_text import quoted

Schema = Mapping[str, Any]
ScalarKind = Literal[
    "VARCHAR", "BIGINT", "DOUBLE", "DECIMAL", "BOOLEAN", "DATE", "TIMESTAMPTZ", "UUID", "JSON"
]
# Of a decimal string, where its schema does not say `x-precision` and `x-scale`.
DECIMAL_PRECISION = 38
DECIMAL_SCALE = 10


@dataclass(frozen=True)
class Scalar:
    """A single value. `precision` and `scale`: of a DECIMAL; `text`: JSON spells it as a string."""

    kind: ScalarKind
    precision: int = 0
    scale: int = 0
    text: bool = False

    def sql(self) -> str:
        """The type as DuckDB spells it."""
        if self.kind == "JSON":
            return "VARCHAR"
        return f"DECIMAL({self.precision}, {self.scale})" if self.kind == "DECIMAL" else self.kind


@dataclass(frozen=True)
class ListOf:
    """A list of values, all of type `item`."""

    item: "ColumnType"

    def sql(self) -> str:
        """The type as DuckDB spells it."""
        return f"{self.item.sql()}[]"


@dataclass(frozen=True)
class Field:
    """A field of a struct. `required`: it is in every object; `nullable`: it may be null there."""

    name: str
    type: "ColumnType"
    required: bool
    nullable: bool


@dataclass(frozen=True)
class Struct:
    """An object with named fields."""

    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}

    @cached_property
    def holding_less(self) -> "tuple[Field, ...]":
        """The fields of which a column may hold less than JSON says."""
        return tuple(field for field in self.fields if may_hold_less(field.type))

    @cached_property
    def _sql(self) -> str:
        return f"STRUCT({', '.join(f'{quoted(field.name)} {field.type.sql()}' for field in self.fields)})"

    def sql(self) -> str:
        """The type as DuckDB spells it."""
        return self._sql


ColumnType = Scalar | ListOf | Struct
JSON_TEXT = Scalar("JSON")


def may_hold_less(kind: ColumnType) -> bool:
    """Return whether a column of this type may hold less than a JSON value says: a double, or a time."""
    if isinstance(kind, Struct):
        return bool(kind.holding_less)
    return may_hold_less(kind.item) if isinstance(kind, ListOf) else kind.kind in ("DOUBLE", "TIMESTAMPTZ")


def has_struct(kind: ColumnType) -> bool:
    """Return whether a type is an object with named fields, or a list of such."""
    return isinstance(kind, Struct) or (isinstance(kind, ListOf) and has_struct(kind.item))


def same_values(old: ColumnType, new: ColumnType) -> bool:
    """Return whether values of `old` are values of `new` as they are.

    JSON text and a text are both VARCHAR, and differ. A required field may become one that may be absent.
    """
    if isinstance(old, Struct) and isinstance(new, Struct):
        names = [field.name for field in old.fields] == [field.name for field in new.fields]
        pairs = zip(old.fields, new.fields, strict=False)
        return names and all(
            same_values(before.type, after.type) and before.required >= after.required
            for before, after in pairs
        )
    if isinstance(old, ListOf) and isinstance(new, ListOf):
        return same_values(old.item, new.item)
    if isinstance(old, Scalar) and isinstance(new, Scalar):
        return old.sql() == new.sql() and (old == JSON_TEXT) == (new == JSON_TEXT)
    return False


def resolve(schema: Any, root: Schema) -> Schema:
    """Return the schema that a local `$ref` (`#/$defs/…`) stands for, or the schema itself; {} for none."""
    seen = 0
    while isinstance(schema, Mapping) and set(schema) - {"description", "title"} == {"$ref"} and seen < 20:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            target = target.get(name, {}) if isinstance(target, Mapping) else {}
        schema, seen = target, seen + 1
    return schema if isinstance(schema, Mapping) else {}


def is_nullable(schema: Schema) -> bool:
    """Return whether the schema names null as one of its types."""
    return isinstance(schema.get("type"), list) and "null" in schema["type"]


def column_type(schema: Any, root: Schema, depth: int = 0) -> ColumnType:
    """Return the type of the column that holds what `schema`, a part of the schema `root`, describes.

    A value whose type a schema leaves open is JSON text, as is what is nested deeper than 20 levels.
    """
    schema = resolve(schema, root)
    types = schema.get("type")
    names = [name for name in (types if isinstance(types, list) else [types]) if name != "null"]
    if len(names) != 1 or depth > 20 or {"oneOf", "anyOf", "allOf", "not", "if", "$ref"} & set(schema):
        return JSON_TEXT
    match names[0]:
        case "object" if schema.get("properties") and "patternProperties" not in schema:
            required = set(schema.get("required", ()))
            return Struct(
                tuple(
                    Field(
                        name,
                        column_type(part, root, depth + 1),
                        name in required,
                        is_nullable(resolve(part, root)),
                    )
                    for name, part in schema["properties"].items()
                )
            )
        case "array" if schema.get("items") and "prefixItems" not in schema:
            if is_nullable(resolve(schema["items"], root)):
                return JSON_TEXT
            return ListOf(column_type(schema["items"], root, depth + 1))
        case "string":
            return _string_type(schema)
        case "integer":
            return Scalar("BIGINT")
        case "number":
            step = Decimal(str(schema.get("multipleOf", 0)))
            if Decimal("1e-18") <= step < 1 and step == Decimal(1).scaleb(step.adjusted()):
                return Scalar("DECIMAL", 18, -step.adjusted())
            return Scalar("DOUBLE")
        case "boolean":
            return Scalar("BOOLEAN")
    return JSON_TEXT


def _string_type(schema: Schema) -> Scalar:
    match schema.get("format"):
        case "date":
            return Scalar("DATE", text=True)
        case "date-time":
            return Scalar("TIMESTAMPTZ", text=True)
        case "uuid":
            return Scalar("UUID", text=True)
        case "decimal":
            precision, scale = (
                schema.get("x-precision", DECIMAL_PRECISION),
                schema.get("x-scale", DECIMAL_SCALE),
            )
            return Scalar("DECIMAL", precision, scale, text=True)
    return Scalar("VARCHAR", text=True)
