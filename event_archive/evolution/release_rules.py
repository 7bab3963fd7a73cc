"""Releases: what may become of a contract that producers already go by.

Belongs here: whether a contract says more than the released one and nothing else. Not here: where released
contracts are found (`orchestration.contract_tools.released`), and a contract's own examples
(`validation.own_examples`).

The rule is an allow-list: what is not known to be additive needs a new major.
"""

import json
from collections.abc import Iterator
from typing import Any

from event_archive.registry.annotations import CHANGES_NOTHING
from event_archive.registry.column_types import Scalar, Schema, column_type, resolve
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.upcast_rules import Upcast
from event_archive.validation.own_examples import ContractFault

LOWER_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
UPPER_BOUNDS = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
MAX_DEPTH = 20
NAMED = ("properties", "patternProperties", "$defs", "dependentSchemas")
NEW_MAJOR = "make it a new major, beside this one"


def release_faults(released: Contracts, current: Contracts) -> Iterator[ContractFault]:
    """What became of released contracts and must not; new contracts and new majors are free."""
    for event_type, before in released.items():
        now = current.get(event_type)
        if now is None:
            yield ContractFault(
                event_type, "the file", "was released and is gone; events may still speak it: restore it"
            )
            continue
        yield from _changes(before, now)


def _changes(before: Contract, now: Contract) -> Iterator[ContractFault]:
    for actor in sorted(set(before.actor_types) - set(now.actor_types)):
        yield ContractFault(now.type, "actor", f"{actor!r} was allowed and no longer is; {NEW_MAJOR}")
    changes = [ContractFault(now.type, place, why) for place, why in _schema(before, now)]
    yield from changes
    if now.revision < before.revision:
        yield ContractFault(now.type, "revision", f"is {now.revision}, and {before.revision} was released")
    says_more = _plain(before.schema) != _plain(now.schema) or set(before.actor_types) != set(now.actor_types)
    if (
        not changes
        and (says_more or _rules(before.upcast) != _rules(now.upcast))
        and now.revision == before.revision
    ):
        yield ContractFault(
            now.type, "revision", f"says more than the released one; raise it to {now.revision + 1}"
        )


def _rules(upcast: Upcast | None) -> Any:
    """What an upcast says, wherever its file is."""
    if upcast is None:
        return None
    expressions = {new: expression.text for new, expression in upcast.expression.items()}
    return upcast.rename, upcast.cast, upcast.default, upcast.constant, expressions, upcast.drop


def _schema(before: Contract, now: Contract) -> Iterator[tuple[str, str]]:
    yield from _compare(before.schema, now.schema, before.schema, now.schema, "data", 0)


def _compare(
    old: Any, new: Any, old_root: Schema, new_root: Schema, place: str, depth: int
) -> Iterator[tuple[str, str]]:
    """Places and reasons where `new` does more than accept more."""
    if depth > MAX_DEPTH or not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield place, f"changed; {NEW_MAJOR}"
        return
    old_part, new_part = resolve(old, old_root), resolve(new, new_root)
    old_column, new_column = column_type(old_part, old_root), column_type(new_part, new_root)
    if type(old_column) is not type(new_column) or (
        isinstance(old_column, Scalar) and old_column != new_column
    ):
        yield place, f"its column was {old_column.sql()} and would be {new_column.sql()}; {NEW_MAJOR}"
        return
    for keyword in sorted({*old_part, *new_part} - CHANGES_NOTHING - {"properties", "items", "$defs"}):
        if _plain(old_part.get(keyword)) != _plain(new_part.get(keyword)):
            yield from _keyword(keyword, old_part, new_part, place)
    before, after = old_part.get("properties", {}), new_part.get("properties", {})
    for name in before:
        if name in after:
            inner = before[name], after[name], old_root, new_root, f"{place}/properties/{name}", depth + 1
            yield from _compare(*inner)
        else:
            yield f"{place}/properties/{name}", f"was released and is gone; {NEW_MAJOR}"
    if "items" in old_part or "items" in new_part:
        items = old_part.get("items", True), new_part.get("items", True)
        yield from _compare(*items, old_root, new_root, f"{place}/items", depth + 1)


def _keyword(keyword: str, old: Schema, new: Schema, place: str) -> Iterator[tuple[str, str]]:
    before, after = old.get(keyword), new.get(keyword)
    place = f"{place}/{keyword}"
    if keyword == "required":
        for name in sorted({*(before or ())} ^ {*(after or ())}):
            was = "was required and no longer is" if name in (before or ()) else "is required and was not"
            yield place, f"{name!r} {was}; {NEW_MAJOR}"
    elif keyword == "enum" and isinstance(before, list) and isinstance(after, list):
        for value in before:
            if value not in after:
                yield place, f"{value!r} was allowed and no longer is; {NEW_MAJOR}"
    elif not _is_looser(keyword, before, after):
        yield place, f"was {_short(before)} and is {_short(after)}; {NEW_MAJOR}"


def _is_looser(keyword: str, before: Any, after: Any) -> bool:
    """Whether a bound lets more through than it did."""
    if before is None or keyword not in LOWER_BOUNDS | UPPER_BOUNDS:
        return False
    return bool(after is None or (after <= before if keyword in LOWER_BOUNDS else after >= before))


def _plain(schema: Any) -> Any:
    """A schema without its annotations; a field may be called like one."""
    if isinstance(schema, dict):
        return {
            keyword: {name: _plain(field) for name, field in part.items()}
            if keyword in NAMED and isinstance(part, dict)
            else _plain(part)
            for keyword, part in schema.items()
            if keyword not in CHANGES_NOTHING
        }
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    return schema


def _short(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
