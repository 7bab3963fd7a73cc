"""The formats of texts: moments, days, decimals, UUIDs and event types, each as one regular expression.

Belongs here: patterns that Python, RE2 (DuckDB) and ECMA-262 (JSON Schema) read alike; they match a whole
text, and stand without anchors. Not here: values that a pattern can't rule out, such as the 30th of
February (`exact_values`), and patterns that are written in a contract.
"""

MONTH_AND_DAY = "[0-9]{2}-[0-9]{2}"
DAY = f"[0-9]{{4}}-{MONTH_AND_DAY}"
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
UUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
WHOLE = "-?(0|[1-9][0-9]*)"
DECIMAL = WHOLE + "(\\.[0-9]+)?"
EVENT_TYPE = "([a-z][a-z0-9_]{0,99})\\.([a-z][a-z0-9_]{0,99})\\.v([1-9][0-9]{0,3})"
"""Groups: what kind of object, the verb, and the major version."""

PLAIN_MOMENT = f"[12][0-9]{{3}}-{MONTH_AND_DAY}T{CLOCK}(\\.[0-9]{{1,6}})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
"""RFC 3339 as nearly every producer writes it, and as DuckDB casts it without a difference."""


def moment_pattern(fraction: str = "[0-9]+") -> str:
    """Return the pattern of a time of RFC 3339; `fraction`: the pattern of its digits after the point.

    Groups: `day`, `clock`, `fraction` and `offset`.
    """
    offset = "[Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]"
    return f"(?P<day>{DAY})[Tt](?P<clock>{CLOCK})(\\.(?P<fraction>{fraction}))?(?P<offset>{offset})"


def decimal_pattern(scale: int, whole: int | None = None, *, zeros: bool = True) -> str:
    """Return the pattern of a decimal with up to `whole` digits before the point and `scale` after it.

    `zeros`: more digits may follow if all of them are zeros, which changes no value.
    """
    integer = WHOLE
    if whole is not None:
        integer = f"-?(0|[1-9][0-9]{{0,{whole - 1}}})" if whole else "-?0"
    if scale:
        return f"{integer}(\\.[0-9]{{1,{scale}}}{'0*' if zeros else ''})?"
    return f"{integer}(\\.0+)?" if zeros else integer
