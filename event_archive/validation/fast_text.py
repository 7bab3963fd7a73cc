"""Fast text: the text of a record, written again from its typed values, as DuckDB SQL.

Belongs here: what `from_json` is to parse, the text of each kind of value, and gathering text and conditions.
Not here: the envelope (`fast_validator`), and what the schema demands of a value (`fast_conditions`).
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
class LineText:
    """The text of a line as it is put together: literal text and SQL by turns, and conditions on the values.

    `root`: the schema of `data`, in which references are resolved; `spacing`: how the producer writes JSON.
    """

    root: Schema
    spacing: Spacing
    pieces: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def add_literal(self, text: str) -> None:
        """Add a text that is the same in every line."""
        self.pieces.append(literal(text))

    def sql(self) -> str:
        """Return the whole text as one SQL expression."""
        merged: list[str] = []
        for piece in self.pieces:
            if merged and piece.startswith("'") and merged[-1].startswith("'"):
                merged[-1] = merged[-1][:-1] + piece[1:]
            else:
                merged.append(piece)
        return f"concat({', '.join(merged)})"

    def add_value(
        self, value: str, kind: ColumnType, schema: Schema, sample: Any, unnamed: Sequence[str] = ()
    ) -> None:
        """Add the text of one value, and the conditions on it; raises Unfit.

        `value`: its SQL; `sample`: the value in the record that is learned from; `unnamed`: its fields that
        no contract names, which only `data` itself may have.
        """
        schema = resolve(schema, self.root)
        if isinstance(kind, Scalar) and kind.text and not is_nullable(schema):
            # The common case, without a text of its own in between: it is half of the whole cost.
            self.pieces += ["'\"'", value, "'\"'"]
            self.conditions += [f"{value} IS NOT NULL", *conditions(value, kind, schema, self.root)]
            return
        if not isinstance(kind, Struct):
            text, needs = _maybe_null(value, self._text(value, kind, schema), schema)
            self.pieces.append(text)
            self.conditions += needs
            return
        self.conditions += conditions(value, kind, schema, self.root)
        if is_nullable(schema) or not isinstance(sample, dict):
            raise Unfit("an object that may be null")
        if set(sample) - set(kind.by_name) != set(unnamed):
            raise Unfit("fields that the contract does not name, in an object inside the data")
        names = list(sample) + [part.name for part in kind.fields if part.name not in sample]
        for index, name in enumerate(names):
            start = ("{" if index == 0 else self.spacing.comma) + key(name, self.spacing.colon)
            inside = f"{value}.{quoted(name)}"
            if name not in kind.by_name:
                text = f"CAST({inside} AS VARCHAR)"
                self.add_literal(start)
                self.pieces.append(text)
                self.conditions.append(f"regexp_full_match({text}, {literal(SIMPLE_VALUE)})")
                continue
            part = kind.by_name[name]
            below = schema["properties"][name]
            if part.required or index == 0:
                self.add_literal(start)
                self.add_value(inside, part.type, below, sample.get(name))
            else:
                text, needs = self._text(inside, part.type, resolve(below, self.root))
                present = f"concat({literal(start)}, {text})"
                self.pieces.append(f"CASE WHEN {inside} IS NULL THEN '' ELSE {present} END")
                self.conditions += [f"({inside} IS NULL OR {need})" for need in needs]
        self.add_literal("}" if names else "{}")

    def _text(self, value: str, kind: ColumnType, schema: Schema) -> tuple[str, list[str]]:
        """Return the SQL text of a value that is not null, and the conditions on it."""
        needs = conditions(value, kind, schema, self.root)
        if isinstance(kind, Scalar):
            return _scalar_text(value, kind), needs
        if isinstance(kind, ListOf):
            item, item_needs = self._item_text("x", kind.item, resolve(schema["items"], self.root))
            items = f"list_transform({value}, lambda x: {item})"
            needs.append(
                f"len(list_filter({value}, lambda x: NOT coalesce({' AND '.join(item_needs)}, false))) = 0"
            )
            return f"concat('[', array_to_string({items}, {literal(self.spacing.comma)}), ']')", needs
        raise Unfit("an object that may be absent")

    def _item_text(self, value: str, kind: ColumnType, schema: Schema) -> tuple[str, list[str]]:
        """Return what `_text` does, for an item of a list: an object has all fields, in their order."""
        if not isinstance(kind, Struct):
            text, needs = self._text(value, kind, schema)
            return text, [f"{value} IS NOT NULL", *needs]
        pieces: list[str] = []
        needs = conditions(value, kind, schema, self.root)
        for index, part in enumerate(kind.fields):
            inside = f"{value}.{quoted(part.name)}"
            if not part.required or isinstance(part.type, Struct):
                raise Unfit("a list of objects with fields that may be absent, or objects in them")
            below = resolve(schema["properties"][part.name], self.root)
            text, more = _maybe_null(inside, self._text(inside, part.type, below), below)
            start = ("{" if index == 0 else self.spacing.comma) + key(part.name, self.spacing.colon)
            pieces += [literal(start), text]
            needs += more
        return f"concat({', '.join(pieces)}, '}}')", [f"{value} IS NOT NULL", *needs]


def key(name: str, colon: str) -> str:
    """Return a key as JSON text; raises Unfit where that takes escapes."""
    if not name.isascii() or not name.isprintable() or '"' in name or "\\" in name:
        raise Unfit(f"the key {name!r} is spelled with escapes")
    return f'"{name}"{colon}'


def structure(kind: ColumnType, unnamed: Sequence[str] = ()) -> str:
    """Return what `from_json` is to parse a value into; times and decimals stay text until it was tested.

    `unnamed`: fields of an object besides those of its type, which stay JSON. Raises Unfit.
    """
    if isinstance(kind, Struct):
        members = [f"{key(part.name, '')}:{structure(part.type)}" for part in kind.fields]
        return "{" + ",".join(members + [f'{key(name, "")}:"JSON"' for name in unnamed]) + "}"
    if isinstance(kind, ListOf):
        return f"[{structure(kind.item)}]"
    if kind.kind == "TIMESTAMPTZ" or (kind.kind == "DECIMAL" and kind.text):
        return '"VARCHAR"'
    return '"DOUBLE"' if kind.kind == "DECIMAL" else f'"{kind.kind}"'


def _maybe_null(value: str, text: tuple[str, list[str]], schema: Schema) -> tuple[str, list[str]]:
    """Return the text of a value and the conditions on it, which the schema may allow to be null."""
    present, needs = text
    if not is_nullable(schema):
        return present, [f"{value} IS NOT NULL", *needs]
    if {"enum", "const"} & set(schema) and None not in schema.get("enum", ()):
        raise Unfit("a type that allows null with values that don't")
    either = f"CASE WHEN {value} IS NULL THEN 'null' ELSE {present} END"
    return either, [f"({value} IS NULL OR {need})" for need in needs]


def _scalar_text(value: str, kind: Scalar) -> str:
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
