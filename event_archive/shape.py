"""The fast test: accept records in columns, but only those that the exact judge surely accepts.

Belongs here: learning a *shape* from one accepted record (the order of its keys, its spacing, its line end)
and compiling shape and contract to DuckDB SQL. Not here: running it (`landing`) and the truth it must be
narrower than (`judge`).

Why it is sure. A line is parsed by DuckDB's JSON reader, which is lenient, into typed values; from these
values alone the text is written again as the shape spells it; and only a line that *is* that text, byte for
byte, goes on. A number in quotes, a rounded number, a second key of the same name, a trailing comma, an
escape, an unknown field, NaN: each makes the two texts differ, and the line is left to the exact judge.
What remains to be tested are the values, by conditions made from the contract's schema. A schema keyword
that has no condition here makes the whole contract unfit (`Unfit`), and all its records go to the exact
judge.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from event_archive.columns import (
    ColumnType,
    ListOf,
    Scalar,
    Schema,
    Struct,
    is_nullable,
    literal,
    quoted,
    resolve,
)
from event_archive.conditions import MOMENT_CONDITION, Unfit, conditions
from event_archive.contract import Contract

TEXT_ATTRIBUTES = ("id", "source", "time", "actor", "object", "correlationid", "causationid")
CONSTANT_ATTRIBUTES = frozenset({"specversion", "type", "verb"})


@dataclass(frozen=True)
class Shape:
    """How the records of one producer are spelled, as SQL over `line` and `r`, the parsed record.

    `structure`: what `from_json` is to parse; `text`: the line written again; `condition`: what the values
    must meet; `columns`: the archive's columns by name.
    """

    structure: str
    text: str
    condition: str
    columns: Mapping[str, str]

    def select(self, lines: str, latest: str, *, valid: bool = True) -> str:
        """SQL that gives `n` and the archive's columns for the lines that are surely events.

        `lines`: a relation with `n` and `line`, all of it `valid` JSON or not; `latest`: SQL of the last
        allowed moment. The filter must not be pushed below the projection that parses, or every use would
        parse again.
        """
        parsed = f"from_json(line, {literal(self.structure)})"
        parsed = parsed if valid else f"TRY({parsed})"
        columns = ", ".join(f"{expression} AS {name}" for name, expression in self.columns.items())
        return (
            f"SELECT *, CAST(occurred_at AS DATE) AS event_date FROM (SELECT n, {columns} FROM "
            f"(SELECT n, line, {parsed} AS r FROM {lines}) "
            f"WHERE line = {self.text} AND {self.condition}) "
            f"WHERE occurred_at IS NOT NULL AND occurred_at <= {latest}"
        )


@dataclass
class _Parts:
    """The pieces of a shape as they are gathered: literal text and SQL by turns, and conditions."""

    text: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def literal(self, text: str) -> None:
        self.text.append(literal(text))

    def sql(self) -> str:
        merged: list[str] = []
        for piece in self.text:
            if merged and piece.startswith("'") and merged[-1].startswith("'"):
                merged[-1] = merged[-1][:-1] + piece[1:]
            else:
                merged.append(piece)
        return f"concat({', '.join(merged)})"


def learn_shape(record: bytes, line_end: str, document: Mapping[str, Any], contract: Contract) -> Shape:
    """The shape of an accepted record (`document`: its value, keys in their order); raises Unfit."""
    comma, colon = _spacing(record)
    parts = _Parts()
    structure: list[str] = []
    columns: dict[str, str] = {}
    others: list[str] = []
    for name, value in document.items():
        parts.literal(("{" if not parts.text else comma) + _key(name, colon))
        if name == "data":
            structure.append(f'"data":{_structure(contract.data_type)}')
            _write(parts, "r.data", contract.data_type, contract.schema, contract.schema, value, comma, colon)
        elif value is None:
            parts.literal("null")  # a null attribute is an absent one
        elif name in CONSTANT_ATTRIBUTES:
            parts.literal(_key(value, ""))
        elif name == "objectversion":
            structure.append('"objectversion":"BIGINT"')
            parts.text.append("CAST(r.objectversion AS VARCHAR)")
            parts.conditions.append("r.objectversion >= 1")
        elif isinstance(value, str):
            if name not in TEXT_ATTRIBUTES:
                others.append(name)
            structure.append(f'{_key(name, "")}:"VARCHAR"')
            parts.text += ["'\"'", f"r.{quoted(name)}", "'\"'"]
            parts.conditions.append(
                f"r.{quoted(name)} " + (f"= {literal(value)}" if name == "datacontenttype" else "<> ''")
            )
        else:
            raise Unfit(f"attribute {name} is no text")
    parts.literal("}" + line_end)
    columns = _envelope_columns(contract, {name for name, value in document.items() if value is not None})
    columns["extra"] = _extra(others)
    parts.conditions += [
        f"regexp_full_match(r.time, {literal(MOMENT_CONDITION)})",
        f"split_part(r.actor, '/', 1) IN ({', '.join(map(literal, contract.actor_types))})",
        "contains(r.actor, '/')",
        "substr(r.actor, strpos(r.actor, '/') + 1) <> ''",
        f"starts_with(r.object, {literal(contract.object_type + '/')})",
        f"strlen(r.object) > {len(contract.object_type) + 1}",
    ]
    return Shape("{" + ",".join(structure) + "}", parts.sql(), " AND ".join(parts.conditions), columns)


def _spacing(record: bytes) -> tuple[str, str]:
    """What stands between members and after keys: nothing, or one space as many JSON writers do."""
    colon = ": " if re.match(rb'\{"[^"\\]*": ', record) else ":"
    return (", " if colon == ": " else ","), colon


def _key(name: str, colon: str) -> str:
    if not name.isascii() or not name.isprintable() or '"' in name or "\\" in name:
        raise Unfit(f"the key {name!r} is spelled with escapes")
    return f'"{name}"{colon}'


def _envelope_columns(contract: Contract, present: set[str]) -> dict[str, str]:
    def optional(name: str, kind: str) -> str:
        return f"r.{name}" if name in present else f"CAST(NULL AS {kind})"

    return {
        "event_id": "r.id",
        "source": "r.source",
        "actor_type": "split_part(r.actor, '/', 1)",
        "actor_id": "substr(r.actor, strpos(r.actor, '/') + 1)",
        "verb": literal(contract.verb),
        "object_type": literal(contract.object_type),
        "object_id": f"substr(r.object, {len(contract.object_type) + 2})",
        "occurred_at": "TRY_CAST(r.time AS TIMESTAMPTZ)",
        "correlation_id": optional("correlationid", "VARCHAR"),
        "causation_id": optional("causationid", "VARCHAR"),
        "object_version": optional("objectversion", "BIGINT"),
        "data": "r.data",
    }


def _extra(others: list[str]) -> str:
    if not others:
        return "CAST(NULL AS VARCHAR)"
    pairs = ", ".join(f"{literal(name)}, r.{quoted(name)}" for name in others)
    return f"CAST(json_object('attributes', json_object({pairs})) AS VARCHAR)"


def _structure(kind: ColumnType) -> str:
    """What `from_json` is to parse a value into. Times and decimals stay text until their text was tested."""
    if isinstance(kind, Struct):
        return "{" + ",".join(f"{_key(part.name, '')}:{_structure(part.type)}" for part in kind.fields) + "}"
    if isinstance(kind, ListOf):
        return f"[{_structure(kind.item)}]"
    if kind.kind == "TIMESTAMPTZ" or (kind.kind == "DECIMAL" and kind.text):
        return '"VARCHAR"'
    return '"DOUBLE"' if kind.kind == "DECIMAL" else f'"{kind.kind}"'


def _write(
    parts: _Parts,
    value: str,
    kind: ColumnType,
    schema: Any,
    root: Schema,
    sample: Any,
    comma: str,
    colon: str,
) -> None:
    """Add the text of one value, and the conditions on it."""
    schema = resolve(schema, root)
    if isinstance(kind, Scalar) and kind.text and not is_nullable(schema):
        # The common case, spelled without a text of its own in between: it is half of the shape's cost.
        parts.text += ["'\"'", value, "'\"'"]
        parts.conditions += [f"{value} IS NOT NULL", *conditions(value, kind, schema, root)]
        return
    if not isinstance(kind, Struct):
        text, needs = _maybe_null(value, _spelled(value, kind, schema, root, comma, colon), schema)
        parts.text.append(text)
        parts.conditions += needs
        return
    parts.conditions += conditions(value, kind, schema, root)
    if is_nullable(schema) or not isinstance(sample, dict):
        raise Unfit("an object that may be null")
    if set(sample) - set(kind.by_name):
        raise Unfit("fields that the contract does not name")
    names = list(sample) + [part.name for part in kind.fields if part.name not in sample]
    for index, name in enumerate(names):
        part = kind.by_name[name]
        inside, key = f"{value}.{quoted(name)}", ("{" if index == 0 else comma) + _key(name, colon)
        below = schema["properties"][name]
        if part.required or index == 0:
            parts.literal(key)
            _write(parts, inside, part.type, below, root, sample.get(name), comma, colon)
        else:
            text, needs = _spelled(inside, part.type, resolve(below, root), root, comma, colon)
            parts.text.append(f"CASE WHEN {inside} IS NULL THEN '' ELSE concat({literal(key)}, {text}) END")
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
    value: str, kind: ColumnType, schema: Schema, root: Schema, comma: str, colon: str
) -> tuple[str, list[str]]:
    """The text of a value that is not null as SQL, and the conditions on it."""
    needs = conditions(value, kind, schema, root)
    if isinstance(kind, Scalar):
        return _spelled_scalar(value, kind), needs
    if isinstance(kind, ListOf):
        item, item_needs = _spelled_item("x", kind.item, resolve(schema["items"], root), root, comma, colon)
        spelled = f"list_transform({value}, lambda x: {item})"
        needs.append(
            f"len(list_filter({value}, lambda x: NOT coalesce({' AND '.join(item_needs)}, false))) = 0"
        )
        return f"concat('[', array_to_string({spelled}, {literal(comma)}), ']')", needs
    raise Unfit("an object that may be absent")


def _spelled_item(
    value: str, kind: ColumnType, schema: Schema, root: Schema, comma: str, colon: str
) -> tuple[str, list[str]]:
    """An item of a list: as `_spelled`, with objects whose fields are all there, in the contract's order."""
    if not isinstance(kind, Struct):
        text, needs = _spelled(value, kind, schema, root, comma, colon)
        return text, [f"{value} IS NOT NULL", *needs]
    pieces: list[str] = []
    needs = conditions(value, kind, schema, root)
    for index, part in enumerate(kind.fields):
        inside = f"{value}.{quoted(part.name)}"
        if not part.required or isinstance(part.type, Struct):
            raise Unfit("a list of objects with fields that may be absent, or objects in them")
        below = resolve(schema["properties"][part.name], root)
        text, more = _maybe_null(inside, _spelled(inside, part.type, below, root, comma, colon), below)
        pieces += [literal(("{" if index == 0 else comma) + _key(part.name, colon)), text]
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
