"""Paths as they are written in an expression: of a field, and behind a call that gives JSON.

Belongs here: telling a path from other nodes, and its steps. Not here: where a field lives (the caller of
`expression` says so), and what a call gives (`own_functions`).
"""

from sqlglot import exp

from event_archive.expressions.allow_list import CALL, PLAIN
from event_archive.expressions.own_functions import OWN
from event_archive.expressions.sql_tree import Path


def path_of(node: exp.Expr) -> Path | None:
    """Return the path of a field reference, if this is one: a.b, "odd name".c, a[1].b, a['odd name']."""
    if isinstance(node, exp.Column):
        names = [node.args.get(part) for part in ("catalog", "db", "table", "this")]
        if all(name is None or isinstance(name, exp.Identifier) for name in names):
            return tuple(_name(name) for name in names if name is not None)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        start = path_of(node.this)
        return None if start is None else (*start, _name(node.expression))
    if isinstance(node, exp.Bracket):
        start, key = path_of(node.this), key_of(node)
        return None if start is None or key is None else (*start, key)
    return None


def behind_call(node: exp.Expr) -> tuple[exp.Expr, Path] | None:
    """Return the call that gives a JSON value, and the path behind it: of parse_json(a).b[1], for one."""
    path: Path = ()
    while isinstance(node, (exp.Dot, exp.Bracket)):
        step = _name(node.expression) if isinstance(node, exp.Dot) else key_of(node)
        if step is None:
            return None
        node, path = node.this, (step, *path)
    function = OWN.get(str(node.this).removeprefix(CALL)) if isinstance(node, exp.Anonymous) else None
    return (node, path) if path and function and function.gives_json else None


def key_of(node: exp.Expr) -> str | int | None:
    """Return what stands in the brackets: a name, or a position (which sqlglot's tree counts from 0)."""
    key = node.expressions[0] if len(node.expressions) == 1 else None
    if not isinstance(key, exp.Literal):
        return None
    if key.is_string:
        return str(key.this)
    return int(key.this) + 1 if str(key.this).isdigit() else None


def _name(identifier: exp.Expr) -> str:
    return str(identifier.this).removeprefix(PLAIN)
