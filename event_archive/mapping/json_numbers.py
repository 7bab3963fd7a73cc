"""Numbers that DuckDB's JSON functions would change.

Belongs here: the test that finds a record with such a number. Not here: what becomes of the record.

DuckDB keeps integers of any size, but writes a number with a fraction or an exponent anew, as a double: of
more than 15 digits, or of an extreme size, it may come back as another number. A long run of digits makes a
record suspect, which is cheap to find and rare; then strings are taken out of it, and the digits of each such
number are compared with those that DuckDB would write.
"""

from sqlglot import exp

from event_archive.expressions.sql_tree import as_text, call, if_else, reference, string, transform

SUSPECT = r"[0-9.]{16}|[0-9][eE][+-]?[0-9]{3,}[,\]}\s]"
STRINGS = r'"(\\.|[^"\\])*"'
NUMBERS = r"[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)"


def is_inexact(record: exp.Expr) -> exp.Expr:
    """Build the test whether a JSON text has a number that DuckDB would write as another number."""
    numbers = call("regexp_extract_all", _replaced(record, STRINGS, '""'), string(NUMBERS))
    number = reference("number")
    double = exp.TryCast(this=number, to=exp.DataType.build("DOUBLE", dialect="duckdb"))
    changed = exp.NullSafeNEQ(this=_digits(number), expression=_digits(as_text(double)))
    inexact = call("list_contains", transform(numbers, "number", changed), exp.true())
    return if_else(call("regexp_matches", record, string(SUSPECT)), inexact, exp.false())


def _digits(number: exp.Expr) -> exp.Expr:
    """Build the digits that matter of a number's text: 0.0120e5 and 1.2e3 have the same."""
    mantissa = _replaced(number, r"[eE].*$", "")
    return call("trim", _replaced(mantissa, r"[^0-9]", ""), string("0"))


def _replaced(subject: exp.Expr, pattern: str, by: str) -> exp.Expr:
    return call("regexp_replace", subject, string(pattern), string(by), string("g"))
