"""Spelling: the text of a record, written again from its typed values, as DuckDB SQL.

Belongs here: what `from_json` is to parse, the text of each kind of value, and gathering text and conditions.
Not here: the envelope (`shape`), and what the schema demands of a value (`conditions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from event_archive.decoding.spacing import Spacing
from event_archive.registry.column_types import (
    ColumnType,
    ListOf,
    Scalar,
    Schema,
    Struct,
    is_nullable,
    resolve,
)
from event_archive.sql_text import literal, quoted
from event_archive.validation.fast_conditions import Unfit, conditions

# What a field that no contract names may hold: one simple value, as more could hide a second key.
SIMPLE_VALUE = r'"[^"\\]*"|-?(0|[1-9][0-9]{0,17})|true|false'


@dataclass
class Parts:
    """The pieces of a shape as they are gathered: literal text and SQL by turns, and conditions."""

    text: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def literal(self, text: str) -> None:
        """Add a text that stands as it is."""
        self.text.append(literal(text))

    def sql(self) -> str:
        """The whole text as one SQL expression."""
        merged: list[str] = []
        for piece in self.text:
            if merged and piece.startswith("'") and merged[-1].startswith("'"):
                merged[-1] = merged[-1][:-1] + piece[1:]
            else:
                merged.append(piece)
        return f"concat({', '.join(merged)})"


def key(name: str, colon: str) -> str:
    """A key as it is spelled; raises Unfit where that takes escapes."""
    if not name.isascii() or not name.isprintable() or '"' in name or "\\" in name:
        raise Unfit(f"the key {name!r} is spelled with escapes")
    return f'"{name}"{colon}'


def structure(kind: ColumnType, unnamed: Sequence[str] = ()) -> str:
    """What `from_json` is to parse a value into. Times and decimals stay text until their text was tested.

    `unnamed`: fields of an object besides those of its type, which stay JSON.
    """
    if isinstance(kind, Struct):
        members = [f"{key(part.name, '')}:{structure(part.type)}" for part in kind.fields]
        return "{" + ",".join(members + [f'{key(name, "")}:"JSON"' for name in unnamed]) + "}"
    if isinstance(kind, ListOf):
        return f"[{structure(kind.item)}]"
    if kind.kind == "TIMESTAMPTZ" or (kind.kind == "DECIMAL" and kind.text):
        return '"VARCHAR"'
    return '"DOUBLE"' if kind.kind == "DECIMAL" else f'"{kind.kind}"'


def write_value(
    parts: Parts,
    value: str,
    kind: ColumnType,
    schema: Any,
    root: Schema,
    sample: Any,
    spacing: Spacing,
) -> None:
    """Add the text of one value, and the conditions on it."""
    schema = resolve(schema, root)
    if isinstance(kind, Scalar) and kind.text and not is_nullable(schema):
        # The common case, spelled without a text of its own in between: it is half of the shape's cost.
        parts.text += ["'\"'", value, "'\"'"]
        parts.conditions += [f"{value} IS NOT NULL", *conditions(value, kind, schema, root)]
        return
    if not isinstance(kind, Struct):
        text, needs = _maybe_null(value, _spelled(value, kind, schema, root, spacing), schema)
        parts.text.append(text)
        parts.conditions += needs
        return
    parts.conditions += conditions(value, kind, schema, root)
    if is_nullable(schema) or not isinstance(sample, dict):
        raise Unfit("an object that may be null")
    if set(sample) - set(kind.by_name) and value != "r.data":
        raise Unfit("fields that the contract does not name, in an object inside the data")
    names = list(sample) + [part.name for part in kind.fields if part.name not in sample]
    for index, name in enumerate(names):
        start = ("{" if index == 0 else spacing.comma) + key(name, spacing.colon)
        inside = f"{value}.{quoted(name)}"
        if name not in kind.by_name:
            parts.literal(start)
            parts.text.append(f"CAST({inside} AS VARCHAR)")
            parts.conditions.append(f"regexp_full_match(CAST({inside} AS VARCHAR), {literal(SIMPLE_VALUE)})")
            continue
        part = kind.by_name[name]
        below = schema["properties"][name]
        if part.required or index == 0:
            parts.literal(start)
            write_value(parts, inside, part.type, below, root, sample.get(name), spacing)
        else:
            text, needs = _spelled(inside, part.type, resolve(below, root), root, spacing)
            parts.text.append(f"CASE WHEN {inside} IS NULL THEN '' ELSE concat({literal(start)}, {text}) END")
            parts.conditions += [f"({inside} IS NULL OR {need})" for need in needs]
    parts.literal("}" if names else "{}")


def _maybe_null(value: str, spelled: tuple[str, list[str]], schema: Schema) -> tuple[str, list[str]]:
    """The text of a value and the conditions on it, where the schema allows null and where it does not."""
    text, needs = spelled
    if not is_nullable(schema):
        return text, [f"{value} IS NOT NULL", *needs]
    if {"enum", "const"} & set(schema) and None not in schema.get("enum", ()):
        raise Unfit("a type that allows null with values that don't")
    return f"CASE WHEN {value} IS NULL THEN 'null' ELSE {text} END", [
        f"({value} IS NULL OR {n})" for n in needs
    ]


def _spelled(
    value: str, kind: ColumnType, schema: Schema, root: Schema, spacing: Spacing
) -> tuple[str, list[str]]:
    """The text of a value that is not null as SQL, and the conditions on it."""
    needs = conditions(value, kind, schema, root)
    if isinstance(kind, Scalar):
        return _spelled_scalar(value, kind), needs
    if isinstance(kind, ListOf):
        item, item_needs = _spelled_item("x", kind.item, resolve(schema["items"], root), root, spacing)
        spelled = f"list_transform({value}, lambda x: {item})"
        needs.append(
            f"len(list_filter({value}, lambda x: NOT coalesce({' AND '.join(item_needs)}, false))) = 0"
        )
        return f"concat('[', array_to_string({spelled}, {literal(spacing.comma)}), ']')", needs
    raise Unfit("an object that may be absent")


def _spelled_item(
    value: str, kind: ColumnType, schema: Schema, root: Schema, spacing: Spacing
) -> tuple[str, list[str]]:
    """An item of a list: as `_spelled`, with objects whose fields are all there, in the contract's order."""
    if not isinstance(kind, Struct):
        text, needs = _spelled(value, kind, schema, root, spacing)
        return text, [f"{value} IS NOT NULL", *needs]
    pieces: list[str] = []
    needs = conditions(value, kind, schema, root)
    for index, part in enumerate(kind.fields):
        inside = f"{value}.{quoted(part.name)}"
        if not part.required or isinstance(part.type, Struct):
            raise Unfit("a list of objects with fields that may be absent, or objects in them")
        below = resolve(schema["properties"][part.name], root)
        text, more = _maybe_null(inside, _spelled(inside, part.type, below, root, spacing), below)
        pieces += [literal(("{" if index == 0 else spacing.comma) + key(part.name, spacing.colon)), text]
        needs += more
    return f"concat({', '.join(pieces)}, '}}')", [f"{value} IS NOT NULL", *needs]


def _spelled_scalar(value: str, kind: Scalar) -> str:
    match kind.kind:
        case "JSON":
            raise Unfit("a value whose type is open")
        case "BIGINT" | "BOOLEAN":
            return f"CAST({value} AS VARCHAR)"
        case "DOUBLE" | "DECIMAL" if not kind.text:
            whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
            integer = f"CAST(TRY_CAST({value} AS BIGINT) AS VARCHAR)"
            return f"CASE WHEN {whole} THEN {integer} ELSE CAST({value} AS VARCHAR) END"
        case _:
            return f"concat('\"', {value}, '\"')"
