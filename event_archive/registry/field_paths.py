"""Paths of fields within the data of an event: `customer_id`, `address.street`, `lines[].sku`.

Belongs here: putting such paths together and comparing them.
Not here: which type stands at a path (`column_types`).
"""

from collections.abc import Iterable


def joined(prefix: str, name: str) -> str:
    """Return the path of a field of the object at `prefix`, which is empty for the data itself."""
    return f"{prefix}.{name}" if prefix else name


def is_within(path: str, parent: str) -> bool:
    """Return whether a path leads into the object or list at `parent`."""
    return path.startswith((f"{parent}.", f"{parent}[]"))


def dotted(steps: Iterable[str | int]) -> str:
    """Return the path that an expression takes by these names and, in lists, numbers: `lines[1].sku`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
