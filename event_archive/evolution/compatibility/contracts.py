"""Two contracts compared: who may act, what their JSON Schemas accept, and what their columns can hold.

Belongs here: what a contract adds to a JSON Schema. A value that its column can't hold exactly is refused
(`exact`), so two contracts may disagree where their schemas do not. Not here: the schemas themselves
(`json_schema`), what may become of a released contract (`releases`), and upcasts: each side is judged as it
stands.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from event_archive.errors import UnusableInput
from event_archive.evolution.compatibility.findings import (
    Direction,
    Example,
    Mode,
    Report,
    SchemaFinding,
    Verdict,
)
from event_archive.evolution.compatibility.json_schema.compare import compare_json_schemas
from event_archive.registry.column_types import JSON_TEXT, ColumnType, ListOf, Scalar, Schema, Struct, resolve
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import json_text
from event_archive.validation.exact_validator import Rejected, validate

# Where columns end: 2^53, 64 bits, DECIMAL(18, n), DECIMAL(38, 10), a microsecond, a leap second, year 1.
AT_THE_EDGE: tuple[Any, ...] = (
    *(
        2**53 + 1,
        2**63,
        10**17,
        10**40,
        Decimal("0.1"),
        Decimal("0.12345678901234567890123"),
        Decimal("1e300"),
    ),
    *("12345678901234567890.5", "0.12345678901", "1" * 40, "1" * 30, "0.123456", "1.01"),
    *("2026-01-01T00:00:00.1234567Z", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59"),
)
APPLICATORS = frozenset(
    {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}
    | {"additionalProperties", "patternProperties", "unevaluatedProperties", "dependencies"}
)
EXACT = 2**53  # up to here a DOUBLE holds every integer
LATEST = datetime.max.replace(tzinfo=UTC)


def compare_contracts(old: Contract, new: Contract, mode: Mode, named_only: bool = False) -> Report:
    """Compare what two contracts of one object and verb accept; raises UnusableInput for others."""
    if (old.object_type, old.verb) != (new.object_type, new.verb):
        raise UnusableInput(
            f"{old.type} and {new.type} are different events; compare contracts of one object and verb"
        )
    data = compare_data(old.schema, new.schema, mode, named_only)
    findings: list[SchemaFinding] = []
    for direction in mode.directions:
        writer, reader = (old, new) if direction is Direction.BACKWARD else (new, old)
        found = [one for one in data.findings if one.direction is direction]
        within = [_as_columns_hold_it(writer, reader, one) for one in found]
        told = {one.path for one in within}
        columns = [one for one in _columns(writer, reader, direction, named_only) if one.path not in told]
        findings += [*_actors(writer, reader, direction), *within, *columns]
    return Report(mode, tuple(findings))


def compare_data(old: Any, new: Any, mode: Mode, named_only: bool = False) -> Report:
    """Compare two JSON Schemas; with `named_only`, writers send only fields that their schema names."""
    if not named_only:
        return compare_json_schemas(old, new, mode)
    found = []
    for direction in mode.directions:
        backward = direction is Direction.BACKWARD
        pair = (closed(old), new) if backward else (old, closed(new))
        found.append(compare_json_schemas(*pair, Mode(direction.value)).findings)
    return Report(mode, tuple(chain(*found)))


def closed(schema: Any) -> Any:
    """The schema with each open list of fields closed, where that says no more than it seems to.

    An object that is also described elsewhere (`allOf`, `$ref` …) stays open.
    """
    if not isinstance(schema, Mapping) or APPLICATORS & set(schema):
        return schema
    shut = dict(schema)
    if isinstance(schema.get("properties"), Mapping):
        shut["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        shut["additionalProperties"] = False
    if isinstance(schema.get("items"), Mapping):
        shut["items"] = closed(schema["items"])
    return shut


def _as_columns_hold_it(writer: Contract, reader: Contract, finding: SchemaFinding) -> SchemaFinding:
    """A finding about the schemas as one about the contracts: its example is data that columns hold."""
    path = () if finding.path == "." else tuple(finding.path.split("/"))
    placed = replace(finding, path="/".join(["data", *path]))
    if finding.example is None or _tells_apart(writer, reader, finding.example.value):
        return placed
    if (other := _told_apart(writer, reader, path, JSON_TEXT)) is not None:
        return replace(placed, example=Example(other))
    why = f"{finding.sentence}; no value that the columns hold was found to show it"
    return replace(placed, verdict=Verdict.UNKNOWN, sentence=why, example=None)


def _tells_apart(writer: Contract, reader: Contract, data: Any) -> bool:
    event = {**writer.examples[0], "data": data}
    return _accepts(writer, event) and not _accepts(reader, event)


def _actors(writer: Contract, reader: Contract, direction: Direction) -> Iterator[SchemaFinding]:
    for actor in writer.actor_types:
        if actor not in reader.actor_types:
            told = f"the actor type {actor!r} may act under one contract and not under the other"
            example = Example({"actor": f"{actor}/1"})
            yield SchemaFinding(direction, Verdict.INCOMPATIBLE, "actor", "actor_type_removed", told, example)


def _columns(
    writer: Contract, reader: Contract, direction: Direction, named_only: bool
) -> Iterator[SchemaFinding]:
    """Fields whose column holds less under the reader than the writer's does."""
    for path, one, other, schema in _pairs(writer, reader, named_only):
        if _holds(one, other, schema):
            continue
        place = "/".join(["data", *path])
        told = f"the column is {one.sql()} for the writer and {other.sql()} for the reader"
        if (refused := _told_apart(writer, reader, path, one)) is None:
            why = f"{told}; whether it holds every value exactly is not known"
            yield SchemaFinding(direction, Verdict.UNKNOWN, place, "column_changed", why)
        else:
            why = f"{told}, which does not hold every such value exactly"
            yield SchemaFinding(
                direction, Verdict.INCOMPATIBLE, place, "column_narrowed", why, Example(refused)
            )


