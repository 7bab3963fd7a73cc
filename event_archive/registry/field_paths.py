"""Paths of fields within the data of an event: `customer_id`, `address.street`, `lines[].sku`.

Belongs here: putting such paths together and comparing them.
Not here: which type stands at a path (`column_types`).
"""

import re
from collections.abc import Iterable

_END_OF_PARENT = re.compile(r"(?!^)(?=\.|\[\])")


def joined(prefix: str, name: str) -> str:
    """Return the path of a field of the object at `prefix`, which is empty for the data itself."""
    return f"{prefix}.{name}" if prefix else name


def parents(path: str) -> set[str]:
    """Return the paths of the objects and lists that a field is in: of `a[].b` these are `a` and `a[]`."""
    return {path[: end.start()] for end in _END_OF_PARENT.finditer(path)}


def dotted(steps: Iterable[str | int]) -> str:
    """Return the path that an expression takes by these names and, in lists, numbers: `lines[1].sku`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
