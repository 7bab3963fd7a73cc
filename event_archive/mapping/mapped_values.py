"""Values of a mapping: how one `data` or attribute entry becomes a DuckDB expression that gives JSON text.

Belongs here: copies, expressions, constants, nested objects and `$each`, and what is absent and what is
null. Not here: which rule applies to a record, and the event's envelope, see `mapping`.

Every value is JSON text, or SQL NULL where the event has no such field. Fields are read from one list that
one pass over the record extracts: parsing a record once per field is what costs time here.
"""

import json
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.binder import Binder, Types
from event_archive.expressions.exact_tree import ExactTree
from event_archive.expressions.expression import Expression, Path, parse_expression
from event_archive.expressions.sql_tree import (
    as_text,
    call,
    if_else,
    is_null,
    let,
    reference,
    string,
    transform,
)
from event_archive.mapping.json_numbers import READ_TEXT
from event_archive.registry.yaml_file import Entry

RESERVED = {"$value", "$missing", "$constant", "$each", "$as"}
UTC_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
JSON_TEXT = {"VARCHAR", "VARCHAR[]", "BOOLEAN", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "DATE", "UUID"}
"""Types whose `to_json` is what the JSON should be; DECIMAL(…) too. Times and floats need care."""


@dataclass
class Scope:
    """The fields that are read from one record (or list element), extracted together into one list."""

    binder: Binder
    depth: int = 0
    pointers: list[str] = field(default_factory=list)
    fallible: list["Fallible"] = field(default_factory=list)
    """Every value that can fail on a record; copies can't."""

    @property
    def name(self) -> str:
        """The name of the list in the SQL."""
        return _fields(self.depth)

    def json(self, path: Path) -> exp.Expr:
        """Build a field as JSON: SQL NULL where it is absent, JSON null where it is null."""
        steps = [str(step - 1) if isinstance(step, int) else step for step in path]
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
        if pointer not in self.pointers:
            self.pointers.append(pointer)
        position = exp.Literal.number(self.pointers.index(pointer) + 1)
        return call("list_extract", reference(self.name), position)

    def text(self, path: Path) -> exp.Expr:
        """Build a field as text: SQL NULL where it is absent or null."""
        return call(READ_TEXT, self.json(path), string("$"))

    def why(self) -> exp.Expr:
        """Build the reason why a value over these fields fails: that of the first that fails."""
        cases = [
            exp.If(this=is_null(call("try", exp.Array(expressions=[part.value]))), true=part.reason())
            for part in self.fallible
        ]
        return exp.Case(ifs=cases) if cases else exp.null()

    def may_fail(self, place: str, value: exp.Expr, built: ExactTree) -> None:
        """Note a value that can fail on a record, and why it would."""
        why = None if built.why is None else exp.DPipe(this=string(f"{place}: "), expression=built.why)
        self.fallible.append(Fallible(place, value, why))

    def tried(self, record: exp.Expr, body: exp.Expr) -> exp.Expr:
        """Build `body` over this scope's fields, extracted from the record in one pass; NULL where it fails.

        It is tried within the lambda, out of which the engine moves nothing (see `sql_text.tried`), and the
        record around it, which may be no JSON.
        """
        return call("try", let(self.name, self.extracted(record), call("try", body)))

    def extracted(self, record: exp.Expr) -> exp.Expr:
        """Build the list of this scope's fields."""
        pointers = [string(pointer) for pointer in self.pointers or [""]]
        return call("json_extract", record, exp.Array(expressions=pointers))

    @property
    def types(self) -> Types:
        """What answers for the types of expressions over these fields."""
        return self.binder.over({_fields(depth): "JSON[]" for depth in range(self.depth + 1)})


@dataclass(frozen=True)
class Fallible:
    """A value that can fail on a record: its place, the expression, and a text that says where and why."""

    place: str
    value: exp.Expr
    why: exp.Expr | None

    def reason(self) -> exp.Expr:
        """Build the reason, for a record on which the value fails."""
        unknown = string(f"the expression of {self.place} fails on this record")
        return unknown if self.why is None else call("coalesce", call("try", self.why), unknown)


def _fields(depth: int) -> str:
    return f"the fields {depth}"  # a name that no column has


def json_of_text(value: exp.Expr) -> exp.Expr:
    """Build the JSON string of a text."""
    return as_text(call("to_json", value))


def json_object(parts: list[tuple[str, exp.Expr]], *, keep_empty: bool) -> exp.Expr:
    """Build a JSON object of those parts that are there; one without any is there only if `keep_empty`."""
    members = [
        exp.DPipe(this=string(json.dumps(name, ensure_ascii=False) + ":"), expression=value)
        for name, value in parts
    ]
    joined = call("concat_ws", string(","), *members) if members else string("")
    braced = call("concat", string("{"), joined, string("}"))
    return braced if keep_empty else call("nullif", braced, string("{}"))


