"""Fast structure: what `from_json` is to parse a value into, and which values `to_json` writes back whole.

Belongs here: the fields of objects in the order in which a producer writes them. Not here: the text of values
(`fast_text`), and what the schema demands of them (`fast_conditions`).
"""

from collections.abc import Sequence
from typing import Any

from event_archive.registry.column_types import ColumnType, ListOf, Scalar, Struct
from event_archive.sql_text import literal
from event_archive.validation.fast_conditions import Unfit


def key(name: str, colon: str) -> str:
    """Return a key as JSON text; raises Unfit where that takes escapes."""
    if not name.isascii() or not name.isprintable() or '"' in name or "\\" in name:
        raise Unfit(f"the key {name!r} is spelled with escapes")
    return f'"{name}"{colon}'


def structure(kind: ColumnType, sample: Any, unnamed: Sequence[str] = ()) -> str:
    """Return what `from_json` is to parse a value into; times and decimals stay text until it was tested.

    `sample`: the value in the record that is learned from; `unnamed`: fields of an object besides those of
    its type, which stay JSON. Raises Unfit.
    """
    if isinstance(kind, Struct):
        members = [
            f"{key(name, '')}:{structure(kind.by_name[name].type, part_of(sample, name))}"
            for name in field_order(kind, sample)
        ]
        return "{" + ",".join(members + [f'{key(name, "")}:"JSON"' for name in unnamed]) + "}"
    if isinstance(kind, ListOf):
        return f"[{structure(kind.item, first_of(sample))}]"
    if kind.kind == "TIMESTAMPTZ" or (kind.kind == "DECIMAL" and kind.text):
        return '"VARCHAR"'
    return '"DOUBLE"' if kind.kind == "DECIMAL" else f'"{kind.kind}"'


def field_order(kind: Struct, sample: Any, unnamed: Sequence[str] = ()) -> list[str]:
    """Return the fields of an object in the order in which they are written, as the sample shows it.

    One that the sample lacks is looked for behind the one before it in the contract: most producers have
    their order from there, or the contract has its order from them.
    """
    written = list(sample) if isinstance(sample, dict) else []
    order = [name for name in written if name in kind.by_name or name in unnamed]
    before = None
    for part in kind.fields:
        if part.name not in order:
            order.insert(0 if before is None else order.index(before) + 1, part.name)
        before = part.name
    return order


def begins_alike(kind: Struct, names: Sequence[str]) -> bool:
    """Whether the first field of an object, in the order in which they are written, is there in each."""
    return bool(names) and (names[0] not in kind.by_name or kind.by_name[names[0]].required)


def part_of(sample: Any, name: str) -> Any:
    """Return a field of a sample; None where there is none."""
    return sample.get(name) if isinstance(sample, dict) else None


def first_of(sample: Any) -> Any:
    """Return the first item of a sample; None where there is none."""
    return sample[0] if isinstance(sample, list) and sample else None


def written_whole(value: str, kind: ColumnType, sample: Any) -> str | None:
    """Return SQL for the text of a list or object by one call of `to_json`; None where that is another text.

    It writes what may be absent, and is, as null, and such a member is taken out of the text. Its name and
    null stand nowhere else: in a text the quotes would have a backslash before them, and no field has the
    name that may be null, or that stands first and has no comma before it.
    """
    absent: set[str] = set()
    there: set[str] = set()
    if not _is_written_alike(kind, sample, absent, there) or absent & there:
        return None
    written = f"CAST(to_json({value}) AS VARCHAR)"
    for name in sorted(absent):
        written = f"replace({written}, {literal(',' + key(name, ':') + 'null')}, '')"
    return written


def _is_written_alike(kind: ColumnType, sample: Any, absent: set[str], there: set[str]) -> bool:
    """Whether `to_json` writes a value as JSON's writers do; notes the fields that may be absent, or not."""
    if isinstance(kind, Scalar):
        return kind.text or kind.kind in ("BIGINT", "BOOLEAN")
    if isinstance(kind, ListOf):
        return _is_written_alike(kind.item, first_of(sample), absent, there)
    names = field_order(kind, sample)
    there.add(names[0])
    for name in names:
        (there if kind.by_name[name].required else absent).add(name)
    parts = ((kind.by_name[name].type, part_of(sample, name)) for name in names)
    return all(_is_written_alike(part, below, absent, there) for part, below in parts)