def _pairs(
    writer: Contract, reader: Contract, named_only: bool
) -> Iterator[tuple[tuple[str, ...], ColumnType, ColumnType, Schema]]:
    """The columns of both sides by their place, with the writer's schema of each."""
    waiting: list[tuple[tuple[str, ...], ColumnType, ColumnType, Any]] = [
        ((), writer.data_type, reader.data_type, writer.schema)
    ]
    while waiting:
        path, one, other, part = waiting.pop(0)
        schema = resolve(part, writer.schema)
        if isinstance(one, Struct) and isinstance(other, Struct):
            for field in other.fields:
                inside = (*path, field.name)
                if field.name in one.by_name:
                    inner = schema.get("properties", {}).get(field.name)
                    waiting.append((inside, one.by_name[field.name].type, field.type, inner))
                elif not named_only and schema.get("additionalProperties") is not False:
                    yield inside, JSON_TEXT, field.type, {}
        elif isinstance(one, ListOf) and isinstance(other, ListOf):
            waiting.append(((*path, "[]"), one.item, other.item, schema.get("items")))
        else:
            yield path, one, other, schema


def _holds(one: ColumnType, other: ColumnType, schema: Schema) -> bool:
    """Whether `other` surely holds every value that `one` holds and `schema` accepts."""
    if other in (one, JSON_TEXT, Scalar("VARCHAR", text=True)):
        return True
    if not (isinstance(one, Scalar) and isinstance(other, Scalar)):
        return False
    if one.kind == "BIGINT" and other.kind == "DOUBLE":
        bounds = schema.get("minimum"), schema.get("maximum")
        return all(isinstance(bound, int | float) and abs(bound) <= EXACT for bound in bounds)
    return (
        (one.kind, one.text, other.kind) == ("DECIMAL", other.text, "DECIMAL")
        and one.scale <= other.scale
        and one.precision - one.scale <= other.precision - other.scale
    )


def _edges(column: ColumnType) -> Iterator[Any]:
    """Values at the edge of what some column holds, that of `column` first."""
    if isinstance(column, Scalar) and column.kind == "DECIMAL":
        ones = "1" * (column.precision - column.scale) or "0", "1" * column.scale or "0"
        for text in (ones[0], f"0.{ones[1]}"):
            yield text if column.text else Decimal(text)
    yield from AT_THE_EDGE


def _told_apart(writer: Contract, reader: Contract, path: tuple[str, ...], column: ColumnType) -> Any:
    """Data that the writer's contract accepts and the reader's refuses, with another value at `path`."""
    for example in writer.examples:
        for value in _edges(column):
            data = json.loads(json.dumps(example.get("data")), parse_float=Decimal)
            if not _put(data, path, value):
                break
            if _tells_apart(writer, reader, data):
                return data
    return None


def _put(data: Any, path: tuple[str, ...], value: Any) -> bool:
    """Set the value at `path`, in the first item of lists; False where the data has no such place."""
    for step, name in enumerate(path):
        key: Any = 0 if name == "[]" else name
        is_last = step == len(path) - 1
        if not (data and isinstance(data, list) if name == "[]" else isinstance(data, dict)):
            return False
        if not is_last and key != 0 and key not in data:
            return False
        if is_last:
            data[key] = value
        else:
            data = data[key]
    return bool(path)


def _accepts(contract: Contract, event: dict[str, Any]) -> bool:
    record = json_text({**event, "type": contract.type, "actor": f"{contract.actor_types[0]}/1"})
    return not isinstance(validate(record.encode(), Contracts([contract]), LATEST), Rejected)
