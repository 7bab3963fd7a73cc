"""An event of a type for people to look at: the contract's first example, without what is personal.

Belongs here: what of an example may be shown. Not here: how it is shown, and checking examples (`registry`).
"""

from collections.abc import Mapping
from typing import Any

from event_archive.registry.column_types import Schema, resolve
from event_archive.registry.contract import Contract
from event_archive.views.documented_columns import is_personal

WALKED = {"properties", "items"}
"""What a part of a schema may hold below it for its values to be shown one by one."""


def shown_example(contract: Contract) -> dict[str, Any]:
    """Return the first example of a contract, without what is personal or may be."""
    event = dict(contract.examples[0])
    if "data" in event:
        shown = _shown(event.pop("data"), contract.schema, contract.schema)
        event |= {} if shown is None else {"data": shown}
    return event


def _shown(value: Any, schema: Any, root: Schema) -> Any:
    """What may be shown of a value, None for nothing of it."""
    if not is_personal(schema, root):
        return value
    part = resolve(schema, root)
    if schema.get("x-pii") is True or part.get("x-pii") is True:
        return None
    walked = {name: below for name, below in part.items() if name not in WALKED}
    if is_personal(walked, root):
        return None  # it hides behind a choice or a definition
    if isinstance(value, Mapping):
        named = part.get("properties", {})
        fields = {name: _shown(inner, named[name], root) for name, inner in value.items() if name in named}
        return {name: inner for name, inner in fields.items() if inner is not None}
    if isinstance(value, list):
        items = [_shown(inner, part.get("items", {}), root) for inner in value]
        return [inner for inner in items if inner is not None]
    return None
