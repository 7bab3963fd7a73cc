"""Exact casts in SQL: from one column type to another, value for value, or an error that names the value.

Belongs here: which casts there are, and the test that a value survives its cast. Not here: casts of JSON
values while they land (`exact_values`), and who asks for a cast (`upcast_rules`).

DuckDB's own CAST rounds ('1.5' becomes 2) and reads more spellings than a contract's format allows.
"""

import re

from event_archive.registry.column_types import Scalar
from event_archive.registry.text_formats import DAY, UUID, WHOLE, decimal_pattern, moment_pattern
from event_archive.sql_text import literal

MOMENT = moment_pattern("[0-9]{1,6}0*")  # as fine as a column is
# How a text reads that a cast to a kind takes as it is meant; that of a DECIMAL depends on its scale.
TEXT_PATTERNS = {"BIGINT": WHOLE, "BOOLEAN": "true|false", "DATE": DAY, "TIMESTAMPTZ": MOMENT, "UUID": UUID}
INTEGERS = ("INTEGER", "BIGINT", "HUGEINT")
TIMES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
AS_TEXT = (*INTEGERS, "BOOLEAN", "DATE", "UUID", "DECIMAL")
AS_JSON = ("VARCHAR", *INTEGERS, "BOOLEAN")


class NoExactCast(ValueError):
    """There is no cast between two types that is exact wherever it succeeds."""


def exact_cast(value: str, given: str, wanted: Scalar, place: str) -> str:
    """Return SQL for `value`, of the DuckDB type `given`, as `wanted`; it fails where a value would change.

    `place`: what the error calls the value. Raises NoExactCast where there is no such cast.
    """
    given = TIMES.get(given, given)
    kind, target = re.sub(r"\(.*", "", given), wanted.sql()
    tried = f"TRY_CAST({value} AS {target})"
    if kind == '"NULL"':
        return tried
    if wanted.kind == "JSON":
        if kind not in AS_JSON:
            raise NoExactCast(given)
        return f"CAST(to_json({value}) AS VARCHAR)"
    if given == target:
        return value
    condition = _condition(value, given, kind, wanted)
    if wanted.kind == "VARCHAR":
        return f"CAST({value} AS VARCHAR)"
    survives = f"{tried} IS NOT NULL" + (f" AND {condition}" if condition else "")
    # The failing value in a sentence that no type reads: the engine's error quotes it. `error()` would be
    # plainer, but DuckDB calls it volatile, and refuses to TRY it.
    shown = f"left(CAST({value} AS VARCHAR), 60)"
    sentence = f"concat({literal(f'{place}: ')}, to_json({shown}), {literal(f' is not exactly a {target}')})"
    problem = f"CAST({sentence} AS {target})"
    return f"CASE WHEN {value} IS NULL OR ({survives}) THEN {tried} ELSE {problem} END"


def _condition(value: str, given: str, kind: str, wanted: Scalar) -> str | None:
    """Return the SQL test that a value survives its cast; None where the cast is exact or fails."""
    match kind, wanted.kind:
        case "VARCHAR", "DECIMAL":
            return _full_match(value, decimal_pattern(wanted.scale))
        case "VARCHAR", _ if wanted.kind in TEXT_PATTERNS:
            return _full_match(value, TEXT_PATTERNS[wanted.kind])
        case _, "VARCHAR" if kind in AS_TEXT:
            return None
        case _, "BIGINT" | "DECIMAL" if kind in INTEGERS:
            return None
        case _, "DOUBLE" if kind in INTEGERS:
            return f"CAST(CAST({value} AS DOUBLE) AS HUGEINT) = {value}"
        case "DOUBLE", "BIGINT":
            # 2^63 itself is a double, and no BIGINT.
            return f"({value} = trunc({value}) AND abs({value}) < 9223372036854775807)"
        case "DECIMAL", "BIGINT" | "DECIMAL" | "DOUBLE":
            return f"TRY_CAST(TRY_CAST({value} AS {wanted.sql()}) AS {given}) = {value}"
    raise NoExactCast(given)


def _full_match(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {literal(pattern)})"
