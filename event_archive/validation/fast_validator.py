"""The fast validator: accepts records in columns, but only those that the exact validator surely accepts.

Belongs here: learning how a producer writes its records from one that was accepted (the order of its keys,
its spacing, its line end), and compiling that and the contract to DuckDB SQL. Not here: running it
(`landing.router`), the text of values (`fast_text`), and the truth it must be narrower than
(`exact_validator`).

Why it is sure. A line is parsed by DuckDB's JSON reader, which is lenient, into typed values; from these
values alone the text is written again as the producer writes it; and only a line that *is* that text, byte
for byte, goes on. A number in quotes, a rounded number, a second key of the same name, a trailing comma, an
escape, an unknown field, NaN: each makes the two texts differ, and the line is left to the exact validator.
What remains to be tested are the values, by conditions made from the contract's schema. A schema keyword
that has no condition here makes the whole contract unfit (`Unfit`), and all its records go to the exact
validator.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from event_archive.decoding.spacing import spacing_of
from event_archive.envelope import (
    ATTRIBUTE_NAMES,
    BASE64_DATA,
    CONSTANT_ATTRIBUTES,
    CORRECTIONS,
    INTEGER_ATTRIBUTES,
    OPTIONAL_COLUMNS,
)
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract
from event_archive.registry.text_formats import PLAIN_MOMENT
from event_archive.sql_text import literal, quoted
from event_archive.validation.fast_conditions import Unfit
from event_archive.validation.fast_structure import key, structure
from event_archive.validation.fast_text import LineText

NEVER_EMPTY = frozenset({"time", "actor", "object"})
"""Attributes with conditions of their own, which an empty text does not meet."""


@dataclass(frozen=True)
class FastValidator:
    """How one producer writes its records, as SQL over `line` and `r`, the parsed record.

    `structure`: what `from_json` is to parse; `text`: the line written again; `condition`: what the values
    must meet; `columns`: the archive's columns by name; `constants`: those that are the same in each event,
    or null.
    """

    structure: str
    text: str
    condition: str
    columns: Mapping[str, str]
    constants: Mapping[str, str | None]

    def select(self, lines: str, latest: str, *, valid: bool = True) -> str:
        """Return SQL that gives `n` and the columns, but for constants, of the lines that are surely events.

        `lines`: a relation with `n` and `line`, all of it `valid` JSON or not; `latest`: SQL of the last
        allowed moment. The filter must not be pushed below the projection that parses, see `parsing_once`.
        """
        parsed = f"from_json(line, {literal(self.structure)})"
        parsed = parsed if valid else f"TRY({parsed})"
        columns = ", ".join(f"{expression} AS {name}" for name, expression in self.columns.items())
        return (
            f"SELECT *, CAST(occurred_at AS DATE) AS event_date FROM (SELECT n, {columns} FROM "
            f"(SELECT n, line, {parsed} AS r FROM {lines}) "
            f"WHERE line = {self.text} AND {self.condition}) WHERE occurred_at <= {latest}"
        )


def learn_validator(
    record: bytes,
    line_end: str,
    document: Mapping[str, Any],
    contract: Contract,
    *,
    has_escapes: bool = False,
) -> FastValidator:
    """Learn from an accepted record (`document`: its value, keys in their order); raises Unfit.

    `has_escapes`: whether texts of its producer have escapes, which takes longer to write again.
    """
    if document.get("data") is None:
        raise Unfit(f"data in {BASE64_DATA}")
    spacing = spacing_of(record)
    line = LineText(contract.schema, spacing, has_escapes)
    parsed: list[str] = []
    others: list[str] = []
    unnamed = _unnamed_fields(document["data"], contract)
    for name, value in document.items():
        line.add_literal(("{" if not line.pieces else spacing.comma) + key(name, spacing.colon))
        if name == "data":
            parsed.append(f'"data":{structure(contract.data_type, value, unnamed)}')
            line.add_value("r.data", contract.data_type, contract.schema, value, unnamed)
        elif value is None:
            line.add_literal("null")  # a null attribute is an absent one
        elif name in CONSTANT_ATTRIBUTES:
            line.add_literal(key(value, ""))
        elif name in INTEGER_ATTRIBUTES:
            parsed.append(f'"{name}":"BIGINT"')
            line.pieces.append(f"CAST(r.{name} AS VARCHAR)")
            line.conditions.append(f"r.{name} >= 1")
        elif isinstance(value, str):
            if name not in ATTRIBUTE_NAMES:
                others.append(name)
            parsed.append(f'{key(name, "")}:"VARCHAR"')
            line.add_text(f"r.{quoted(name)}")
            line.conditions += _text_conditions(name, value)
        else:
            raise Unfit(f"attribute {name} is no text")
    line.add_literal("}" + line_end)
    columns = _envelope_columns(contract, {name for name, value in document.items() if value is not None})
    columns["extra"] = _extra(others, unnamed)
    constants = _constant_columns(contract) | {name: None for name, sql in columns.items() if sql is None}
    line.conditions += [
        f"regexp_full_match(r.time, {literal(PLAIN_MOMENT)})",
        f"({' OR '.join(_names_one('r.actor', kind) for kind in contract.actor_types)})",
        _names_one("r.object", contract.object_type),
    ]
    given = {name: sql for name, sql in columns.items() if sql is not None}
    condition = " AND ".join(line.conditions)
    return FastValidator("{" + ",".join(parsed) + "}", line.sql(), condition, given, constants)


@contextmanager
def parsing_once(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Leave out steps of the optimizer: one by which each use of a parsed record would parse its line again.

    And one that joins with the values of a long `IN`: all columns of a row would go through the join.
    """
    connection.execute("SET disabled_optimizers = 'filter_pushdown,in_clause'")
    try:
        yield
    finally:
        connection.execute("SET disabled_optimizers = ''")


