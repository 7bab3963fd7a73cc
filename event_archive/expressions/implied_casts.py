"""Casts that nobody wrote: where DuckDB brings operands to one type, and which of them could change by it.

Belongs here: which operand of a node becomes which type. Not here: the tree with those casts (`exact_tree`)
and casts that are written.

Operands of a comparison, the values that CASE and coalesce choose from, and conditions are brought to one
type, and rounded where that type is narrower: in DuckDB, '12.5' = 13 is true.
"""

from collections.abc import Sequence

import duckdb
from sqlglot import exp

from event_archive.expressions.binder import Types
from event_archive.expressions.exact_cast import INTEGERS, TIMESTAMPTZ, is_number, kind_of
from event_archive.expressions.sql_tree import call

NULL = '"NULL"'
CHOICES = frozenset({"coalesce", "greatest", "least"})
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
TIMES = frozenset({"TIMESTAMP", TIMESTAMPTZ})
SCALARS = TIMES | INTEGERS | {"BOOLEAN", "DOUBLE", "DECIMAL", "DATE", "UUID"}
TEXT_AND_NUMBER = "DECIMAL(38,18)"
"""Where a text meets a number: holds both as they are, or the row fails."""

Implied = dict[int, str]
"""What operands are cast to, by their identity."""


def implied_casts(node: exp.Expr, name: str, types: Types) -> Implied:
    """Return the casts of the operands of a node that is no CASE; `name`: of the function that it calls."""
    if isinstance(node, COMPARISONS):
        return compared([node.this, node.expression], types)
    if isinstance(node, exp.In):
        return compared([node.this, *node.expressions], types)
    if isinstance(node, exp.Between):
        return compared([node.this, node.args["low"], node.args["high"]], types)
    if isinstance(node, (exp.And, exp.Or, exp.Not)):
        return conditions(list(node.iter_expressions()), types)
    if name == "nullif":
        return compared(node.expressions, types)
    if name in CHOICES:
        return chosen_from(node.expressions, types)
    return {}


def conditions(operands: Sequence[exp.Expr], types: Types) -> Implied:
    """Return the casts of what is asked whether it is true."""
    return {id(node): "BOOLEAN" for node in operands if types.type_of(node) not in ("BOOLEAN", NULL)}


def compared(operands: Sequence[exp.Expr], types: Types) -> Implied:
    """Return the casts of what is compared."""
    kinds = [types.type_of(operand) for operand in operands]
    others = {kind for kind in kinds if kind not in ("VARCHAR", NULL)}
    if not others or not any(
        kind == "VARCHAR" and not _is_text(node) for node, kind in zip(operands, kinds, strict=True)
    ):
        return chosen_from(operands, types)
    if all(map(is_number, others)):
        return _cast(operands, kinds, "DOUBLE" if "DOUBLE" in others else TEXT_AND_NUMBER)
    return _cast(operands, kinds, others.pop()) if len(others) == 1 else {}


def chosen_from(operands: Sequence[exp.Expr], types: Types) -> Implied:
    """Return the casts of values of which one becomes the value of the node."""
    kinds = [types.type_of(operand) for operand in operands]
    if len(set(kinds)) < 2:
        return {}
    try:
        return _cast(operands, kinds, types.type_of(call("coalesce", *operands)))
    except duckdb.Error:
        return {}  # they do not go together; the node as a whole was bound, so DuckDB knows better


def _cast(operands: Sequence[exp.Expr], kinds: Sequence[str], wanted: str) -> Implied:
    if kind_of(wanted) not in SCALARS:
        return {}
    pairs = zip(operands, kinds, strict=True)
    return {id(operand): wanted for operand, kind in pairs if _may_change(operand, kind, wanted)}


def _may_change(operand: exp.Expr, given: str, wanted: str) -> bool:
    """Whether DuckDB's cast of an operand to the common type could give another value without an error."""
    if given in (wanted, NULL) or (isinstance(operand, exp.Literal) and not operand.is_string):
        return False
    if given in INTEGERS:
        return wanted == "DOUBLE"
    if given == "DATE":
        return wanted not in TIMES
    return (given, wanted) != ("TIMESTAMP", TIMESTAMPTZ)


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)
