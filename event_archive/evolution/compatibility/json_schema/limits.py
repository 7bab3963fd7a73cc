"""What an untrusted schema may be before anything else looks at it: JSON, not too deep, not too large.

Belongs here: the bounds. Not here: whether it is a JSON Schema (`normal`).
"""

from typing import Any

from event_archive.errors import UnusableInput
from event_archive.evolution.compatibility.json_schema.document import NotComparable

MAX_DEPTH, MAX_NODES = 100, 50_000


def check_json(schema: Any) -> None:
    """Raise UnusableInput or Unreadable where a schema is not JSON, too deep or too large."""
    level, depth, count = [("", schema)], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH:
            raise UnusableInput(
                f"{level[0][0][:100]}…: nested deeper than {MAX_DEPTH} levels; flatten the schema"
            )
        if count > MAX_NODES:
            raise NotComparable("too_large", f"the schema holds more than {MAX_NODES} values")
        following = []
        for place, value in level:
            if isinstance(value, dict):
                parts = list(value.items())
            elif isinstance(value, list):
                parts = list(enumerate(value))
            else:
                parts = []
                if not _is_scalar(value):
                    raise UnusableInput(
                        f"{place or 'the schema'}: {str(value)[:60]!r} is not a JSON value; quote it"
                    )
            for name, part in parts:
                if isinstance(value, dict) and not (isinstance(name, str) and _is_scalar(name)):
                    raise UnusableInput(
                        f"{place or 'the schema'}: {ascii(name)[:60]} is not a JSON text; quote it"
                    )
                following.append((f"{place}/{name}" if place else str(name), part))
        level = following


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return abs(value) < float("inf")
    return value is None or isinstance(value, (bool, int))
