"""The expression language: SQL scalar expressions over a record's fields, from an allow-list.

Belongs here: the grammar, and how an expression becomes a DuckDB expression tree. Mappings, upcasts and
repairs all speak it. Not here: its words (see `allow_list`), casts that keep every value (see `exact_tree`),
where a field lives (the caller's `field` says so), and what becomes of the value (see `mapping`).

Nothing of the text reaches DuckDB as text: sqlglot parses it, and a new tree is built from the few kinds of
node that are listed here. Whatever is not listed is an error, whether or not anybody thought of it.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from event_archive.errors import UnusableInput
from event_archive.expressions.allow_list import CALL, DUCKDB, FUNCTIONS, PLAIN, ROOT, read_tokens, rejected
from event_archive.expressions.binder import Types
from event_archive.expressions.exact_tree import ExactTree, make_exact
from event_archive.expressions.own_functions import OWN
from event_archive.expressions.own_json import part
from event_archive.expressions.sql_tree import Path, call
from event_archive.expressions.written_paths import behind_call, key_of, path_of

Field = Callable[[Path], exp.Expr]
"""How the caller reads a field: its path to a DuckDB expression."""

TYPES = {
    "VARCHAR": "VARCHAR",
    "TEXT": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "INT": "INTEGER",
    "BIGINT": "BIGINT",
    "INT128": "HUGEINT",
    "DOUBLE": "DOUBLE",
    "DECIMAL": "DECIMAL",
    "DATE": "DATE",
    "TIMESTAMPTZ": "TIMESTAMPTZ",
    "UUID": "UUID",
}
"""sqlglot's name of each type that CAST may name, to DuckDB's. TIMESTAMP is left out: it drops the offset."""

BINARY = (
    *(exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe, exp.Is, exp.Like, exp.ILike),
    exp.Escape,
)
NODE_PARTS: dict[Any, tuple[str, ...]] = {
    **dict.fromkeys(BINARY, ("this", "expression")),
    **dict.fromkeys((exp.Not, exp.Neg, exp.Paren), ("this",)),
    exp.Case: ("this", "ifs", "default"),
    exp.If: ("this", "true"),
    exp.In: ("this", "expressions"),
    exp.Between: ("this", "low", "high"),
}
"""The kinds of node that are rebuilt as they are, each with the parts it may have."""

DIALECT_NOTES = frozenset({"typed", "safe"})  # sqlglot's notes for translating between dialects: we don't
MAX_DEPTH = 100  # of the tree, so that no walk over it comes near the end of Python's recursion

COMPARISONS = {exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE}
NUMBER = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
ALLOWED = (
    "allowed are fields, numbers, 'text', CASE, CAST, comparisons, AND, OR, NOT, IN (list), BETWEEN, LIKE, "
    "IS NULL, + - * / // % || and the functions that docs/how-to-map-foreign-records.md lists"
)


@dataclass(frozen=True)
class Expression:
    """One checked expression: its text, and its path if it is nothing but a field."""

    text: str
    path: Path | None
    tree: exp.Expr

    def compile(self, field: Field, types: Types, place: str) -> ExactTree:
        """Build the DuckDB expression, reading each field the way `field` says; its casts are exact.

        `types` answer for the columns that the fields are in; `place` is what a failing row calls the value.
        Raises duckdb.Error where the expression has no type, and UnusableInput where a constant is wrong.
        """
        reads: dict[Path, exp.Expr] = {}

        def read(path: Path) -> exp.Expr:
            reads[path] = field(path)
            return reads[path]

        try:
            return replace(make_exact(_rebuilt(self.tree, read, self.text), types, place), reads=reads)
        except UnusableInput as error:
            raise rejected(self.text, str(error)) from None


@lru_cache(maxsize=1000)
def parse_expression(text: str, roots: Collection[str] = ()) -> Expression:
    """Check an expression; raises UnusableInput: what is wrong, where, and what is allowed.

    `roots`: the names with a `$` that it may begin a path with, see `read_tokens`; in the path, ROOT is
    before each.
    """
    tree = _parse(text, roots)
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise rejected(text, f"it is nested deeper than {MAX_DEPTH}; split it up")
        level = [child for node in level for child in node.iter_expressions()]
    _rebuilt(tree, lambda path: exp.null(), text)  # raises for what the language does not have
    return Expression(text, path_of(tree), tree)


def _parse(text: str, roots: Collection[str]) -> exp.Expr:
    try:
        trees = DUCKDB.parser().parse_into(exp.Condition, read_tokens(text, roots), text)
    except SqlglotError as error:
        details = getattr(error, "errors", None)
        place = f"near column {details[0]['col']}" if details else "(is a quote left open?)"
        raise rejected(text, f"it is not a SQL expression {place}; {ALLOWED}") from None
    except RecursionError:
        raise rejected(text, "it is nested too deeply; split it up") from None
    if len(trees) != 1 or trees[0] is None:
        raise rejected(text, "it is not one SQL expression")
    tree: exp.Expr = trees[0]
    return tree


def _rebuilt(node: exp.Expr, field: Field, text: str) -> exp.Expr:
    if (read := _read(node, field, text)) is not None:
        return read
    kind = type(node)
    if kind in COMPARISONS and COMPARISONS & {type(node.this), type(node.expression)}:
        raise rejected(text, f"{_named(node)} chains comparisons; join them with AND")
    if kind in NODE_PARTS and _only(node, *NODE_PARTS[kind]) and _has_reading(node):
        return kind(**{part: _rebuilt_part(node.args.get(part), field, text) for part in NODE_PARTS[kind]})
    if kind is exp.Anonymous and _only(node, "this", "expressions"):
        name = str(node.this)
        if name.startswith(CALL) and name.removeprefix(CALL) in FUNCTIONS:
            _check_grammar(name.removeprefix(CALL), node, text)
            return call(name.removeprefix(CALL), *_rebuilt_part(node.expressions, field, text))
    if kind in (exp.Cast, exp.TryCast) and _only(node, "this", "to"):
        return kind(this=_rebuilt(node.this, field, text), to=_type(node.args["to"], text))
    if kind is exp.Bracket and isinstance(key := key_of(node), int):
        return call("list_extract", _rebuilt(node.this, field, text), exp.Literal.number(key))
    if constant := _constant(node):
        return constant
    if kind is exp.Bracket:
        raise rejected(text, f"in {_named(node)} stands no position; positions are 1, 2, 3 …")
    raise rejected(text, f"{_named(node)} is not allowed; {ALLOWED}")


def _read(node: exp.Expr, field: Field, text: str) -> exp.Expr | None:
    """Build what a path leads to, from the record or from the JSON that a call gives; None for no path."""
    path = path_of(node)
    if path is not None:
        return field(path)
    inner = behind_call(node)
    return inner and part(_rebuilt(inner[0], field, text), inner[1])


def _constant(node: exp.Expr) -> exp.Expr | None:
    """The constant that a node is, built anew; None where it is none."""
    kind = type(node)
    if kind is exp.Literal and (node.is_string or NUMBER.fullmatch(str(node.this))):
        return exp.Literal(this=str(node.this), is_string=bool(node.is_string))
    if kind is exp.Boolean:
        return exp.Boolean(this=bool(node.this))
    return exp.null() if kind is exp.Null else None


def _check_grammar(name: str, node: exp.Expr, text: str) -> None:
    """Raise for what the engine's grammar has no form for; whether types fit is its binder's to say."""
    count = len(node.expressions)
    if (name == "nullif" and count != 2) or (name == "coalesce" and count == 0):
        wanted = "two values" if name == "nullif" else "at least one value"
        raise rejected(text, f"{name} takes {wanted}, and has {count}")
    if name in OWN:
        try:
            OWN[name].check_count(name, count)
        except UnusableInput as error:
            raise rejected(text, str(error)) from None


def _rebuilt_part(part: Any, field: Field, text: str) -> Any:
    if isinstance(part, list):
        return [_rebuilt(child, field, text) for child in part]
    return None if part is None else _rebuilt(part, field, text)


def _has_reading(node: exp.Expr) -> bool:
    """Whether DuckDB can read a node; sqlglot's grammar is laxer."""
    if isinstance(node, exp.Is):
        return isinstance(node.expression, (exp.Null, exp.Boolean))
    return bool(node.expressions) if isinstance(node, exp.In) else True


