"""Fast text: the text of a record, written again from its typed values, as DuckDB SQL.

Belongs here: the text of each kind of value, and gathering text and conditions. Not here: the envelope
(`fast_validator`), what `from_json` parses (`fast_structure`), and what the schema demands of a value
(`fast_conditions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from event_archive.decoding.spacing import COMPACT, Spacing
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
from event_archive.validation.fast_structure import (
    begins_alike,
    field_order,
    first_of,
    key,
    part_of,
    written_whole,
)

# What a field that no contract names may hold: one simple value, as more could hide a second key.
SIMPLE_VALUE = r'"(?:[^"\\]|\\.)*"|-?(0|[1-9][0-9]{0,17})|true|false'


@dataclass
class LineText:
    """The text of a line as it is put together: literal text and SQL by turns, and conditions on the values.

    `root`: the schema of `data`, in which references are resolved; `spacing`: how the producer writes JSON;
    `has_escapes`: whether texts are written with those escapes that JSON demands, as the engine writes them.
    """

    root: Schema
    spacing: Spacing
    has_escapes: bool = False
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

    def add_text(self, value: str) -> None:
        """Add a text that is not null: without a text of its own in between, which is half of the cost."""
        self.pieces += [f"CAST(to_json({value}) AS VARCHAR)"] if self.has_escapes else ["'\"'", value, "'\"'"]

    def add_value(
        self, value: str, kind: ColumnType, schema: Schema, sample: Any, unnamed: Sequence[str] = ()
    ) -> None:
        """Add the text of one value, and the conditions on it; raises Unfit.

        `value`: its SQL; `sample`: the value in the record that is learned from; `unnamed`: its fields that
        no contract names, which only `data` itself may have.
        """
        schema = resolve(schema, self.root)
        if isinstance(kind, Scalar) and kind.text and not is_nullable(schema):
            self.add_text(value)
            self.conditions += _not_null(value, conditions(value, kind, schema, self.root))
            return
        names = field_order(kind, sample, unnamed) if isinstance(kind, Struct) else []
        is_whole = not unnamed and self._written_whole(value, kind, sample) is not None
        is_whole = is_whole or is_nullable(schema)
        if not isinstance(kind, Struct) or is_whole or not (unnamed or begins_alike(kind, names)):
            text, needs = _maybe_null(value, self._text(value, kind, schema, sample), schema)
            self.pieces.append(text)
            self.conditions += needs
            return
        self.conditions += conditions(value, kind, schema, self.root)
        if set(sample) - set(kind.by_name) != set(unnamed):
            raise Unfit("fields that the contract does not name, in an object inside the data")
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
                text, needs = self._text(inside, part.type, resolve(below, self.root), sample.get(name))
                present = f"concat({literal(start)}, {text})"
                self.pieces.append(f"CASE WHEN {inside} IS NULL THEN '' ELSE {present} END")
                self.conditions += _unless_null(inside, needs)
        self.add_literal("}" if names else "{}")

    def _text(
        self, value: str, kind: ColumnType, schema: Schema, sample: Any, depth: int = 0
    ) -> tuple[str, list[str]]:
        """Return the SQL text of a value that is not null, and the conditions on it.

        `depth`: of lists around it, each of which has a parameter of its own.
        """
        needs = conditions(value, kind, schema, self.root)
        if isinstance(kind, Scalar):
            return self._scalar_text(value, kind), needs
        whole = self._written_whole(value, kind, sample)
        if isinstance(kind, ListOf):
            item = f"x{depth}"
            below = resolve(schema["items"], self.root)
            text, more = _maybe_null(
                item, self._text(item, kind.item, below, first_of(sample), depth + 1), below
            )
            items = f"list_transform({value}, lambda {item}: {text})"
            needs.append(
                f"len(list_filter({value}, lambda {item}: NOT coalesce({' AND '.join(more)}, false))) = 0"
            )
            joined = f"concat('[', array_to_string({items}, {literal(self.spacing.comma)}), ']')"
            return whole or joined, needs
        joined, needs = self._object_text(value, kind, schema, sample, depth, needs)
        return whole or joined, needs

    def _written_whole(self, value: str, kind: ColumnType, sample: Any) -> str | None:
        """Return SQL for the whole text of a value, where there is a shorter one than of its parts."""
        if self.spacing != COMPACT or isinstance(kind, Scalar):
            return None
        return written_whole(value, kind, sample)

    def _scalar_text(self, value: str, kind: Scalar) -> str:
        match kind.kind:
            case "JSON":
                raise Unfit("a value whose type is open")
            case "BIGINT" | "BOOLEAN":
                return f"CAST({value} AS VARCHAR)"
            case "DOUBLE" | "DECIMAL" if not kind.text:
                whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
                integer = f"CAST(TRY_CAST({value} AS BIGINT) AS VARCHAR)"
                return f"CASE WHEN {whole} THEN {integer} ELSE CAST({value} AS VARCHAR) END"
            case "VARCHAR" if self.has_escapes:
                return f"CAST(to_json({value}) AS VARCHAR)"
            case _:
                return f"concat('\"', {value}, '\"')"

    def _object_text(
        self, value: str, kind: Struct, schema: Schema, sample: Any, depth: int, needs: list[str]
    ) -> tuple[str, list[str]]:
        """Return what `_text` does, for an object: what may be absent is left out where it is null."""
        members: list[str] = []
        for name in field_order(kind, sample):
            part, inside = kind.by_name[name], f"{value}.{quoted(name)}"
            below = resolve(schema["properties"][name], self.root)
            written = self._text(inside, part.type, below, part_of(sample, name), depth)
            text, more = _maybe_null(inside, written, below) if part.required else written
            member = f"concat({literal(key(name, self.spacing.colon))}, {text})"
            if part.required:
                members.append(member)
                needs += more
            else:
                members.append(f"CASE WHEN {inside} IS NOT NULL THEN {member} END")
                needs += _unless_null(inside, more)
        joined = ", ".join([literal(self.spacing.comma), *members])
        return (f"concat('{{', concat_ws({joined}), '}}')" if members else literal("{}")), needs


def _maybe_null(value: str, text: tuple[str, list[str]], schema: Schema) -> tuple[str, list[str]]:
    """Return the text of a value and the conditions on it, which the schema may allow to be null."""
    present, needs = text
    if not is_nullable(schema):
        return present, _not_null(value, needs)
    if {"enum", "const"} & set(schema) and None not in schema.get("enum", ()):
        raise Unfit("a type that allows null with values that don't")
    return f"CASE WHEN {value} IS NULL THEN 'null' ELSE {present} END", _unless_null(value, needs)


def _not_null(value: str, needs: list[str]) -> list[str]:
    """Return conditions on a value as such that do not hold where it is null: hardly any holds then."""
    is_implied = any(need != "true" and not need.startswith("(") for need in needs)
    return needs if is_implied else [f"{value} IS NOT NULL", *needs]


def _unless_null(value: str, needs: Sequence[str]) -> list[str]:
    """Return conditions on a value as one that holds, too, where it is null."""
    return [f"({value} IS NULL OR ({' AND '.join(needs)}))"] if needs else []
