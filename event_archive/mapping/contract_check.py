"""A mapping held against its contracts while it is read: what every record would be refused for.

Belongs here: types, actors and fields that a contract can't take, each with its line and what to write.
Not here: what a schema says (`field_schemas`), and records, which are validated as they land.

Only what is surely wrong is an error: a copied field may hold anything, and an open contract takes any name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import jsonschema_rs

from event_archive.errors import UnusableInput
from event_archive.limits import Limits
from event_archive.mapping.field_schemas import (
    accepted_kinds,
    applying,
    declared_fields,
    field_schemas,
    formats,
    required_fields,
)
from event_archive.mapping.mapping import Mapping as RecordMapping
from event_archive.mapping.mapping import load_mapping
from event_archive.mapping.rule import MappingRule
from event_archive.registry.column_types import Schema
from event_archive.registry.contract import Contract
from event_archive.registry.data_schema import validator
from event_archive.registry.yaml_file import Entry

NUMBERS = frozenset({"integer", "fraction"})
GIVEN = {
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT"), frozenset({"integer"})
    ),
    **{
        "DOUBLE": NUMBERS,
        "DECIMAL": NUMBERS,
        "BOOLEAN": frozenset({"boolean"}),
        "VARCHAR[]": frozenset({"array"}),
    },
    **dict.fromkeys(
        ("VARCHAR", "DATE", "UUID", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"), frozenset({"string"})
    ),
}
"""The kinds of JSON value that DuckDB's types become; of others nothing is known."""
ADVICE = {
    frozenset({"string"}): "CAST it to VARCHAR",
    frozenset({"integer"}): "CAST it to BIGINT",
    NUMBERS: "CAST it to DECIMAL(18, 2), for one",
    frozenset({"boolean"}): "CAST it to BOOLEAN, or compare it",
}
MOMENT = "date-time"
WRITTEN_AS = {"DATE": "date", "UUID": "uuid", "TIMESTAMP": MOMENT, "TIMESTAMP WITH TIME ZONE": MOMENT}
TIMES = frozenset({"VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", '"NULL"'})


def load_checked_mapping(
    path: Path, contracts: Mapping[str, Contract], limits: Limits | None = None
) -> RecordMapping:
    """Read a mapping file, and hold it against contracts; raises UnusableInput."""
    mapping = load_mapping(path, limits)
    check_contracts(mapping, contracts)
    return mapping


def check_contracts(mapping: RecordMapping, contracts: Mapping[str, Contract]) -> None:
    """Raise UnusableInput where a rule gives what its contract can never take: file, line, what to write."""
    for rule in mapping.rules:
        if rule.type is not None:
            _check_rule(rule, rule.type, contracts)


def _check_rule(rule: MappingRule, event_type: str, contracts: Mapping[str, Contract]) -> None:
    contract = contracts.get(event_type)
    if contract is None:
        near = _meant(event_type, contracts) or f"write its contract, {event_type}.yaml, or correct the type"
        raise rule.entry.rejected(f"rule {rule.name}: there is no contract for {event_type}; {near}")
    _check_actor(rule, contract)
    time = rule.scope.kinds.get("time", "VARCHAR")
    if time not in TIMES:
        raise rule.fields["time"].rejected(
            f"rule {rule.name}: time gives {time}, and is a moment; read it as one"
        )
    root = contract.schema
    check = _DataCheck(rule, contract)
    check.fields(rule.data, rule.entry, list(applying(root, root)), "data")


def _check_actor(rule: MappingRule, contract: Contract) -> None:
    entry = rule.fields["actor"]
    names = [*(entry.fields or {})]
    if names == ["$constant"]:
        names = [str(entry.plain()["$constant"]).partition("/")[0]]
    if names and names[0] not in contract.actor_types:
        allowed = " or ".join(contract.actor_types)
        near = _meant(names[0], contract.actor_types) or f"write {{{contract.actor_types[0]}: …}}"
        why = f"the actor of {contract.type} is of type {allowed}, and not {names[0]}"
        raise entry.rejected(f"rule {rule.name}: {why}; {near}")


