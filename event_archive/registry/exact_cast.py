"""The rule `cast` of an upcast: from one column type to another, value for value, or an error that names it.

Belongs here: which casts the rule has, and the texts that it reads: those of a contract's formats alone.
Not here: what makes a cast exact (`expressions.exact_cast`), casts of JSON values while they land
(`exact_values`), and who asks for a cast (`upcast_rules`).
"""

from event_archive.expressions.exact_cast import INTEGERS, TIMESTAMPTZ, exact_sql, kind_of, survives
from event_archive.registry.column_types import Scalar
from event_archive.registry.text_formats import DAY, UUID, WHOLE, decimal_pattern, moment_pattern
from event_archive.sql_text import literal

MOMENT = moment_pattern("[0-9]{1,6}0*")  # as fine as a column is
# How a text reads that a cast to a kind takes as it is meant; that of a DECIMAL depends on its scale.
TEXT_PATTERNS = {"BIGINT": WHOLE, "BOOLEAN": "true|false", "DATE": DAY, "TIMESTAMPTZ": MOMENT, "UUID": UUID}
AS_TEXT = (*INTEGERS, "BOOLEAN", "DATE", "UUID", "DECIMAL")
AS_JSON = ("VARCHAR", *INTEGERS, "BOOLEAN")
NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE")
TARGETS = {
    **dict.fromkeys(INTEGERS, NUMBERS),
    "DECIMAL": NUMBERS,
    "DOUBLE": ("BIGINT",),
    "VARCHAR": (*TEXT_PATTERNS, "DECIMAL"),
}
"""What a kind of column may be cast to, besides a text."""


class NoExactCast(ValueError):
    """There is no cast between two types that is exact wherever it succeeds."""


def exact_cast(value: str, given: str, wanted: Scalar, place: str) -> str:
    """Return SQL for `value`, of the DuckDB type `given`, as `wanted`; it fails where a value would change.

    `value`: the SQL of what is cheap to compute more than once; `place`: what the error calls it. Raises
    NoExactCast where there is no such cast.
    """
    kind = kind_of(given)
    target = TIMESTAMPTZ if wanted.kind == "TIMESTAMPTZ" else wanted.sql()
    if kind == '"NULL"':
        return f"TRY_CAST({value} AS {wanted.sql()})"
    if wanted.kind == "JSON":
        if kind not in AS_JSON:
            raise NoExactCast(given)
        return f"CAST(to_json({value}) AS VARCHAR)"
    if given == target:
        return value
    if wanted.kind == "VARCHAR":
        if kind not in AS_TEXT:
            raise NoExactCast(given)
        return f"CAST({value} AS VARCHAR)"
    if wanted.kind not in TARGETS.get(kind, ()):
        raise NoExactCast(given)
    test = survives(value, given, target)
    if kind == "VARCHAR":
        pattern = decimal_pattern(wanted.scale) if wanted.kind == "DECIMAL" else TEXT_PATTERNS[wanted.kind]
        is_spelt = f"regexp_full_match({value}, {literal(pattern)})"
        test = f"({is_spelt} AND TRY_CAST({value} AS {target}) IS NOT NULL)"
    return exact_sql(value, given, target, place, test=test)
