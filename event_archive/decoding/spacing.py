"""The spacing of a JSON text: what its writer puts between members and after keys.

Belongs here: reading it off a record. Not here: writing a text so (`event_json`, `validation.fast_text`).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Spacing:
    """What stands between members and after keys: nothing, or one space as many JSON writers do."""

    comma: str
    colon: str


COMPACT = Spacing(",", ":")


def spacing_of(record: bytes) -> Spacing:
    """Return the spacing of a record, as its first key shows it."""
    spaced = re.match(rb'\{"[^"\\]*": ', record)
    return Spacing(", ", ": ") if spaced else COMPACT
