"""Expressions that are exact: every cast, written or implied, keeps its value or fails on its row.

Belongs here: the tree in which each cast is exact, and the tree that says why a row fails. Not here: the SQL
of one cast (`exact_cast`), which casts are implied (`implied_casts`) and what an expression may say
(`expression`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.binder import Types
from event_archive.expressions.constant_words import check_escape, check_words
from event_archive.expressions.exact_cast import ZONE, exact_sql, lenient_sql, reason_sql
from event_archive.expressions.implied_casts import (
    NULL,
    Implied,
    chosen_from,
    compared,
    conditions,
    implied_casts,
)
from event_archive.expressions.own_arguments import JSON, Argument, OwnFunction
from event_archive.expressions.own_functions import OwnTypes, own_function
from event_archive.expressions.own_json import as_written
from event_archive.expressions.sql_tree import (
    READ_JSON,
    Path,
    as_text,
    call,
    if_else,
    json_of,
    let,
    own_sql,
    text_of,
)
from event_archive.sql_text import quoted

VALUE = "the value"  # a name that no column has

Made = tuple[exp.Expr, exp.Expr | None]
"""A node with exact casts, and why it fails: a text, or NULL on rows where that is not known."""


@dataclass(frozen=True)
class ExactTree:
    """An expression whose casts are exact, its type, why it fails, and the fields that it reads.

    `json`: the JSON text of its value, where that is JSON and the value its text.
    """

    value: exp.Expr
    type: str
    why: exp.Expr | None
    reads: Mapping[Path, exp.Expr] = field(default_factory=dict)
    json: exp.Expr | None = None


def make_exact(tree: exp.Expr, types: Types, place: str) -> ExactTree:
    """Return an expression with exact casts; `place` is what a failing row calls it.

    Raises duckdb.Error where it has no type, and UnusableInput where one of its constants can't be used.
    """
    known = OwnTypes(types)
    kind = known.type_of(tree)
    exact = _Exact(known, place)
    value, why = exact.made(tree)
    json = exact.json(tree) if own_function(tree) else None
    if any(own_function(node) for node in tree.walk()):
        types.type_of(value)  # so that what can't be bound is found here, and not over the first records
    return ExactTree(value, kind, why, json=json and as_written(as_text(json[0]), tree))


@dataclass(frozen=True)
class _Exact:
    types: Types
    place: str

    def made(self, node: exp.Expr) -> Made:
        """Return a node with exact casts."""
        if isinstance(node, (exp.Cast, exp.TryCast)):
            return self.cast(node)
        if isinstance(node, exp.Case):
            return self.case(node)
        name = str(node.this) if isinstance(node, exp.Anonymous) else ""
        if function := own_function(node):
            return self.own(node, function)
        check_words(node, name, self.types)
        check_escape(node)
        implied = implied_casts(node, name, self.types)
        whys: list[exp.Expr | None] = []

        def part(child: exp.Expr) -> exp.Expr:
            value, why = self.operand(child, implied)
            whys.append(why)
            return value

        parts = {key: _each(argument, part) for key, argument in node.args.items()}
        if name == "nullif" and implied:  # it compares as another type than it gives
            first, second = parts["expressions"]
            unchanged, _ = self.made(node.expressions[0])
            return if_else(exp.EQ(this=first, expression=second), exp.null(), unchanged), _first(*whys)
        return type(node)(**parts), _first(*whys)

    def own(self, node: exp.Expr, function: OwnFunction) -> Made:
        """Return a call of a function of ours; the JSON value that one gives is read as text."""
        value, why = self.own_value(node, function)
        return (as_written(text_of(value), node) if function.gives_json else value), why

    def own_value(self, node: exp.Expr, function: OwnFunction) -> Made:
        """Return a call of a function of ours, as the SQL that it is."""
        name, arguments, whys = str(node.this), [], []
        for position, child in enumerate(node.expressions):
            json = self.json(child) if position < function.takes_json else None
            kind = JSON if json is not None else self.types.type_of(child)
            is_zone = name == "timezone" and position == 0 and kind == "VARCHAR"
            value, why = json or self.operand(child, {id(child): ZONE} if is_zone else {})
            if json is not None and not function.gives_json:
                value = as_written(call(READ_JSON, value), child)
            arguments.append(Argument(value, kind))
            whys.append(why)
        own = function.make(name, arguments)
        gives = JSON if function.gives_json else function.gives([argument.type for argument in arguments])
        value, why = own.trees(arguments, self.place, gives)
        if why is not None and node.find(exp.Column) is None and self.types.failure(value):
            given = ", ".join(child.sql("duckdb") for child in node.expressions)
            raise UnusableInput(f"{name} can't use {given}; correct it")
        return value, _first(*whys, why)

    def json(self, node: exp.Expr) -> Made | None:
        """Return the JSON value that a node has before it is read as text; None where it has none."""
        if (field_json := json_of(node)) is not None:
            return field_json, None
        function = own_function(node)
        return self.own_value(node, function) if function and function.gives_json else None

    def cast(self, node: exp.Cast | exp.TryCast) -> Made:
        """Return a written cast; TRY_CAST gives NULL where CAST fails."""
        value, why = self.made(node.this)
        given = self.types.type_of(node.this)
        wanted = self.types.type_of(exp.Cast(this=exp.null(), to=node.args["to"]))
        if wanted in ("VARCHAR", given) or given == NULL:
            return type(node)(this=value, to=node.args["to"]), why
        if isinstance(node, exp.TryCast):
            return let(VALUE, value, own_sql(lenient_sql(quoted(VALUE), given, wanted))), why
        return self.exact((value, why), given, wanted)

    def exact(self, made: Made, given: str, wanted: str) -> Made:
        """Return a value as another type."""
        value, why = made
        reason = let(VALUE, value, own_sql(reason_sql(quoted(VALUE), given, wanted)))
        exact = let(VALUE, value, own_sql(exact_sql(quoted(VALUE), given, wanted, self.place)))
        return exact, _first(why, reason)

    def operand(self, node: exp.Expr, implied: Implied) -> Made:
        """Return an operand as the type that is implied for it."""
        made = self.made(node)
        wanted = implied.get(id(node))
        if wanted is None:
            return made
        exact, why = self.exact(made, self.types.type_of(node), wanted)
        if node.find(exp.Column) is None and self.types.failure(exact):
            meant = "no time zone" if wanted == ZONE else f"not exactly a {wanted}"
            raise UnusableInput(f"{node.sql('duckdb')} is {meant}; correct it")
        return exact, why

    def case(self, node: exp.Case) -> Made:
        """Return a CASE; it fails as the branch does that a row takes."""
        branches, default = node.args["ifs"], node.args.get("default") or exp.null()
        asked = [branch.this for branch in branches]
        implied = chosen_from([*(branch.args["true"] for branch in branches), default], self.types)
        if node.this is None:
            implied |= conditions(asked, self.types)
            subject, why_subject = None, None
        else:
            implied |= compared([node.this, *asked], self.types)
            subject, why_subject = self.operand(node.this, implied)
        otherwise, why = self.operand(default, implied)
        ifs = []
        for branch in reversed(branches):
            condition, why_condition = self.operand(branch.this, implied)
            result, why_result = self.operand(branch.args["true"], implied)
            ifs.append(exp.If(this=condition, true=result))
            if why is not None or why_result is not None:
                test = condition if subject is None else exp.EQ(this=subject, expression=condition)
                why = if_else(test, why_result or exp.null(), why or exp.null())
            why = _first(why_condition, why)
        return exp.Case(this=subject, ifs=ifs[::-1], default=otherwise), _first(why_subject, why)


def _each(argument: Any, part: Callable[[exp.Expr], exp.Expr]) -> Any:
    """Return an argument of a node with each node in it replaced."""
    if isinstance(argument, list):
        return [_each(child, part) for child in argument]
    return part(argument) if isinstance(argument, exp.Expr) else argument


def _first(*whys: exp.Expr | None) -> exp.Expr | None:
    """Return the first of several reasons."""
    known = [why for why in whys if why is not None]
    if len(known) < 2:
        return known[0] if known else None
    return call("coalesce", *known)
