"""Two contracts compared: who may act, what their JSON Schemas accept, and what their columns can hold.

Belongs here: what a contract adds to a JSON Schema. A value that its column can't hold exactly is rejected
(`registry.exact_values`), so two contracts may disagree where their schemas do not. Not here: the schemas
themselves (`json_schema`), what may become of a released contract (`release_rules`), and upcasts: each
contract is compared as it stands.
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
from event_archive.evolution.compatibility.json_schema.compare import Drafts, compare_json_schemas
from event_archive.evolution.compatibility.json_schema.same import is_same_json
from event_archive.registry.column_types import JSON_TEXT, ColumnType, ListOf, Scalar, Schema, Struct, resolve
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import json_text
from event_archive.schema_files.json_schema_drafts import LATEST_DRAFT
from event_archive.validation.exact_validator import Rejected, validate

# Where columns end: 17 digits, 64 bits, DECIMAL(18, n), DECIMAL(38, 10), a leap second, year 1.
AT_THE_EDGE: tuple[Any, ...] = (
    *(
        10**17 + 1,
        2**63,
        10**17,
        10**40,
        Decimal("0.1"),
        Decimal("0.12345678901234567890123"),
        Decimal("1e300"),
    ),
    *("12345678901234567890.5", "0.12345678901", "1" * 40, "1" * 30, "0.123456", "1.01"),
    *("2016-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59"),
)
APPLICATORS = frozenset(
    {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}
    | {"additionalProperties", "patternProperties", "unevaluatedProperties", "dependencies"}
)
OF_CONTRACTS: Drafts = (LATEST_DRAFT, LATEST_DRAFT)
HELD = 10**17  # up to here a DOUBLE column takes every integer
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
        of_schemas = [finding for finding in data.findings if finding.direction is direction]
        within = [_as_columns_hold_it(writer, reader, finding) for finding in of_schemas]
        told_paths = {finding.path for finding in within}
        columns = [
            finding
            for finding in _columns(writer, reader, direction, named_only)
            if finding.path not in told_paths
        ]
        findings += [*_actors(writer, reader, direction), *within, *columns]
    return Report(mode, tuple(findings), data.cautions)


def compare_data(
    old: Any, new: Any, mode: Mode, named_only: bool = False, drafts: Drafts = OF_CONTRACTS
) -> Report:
    """Compare two JSON Schemas; with `named_only`, writers send only fields that their schema names."""
    if not named_only or is_same_json(old, new):
        return compare_json_schemas(old, new, mode, drafts)
    reports = []
    for direction in mode.directions:
        backward = direction is Direction.BACKWARD
        pair = (closed(old), new) if backward else (old, closed(new))
        reports.append(compare_json_schemas(*pair, Mode(direction.value), drafts))
    return Report(mode, tuple(chain(*(report.findings for report in reports))), reports[0].cautions)


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
            why = f"the actor type {actor!r} may act under one contract and not under the other"
            example = Example({"actor": f"{actor}/1"})
            yield SchemaFinding(direction, Verdict.INCOMPATIBLE, "actor", "actor_type_removed", why, example)


def _columns(
    writer: Contract, reader: Contract, direction: Direction, named_only: bool
) -> Iterator[SchemaFinding]:
    """Fields whose column holds less under the reader than the writer's does."""
    for path, written, read, schema in _pairs(writer, reader, named_only):
        if _holds(written, read, schema):
            continue
        place = "/".join(["data", *path])
        change = f"the column is {written.sql()} for the writer and {read.sql()} for the reader"
        if (refused := _told_apart(writer, reader, path, written)) is None:
            why = f"{change}; whether it holds every value exactly is not known"
            yield SchemaFinding(direction, Verdict.UNKNOWN, place, "column_changed", why)
        else:
            why = f"{change}, which does not hold every such value exactly"
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
        path, written, read, part = waiting.pop(0)
        schema = resolve(part, writer.schema)
        if isinstance(written, Struct) and isinstance(read, Struct):
            for field in read.fields:
                inside = (*path, field.name)
                if field.name in written.by_name:
                    inner = schema.get("properties", {}).get(field.name)
                    waiting.append((inside, written.by_name[field.name].type, field.type, inner))
                elif not named_only and schema.get("additionalProperties") is not False:
                    yield inside, JSON_TEXT, field.type, {}
        elif isinstance(written, ListOf) and isinstance(read, ListOf):
            waiting.append(((*path, "[]"), written.item, read.item, schema.get("items")))
        else:
            yield path, written, read, schema


def _holds(written: ColumnType, read: ColumnType, schema: Schema) -> bool:
    """Whether `other` surely holds every value that `one` holds and `schema` accepts."""
    if read in (written, JSON_TEXT, Scalar("VARCHAR", text=True)):
        return True
    if not (isinstance(written, Scalar) and isinstance(read, Scalar)):
        return False
    if written.kind == "BIGINT" and read.kind == "DOUBLE":
        bounds = schema.get("minimum"), schema.get("maximum")
        return all(isinstance(bound, int | float) and abs(bound) <= HELD for bound in bounds)
    return (
        (written.kind, written.text, read.kind) == ("DECIMAL", read.text, "DECIMAL")
        and written.scale <= read.scale
        and written.precision - written.scale <= read.precision - read.scale
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
