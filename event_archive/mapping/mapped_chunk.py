"""What a chunk of records was made into: events, each with the record that it was made of.

Belongs here: the shape of it, for landing, recovery and repair alike. Not here: making it (`map_records`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from event_archive.decoding.record_chunk import Chunk, Numbers, chunk_of
from event_archive.validation.exact_validator import Rejected

NOT_MAPPED = "not_mapped"
"""The reason of a record, or an element of one, of which a mapping makes no event though it should."""


@dataclass(frozen=True)
class MappedChunk:
    """Events, or what is to be judged as one, made of all records of a chunk or of some of them.

    `events`: a row for each, blank where there is none; `rows`: the row in the chunk of the record of each.
    `rejected` and `ignored`: rows of `events` that are blank, and why. A chunk may be made into several such
    parts; `is_first` and `is_last` are true of the first and the last of them.
    """

    events: Chunk
    rows: Numbers
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    ignored: list[tuple[int, str]] = field(default_factory=list)
    is_first: bool = True
    is_last: bool = True

    def element(self, row: int) -> int | None:
        """Return the number of an event among those of its record; None where it is the record itself."""
        return None if self.events.elements is None else int(self.events.elements[row]) or None

    def only(self, wanted: Sequence[bool]) -> "MappedChunk":
        """Return it without the rows that are not wanted."""
        if all(wanted):
            return self
        rows = np.flatnonzero(np.array(wanted, bool))
        number = {row: at for at, row in enumerate(rows.tolist())}
        events = chunk_of(
            [self.events.record(row) for row in number],
            self.events.positions[rows],
            self.events.offsets[rows],
        )
        events.elements = None if self.events.elements is None else self.events.elements[rows]
        return replace(
            self,
            events=events,
            rows=self.rows[rows],
            rejected=[(number[row], why) for row, why in self.rejected if row in number],
            ignored=[(number[row], why) for row, why in self.ignored if row in number],
        )


def unmapped(chunk: Chunk) -> MappedChunk:
    """Return a chunk of records that are events as they came."""
    return MappedChunk(chunk, np.arange(len(chunk.positions), dtype=np.int64))
