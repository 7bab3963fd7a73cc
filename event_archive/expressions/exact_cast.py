"""Exact casts in SQL: a value as another type where it stays the same value, and else an error that names it.

Belongs here: the test that a value survives its cast, and the words for one that does not. Not here: which
nodes of an expression are casts, said or unsaid (`exact_tree`), the stricter texts that the rule `cast` of an
upcast reads (`registry.exact_cast`), and JSON values while they land (`registry.exact_values`).

DuckDB's own CAST rounds ('1.5' becomes 2), cuts (a time to its day) and takes every number but 0 for true.
Types are named as DuckDB names those of a query's columns.
"""

import re

from event_archive.sql_text import literal

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}) | frozenset(
    {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"
ZONE = "time zone"
"""The name of a time zone: no type of DuckDB, but a text becomes one in the same way."""

EXPONENT = "[eE][+-]?[0-9]{1,4}"
DIGITS = "([0-9]+\\.?[0-9]*|\\.[0-9]+)"
NUMBER = f"\\s*[+-]?{DIGITS}({EXPONENT})?\\s*"
DAY = "\\s*[0-9]+([-/ ])[0-9]+[-/ ][0-9]+\\s*"
FINER_THAN_MICROSECONDS = "\\.[0-9]{6}[0-9]*[1-9]"
SENTENCE = re.compile(
    """(["'])(.* (?:is not exactly an? |is no time |is finer than |exists twice |does not exist ).*)\\1"""
)
NEAREST_DIGITS = 17  # of a fraction: with so many every double can be written, so a reader takes the nearest


def kind_of(sql_type: str) -> str:
    """Return the name of a type without its sizes: DECIMAL of DECIMAL(18,2)."""
    return sql_type.partition("(")[0]


def is_number(sql_type: str) -> bool:
    """Whether a type holds numbers."""
    return sql_type in INTEGERS or kind_of(sql_type) in ("DECIMAL", "DOUBLE", "FLOAT")


def survives(value: str, given: str, wanted: str) -> str | None:
    """Return the SQL test that `value`, of the type `given`, stays the same as `wanted`; None: it always is.

    `value`: the SQL of a name, or of what is cheap to compute more than once.
    """
    if wanted in ("VARCHAR", given) or given == '"NULL"':
        return None
    tried = _tried(value, wanted)
    if given == "VARCHAR":
        return _reads_as(value, wanted)
    return f"coalesce(TRY_CAST({tried} AS {given}) = {value}, FALSE)"


def exact_sql(value: str, given: str, wanted: str, place: str, *, test: str | None = None) -> str:
    """Return SQL for `value` as `wanted`; it fails where the value would change, with a line that says so.

    `place`: what the line calls the value; `test`: what is tested in place of `survives`.
    """
    test = test or survives(value, given, wanted)
    if test is None:
        return f"CAST({value} AS {wanted})"
    # The failing value in a sentence that no type reads: the engine's error quotes it. `error()` would be
    # plainer, but DuckDB calls it volatile, and refuses to TRY it.
    sentence = _sentence(value, given, wanted, f"{place}: ")
    failing = f"CAST({sentence} AS {'BIGINT' if wanted == ZONE else wanted})"
    failing = f"CAST({failing} AS VARCHAR)" if wanted == ZONE else failing
    return f"CASE WHEN {value} IS NULL OR {test} THEN {_tried(value, wanted)} ELSE {failing} END"


def lenient_sql(value: str, given: str, wanted: str) -> str:
    """Return SQL for `value` as `wanted`, and NULL where the value would change."""
    test = survives(value, given, wanted)
    tried = _tried(value, wanted)
    return tried if test is None else f"CASE WHEN {test} THEN {tried} END"


def reason_sql(value: str, given: str, wanted: str) -> str:
    """Return SQL for the line that says why `value` is not exactly a `wanted`; NULL where it is."""
    test = survives(value, given, wanted) or "TRUE"
    return f"CASE WHEN {value} IS NOT NULL AND NOT {test} THEN {_sentence(value, given, wanted, '')} END"


def refusal(error: str) -> str:
    """Return what an engine's error says about a value that would change, without what the engine adds."""
    line = error.splitlines()[0]
    found = SENTENCE.search(line)
    return found[2] if found else line


def _tried(value: str, wanted: str) -> str:
    return value if wanted == ZONE else f"TRY_CAST({value} AS {wanted})"


def _sentence(value: str, given: str, wanted: str, place: str) -> str:
    shown = f"to_json(left(CAST({value} AS VARCHAR), 60))"
    kind = "TIMESTAMPTZ" if wanted == TIMESTAMPTZ else wanted
    article = "an" if kind in INTEGERS and kind.startswith("I") else "a"
    text = f" is no {kind}" if wanted == ZONE else f" is not exactly {article} {kind}"
    advice = literal(_advice(given, wanted))
    if wanted != ZONE:  # how to round is no help where the text is no number at all
        is_near = f"{_tried(value, wanted)} IS NOT NULL"
        is_near += f" AND {_full_match(value, NUMBER)}" if given == "VARCHAR" and is_number(wanted) else ""
        advice = f"CASE WHEN {is_near} THEN {advice} ELSE '' END"
    return f"concat({literal(place)}, {shown}, {literal(text)}, {advice})"


def _advice(given: str, wanted: str) -> str:
    """Return what an author can do where a value would change, to be put behind what is wrong."""
    decimals = re.search(r",\s*(\d+)\)", wanted)
    more = f", {decimals[1]}" if decimals and decimals[1] != "0" else ""
    if given == "VARCHAR" and wanted == "DATE":
        return "; cut the text by name, such as left(x, 10)"
    if given == "VARCHAR" and is_number(wanted) and wanted != "DOUBLE":
        return f"; read all its decimals and round by name: round(CAST(x AS DECIMAL(38, 10)){more})"
    by_name = f"round(x{more}) or trunc(x{more})" if more else "round(x), trunc(x), floor(x) or ceil(x)"
    return {
        ZONE: "; write one such as Europe/Lisbon",
        "DOUBLE": "; cast it to a DECIMAL, which holds all its digits",
        "BOOLEAN": "; compare it, such as x <> 0",
        "DATE": "; cut it by name: date_trunc('day', x)",
        TIMESTAMPTZ: "; it is finer than a microsecond, cut its digits by name: regexp_replace",
    }.get(wanted, f"; round by name: {by_name}")


def _reads_as(text: str, wanted: str) -> str:
    """Return the SQL test that a text is a spelling of a value that `wanted` holds."""
    test = {
        "DATE": _full_match(text, DAY),
        TIMESTAMPTZ: f"(regexp_matches({text}, '^\\s*[0-9]') "
        f"AND NOT regexp_matches({text}, {literal(FINER_THAN_MICROSECONDS)}))",
        # One letter is a zone to the reader of texts (Z), and none to timezone().
        ZONE: f"({_full_match(text, '[A-Za-z][A-Za-z0-9_+/:-]+')} AND "
        f"TRY_CAST(concat('2000-01-01 00:00:00 ', {text}) AS TIMESTAMPTZ) IS NOT NULL)",
        "DOUBLE": _reads_as_double(text),
    }.get(wanted)
    if is_number(wanted) and wanted != "DOUBLE":
        test = _has_decimals(text, int((re.findall(r",\s*(\d+)\)", wanted) or ["0"])[0]))
    if wanted == ZONE:
        return str(test)
    read = f"{_tried(text, wanted)} IS NOT NULL"
    return f"({test} AND {read})" if test else f"({read})"


def _has_decimals(text: str, scale: int) -> str:
    """Return the SQL test that a text is a number with at most `scale` decimals that matter."""
    fraction = f"(\\.[0-9]{{0,{scale}}}0*)?" if scale else "(\\.0*)?"
    plain = _full_match(text, f"\\s*[+-]?[0-9]+{fraction}\\s*")
    rare = f"{_full_match(text, NUMBER)} AND {_decimals(text)} <= {scale}"
    return f"CASE WHEN {plain} THEN TRUE ELSE {rare} END"


def _reads_as_double(text: str) -> str:
    """Return the SQL test for a double: it is written with the same digits, or is the nearest to a fraction.

    A whole number is never taken for its nearest: as an identifier it would be another one.
    """
    double = f"TRY_CAST({text} AS DOUBLE)"
    nearest = f"{_decimals(text)} > 0 AND length({_digits(text)}) <= {NEAREST_DIGITS} AND {double} <> 0"
    same = f"{_digits(text)} = {_digits(f'CAST({double} AS VARCHAR)')}"
    return f"{_full_match(text, NUMBER)} AND isfinite({double}) AND ({same} OR ({nearest}))"


def _decimals(text: str) -> str:
    """Return SQL for the number of decimals that matter in the text of a number: 1 of 12.50, 4 of 1.2e-3."""
    fraction = f"length(regexp_extract({text}, '\\.([0-9]*)', 1))"
    exponent = f"coalesce(TRY_CAST(regexp_extract({text}, '[eE]([+-]?[0-9]+)', 1) AS INTEGER), 0)"
    mantissa = f"regexp_replace(regexp_replace({text}, '[eE].*$', '', 's'), '[^0-9]', '', 'g')"
    zeros = f"length({mantissa}) - length(rtrim({mantissa}, '0'))"
    return f"CASE WHEN {_digits(text)} = '' THEN 0 ELSE {fraction} - {exponent} - ({zeros}) END"


def _digits(text: str) -> str:
    """Return SQL for the digits that matter of a number's text: 0.0120e5 and 1.2e3 have the same."""
    mantissa = f"regexp_replace({text}, '[eE].*$', '', 's')"
    return f"trim(regexp_replace({mantissa}, '[^0-9]', '', 'g'), '0')"


def _full_match(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"