def _text_conditions(name: str, value: str) -> Iterator[str]:
    """Yield SQL conditions on an attribute that is a text, but for those that are for its name alone."""
    if name == "datacontenttype":
        yield f"r.{name} = {literal(value)}"
    elif name not in NEVER_EMPTY:
        yield f"r.{quoted(name)} <> ''"
    if name in CORRECTIONS:
        yield f"r.{name} <> r.id"


def _names_one(value: str, kind: str) -> str:
    """Return SQL for whether a text is `<kind>/<id>`."""
    return f"(starts_with({value}, {literal(kind + '/')}) AND strlen({value}) > {len(kind) + 1})"


def _envelope_columns(contract: Contract, present: set[str]) -> dict[str, str | None]:
    """Return the SQL of the columns that are not the same in all events of a contract; None: it is null."""
    kinds = contract.actor_types
    return {
        "event_id": "r.id",
        "source": "r.source",
        "actor_id": f"substr(r.actor, {_by_kind(kinds, [str(len(kind) + 2) for kind in kinds])})",
        **({"actor_type": _by_kind(kinds, list(map(literal, kinds)))} if len(kinds) > 1 else {}),
        "object_id": f"substr(r.object, {len(contract.object_type) + 2})",
        "occurred_at": "TRY_CAST(r.time AS TIMESTAMPTZ)",
        **{
            column.name: f"r.{name}" if name in present else None for name, column in OPTIONAL_COLUMNS.items()
        },
        "data": "r.data",
    }


def _constant_columns(contract: Contract) -> dict[str, str | None]:
    """Return the columns that are the same in all events of a contract."""
    kinds = contract.actor_types
    actor = {"actor_type": kinds[0]} if len(kinds) == 1 else {}
    return {"verb": contract.verb, "object_type": contract.object_type, **actor}


def _by_kind(kinds: Sequence[str], values: Sequence[str]) -> str:
    """Return SQL that has a value for each kind of actor, of which an accepted event has one."""
    *others, last = zip(kinds, values, strict=True)
    cases = " ".join(
        f"WHEN starts_with(r.actor, {literal(kind + '/')}) THEN {value}" for kind, value in others
    )
    return f"CASE {cases} ELSE {last[1]} END" if cases else last[1]


def _unnamed_fields(data: Mapping[str, Any], contract: Contract) -> list[str]:
    """Return the fields of `data` that an open contract does not name; raises Unfit where names clash."""
    kind = contract.data_type
    names = set(kind.by_name) if isinstance(kind, Struct) else set()
    unnamed = [name for name in data if name not in names]
    if unnamed and (not isinstance(kind, Struct) or "additionalProperties" in contract.schema):
        raise Unfit("fields that the contract does not name")
    if len({name.lower() for name in [*names, *unnamed]}) < len(names) + len(unnamed):
        raise Unfit("fields whose names differ by case alone")
    return unnamed


def _extra(attributes: list[str], fields: list[str]) -> str | None:
    """Return the SQL of the `extra` column: attributes and fields without a column of their own, as JSON."""
    if not attributes and not fields:
        return None
    members = []
    if attributes:
        pairs = ", ".join(f"{literal(name)}, r.{quoted(name)}" for name in attributes)
        members.append(f"'attributes', json_object({pairs})")
    if fields:
        pairs = ", ".join(f"{literal(name)}, r.data.{quoted(name)}" for name in fields)
        members.append(f"'data', json_object({pairs})")
    return f"CAST(json_object({', '.join(members)}) AS VARCHAR)"
