"""Building blocks of DuckDB SQL, as sqlglot trees: the generator quotes names and literals.

Belongs here: what sqlglot has no plain builder for. Not here: what an expression may say, see `expression`.
"""

from sqlglot import exp

Path = tuple[str | int, ...]
"""The way to a field: names, and positions in lists (from 1)."""

READ_TEXT = "json_extract_string"
READ_JSON = "json"
"""The functions by which expressions read a field that is JSON: as its text, and as its JSON text."""


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Build a call of a DuckDB function under exactly this name, untouched by what sqlglot knows of it."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def transform(items: exp.Expr, name: str, body: exp.Expr) -> exp.Expr:
    """Build list_transform with a lambda of one parameter."""
    return call(
        "list_transform", items, exp.Lambda(this=body, expressions=[exp.to_identifier(name, quoted=True)])
    )


def let(name: str, bound: exp.Expr, body: exp.Expr) -> exp.Expr:
    """Build `body` over a name whose value is computed once: SQL's `let` is a lambda over one item."""
    return call("list_extract", transform(exp.Array(expressions=[bound]), name, body), exp.Literal.number(1))


def reference(name: str) -> exp.Expr:
    """Build a reference to a column or to the parameter of a lambda."""
    return exp.column(name, quoted=True)


def own_sql(sql: str) -> exp.Expr:
    """Build a node of SQL that we wrote ourselves, in which nothing of a user's text stands."""
    return exp.Var(this=sql)


def string(text: str) -> exp.Expr:
    """Build a text literal."""
    return exp.Literal.string(text)


def as_text(value: exp.Expr) -> exp.Expr:
    """Build a cast to text."""
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.TEXT))


def if_else(condition: exp.Expr, then: exp.Expr, otherwise: exp.Expr) -> exp.Expr:
    """Build a CASE of two ways."""
    return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise)


def is_null(value: exp.Expr) -> exp.Expr:
    """Build IS NULL."""
    return exp.Is(this=value, expression=exp.null())


def decimal_text(value: exp.Expr) -> exp.Expr:
    """Build the JSON text of a DECIMAL with all its decimals: 12.50, and 0.50 where DuckDB may write .50."""
    return call("regexp_replace", as_text(value), string(r"^(-?)\."), string(r"\10."))


def text_of(json: exp.Expr) -> exp.Expr:
    """Build a JSON value as text: SQL NULL where it is absent or null."""
    return call(READ_TEXT, json, string("$"))


def json_of(node: exp.Expr) -> exp.Expr | None:
    """Return the JSON value that a node reads as text; None where it reads no JSON."""
    is_read = isinstance(node, exp.Anonymous) and node.this == READ_TEXT
    return node.expressions[0] if is_read else None


def json_pointer(path: Path) -> str:
    """Return the JSON pointer (RFC 6901) of a path, whose positions in lists begin with 1."""
    steps = [str(step - 1) if isinstance(step, int) else step for step in path]
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
