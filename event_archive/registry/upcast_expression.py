"""The rule `expression` of an upcast: the SQL of a new field that an expression over the old data gives.

Belongs here: how the fields of the old data are read, and the cast of what comes of them. Not here: the
expression language (`expressions`), and the other rules (`upcast_compiler`).
"""

import duckdb
from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.binder import Binder
from event_archive.expressions.exact_tree import VALUE, ExactTree
from event_archive.expressions.expression import Expression
from event_archive.expressions.sql_tree import Path as FieldPath
from event_archive.expressions.sql_tree import call, let, own_sql, reference, string
from event_archive.registry.column_types import ColumnType, Field, ListOf, Scalar, Struct
from event_archive.registry.exact_cast import NoExactCast, exact_cast
from event_archive.registry.field_paths import dotted, joined
from event_archive.registry.upcast_coverage import UpcastCoverage
from event_archive.registry.upcast_rules import Upcast
from event_archive.sql_text import quoted


def expression_sql(
    expression: Expression,
    upcast: Upcast,
    old: ColumnType,
    column: str,
    new: Field,
    path: str,
    coverage: UpcastCoverage,
) -> str:
    """Return SQL for the field `new`, at `path`, over the old data in `column`; notes the fields it reads.

    Raises UnusableInput where the expression can't be read, or does not give what the field holds.
    """
    where = f"expression/{path}"
    root = column.strip('"')

    def read(field: FieldPath) -> exp.Expr:
        found = _find(old, root, field)
        if found is None:
            raise upcast.unusable(where, f"the older major has no field {dotted(field)!r}")
        tree, name = found
        coverage.used.add(name)
        return tree

    try:
        with Binder() as binder:
            built = expression.compile(read, binder.over({root: old.sql()}), path)
    except UnusableInput as error:
        raise upcast.unusable(where, str(error)) from None
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise upcast.unusable(where, f"expression `{expression.text}`: {reason}") from None
    if not isinstance(new.type, Scalar):
        why = f"an expression gives one value, and {path} is {new.type.sql()}"
        raise upcast.unusable(where, why)
    try:
        return _cast(built, new.type, path)
    except NoExactCast:
        gives = f"expression `{expression.text}` gives {built.type}"
        raise upcast.unusable(where, f"{gives}, and {path} is {new.type.sql()}; CAST it") from None


def _find(kind: ColumnType, root: str, path: FieldPath) -> tuple[exp.Expr, str] | None:
    """Return the SQL tree of a field and its name, without positions; None where there is none."""
    tree, name = reference(root), ""
    for step in path:
        if isinstance(step, int) and isinstance(kind, ListOf):
            tree, kind = call("list_extract", tree, exp.Literal.number(step)), kind.item
        elif isinstance(step, str) and isinstance(kind, Struct) and step in kind.by_name:
            tree, kind = call("struct_extract", tree, string(step)), kind.by_name[step].type
            name = joined(name, step)
        else:
            return None
    return tree, name


def _cast(built: ExactTree, wanted: Scalar, place: str) -> str:
    """Return SQL for what an expression gives as `wanted`, computed once."""
    cast = exact_cast(quoted(VALUE), built.type, wanted, place)
    if cast == quoted(VALUE):
        return built.value.sql("duckdb")
    return let(VALUE, built.value, own_sql(cast)).sql("duckdb")
