"""Gathering records to chunks of bounded size, one by one or many at once, beside bytes that are none.

Belongs here: the builder that the formats add to. Not here: what a chunk is (`record_chunk`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from event_archive.decoding.record_chunk import (
    PART_BYTES,
    Chunk,
    ChunkBounds,
    Numbers,
    UnreadableRecord,
    chunk_of,
)


@dataclass
class ChunkBuilder:
    """Gathers records to chunks."""

    texts: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    size: int = 0
    unreadable_bytes: int = 0

    def add(self, record: bytes, position: int, offset: int) -> None:
        """Add one record's JSON text."""
        self.texts.append(record)
        self.sizes.append(len(record) + 1)
        self.positions.append(position)
        self.offsets.append(offset)
        self.size += len(record)

    def add_lines(self, text: bytes, sizes: Numbers, position: int, offsets: Iterable[int]) -> None:
        """Add records of which each has its size in `text`, its line feed included, and the next position."""
        self.texts.append(text[:-1])
        self.sizes += sizes.tolist()
        self.positions += range(position, position + len(sizes))
        self.offsets += offsets
        self.size += len(text) - len(sizes)

    def add_unreadable(self, unreadable: UnreadableRecord) -> None:
        """Add bytes that are no record."""
        self.unreadable.append(unreadable)
        self.size += len(unreadable.record)
        self.unreadable_bytes += len(unreadable.record)

    def chunks(self, steps: Iterable[UnreadableRecord | None], bounds: ChunkBounds) -> Iterator[Chunk]:
        """Yield what is added while `steps` runs, as chunks; a step is None after a record was added."""
        for unreadable in steps:
            if unreadable:
                self.add_unreadable(unreadable)
            is_full = self.size >= bounds.chunk_bytes or self.unreadable_bytes >= PART_BYTES
            if is_full or len(self.positions) >= bounds.max_records:
                yield self.chunk()
        yield self.chunk()

    def chunk(self) -> Chunk:
        """Return all that was added as a chunk; then the builder is empty."""
        places = np.array(self.positions, np.int64), np.array(self.offsets, np.int64)
        chunk = chunk_of(self.texts, *places, self.sizes)
        chunk.unreadable = self.unreadable
        self.texts, self.sizes, self.positions, self.offsets, self.unreadable = [], [], [], [], []
        self.size = self.unreadable_bytes = 0
        return chunk