def _only(node: exp.Expr, *parts: str) -> bool:
    """Whether a node has no more than these parts: more would be more meaning than we know of."""
    return not any(value for key, value in node.args.items() if key not in parts and key not in DIALECT_NOTES)


def _named(node: exp.Expr) -> str:
    """Return what the author would call a construct, with its place where sqlglot kept it."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()
    starts = [inner.meta["start"] for inner in node.walk() if "start" in inner.meta]
    sql = node.sql("duckdb").replace(CALL.upper(), "").replace(CALL, "").replace(ROOT, "$").replace(PLAIN, "")
    return f"{words} `{sql[:60]}`" + (f" near column {min(starts) + 1}" if starts else "")


def _type(to: exp.Expr, text: str) -> exp.Expr:
    name = TYPES.get(getattr(to.this, "name", str(to.this)))
    sizes = [str(size.this) for size in to.expressions]
    if name is None or to.args.get("nested") or (sizes and (name != "DECIMAL" or not _decimal(sizes))):
        allowed = ", ".join(dict.fromkeys(TYPES.values())).replace("DECIMAL", "DECIMAL(digits, decimals)")
        shown = to.sql("duckdb").replace(CALL, "")
        raise rejected(text, f"type {shown} is not allowed; allowed are {allowed}")
    return exp.DataType.build(f"{name}({', '.join(sizes)})" if sizes else name, dialect="duckdb")


def _decimal(sizes: list[str]) -> bool:
    numbers = [int(size) for size in sizes if size.isdigit() and len(size) <= 2]
    return len(numbers) == len(sizes) == 2 and 1 <= numbers[0] <= 38 and numbers[1] <= numbers[0]
