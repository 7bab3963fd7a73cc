"""Replacements: the segments in whose place a transaction puts others.

Belongs here: what they are, and what a file says of it. Not here: which these are (`remap`), and the work
(`transaction`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from event_archive.store.commit import Segment


@dataclass
class Replacement:
    """The segments that are replaced; `made_from`: the commit that had received the records at hand."""

    segments: Sequence[Segment]
    made_from: int = 0

    @property
    def notes(self) -> dict[str, str]:
        """What a file says of it, so that no two are ever the same, whatever they are replaced by in turn."""
        paths = "\n".join(sorted(segment.path for segment in self.segments))
        return {"made_from": str(self.made_from), "replaces": hashlib.sha256(paths.encode()).hexdigest()}
