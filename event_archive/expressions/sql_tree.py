"""Building blocks of DuckDB SQL, as sqlglot trees: the generator quotes names and literals.

Belongs here: what sqlglot has no plain builder for. Not here: what an expression may say, see `expression`.
"""

from sqlglot import exp


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
    return exp.Cast(this=value, to=exp.DataType.build("VARCHAR", dialect="duckdb"))


def if_else(condition: exp.Expr, then: exp.Expr, otherwise: exp.Expr) -> exp.Expr:
    """Build a CASE of two ways."""
    return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise)


def is_null(value: exp.Expr) -> exp.Expr:
    """Build IS NULL."""
    return exp.Is(this=value, expression=exp.null())
