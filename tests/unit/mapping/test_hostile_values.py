"""Every function of the language: given whatever a field holds, expect that it refuses its record alone."""

import pytest

from event_archive.expressions.allow_list import FUNCTIONS
from support.mapped_values import map_values

READ = "strptime(a, '%Y-%m-%d')"
AT = "CAST(a AS TIMESTAMPTZ)"
WHOLE = "TRY_CAST(a AS BIGINT)"
NUMBER = "TRY_CAST(a AS DECIMAL(38, 10))"
CALLS = {
    **{name: f"{name}(a, b)" for name in ("concat", "concat_ws", "ltrim", "rtrim", "trim", "string_split")},
    **{name: f"{name}(a)" for name in ("lower", "upper", "length", "md5", "sha256", "json_array_length")},
    **{name: f"{name}(a, b)" for name in ("starts_with", "ends_with", "contains", "strpos", "hash_of")},
    **{
        name: f"{name}(a, b)" for name in ("regexp_matches", "regexp_extract", "coalesce", "nullif", "lookup")
    },
    **{name: f"{name}(a, {WHOLE})" for name in ("left", "right", "substring", "substr", "list_extract")},
    **{
        name: f"concat({name}({NUMBER}), {name}(TRY_CAST(a AS DOUBLE)))"
        for name in ("round", "trunc", "floor")
    },
    **{
        name: f"concat({name}({NUMBER}), {name}({WHOLE}))"
        for name in ("ceil", "abs", "to_timestamp", "epoch_ms")
    },
    **{name: f"concat({READ} + {name}({WHOLE}))" for name in ("to_hours", "to_minutes", "to_seconds")},
    **{name: f"{name}({WHOLE}, {NUMBER})" for name in ("greatest", "least")},
    **{
        f"timestamp_{unit}": f"concat(timestamp_{unit}(a))"
        for unit in ("seconds", "millis", "micros", "nanos")
    },
    "to_days": f"concat({AT} + to_days(TRY_CAST(a AS INTEGER)))",
    "replace": "replace(a, b, a)",
    "split_part": f"split_part(a, b, {WHOLE})",
    "regexp_replace": "regexp_replace(a, b, a)",
    "strptime": f"concat({READ}, strptime(a, '%j %H'))",
    "try_strptime": "concat(try_strptime(a, '%Y-%m-%dT%H:%M:%S.%f %z'))",
    "strftime": f"strftime({AT}, '%A %j %U') || strftime(make_timestamp({WHOLE}), '%Y')",
    "make_timestamp": f"concat(make_timestamp({WHOLE}), make_timestamp({WHOLE}, 1, 1, 0, 0, 0))",
    "timezone": f"concat(timezone(b, {READ}), timezone(a, {AT}), timezone(b, {READ}, 'later'))",
    "date_part": f"date_part(a, {AT}) + date_part(b, {READ})",
    "date_trunc": f"concat(date_trunc(a, {READ}), date_trunc(b, {AT}))",
    "date_diff": f"date_diff(b, {READ}, {AT})",
    "parse_json": "concat(parse_json(a), parse_json(b).a[1])",
}
HOSTILE = [
    *("null", '""', '"abc"', "-1", "0", "9223372036854775807", "-9223372036854775808", "1e400", "-1.5e-300"),
    *("170141183460469231731687303715884105727", '"nan"', '"-infinity"', '"Mars"', '"UTC"', '"week"', "true"),
    *('"2026-01-31"', '"9999-12-31T23:59:59.999999Z"', '"0001-01-01"', '"294247-01-10 04:00:54.775806"'),
    *('"290309-12-22 (BC) 00:00:00"', '"5881580-07-10"', '"("', '"\\\\9"', '"%Q"', '"\\u0000"', "[1,[2]]"),
    *(
        '{"a":[null]}',
        '"[1,]"',
        '"{\\"a\\":[1.50]}"',
        '[{"key":"UTC","value":1}]',
        '"é😀"',
        f'"{"x" * 3000}"',
    ),
]


def test_each_function_is_called() -> None:
    assert set(CALLS) == FUNCTIONS


@pytest.mark.parametrize("name", sorted(CALLS))
def test_whatever_a_field_holds_refuses_its_record_alone(name: str) -> None:
    """An error that the engine does not keep to its row ends the whole landing with a traceback."""
    second = HOSTILE[7:] + HOSTILE[:7]
    pairs = [*zip(HOSTILE, HOSTILE, strict=True), *zip(HOSTILE, second, strict=True)]
    records = [f'{{"a":{a},"b":{b}}}' for a, b in [*pairs, ("null", '"UTC"')]]
    for event, reason in map_values({"out": CALLS[name]}, records):
        assert (event is None) is (reason is not None)
