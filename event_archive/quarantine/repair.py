"""Repairs: what is changed in rejected records before they are validated again, as a YAML file says it.

Belongs here: the file's rules, and applying them to a chunk of records. Not here: how single values are built
(`mapped_values`), YAML (`mapping_file`), and validating again (`recover`).

A rule sets and drops named fields, and leaves everything else of a record as it came, to the last digit: the
values to set are computed by the engine from the record as it came, and put into the parsed record.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from sqlglot import exp

from event_archive.decoding.record_chunk import Chunk, chunk_of
from event_archive.engine import Relations
from event_archive.errors import UnusableInput
from event_archive.expressions.binder import Binder
from event_archive.expressions.expression import parse_expression
from event_archive.expressions.sql_tree import as_text, if_else, reference, string
from event_archive.landing.transaction import RejectedRows
from event_archive.limits import Limits
from event_archive.mapping.choice import CHOSEN, Choice, build_choice, build_failure
from event_archive.mapping.json_numbers import mark_numbers, unmark_numbers, unmark_read_texts
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.mapping.mapped_values import build_typed, build_value
from event_archive.mapping.mapping_file import read_mapping_file
from event_archive.mapping.scope import Scope
from event_archive.registry.exact_values import WrittenNumber, json_text
from event_archive.registry.yaml_file import Entry
from event_archive.validation.exact_validator import Rejected, strict_fault
from event_archive.validation.strict_json import parse_written

NOT_REPAIRED = "not_repaired"

FieldPath = tuple[str, ...]
"""The names that lead to a field."""


@dataclass(frozen=True)
class Rule:
    """What is changed in the records with one chosen value, if they were ever rejected for these reasons.

    Ever: a rule that looked at the latest alone would take no part in the run after the one that changed it.
    """

    chosen: str
    reasons: frozenset[str]
    sets: tuple[FieldPath, ...]
    drops: tuple[FieldPath, ...]
    scope: Scope
    values: exp.Expr
    """A list: empty where `when` is not true, else the JSON of each value to set, after a first text."""


@dataclass(frozen=True)
class Repair:
    """A checked repair. `digest`: the SHA-256 of its file, in the log."""

    digest: str
    choice: Choice
    rules: dict[str, Rule]

    def sql(self, column: str, *, marked: bool) -> tuple[str, str, str]:
        """Return DuckDB expressions over JSON text: the chosen text, the values, why there are none.

        `marked`: the text's numbers are.
        """
        record, chosen = reference(column), reference(CHOSEN)
        tried = [
            exp.If(this=string(name), true=rule.scope.tried(record, rule.values))
            for name, rule in self.rules.items()
        ]
        reasons = [
            exp.If(this=string(name), true=build_failure(name, rule.scope, record))
            for name, rule in self.rules.items()
        ]
        values = self.choice.over(record, exp.Case(this=chosen, ifs=tried))
        why = self.choice.over(record, exp.Case(this=chosen, ifs=reasons))
        first, second, third = (
            str((unmark_read_texts(tree) if marked else tree).sql("duckdb"))
            for tree in (self.choice.over(record, chosen), values, why)
        )
        return first, second, third


def load_repair(path: Path, limits: Limits | None = None) -> Repair:
    """Read and check a repair file; raise UnusableInput with one line that names file, line and reason."""
    entry, digest = read_mapping_file(path)
    fields = entry.only({"description", "choose", "rules"}, {"rules"}, "a repair")
    choose = fields.get("choose") or Entry(path, entry.line, "type", None, None, "type")
    rules = fields["rules"]
    if not rules.fields:
        raise rules.rejected("rules must be a mapping from a chosen value to its rule, with at least one")
    with Binder(limits) as binder:
        choice = build_choice(choose, Scope(binder))
        compiled = {name: _rule(name, rule, binder) for name, rule in rules.fields.items()}
    return Repair(digest, choice, compiled)


def repair_chunk(
    connection: duckdb.DuckDBPyConnection, chunk: Chunk, *, repair: Repair, reasons: Sequence[frozenset[str]]
) -> MappedChunk:
    """Return the chunk's records repaired; `reasons`: all of each row.

    Records that no rule is for stay as they came. A record whose repair fails is rejected.
    """
    records = [chunk.record(row) for row in range(len(chunk.positions))]
    strict = [row for row, record in enumerate(records) if not strict_fault(record)]
    failed: RejectedRows = []
    for row, name, given, reason in _computed(
        connection, repair, {row: records[row].decode() for row in strict}
    ):
        rule = None if name is None else repair.rules.get(name)
        if rule is None or (rule.reasons and not rule.reasons & reasons[row]):
            continue
        document = parse_written(records[row])
        fault = str(reason) if given is None else None
        if given:
            changes = list(zip(rule.sets, given[1:], strict=True))
            fault = _changed(document, changes, rule.drops)
            records[row] = json_text(document).encode()
        if fault:
            names = (document.get(key) for key in ("type", "source", "id"))
            shown = [name[:200] if isinstance(name, str) else None for name in names]
            failed.append((row, Rejected(NOT_REPAIRED, fault, *shown)))
            records[row] = b""
    repaired = chunk_of(records, chunk.positions, chunk.offsets)
    return MappedChunk(repaired, np.arange(len(records), dtype=np.int64), failed)


def _computed(
    connection: duckdb.DuckDBPyConnection, repair: Repair, records: dict[int, str]
) -> Iterator[tuple[int, str | None, list[str | None] | None, str | None]]:
    """Yield the row of each record, its chosen text, the values to set, and why there are none."""
    marked = {row: text for row, record in records.items() if (text := mark_numbers(record)) is not None}
    plain = {row: record for row, record in records.items() if row not in marked}
    for texts in (plain, marked):
        table = pa.table({"n": pa.array(texts, pa.int64()), "record": pa.array(texts.values(), pa.string())})
        chosen, values, why = repair.sql("record", marked=texts is marked)
        with Relations(connection) as relations:
            rows = connection.execute(
                f"SELECT n, chosen, given, CASE WHEN given IS NULL THEN {why} END FROM (SELECT n, record, "
                f"{chosen} AS chosen, {values} AS given FROM {relations.register('rejected_records', table)})"
            ).fetchall()
        for row, name, given, reason in rows:
            yield row, name, given and unmark_numbers(pa.array(given, pa.string())).to_pylist(), reason


def _rule(name: str, entry: Entry, binder: Binder) -> Rule:
    what = f"rule {name}"
    fields = entry.only({"reason", "when", "set", "drop"}, set(), what)
    if not fields.keys() & {"set", "drop"}:
        raise entry.rejected(
            f"{what} changes nothing: write set (field: expression), drop ([field]), or both"
        )
    scope = Scope(binder)
    sets = fields["set"].fields if "set" in fields else {}
    if sets is None:
        raise fields["set"].rejected("set is a mapping from a field, such as data.word_count, to its value")
    paths = {_field_path(field, value): build_value(value, scope, field) for field, value in sets.items()}
    drops = tuple(_field_path(field.text, field) for field in _list(fields.get("drop"), "drop"))
    for field_path in (*paths, *drops):
        if any(other != field_path and other[: len(field_path)] == field_path for other in (*paths, *drops)):
            raise entry.rejected(f"{what}: {'.'.join(field_path)} is changed, and so is a field inside of it")
    given: exp.Expr = exp.Array(expressions=[string("given"), *map(as_text, paths.values())])
    if "when" in fields:
        condition = build_typed(fields["when"], scope, "when")
        if condition.type != "BOOLEAN":
            raise fields["when"].rejected(f"when gives {condition.type}, and not true or false")
        scope.may_fail("when", as_text(condition.value), condition)
        nothing = exp.Array(expressions=[])
        given = if_else(
            condition.value, given, exp.cast(nothing, exp.DataType.build("TEXT[]", dialect="duckdb"))
        )
    reasons = frozenset(reason.text for reason in _list(fields.get("reason"), "reason"))
    return Rule(name, reasons, tuple(paths), drops, scope, given)


def _list(entry: Entry | None, what: str) -> Iterator[Entry]:
    """The texts of a list, or the one text that stands for it."""
    parts = [] if entry is None else [entry] if entry.items is None else entry.items
    for part in parts:
        if part.fields is not None or part.items is not None or not part.text:
            raise part.rejected(f"{what} is a name, or a list of names")
        yield part


def _field_path(field: str, entry: Entry) -> FieldPath:
    """Read the field that is set or dropped: names alone, since a list's elements have none."""
    try:
        path = parse_expression(field).path
    except UnusableInput as error:
        raise entry.rejected(str(error)) from None
    names = tuple(name for name in path or () if isinstance(name, str))
    if not names or len(names) != len(path or ()):
        raise entry.rejected(f"{field!r} is no field; write its names with dots, such as data.word_count")
    return names


def _changed(
    document: dict[str, Any], changes: Sequence[tuple[FieldPath, str | None]], drops: Sequence[FieldPath]
) -> str | None:
    """Change a record; returns why it can't be. A value of None takes the field away, as in a mapping."""
    for field_path in drops:
        _take_away(document, field_path)
    for field_path, text in changes:
        if text is None:
            _take_away(document, field_path)
            continue
        holder = document
        for depth, name in enumerate(field_path[:-1], start=1):
            holder = holder.setdefault(name, {})
            if not isinstance(holder, dict):
                return (
                    f"{'.'.join(field_path[:depth])} is not an object, so {'.'.join(field_path)} can't be set"
                )
        holder[field_path[-1]] = json.loads(text, parse_float=WrittenNumber, parse_int=WrittenNumber)
    return None


def _take_away(document: dict[str, Any], field_path: FieldPath) -> None:
    holder: Any = document
    for name in field_path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(holder, dict):
        holder.pop(field_path[-1], None)
