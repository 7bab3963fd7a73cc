"""Mappings: how a JSON record of another form becomes an event, by one YAML file compiled to DuckDB SQL.

Belongs here: the file's rules, the event's envelope, and the SQL that maps a record or says why it can't.
Not here: how single values are built (`mapped_values`), YAML (`mapping_file`), and landing.

A record that fails gives NULL and a reason, never an error: one bad record must not stop the batch.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from event_archive.envelope import ATTRIBUTES, INTEGER_ATTRIBUTES, OPTIONAL_COLUMNS
from event_archive.expressions.binder import Binder
from event_archive.expressions.sql_tree import as_text, call, if_else, is_null, let, reference, string
from event_archive.limits import Limits
from event_archive.mapping.json_numbers import unmark_read_texts
from event_archive.mapping.mapped_values import (
    RESERVED,
    Scope,
    build_typed,
    build_value,
    json_object,
    json_of_text,
    parse_entry,
)
from event_archive.mapping.mapping_file import read_mapping_file
from event_archive.registry.text_formats import EVENT_TYPE
from event_archive.registry.yaml_file import Entry

NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
REQUIRED = tuple(
    attribute.name
    for attribute in ATTRIBUTES
    if attribute.is_required and not attribute.is_constant and attribute.name != "data"
)
MAPPED = (*REQUIRED, *OPTIONAL_COLUMNS)
"""The attributes that a mapping gives, in the order in which they are written."""

CHOSEN = "the chosen"  # a name that no column has


@dataclass(frozen=True)
class MappingRule:
    """How the records with one chosen value become events of one type."""

    chosen: str
    type: str
    scope: Scope
    event: exp.Expr


@dataclass(frozen=True)
class Mapping:
    """A checked mapping. `sql` maps a record; `reason_sql` says why `sql` gave NULL for it.

    Both can be asked for records whose numbers are `marked`. `digest`: the SHA-256 of its file, in the log.
    """

    digest: str
    choice: "Choice"
    rules: tuple[MappingRule, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The event types that this mapping can give."""
        return tuple(sorted({rule.type for rule in self.rules}))

    def sql(self, column: str, *, marked: bool = False) -> str:
        """Return the DuckDB expression from a JSON text column to the event's JSON text, NULL where none."""
        record = reference(column)
        mapped = [
            exp.If(this=string(rule.chosen), true=rule.scope.tried(record, rule.event)) for rule in self.rules
        ]
        event = self.choice.over(record, exp.Case(this=reference(CHOSEN), ifs=mapped))
        return _written(event, marked=marked)

    def reason_sql(self, column: str, *, marked: bool = False) -> str:
        """Return the DuckDB expression that says in one line why `sql` gives NULL (meaningless elsewhere)."""
        record, chosen = reference(column), reference(CHOSEN)
        shown = as_text(call("to_json", call("left", chosen, exp.Literal.number(100))))
        unknown = call("concat", string(f"no rule for {self.choice.text} "), shown)
        failures = [
            exp.If(this=string(rule.chosen), true=build_failure(rule.chosen, rule.scope, record))
            for rule in self.rules
        ]
        nothing = self.choice.why_nothing(record)
        cases = exp.Case(this=chosen, ifs=failures, default=if_else(is_null(chosen), nothing, unknown))
        return _written(self.choice.over(record, cases), marked=marked)


def _written(tree: exp.Expr, *, marked: bool) -> str:
    return str((unmark_read_texts(tree) if marked else tree).sql("duckdb"))


@dataclass(frozen=True)
class Choice:
    """The value by which a rule is chosen, and the expression that it was written as."""

    text: str
    scope: Scope
    value: exp.Expr

    def over(self, record: exp.Expr, body: exp.Expr) -> exp.Expr:
        """Build `body` over the chosen value, which is read once and not once per rule."""
        return let(CHOSEN, self.scope.tried(record, self.value), body)

    def why_nothing(self, record: exp.Expr) -> exp.Expr:
        """Build the reason why there is no value to choose by."""
        nothing = string(f"nothing at {self.text}, by which a rule is chosen")
        return call("coalesce", self.scope.tried(record, self.scope.why()), nothing)


def build_choice(entry: Entry, binder: Binder) -> Choice:
    """Return what a file chooses its rules by; raises UnusableInput."""
    scope = Scope(binder)
    built = build_typed(entry, scope, "choose")
    value = as_text(built.value)
    if parse_entry(entry).path is None:
        scope.may_fail("choose", value, built)
    return Choice(entry.text, scope, value)


