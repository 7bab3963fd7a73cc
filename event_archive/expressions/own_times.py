"""Times as producers write them without an offset: counted since 1970, or by the clock of a place.

Belongs here: the SQL of `timestamp_seconds` … `timestamp_nanos`, and of `timezone`. Not here: times that are
written with their offset, which a cast reads (`exact_cast`).
"""

from collections.abc import Sequence
from dataclasses import replace

from event_archive.errors import UnusableInput
from event_archive.expressions.exact_cast import INTEGERS, TIMESTAMPTZ, kind_of, survives
from event_archive.expressions.own_arguments import Argument, OwnSql, constant_text, name, shown
from event_archive.sql_text import literal

UNITS = {
    "timestamp_seconds": (
        "DECIMAL(18,6)",
        "{} * CAST(1000000 AS DECIMAL(20, 0))",
        "trunc(CAST(x AS DECIMAL(38, 18)), 6)",
    ),
    "timestamp_millis": (
        "DECIMAL(18,3)",
        "{} * CAST(1000 AS DECIMAL(20, 0))",
        "trunc(CAST(x AS DECIMAL(38, 18)), 3)",
    ),
    "timestamp_micros": ("DECIMAL(18,0)", "{}", "trunc(CAST(x AS DECIMAL(38, 18)))"),
    "timestamp_nanos": ("HUGEINT", "{} // 1000", "CAST(x AS HUGEINT) // 1000 * 1000"),
}
"""For each function a type that holds its moments, how that becomes microseconds, how finer ones are cut."""

FIRST, LAST = -62135596800000000, 253402300799999999  # 0001-01-01 to 9999-12-31 23:59:59.999999, in UTC
COUNTED = INTEGERS | {"VARCHAR", "DECIMAL", '"NULL"'}
DAY = 86_400_000_000
EARLIER, LATER = "earlier", "later"


def since_1970(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return the moment that is so many units after 1970 began in UTC; no double has a part in it."""
    kind, value = arguments[0].type, name(0)
    if kind_of(kind) not in COUNTED:
        raise UnusableInput(f"{function} takes a text, a whole number or a DECIMAL, and not {kind}; CAST it")
    holder, multiplied, cut = UNITS[function]
    held = f"TRY_CAST({value} AS {holder})"
    micros = f"TRY_CAST({multiplied.format(held)} AS BIGINT)"
    test = f"{survives(value, kind, holder) or 'TRUE'} AND {micros} BETWEEN {FIRST} AND {LAST}"
    if function == "timestamp_nanos":
        test += f" AND {held} % 1000 = 0"
    unit = function.removeprefix("timestamp_")
    # A double is near enough to tell which of two sentences is meant.
    per_second = {"seconds": 1, "millis": 10**3, "micros": 10**6, "nanos": 10**9}[unit]
    rough = f"TRY_CAST({value} AS DOUBLE) * {10**6 // per_second if per_second <= 10**6 else '0.001'}"
    finer = f" is finer than a microsecond; cut it by name: {function}({cut})"
    none = f" is no time in {unit} since 1970, of the years 1 to 9999"
    is_near = f"{rough} >= {FIRST} AND {rough} < {LAST + 1}"
    why = f"CASE WHEN {is_near} THEN {literal(finer)} ELSE {literal(none)} END"
    sql = f"timezone('UTC', make_timestamp({micros}))"
    return OwnSql(sql, f"({value} IS NULL OR coalesce({test}, FALSE))", f"concat({shown(value)}, {why})")


def engine_time(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return what a function of the engine gives, for times of the years 1 to 9999 alone, and as exactly."""
    kind, value = arguments[0].type, name(0)
    if is_time(kind):
        return OwnSql(f"{function}({value})")
    if kind == "DOUBLE" and function == "to_timestamp":
        test = f"{value} >= {FIRST // 10**6} AND {value} < {LAST // 10**6 + 1}"
        sentence = f"concat({shown(value)}, ' is no time in seconds since 1970, of the years 1 to 9999')"
        return OwnSql(f"to_timestamp({value})", f"({value} IS NULL OR ({test}))", sentence)
    units = {"to_timestamp": "seconds", "epoch_ms": "millis", "make_timestamp": "micros"}
    made = since_1970(f"timestamp_{units[function]}", arguments)
    return made if function == "to_timestamp" else replace(made, value=f"timezone('UTC', {made.value})")


def is_time(kind: str) -> bool:
    """Return whether a type is one of times, with an offset or without, or of spans of time."""
    return kind in ("TIMESTAMP", TIMESTAMPTZ, "DATE", "TIME", "INTERVAL")


def local_time(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return the moment at which the clocks of a zone show a time, or what a clock there shows at a moment.

    A clock that is put back shows an hour twice, and put forward leaves one out: there is no moment then,
    unless the third argument says which: the earlier or the later one. Of a time that is left out these are
    the moments by the clock as it is put after and before the change, as the Temporal of JavaScript has it.
    """
    zone, time = name(0), name(1)
    kind = arguments[1].type
    rule = constant_text(arguments[2]) if len(arguments) == 3 else None
    if len(arguments) == 3 and (rule not in (EARLIER, LATER) or kind == TIMESTAMPTZ):
        raise UnusableInput(
            f"the third value of {function} is 'earlier' or 'later', for a time without offset"
        )
    if arguments[0].type not in ("VARCHAR", '"NULL"'):
        raise UnusableInput(f"the zone of {function} is a text, and not {arguments[0].type}")
    if kind == TIMESTAMPTZ:
        return OwnSql(f"timezone({zone}, {time})")
    if kind not in ("TIMESTAMP", "DATE", '"NULL"'):
        raise UnusableInput(
            f"{function} takes a time, and not {kind}; read it: strptime(x, '%Y-%m-%d %H:%M:%S')"
        )
    clock = f"epoch_us(CAST({time} AS TIMESTAMP))"
    before, after, is_before, is_after = name(0, 1), name(1, 1), name(0, 2), name(1, 2)
    steps = (
        [f"{clock} - {_ahead(zone, f'{clock} {sign} {DAY}')}" for sign in "-+"],
        [f"{moment} + {_ahead(zone, moment)} = {clock}" for moment in (before, after)],
    )
    one = f"CASE WHEN {is_before} THEN {before} ELSE {after} END"
    if rule:
        pick = "least" if rule == EARLIER else "greatest"
        either = f"CASE WHEN {is_before} = {is_after} THEN {pick}({before}, {after}) ELSE {one} END"
        return OwnSql(f"make_timestamptz({either})", steps=steps)
    test = f"CASE WHEN {is_before} AND {is_after} THEN {before} = {after} ELSE {is_before} OR {is_after} END"
    what = f"CASE WHEN {is_before} THEN ' exists twice in ' ELSE ' does not exist in ' END"
    advice = "; say which is meant: timezone(zone, x, 'earlier') or 'later'"
    sentence = f"concat({shown(time)}, {what}, {zone}, {literal(advice)})"
    return OwnSql(f"make_timestamptz({one})", f"coalesce({test}, TRUE)", sentence, steps)


def _ahead(zone: str, micros: str) -> str:
    """Return SQL for how far the clocks of a zone are ahead of UTC at a moment, in microseconds."""
    return f"(epoch_us(timezone({zone}, make_timestamptz({micros}))) - ({micros}))"