@dataclass(frozen=True)
class _DataCheck:
    rule: MappingRule
    contract: Contract

    def fields(
        self, entries: Mapping[str, Entry], around: Entry, schemas: Sequence[Schema], place: str
    ) -> None:
        """Check the fields of an object, for which these schemas hold."""
        for name, entry in entries.items():
            parts: list[Any] = []
            for schema in schemas:
                found = field_schemas(schema, name)
                if found is None:
                    there = [other for other in declared_fields(schemas) if other not in entries]
                    near = _meant(name, there) or "name one that it has, or leave it out"
                    raise self.wrong(entry, f"{place}.{name}: {self.contract.type} has no such field; {near}")
                parts += found
            self.value(entry, parts, f"{place}.{name}")
        for name in required_fields(schemas):
            if name not in entries:
                near = _meant(name, set(entries) - {*declared_fields(schemas)}, "did you write it as {}?")
                what = f"{self.contract.type} requires {place}.{name}, which no entry gives"
                raise self.wrong(around, f"{what}; {near or 'add it'}")

    def value(self, entry: Entry, parts: Sequence[Any], place: str) -> None:
        """Check one value, for which these schemas hold."""
        if entry.fields is not None and "$constant" in entry.fields:
            self.constant(entry.fields["$constant"], parts, place)
        elif entry.fields is not None and "$value" in entry.fields:
            self.value(entry.fields["$value"], parts, place)
        elif entry.fields is not None and "$each" in entry.fields:
            items = [
                schema["items"]
                for schema in self.all(parts)
                if "items" in schema and "prefixItems" not in schema
            ]
            self.value(entry.fields["$as"], items, f"{place}[]")
        elif entry.fields is not None:
            self.kinds(entry, "an object", frozenset({"object"}), parts, place)
            self.fields(entry.fields, entry, self.all(parts), place)
        else:
            self.typed(entry, self.rule.scope.kinds.get(place, ""), parts, place)

    def typed(self, entry: Entry, sql_type: str, parts: Sequence[Any], place: str) -> None:
        """Check an expression by its type; a copied field has none."""
        kinds = GIVEN.get(sql_type.partition("(")[0])
        if kinds is None:
            return
        self.kinds(entry, sql_type, kinds, parts, place)
        written = WRITTEN_AS.get(sql_type)
        for wanted in formats(self.all(parts)) if written else ():
            if wanted != written:
                raise self.wrong(
                    entry,
                    f"{place}: gives {sql_type}, and {self.contract.type} has a {wanted} there; CAST it",
                )

    def kinds(self, entry: Entry, what: str, given: frozenset[str], parts: Sequence[Any], place: str) -> None:
        """Check what kind of value is given."""
        for part in parts:
            accepted = accepted_kinds(part, self.contract.schema)
            if not given & accepted:
                taken = " or ".join(sorted(accepted)).replace("fraction or integer", "number") or "no value"
                advice = "correct it" if what == "an object" else ADVICE.get(accepted, "correct it")
                raise self.wrong(
                    entry, f"{place}: gives {what}, and {self.contract.type} takes {taken}; {advice}"
                )

    def constant(self, entry: Entry, parts: Sequence[Any], place: str) -> None:
        """Check a constant: it is the same in every event, so the contract itself judges it."""
        held = {
            name: self.contract.schema[name]
            for name in ("$defs", "definitions")
            if name in self.contract.schema
        }
        for part in parts:
            try:
                faults = [
                    fault.message for fault in validator({**held, "allOf": [part]}).iter_errors(entry.plain())
                ]
            except (ValueError, jsonschema_rs.ReferencingError):
                continue  # it points into another part of the schema
            if faults:
                raise self.wrong(entry, f"{place}: {self.contract.type} never takes it: {faults[0][:200]}")

    def all(self, parts: Iterable[Any]) -> list[Schema]:
        """Return all schemas that hold where these do."""
        return [schema for part in parts for schema in applying(part, self.contract.schema)]

    def wrong(self, entry: Entry, why: str) -> UnusableInput:
        """Return the error for what can't be used."""
        return entry.rejected(f"rule {self.rule.name}: {why}")


def _meant(name: str, known: Iterable[str], words: str = "did you mean {}?") -> str:
    near = get_close_matches(name, [*known], n=1, cutoff=0.75)
    return words.format(near[0]) if near else ""
