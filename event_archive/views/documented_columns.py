"""The columns of an event type's view in words: what the contract says of each, for whoever shows it.

Belongs here: names, types, descriptions and rules of columns, as plain values. Not here: the view itself
(`event_views`), and how Dagster, dbt or a page show it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from event_archive.envelope import COLUMNS
from event_archive.registry.column_types import ColumnType, ListOf, Schema, Struct, resolve
from event_archive.registry.contract import Contract

RULES = {
    "enum": "one of",
    "const": "always",
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "characters, at least",
    "maxLength": "characters, at most",
    "minItems": "items, at least",
    "maxItems": "items, at most",
    "pattern": "pattern",
    "format": "format",
}
MAX_WORDS = 200
MAX_DEPTH = 20


@dataclass(frozen=True)
class ViewColumn:
    """A column, or a field inside of `data`: `data.lines[].sku`. `rules`: bounds of its values, in words."""

    name: str
    type: str
    description: str
    nullable: bool
    personal: bool = False
    rules: tuple[str, ...] = ()


def envelope_columns() -> list[ViewColumn]:
    """Return the columns that every event has, in their order."""
    return [
        ViewColumn(column.name, column.type, column.description, column.is_optional) for column in COLUMNS
    ]


def data_columns(contract: Contract) -> list[ViewColumn]:
    """Return the fields of `data`, each followed by those inside of it."""
    return list(_fields(contract.data_type, contract.schema, contract.schema, "data"))


def field_columns(contract: Contract) -> dict[str, ViewColumn]:
    """Return the fields of `data` itself by their names; a field is personal if anything in it is."""
    kind, schema = contract.data_type, contract.schema
    if not isinstance(kind, Struct):
        return {}
    inner = {column.name: column for column in data_columns(contract)}
    personal = {name: is_personal(part, schema) for name, part in schema.get("properties", {}).items()}
    return {
        field.name: ViewColumn(
            field.name,
            field.type.sql(),
            inner[f"data.{field.name}"].description,
            field.nullable or not field.required,
            personal[field.name],
        )
        for field in kind.fields
    }


def _fields(kind: ColumnType, schema: Any, root: Schema, prefix: str) -> Iterator[ViewColumn]:
    schema = resolve(schema, root)
    while isinstance(kind, ListOf):
        kind, schema, prefix = kind.item, resolve(schema.get("items"), root), f"{prefix}[]"
    for field in kind.fields if isinstance(kind, Struct) else ():
        part = schema["properties"][field.name]
        described = {**resolve(part, root), **(part if isinstance(part, dict) else {})}
        name = f"{prefix}.{field.name}"
        yield ViewColumn(
            name,
            field.type.sql(),
            " ".join(str(described.get("description") or described.get("title") or "").split()),
            field.nullable or not field.required,
            described.get("x-pii") is True,
            tuple(_rules(described)),
        )
        yield from _fields(field.type, part, root, name)


def _rules(schema: Schema) -> Iterator[str]:
    for keyword, words in RULES.items():
        if keyword in schema:
            value = schema[keyword]
            values = value if isinstance(value, list) else [value]
            shown = ", ".join(
                item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in values
            )
            yield f"{words}: {shown}" if len(shown) <= MAX_WORDS else f"{words}: {shown[:MAX_WORDS]}…"


def is_personal(schema: Any, root: Schema, depth: int = 0) -> bool:
    """Return whether something in a schema is marked as personal."""
    if isinstance(schema, list):
        return any(is_personal(part, root, depth + 1) for part in schema)
    if not isinstance(schema, dict):
        return False
    if schema.get("x-pii") is True or depth > MAX_DEPTH:
        return True  # what is nested too deeply to tell counts as personal
    parts = [*schema.values(), *([resolve(schema, root)] if set(schema) >= {"$ref"} else [])]
    return any(is_personal(part, root, depth + 1) for part in parts if part is not schema)
