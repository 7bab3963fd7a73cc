"""The fast test: accept records in columns, but only those that the exact judge surely accepts.

Belongs here: learning a *shape* from one accepted record (the order of its keys, its spacing, its line end)
and compiling shape and contract to DuckDB SQL. Not here: running it (`routing`), the text of values
(`spelling`), and the truth it must be narrower than (`judge`).

Why it is sure. A line is parsed by DuckDB's JSON reader, which is lenient, into typed values; from these
values alone the text is written again as the shape spells it; and only a line that *is* that text, byte for
byte, goes on. A number in quotes, a rounded number, a second key of the same name, a trailing comma, an
escape, an unknown field, NaN: each makes the two texts differ, and the line is left to the exact judge.
What remains to be tested are the values, by conditions made from the contract's schema. A schema keyword
that has no condition here makes the whole contract unfit (`Unfit`), and all its records go to the exact
judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_archive.decoding.spacing import spacing_of
from event_archive.envelope import ATTRIBUTE_NAMES, CORRECTIONS
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract
from event_archive.registry.text_formats import PLAIN_MOMENT
from event_archive.sql_text import literal, quoted
from event_archive.validation.fast_conditions import Unfit
from event_archive.validation.fast_text import Parts, key, structure, write_value

CONSTANT_ATTRIBUTES = frozenset({"specversion", "type", "verb"})


@dataclass(frozen=True)
class FastValidator:
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


def learn_validator(
    record: bytes, line_end: str, document: Mapping[str, Any], contract: Contract
) -> FastValidator:
    """The shape of an accepted record (`document`: its value, keys in their order); raises Unfit."""
    spacing = spacing_of(record)
    parts = Parts()
    parsed: list[str] = []
    others: list[str] = []
    unnamed = _unnamed_fields(document["data"], contract)
    for name, value in document.items():
        parts.literal(("{" if not parts.text else spacing.comma) + key(name, spacing.colon))
        if name == "data":
            parsed.append(f'"data":{structure(contract.data_type, unnamed)}')
            write_value(parts, "r.data", contract.data_type, contract.schema, contract.schema, value, spacing)
        elif value is None:
            parts.literal("null")  # a null attribute is an absent one
        elif name in CONSTANT_ATTRIBUTES:
            parts.literal(key(value, ""))
        elif name == "objectversion":
            parsed.append('"objectversion":"BIGINT"')
            parts.text.append("CAST(r.objectversion AS VARCHAR)")
            parts.conditions.append("r.objectversion >= 1")
        elif isinstance(value, str):
            if name not in ATTRIBUTE_NAMES:
                others.append(name)
            parsed.append(f'{key(name, "")}:"VARCHAR"')
            parts.text += ["'\"'", f"r.{quoted(name)}", "'\"'"]
            parts.conditions.append(
                f"r.{quoted(name)} " + (f"= {literal(value)}" if name == "datacontenttype" else "<> ''")
            )
            if name in CORRECTIONS:
                parts.conditions.append(f"r.{name} <> r.id")
        else:
            raise Unfit(f"attribute {name} is no text")
    parts.literal("}" + line_end)
    columns = _envelope_columns(contract, {name for name, value in document.items() if value is not None})
    columns["extra"] = _extra(others, unnamed)
    parts.conditions += [
        f"regexp_full_match(r.time, {literal(PLAIN_MOMENT)})",
        f"split_part(r.actor, '/', 1) IN ({', '.join(map(literal, contract.actor_types))})",
        "contains(r.actor, '/')",
        "substr(r.actor, strpos(r.actor, '/') + 1) <> ''",
        f"starts_with(r.object, {literal(contract.object_type + '/')})",
        f"strlen(r.object) > {len(contract.object_type) + 1}",
    ]
    return FastValidator("{" + ",".join(parsed) + "}", parts.sql(), " AND ".join(parts.conditions), columns)


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
        **{name: optional(name, "VARCHAR") for name in CORRECTIONS},
        "data": "r.data",
    }


def _unnamed_fields(data: Mapping[str, Any], contract: Contract) -> list[str]:
    """The fields of `data` that an open contract does not name; raises Unfit where their names clash."""
    kind = contract.data_type
    names = set(kind.by_name) if isinstance(kind, Struct) else set()
    unnamed = [name for name in data if name not in names]
    if unnamed and (not isinstance(kind, Struct) or "additionalProperties" in contract.schema):
        raise Unfit("fields that the contract does not name")
    if len({name.lower() for name in [*names, *unnamed]}) < len(names) + len(unnamed):
        raise Unfit("fields whose names differ by case alone")
    return unnamed


def _extra(attributes: list[str], fields: list[str]) -> str:
    """SQL of the `extra` column: attributes and fields that have no column of their own, as JSON."""
    if not attributes and not fields:
        return "CAST(NULL AS VARCHAR)"
    members = []
    if attributes:
        pairs = ", ".join(f"{literal(name)}, r.{quoted(name)}" for name in attributes)
        members.append(f"'attributes', json_object({pairs})")
    if fields:
        pairs = ", ".join(f"{literal(name)}, r.data.{quoted(name)}" for name in fields)
        members.append(f"'data', json_object({pairs})")
    return f"CAST(json_object({', '.join(members)}) AS VARCHAR)"
