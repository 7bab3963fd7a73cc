"""Upcasts: how the data of one major reads as that of the next, declared in the newer contract.

Belongs here: the rules of `upcast_from_v<N>`, as they are written. Not here: what they come to
(`upcast_compiler`) and the expression language (`expressions`).

Fields are named by their path: `customer_id`, `address.street`, and `lines[].sku` for the items of a list. A
field of the same name and type is carried over; of every other field, old or new, a rule must say what
becomes of it, so that nothing is lost silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from event_archive.errors import UnusableInput

if TYPE_CHECKING:
    from event_archive.expressions.expression import Expression

FIELDS = {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True}
TEXTS = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
SHAPE = jsonschema_rs.Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "rename": TEXTS,
            "cast": FIELDS,
            "default": {"type": "object"},
            "constant": {"type": "object"},
            "expression": TEXTS,
            "drop": FIELDS,
        },
    }
)


@dataclass(frozen=True)
class Upcast:
    """The rules of one contract. `rename`: new field to old; `drop`: old fields; all else by new field.

    `default` stands where the old value is absent or null; what is in `cast` is cast exactly, or fails.
    """

    place: str
    rename: Mapping[str, str] = field(default_factory=dict)
    cast: frozenset[str] = frozenset()
    default: Mapping[str, Any] = field(default_factory=dict)
    constant: Mapping[str, Any] = field(default_factory=dict)
    expression: "Mapping[str, Expression]" = field(default_factory=dict)
    drop: frozenset[str] = frozenset()

    def unusable(self, where: str, why: str) -> UnusableInput:
        """Return the error, in one line, for a rule that can't be used."""
        return UnusableInput(f"{self.place}: {where}: {why}" if where else f"{self.place}: {why}")


def read_upcast(file: Path, name: str, rules: Any) -> Upcast:
    """Return the rules that a contract file has under `name`; raises UnusableInput with one line."""
    place = f"{file}: {name}"
    for fault in SHAPE.iter_errors(rules):
        where = "/".join(map(str, fault.instance_path))
        raise UnusableInput(f"{place}{'/' + where if where else ''}: {fault.message}")
    upcast = Upcast(
        place=place,
        rename=rules.get("rename", {}),
        cast=frozenset(rules.get("cast", ())),
        default=rules.get("default", {}),
        constant=rules.get("constant", {}),
        expression=_read_expressions(place, rules.get("expression", {})),
        drop=frozenset(rules.get("drop", ())),
    )
    sources = [*upcast.rename, *upcast.constant, *upcast.expression]
    for new in sources:
        if sources.count(new) > 1:
            raise upcast.unusable(new, "has two sources; rename, constant and expression exclude one another")
    for new in sorted(upcast.cast & {*upcast.constant, *upcast.expression}):
        raise upcast.unusable(new, "a constant or an expression is not cast; write CAST in the expression")
    return upcast


def _read_expressions(place: str, texts: Mapping[str, str]) -> "dict[str, Expression]":
    """Return the expressions by new field; their parser is slow to import, and few contracts have one."""
    if not texts:
        return {}
    from event_archive.expressions.expression import parse_expression

    expressions = {}
    for new, text in texts.items():
        try:
            expressions[new] = parse_expression(text)
        except UnusableInput as error:
            raise UnusableInput(f"{place}/expression/{new}: {error}") from None
    return expressions