def parse_entry(entry: Entry) -> Expression:
    """Return an entry as an expression; raises UnusableInput."""
    if entry.fields is not None or entry.items is not None or entry.constant is None:
        raise entry.rejected("here stands an expression, such as actor.login; a constant is {$constant: …}")
    try:
        return parse_expression(entry.text)
    except UnusableInput as error:
        raise entry.rejected(str(error)) from None


def build_typed(entry: Entry, scope: Scope, place: str) -> ExactTree:
    """Return an entry's expression and its DuckDB type; raises UnusableInput."""
    expression = parse_entry(entry)
    try:
        return expression.compile(scope.text, scope.types, place)
    except UnusableInput as error:
        raise entry.rejected(str(error)) from None
    except duckdb.Error as error:
        lines = str(error).splitlines()
        hint = (
            "; a field in an expression is text, CAST it to compute with it" if "cast" in str(error) else ""
        )
        raise entry.rejected(f"expression `{expression.text}`: {lines[0]}{hint}") from None


def build_value(entry: Entry, scope: Scope, place: str) -> exp.Expr:
    """Build the JSON text of an entry: a field, an expression, an object, or one of the `$` forms."""
    if entry.items is not None:
        raise entry.rejected("a list is written {$each: …, $as: …} or {$constant: […]}")
    if entry.fields is None:
        return _scalar(entry, scope, place)
    if not any(name.startswith("$") for name in entry.fields):
        parts = [(name, build_value(part, scope, f"{place}.{name}")) for name, part in entry.fields.items()]
        return json_object(parts, keep_empty=False)
    if "$constant" in entry.fields:
        constant = entry.only({"$constant"}, {"$constant"}, place)["$constant"]
        return string(constant.json())
    if "$each" in entry.fields:
        return _each(entry, scope, place)
    fields = entry.only({"$value", "$missing"}, {"$value", "$missing"}, place)
    missing = fields["$missing"]
    if missing.text not in ("null", "omit") or missing.fields or missing.items:
        raise missing.rejected("$missing is null or omit")
    null = string("null")
    return call(
        "coalesce" if missing.text == "null" else "nullif", build_value(fields["$value"], scope, place), null
    )


def _scalar(entry: Entry, scope: Scope, place: str) -> exp.Expr:
    expression = parse_entry(entry)
    if expression.path is not None:
        return as_text(scope.json(expression.path))
    built = build_typed(entry, scope, place)
    result = _json(entry, built.value, built.type)
    scope.may_fail(place, result, built)
    return result


def _json(entry: Entry, tree: exp.Expr, kind: str) -> exp.Expr:
    if kind == "TIMESTAMP WITH TIME ZONE":
        tree, kind = call("timezone", string("UTC"), tree), "TIMESTAMP"
    if kind == "TIMESTAMP":
        return json_of_text(call("strftime", tree, string(UTC_FORMAT)))
    if kind == "DOUBLE":  # NaN and infinity are no JSON: made to fail, by a cast that no such value survives
        failing = as_text(exp.cast(as_text(tree), exp.DataType.build("BIGINT")))
        finite = exp.Or(this=is_null(tree), expression=call("isfinite", tree))
        return if_else(finite, as_text(call("to_json", tree)), failing)
    if kind in JSON_TEXT or kind.startswith("DECIMAL") or kind == '"NULL"':
        return as_text(call("to_json", tree))
    raise entry.rejected(f"expression `{entry.text}` gives {kind}, which JSON does not have; CAST it")


def _each(entry: Entry, scope: Scope, place: str) -> exp.Expr:
    """Build a list from the elements of a list; what is not a list is copied, and left to the contract."""
    fields = entry.only({"$each", "$as"}, {"$each", "$as"}, place)
    source = parse_entry(fields["$each"])
    if source.path is None:
        raise fields["$each"].rejected("$each takes a field, such as payload.commits")
    items = scope.json(source.path)
    inner = Scope(scope.binder, scope.depth + 1)
    body = call("coalesce", build_value(fields["$as"], inner, f"{place}[]"), string("null"))
    element = f"the element {inner.depth}"
    elements = call("json_extract", items, string("$[*]"))
    extracted = transform(elements, element, inner.extracted(reference(element)))
    joined = call("array_to_string", transform(extracted, inner.name, body), string(","))
    mapped = call("concat", string("["), joined, string("]"))
    is_list = exp.EQ(this=call("json_type", items), expression=string("ARRAY"))
    result = if_else(is_list, mapped, as_text(items))
    if inner.fallible:
        whys = transform(extracted, inner.name, inner.why())
        scope.fallible.append(
            Fallible(place, result, if_else(is_list, call("list_any_value", whys), exp.null()))
        )
    return result
