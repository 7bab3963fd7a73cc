"""Avro's logical types: what a number or a text stands for, and whether it still does under another schema.

Belongs here: which logical types are valid where, and what a change of one means. Not here: the types below
them (`compare`).

Schema resolution looks at the type below, so a change from milliseconds to microseconds reads without an
error, and wrong. Unknown and invalid logical types are ignored, as the specification rules.
"""

from dataclasses import dataclass
from typing import Any

from event_archive.evolution.compatibility.findings import Verdict

BASES = {
    "date": ("int", 0),
    "time-millis": ("int", 0),
    "time-micros": ("long", 0),
    "timestamp-millis": ("long", 0),
    "timestamp-micros": ("long", 0),
    "timestamp-nanos": ("long", 0),
    "local-timestamp-millis": ("long", 0),
    "local-timestamp-micros": ("long", 0),
    "local-timestamp-nanos": ("long", 0),
    "big-decimal": ("bytes", 0),
    "duration": ("fixed", 12),
}
"""Per logical type the type that it annotates, and the size of a fixed."""


@dataclass(frozen=True)
class Logical:
    """A logical type; precision and scale are those of a decimal."""

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision}, {self.scale})" if self.name == "decimal" else self.name


def logical_type(schema: dict[str, Any], kind: str, size: int) -> Logical | None:
    """The logical type of a schema; None where there is none, or an unknown or invalid one."""
    name = schema.get("logicalType")
    if name == "decimal":
        return _decimal(schema, kind, size)
    if name == "uuid":
        return Logical(name) if kind == "string" or (kind, size) == ("fixed", 16) else None
    return Logical(name) if isinstance(name, str) and BASES.get(name) == (kind, size) else None


def _decimal(schema: dict[str, Any], kind: str, size: int) -> Logical | None:
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if kind not in ("bytes", "fixed") or type(precision) is not int or type(scale) is not int:
        return None
    # More than 4,096 bytes hold more digits than anybody declares: the power is not worth its time.
    fits = kind == "bytes" or size > 4096 or 10 ** min(precision, 10_000) <= 2 ** max(8 * size - 1, 0)
    return (
        Logical("decimal", precision, scale) if precision > 0 and 0 <= scale <= precision and fits else None
    )


def logical_change(
    writer: Logical | None, reader: Logical | None, kind: str
) -> tuple[Verdict, str, str] | None:
    """Verdict, rule and why, where values written as `writer` may mean something else as `reader`."""
    if writer == reader:
        return None
    if writer is None or reader is None:
        if writer is not None and writer.name == "uuid" and kind == "string":
            return None  # every uuid is a text
        return (
            Verdict.UNKNOWN,
            "logical_type_changed",
            f"is written {_as(writer)} and read {_as(reader)}; the schemas don't say that both mean the same",
        )
    if writer.name == reader.name == "decimal":
        if writer.scale != reader.scale:
            why = f"is written {_as(writer)} and read {_as(reader)}: the decimal point moves"
            return Verdict.INCOMPATIBLE, "decimal_scale_changed", why
        if writer.precision > reader.precision:
            why = f"is written {_as(writer)} and read {_as(reader)}: longer numbers don't fit"
            return Verdict.INCOMPATIBLE, "decimal_precision_changed", why
        why = (
            f"is written {_as(writer)} and read {_as(reader)}; implementations read it, "
            "but the specification calls it no match"
        )
        return Verdict.UNKNOWN, "decimal_precision_changed", why
    why = f"is written {_as(writer)} and read {_as(reader)}: it reads without an error, as another value"
    return Verdict.INCOMPATIBLE, "logical_type_changed", why


def _as(logical: Logical | None) -> str:
    return "without a logical type" if logical is None else f"as {logical}"
