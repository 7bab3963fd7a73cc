"""One rule of a mapping: how a record becomes an event of one type, or why it is ignored.

Belongs here: the event's envelope and data, as one expression over a record's fields. Not here: how single
values are built (`mapped_values`), and which rule takes a record (`choice`).
"""

import re
from dataclasses import dataclass, field

from sqlglot import exp

from event_archive.envelope import (
    ATTRIBUTES,
    CORRECTIONS,
    INTEGER_ATTRIBUTES,
    OPTIONAL_COLUMNS,
    REVISION,
)
from event_archive.expressions.sql_tree import as_text, call, string
from event_archive.mapping.mapped_values import (
    RESERVED,
    build_typed,
    build_value,
    json_object,
    json_of_text,
    parse_entry,
)
from event_archive.mapping.scope import Fallible, Scope
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

ENTRIES_OF_A_RULE = frozenset({*MAPPED, "revision", "data"})
"""What a rule may have, and what all rules may share."""


@dataclass(frozen=True)
class MappingRule:
    """How the records that a rule is for become events of one type, or why they are ignored.

    `name`: the chosen value, or its number in a list of rules. `fields`: its own entries and the shared ones,
    `data` apart, by attribute; `data`: by field.
    """

    name: str
    type: str | None
    scope: Scope
    event: exp.Expr
    entry: Entry
    fields: dict[str, Entry] = field(default_factory=dict)
    data: dict[str, Entry] = field(default_factory=dict)
    ignore: str | None = None


def build_rule(name: str, entry: Entry, shared: dict[str, Entry], scope: Scope) -> MappingRule:
    """Return a rule; `shared`: the entries that all rules share. Raises UnusableInput."""
    if entry.fields and "ignore" in entry.fields:
        return _ignoring_rule(name, entry, scope)
    own = entry.only({*ENTRIES_OF_A_RULE, "type", "when"}, {"type"}, f"rule {name}")
    if "when" in own and not name.isdigit():
        raise own["when"].rejected("when stands in a list of rules; here, choose picks the rule")
    event_type = re.fullmatch(EVENT_TYPE, own["type"].text)
    if not event_type:
        raise own["type"].rejected(f"{own['type'].text!r} is no event type such as repo.starred.v1")
    object_type, verb, _ = event_type.groups()
    fields = {**shared, **own}
    if missing := [attribute for attribute in REQUIRED if attribute not in fields]:
        raise entry.rejected(f"rule {name} needs {', '.join(missing)}, here or under event")
    parts: list[tuple[str, exp.Expr]] = [
        ("specversion", string('"1.0"')),
        ("type", string(own["type"].json())),
        ("verb", string(f'"{verb}"')),
    ]
    for attribute in MAPPED:
        if attribute in fields:
            parts.append((attribute, _attribute(attribute, fields[attribute], object_type, scope)))
    if "revision" in fields:
        parts = _revised(parts, fields, scope)
    data = {**_data(shared.get("data")), **_data(own.get("data"))}
    members = [(member, build_value(part, scope, f"data.{member}")) for member, part in data.items()]
    parts.append(("data", json_object(members, keep_empty=True)))
    event = json_object(parts, keep_empty=True)
    del fields["type"]
    fields.pop("data", None)
    fields.pop("when", None)
    return MappingRule(name, own["type"].text, scope, event, entry, fields, data)


def _revised(
    parts: list[tuple[str, exp.Expr]], fields: dict[str, Entry], scope: Scope
) -> list[tuple[str, exp.Expr]]:
    """Return the parts of an event that is a revision: its id has the number, it corrects the plain id."""
    for attribute in CORRECTIONS:
        if attribute in fields:
            raise fields["revision"].rejected(
                f"a revision corrects the ones before it; leave {attribute} out"
            )
    entry = fields["revision"]
    built = build_typed(entry, scope, "revision")
    number = call("epoch_us", built.value) if built.type.startswith("TIMESTAMP") else built.value
    # Made to fail where it is none, by a cast that no such value survives.
    written = call("coalesce", as_text(number), string("nothing"))
    whole = as_text(exp.cast(written, exp.DataType.build("UBIGINT", dialect="duckdb")))
    wanted = "revision: a whole number from 0, or a time (CAST(updated_at AS TIMESTAMPTZ)), is wanted, not "
    scope.fallible.append(Fallible("revision", whole, exp.DPipe(this=string(wanted), expression=written)))
    values = dict(parts)
    plain = call("json_extract_string", values["id"], string("$"))
    values["id"] = json_of_text(call("concat", plain, string(REVISION), whole))
    return [*values.items(), ("corrects", json_of_text(plain))]


def _ignoring_rule(name: str, entry: Entry, scope: Scope) -> MappingRule:
    reason = entry.only({"ignore", "when"}, {"ignore"}, f"rule {name}, which ignores,")["ignore"]
    if reason.fields is not None or reason.items is not None or not reason.text.strip():
        raise reason.rejected('ignore says why these records are no events, such as ignore: "a heartbeat"')
    return MappingRule(name, None, scope, exp.null(), entry, ignore=" ".join(reason.text.split()))


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
        hint = "; within { } an id that has a comma is quoted" if len(entry.fields or {}) > 1 else ""
        raise entry.rejected(f"{name} is written {{<type>: <id>}}, such as {{user: actor.login}}{hint}")
    if name == "object" and kind != object_type:
        raise entry.rejected(f"the object is a {object_type}, as the event type says, and not a {kind}")
    built = build_typed(part, scope, name)
    if parse_entry(part).path is None:
        scope.may_fail(name, built.value, built)
    return json_of_text(exp.DPipe(this=string(f"{kind}/"), expression=as_text(built.value)))