def load_mapping(path: Path, limits: Limits | None = None) -> Mapping:
    """Read and check a mapping file; raise UnusableInput with one line that names file, line and reason.

    `limits` bound the engine that finds the types of expressions.
    """
    entry, digest = read_mapping_file(path)
    fields = entry.only({"description", "choose", "event", "rules"}, {"choose", "rules"}, "a mapping")
    shared = fields["event"].only({*MAPPED, "data"}, set(), "event") if "event" in fields else {}
    rules = fields["rules"]
    if not rules.fields:
        raise rules.rejected("rules must be a mapping from a chosen value to its rule, with at least one")
    with Binder(limits) as binder:
        choice = build_choice(fields["choose"], binder)
        compiled = [_rule(chosen, rule, shared, Scope(binder)) for chosen, rule in rules.fields.items()]
    return Mapping(digest, choice, tuple(compiled))


def _rule(chosen: str, entry: Entry, shared: dict[str, Entry], scope: Scope) -> MappingRule:
    own = entry.only({*MAPPED, "type", "data"}, {"type"}, f"rule {chosen}")
    event_type = re.fullmatch(EVENT_TYPE, own["type"].text)
    if not event_type:
        raise own["type"].rejected(f"{own['type'].text!r} is no event type such as repo.starred.v1")
    object_type, verb, _ = event_type.groups()
    fields = {**shared, **own}
    if missing := [name for name in REQUIRED if name not in fields]:
        raise entry.rejected(f"rule {chosen} needs {', '.join(missing)}, here or under event")
    parts: list[tuple[str, exp.Expr]] = [
        ("specversion", string('"1.0"')),
        ("type", string(own["type"].json())),
        ("verb", string(f'"{verb}"')),
    ]
    for name in MAPPED:
        if name in fields:
            parts.append((name, _attribute(name, fields[name], object_type, scope)))
    data = {**_data(shared.get("data")), **_data(own.get("data"))}
    members = [(name, build_value(part, scope, f"data.{name}")) for name, part in data.items()]
    parts.append(("data", json_object(members, keep_empty=True)))
    return MappingRule(chosen, own["type"].text, scope, json_object(parts, keep_empty=True))


def _data(entry: Entry | None) -> dict[str, Entry]:
    if entry is None:
        return {}
    if entry.fields is None or any(name in RESERVED for name in entry.fields):
        raise entry.rejected("data must be a mapping from field names to values")
    return entry.fields


def _attribute(name: str, entry: Entry, object_type: str, scope: Scope) -> exp.Expr:
    """Build an attribute of the envelope."""
    if name in INTEGER_ATTRIBUTES or (entry.fields is not None and "$constant" in entry.fields):
        return build_value(entry, scope, name)
    if name in ("actor", "object") and entry.fields is not None:
        return _named(name, entry, object_type, scope)
    built = build_typed(entry, scope, name)
    if name == "time" and built.type != "VARCHAR":
        return build_value(entry, scope, name)
    if parse_entry(entry).path is None:
        scope.may_fail(name, built.value, built)
    return json_of_text(built.value if built.type == "VARCHAR" else as_text(built.value))


def _named(name: str, entry: Entry, object_type: str, scope: Scope) -> exp.Expr:
    """Build `<type>/<id>` of an actor or object that is written {<type>: <id>}."""
    [(kind, part)] = (entry.fields or {}).items() if len(entry.fields or {}) == 1 else [("", entry)]
    if not NAME.fullmatch(kind):
        raise entry.rejected(f"{name} is written {{<type>: <id>}}, such as {{user: actor.login}}")
    if name == "object" and kind != object_type:
        raise entry.rejected(f"the object is a {object_type}, as the event type says, and not a {kind}")
    built = build_typed(part, scope, name)
    if parse_entry(part).path is None:
        scope.may_fail(name, built.value, built)
    return json_of_text(exp.DPipe(this=string(f"{kind}/"), expression=as_text(built.value)))


def build_failure(chosen: str, scope: Scope, record: exp.Expr) -> exp.Expr:
    """Build the reason why a rule failed: that of the first value that fails when it is tried alone."""
    otherwise = string(f"rule {chosen} fails on this record")
    if not scope.fallible:
        return otherwise
    known = exp.DPipe(this=string(f"rule {chosen}: "), expression=scope.why())
    return call("coalesce", scope.tried(record, known), otherwise)
