"""The fields that a proposed contract changes for those who read its view.

Belongs here: what becomes of each field of the newest released contract. Not here: whether old data passes
(`compatibility`, `trial`) and who reads a field. Fields that a proposal adds change nothing for a reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_archive.registry.annotations import CHANGES_NOTHING
from event_archive.registry.column_types import Schema, column_type, resolve
from event_archive.registry.contract import Contract

MAX_DEPTH = 20


@dataclass(frozen=True)
class ChangedField:
    """One field of the view, by its path (`lines[].sku`), and what becomes of it."""

    path: str
    change: str


def changed_fields(released: Contract, proposal: Contract) -> list[ChangedField]:
    """What the proposal does to the fields of the released contract."""
    old, new = _fields(released.schema), _fields(proposal.schema)
    renamed = {
        old_path: path for path, old_path in (proposal.upcast.rename if proposal.upcast else {}).items()
    }
    changes = []
    for path, (schema, is_required) in old.items():
        if path not in new:
            became = f"renamed to {renamed[path]}" if path in renamed else "removed"
            changes.append(ChangedField(path, became))
            continue
        other, still_required = new[path]
        before = column_type(schema, released.schema).sql()
        after = column_type(other, proposal.schema).sql()
        keywords = sorted(
            keyword
            for keyword in {*schema, *other} - CHANGES_NOTHING - {"properties", "items", "required"}
            if schema.get(keyword) != other.get(keyword)
        )
        if before != after and not {"properties", "items"} & {*schema, *other}:
            changes.append(ChangedField(path, f"was {before}, becomes {after}"))
        elif keywords:
            changes.append(ChangedField(path, f"other rules: {', '.join(keywords)}"))
        elif is_required and not still_required:
            changes.append(ChangedField(path, "no longer required"))
    return changes


def _fields(schema: Schema) -> dict[str, tuple[Mapping[str, Any], bool]]:
    """Every named field below a schema, with its own schema and whether it is required."""
    fields: dict[str, tuple[Mapping[str, Any], bool]] = {}

    def walk(part: Any, prefix: str, depth: int) -> None:
        part = resolve(part, schema)
        required = part.get("required", ())
        for name, inner in part.get("properties", {}).items() if depth < MAX_DEPTH else ():
            path = f"{prefix}.{name}" if prefix else name
            fields[path] = (resolve(inner, schema), name in required)
            walk(inner, path, depth + 1)
        if isinstance(part.get("items"), Mapping) and prefix and depth < MAX_DEPTH:
            walk(part["items"], f"{prefix}[]", depth + 1)

    walk(schema, "", 0)
    return fields
