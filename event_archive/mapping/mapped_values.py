"""Values of a mapping: how one `data` or attribute entry becomes a DuckDB expression that gives JSON text.

Belongs here: copies, expressions, constants, nested objects and `$each`, and what is absent and what is null.
Not here: reading fields (`scope`), which rule applies to a record, and the event's envelope, see `mapping`.

Every value is JSON text, or SQL NULL where the event has no such field.
"""

import json

import duckdb
from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.exact_tree import ExactTree
from event_archive.expressions.expression import Expression, parse_expression
from event_archive.expressions.own_functions import UTC_FORMAT
from event_archive.expressions.sql_tree import (
    Path,
    as_text,
    call,
    decimal_text,
    if_else,
    is_null,
    reference,
    string,
    transform,
)
from event_archive.mapping.scope import ROOTS, Fallible, Scope
from event_archive.registry.yaml_file import Entry

TEXT = "VARCHAR"
RESERVED = {"$value", "$missing", "$constant", "$each", "$as"}
JSON_TEXT = {"VARCHAR", "VARCHAR[]", "BOOLEAN", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "DATE", "UUID"}
"""Types whose `to_json` is what the JSON should be. Times, decimals and floats need care."""


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
        return parse_expression(entry.text, ROOTS)
    except UnusableInput as error:
        raise entry.rejected(str(error)) from None


def parse_field(entry: Entry, otherwise: str) -> Path:
    """Return the path of an entry that is a field alone; raises UnusableInput, which says what else to do."""
    path = parse_entry(entry).path
    if path is None:
        raise entry.rejected(otherwise)
    return path


def build_typed(entry: Entry, scope: Scope, place: str) -> ExactTree:
    """Return an entry's expression and its DuckDB type; raises UnusableInput."""
    expression = parse_entry(entry)
    try:
        if expression.path is not None:
            text = scope.text(expression.path)
            built = ExactTree(text, TEXT, None, {expression.path: text})  # no engine has to be asked
        else:
            built = expression.compile(scope.text, scope.types, place)
    except UnusableInput as error:
        raise entry.rejected(str(error)) from None
    except duckdb.Error as error:
        lines = str(error).splitlines()
        hint = (
            "; a field in an expression is text, CAST it to compute with it" if "cast" in str(error) else ""
        )
        raise entry.rejected(f"expression `{expression.text}`: {lines[0]}{hint}") from None
    scope.kinds[place] = built.type
    return built


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
        try:
            return as_text(scope.json(expression.path))
        except UnusableInput as error:
            raise entry.rejected(str(error)) from None
    built = build_typed(entry, scope, place)
    if built.json is None:
        result = _json(entry, built.value, built.type)
    else:  # a copy, as that of a field, of any type
        result = built.json
        del scope.kinds[place]
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
    if kind.startswith("DECIMAL"):
        return decimal_text(tree)
    if kind in JSON_TEXT or kind == '"NULL"':
        return as_text(call("to_json", tree))
    raise entry.rejected(f"expression `{entry.text}` gives {kind}, which JSON does not have; CAST it")


def _each(entry: Entry, scope: Scope, place: str) -> exp.Expr:
    """Build a list from the elements of a list; what is not a list is copied, and left to the contract."""
    fields = entry.only({"$each", "$as"}, {"$each", "$as"}, place)
    items = scope.json(parse_field(fields["$each"], "$each takes a field, such as payload.commits"))
    inner = scope.inner()
    body = call("coalesce", build_value(fields["$as"], inner, f"{place}[]"), string("null"))
    element = f"the element {inner.depth}"
    elements = call("json_extract", items, string("$[*]"))
    extracted = transform(elements, element, inner.extracted(reference(element)))
    joined = call("array_to_string", transform(extracted, inner.name, body), string(","))
    mapped = exp.DPipe(this=exp.DPipe(this=string("["), expression=joined), expression=string("]"))
    is_list = exp.EQ(this=call("json_type", items), expression=string("ARRAY"))
    # Lambdas inside of CASE take the engine twice as long; of what is absent, both are NULL.
    result = call("coalesce", if_else(is_list, exp.null(), as_text(items)), mapped)
    if inner.fallible:
        whys = transform(extracted, inner.name, inner.why())
        scope.fallible.append(
            Fallible(place, result, if_else(is_list, call("list_any_value", whys), exp.null()))
        )
    return result
