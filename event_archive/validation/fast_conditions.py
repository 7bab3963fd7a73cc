"""Fast conditions: a contract's JSON Schema on a value as DuckDB SQL, for the fast validator.

Belongs here: one SQL condition for each schema keyword that has a sure one, and `Unfit` for every other. A
condition may be stricter than the keyword, never laxer. Not here: types and escapes, which are tested by
writing the text again (`fast_text`).
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from event_archive.registry.annotations import ANNOTATIONS
from event_archive.registry.column_types import ColumnType, ListOf, Scalar, Schema, Struct
from event_archive.registry.text_formats import PLAIN_MOMENT, decimal_pattern
from event_archive.sql_text import literal

NO_CONDITION = ANNOTATIONS | frozenset(
    {"type", "$schema", "$id", "$defs", "properties", "required", "additionalProperties", "items"}
)
COMPARED = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
EMAIL_CONDITION = r"[a-z0-9]+([._-][a-z0-9]+)*@[a-z0-9]+([-.][a-z0-9]+)*\.[a-z]{2,}"
# What ECMA-262 (JSON Schema) and RE2 (DuckDB) read alike, and match alike in ASCII text.
PLAIN_PATTERN = re.compile(
    r"\^(?:[A-Za-z0-9_/@:, -]|(?<!\?)>|\\[.d/-]|"
    r"\[\^?[A-Za-z0-9_.:/@ -]+\]|[(|)?+*]|\{\d{1,3}(?:,\d{0,3})?\})*\$"
)


class Unfit(Exception):
    """A contract or record that the fast validator can't be sure of; the message says why."""


def conditions(value: str, kind: ColumnType, schema: Schema, root: Schema) -> list[str]:
    """Return SQL conditions on a value that is not null and of type `kind`; raises Unfit."""
    needs: list[str] = []
    for keyword, argument in schema.items():
        if keyword in NO_CONDITION or keyword.startswith("x-"):
            continue
        needs.append(_condition(value, kind, keyword, argument))
    if isinstance(schema.get("additionalProperties"), Mapping) or (
        isinstance(kind, Struct) and _restricts_fields(schema)
    ):
        raise Unfit("a keyword on all of an object's fields")
    if isinstance(kind, Scalar) and kind.kind == "DATE":
        needs.append(f"{value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'")
    if isinstance(kind, Scalar) and kind.kind == "TIMESTAMPTZ":
        needs.append(f"regexp_full_match({value}, {literal(PLAIN_MOMENT)})")
        needs.append(f"TRY_CAST({value} AS TIMESTAMPTZ) IS NOT NULL")
    if isinstance(kind, Scalar) and kind.kind == "DOUBLE":
        needs.append(f"isfinite({value})")  # the engine reads and writes `nan` and `inf`, which are no JSON
    if isinstance(kind, Scalar) and kind.kind == "DECIMAL":
        needs += _decimal_conditions(value, kind)
    return needs


def _restricts_fields(schema: Schema) -> bool:
    return bool({"minProperties", "maxProperties", "propertyNames", "dependentRequired"} & set(schema))


def _decimal_conditions(value: str, kind: Scalar) -> list[str]:
    text = value if kind.text else f"CAST({value} AS VARCHAR)"
    # A number is parsed as a double, which becomes a decimal of up to 15 digits without rounding.
    whole = (kind.precision if kind.text else 15) - kind.scale
    if whole < 0:
        raise Unfit(f"the column type {kind.sql()}")
    pattern = decimal_pattern(kind.scale, whole, zeros=False)
    return [f"regexp_full_match({text}, {literal(pattern)})"]


def _number(argument: Any) -> str:
    number = Decimal(str(argument))
    if isinstance(argument, bool) or abs(number) >= 10**18:
        raise Unfit(f"the bound {argument}")
    return format(number, "f")


def _condition(value: str, kind: ColumnType, keyword: str, argument: Any) -> str:
    for condition_of in (_text_condition, _number_condition, _format_condition, _list_condition):
        if condition := condition_of(value, kind, keyword, argument):
            return condition
    raise Unfit(f"the keyword {keyword}")


def _text_condition(value: str, kind: ColumnType, keyword: str, argument: Any) -> str | None:
    if not (isinstance(kind, Scalar) and kind.kind == "VARCHAR"):
        return None
    match keyword:
        case "enum":
            allowed = [literal(choice) for choice in argument if isinstance(choice, str)]
            return f"{value} IN ({', '.join(allowed)})" if allowed else "false"
        case "const" if isinstance(argument, str):
            return f"{value} = {literal(argument)}"
        case "minLength":
            return f"length({value}) >= {int(argument)}"
        case "maxLength":
            return f"length({value}) <= {int(argument)}"
        case "pattern" if PLAIN_PATTERN.fullmatch(argument):
            return f"regexp_full_match({value}, {literal(argument[1:-1])})"
    return None


def _number_condition(value: str, kind: ColumnType, keyword: str, argument: Any) -> str | None:
    if not isinstance(kind, Scalar):
        return None
    if keyword == "multipleOf" and kind.kind == "BIGINT" and isinstance(argument, int):
        return f"{value} % {_number(argument)} = 0"
    if keyword == "multipleOf" and kind.kind == "DECIMAL":
        return "true"  # a decimal column's scale is made from this keyword, and its text is tested for it
    if keyword in COMPARED and kind.kind in ("BIGINT", "DOUBLE", "DECIMAL") and not kind.text:
        return f"{value} {COMPARED[keyword]} {_number(argument)}"
    return None


def _format_condition(value: str, kind: ColumnType, keyword: str, argument: Any) -> str | None:
    if keyword != "format":
        return None
    if isinstance(kind, Scalar) and kind.text and kind.kind != "VARCHAR":
        return "true"  # the column's type is made from the format, and the text is tested against it
    if argument == "email":
        return f"(strlen({value}) <= 60 AND regexp_full_match({value}, {literal(EMAIL_CONDITION)}))"
    return None


def _list_condition(value: str, kind: ColumnType, keyword: str, argument: Any) -> str | None:
    if isinstance(kind, ListOf) and keyword == "minItems":
        return f"len({value}) >= {int(argument)}"
    if isinstance(kind, ListOf) and keyword == "maxItems":
        return f"len({value}) <= {int(argument)}"
    return None
