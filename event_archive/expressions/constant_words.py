"""Arguments that are words of a language of their own: parts of a date, regular expressions, patterns.

Belongs here: trying those that are written as constants, when their file is read. Not here: time zones, which
become one by a cast (`exact_cast`), and the formats of strptime and strftime, which DuckDB reads itself.

Such a constant is wrong for every row or for none.
"""

from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.binder import Types
from event_archive.expressions.sql_tree import own_sql

SAMPLE = "TIMESTAMPTZ '2000-01-01 00:00:00Z'"
PROBES = {
    "date_trunc": (0, f"date_trunc({{}}, {SAMPLE})"),
    "date_part": (0, f"date_part({{}}, {SAMPLE})"),
    "date_diff": (0, f"date_diff({{}}, {SAMPLE}, {SAMPLE})"),
    "regexp_matches": (1, "regexp_matches('', {})"),
    "regexp_extract": (1, "regexp_extract('', {})"),
    "regexp_replace": (1, "regexp_replace('', {}, '')"),
}
"""For each function the position of the argument, and a call that tries it."""


def check_words(node: exp.Expr, name: str, types: Types) -> None:
    """Raise UnusableInput where a constant argument of a call of `name` is no word of what it should be."""
    position, probe = PROBES.get(name, (0, ""))
    if not probe or len(node.expressions) <= position:
        return
    word = node.expressions[position]
    if word.find(exp.Column) is None and types.type_of(word) == "VARCHAR":
        sql = word.sql("duckdb")
        failure = types.failure(own_sql(probe.format(sql)))
        if failure:
            raise UnusableInput(f"{name} can't use {sql}: {failure}")


def check_escape(node: exp.Expr) -> None:
    """Raise UnusableInput for an ESCAPE that the engine would refuse in the midst of its work, past a TRY."""
    if not isinstance(node, exp.Escape):
        return
    pattern, escape = node.this.args.get("expression"), node.expression
    if not all(isinstance(part, exp.Literal) and part.is_string for part in (pattern, escape)):
        raise UnusableInput("a pattern with ESCAPE, and the escape, are written as constant texts")
    if len(escape.this) > 1:
        raise UnusableInput(f"ESCAPE takes one character, and not {escape.sql('duckdb')}")
    rest = pattern.this.replace(escape.this * 2, "") if escape.this else ""
    if rest and rest[-1] == escape.this:
        raise UnusableInput(f"the pattern {pattern.sql('duckdb')} ends with its ESCAPE; write it twice")
