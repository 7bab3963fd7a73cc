"""Small inputs, decoded and joined to one chunk of records, of which it is known whose each one is.

Belongs here: decoding an input that is held as a whole, joining several, and telling their records apart
again. Not here: which inputs land together (`land_files`), and landing them (`land_together`).
"""

from collections import ChainMap
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import pyarrow as pa

from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import DAMAGE, Chunk, ChunkBounds, Numbers
from event_archive.decoding.sources import HashingReader, Source
from event_archive.landing.land import faults_of
from event_archive.landing.transaction import Verdicts
from event_archive.limits import Limits
from event_archive.store.commit import Counts

WHITE_SPACE = b" \t\r\n"


@dataclass(frozen=True)
class DecodedFile:
    """An input: the SHA-256 and number of its bytes, and all of its records."""

    source: Source
    batch: str
    batch_bytes: int
    chunks: Sequence[Chunk]

    @property
    def size(self) -> int:
        """How many bytes its records are."""
        return sum(chunk.size for chunk in self.chunks)

    @property
    def rows(self) -> int:
        """How many lines it has, empty ones among them."""
        return sum(len(chunk.positions) for chunk in self.chunks)

    @property
    def last_position(self) -> int:
        """The highest position in it; 0 where it is empty."""
        return max((chunk.last_position for chunk in self.chunks), default=0)

    @property
    def has_record(self) -> bool:
        """Whether there is anything in it but white space."""
        return any(
            chunk.unreadable or chunk.apart or chunk.lines.buffers()[2].to_pybytes().strip(WHITE_SPACE)
            for chunk in self.chunks
        )

    @property
    def damage(self) -> str | None:
        """Where and why, first of all, bytes of it could not be decoded to records."""
        unreadable = (record for chunk in self.chunks for record in chunk.unreadable)
        return next((record.detail for record in unreadable if record.reason in DAMAGE), None)


def decode_small(source: Source, limits: Limits, most: int) -> DecodedFile | None:
    """Decode an input of events; None where it comes to more than `most` bytes. Raises UnusableSource."""
    bounds = ChunkBounds(limits.chunk_bytes, limits.record_bytes, limits.max_input_bytes)
    chunks: list[Chunk] = []
    size = 0
    with closing(source.open()) as file, faults_of(source):
        stream = HashingReader(file)
        for chunk in read_chunks(stream, bounds):
            chunks.append(chunk)
            size += chunk.size
            if size > most or sum(len(one.positions) for one in chunks) > bounds.max_records // 2:
                return None
        stream.read_to_end()
    return DecodedFile(source, stream.digest(), stream.bytes, chunks)


class JoinedFiles:
    """Some inputs as one `chunk`. `after`: for each, how many positions those before it have."""

    def __init__(self, files: Sequence[DecodedFile]) -> None:
        *self.after, _ = accumulate((file.last_position for file in files), initial=0)
        self._first_rows = np.array([*accumulate((file.rows for file in files), initial=0)], np.int64)
        self._counts = np.zeros((3, len(files)), np.int64)
        self._in_columns = np.zeros(len(files), np.int64)
        self.chunk = _joined([_shifted(file, after) for file, after in zip(files, self.after, strict=True)])

    def add(self, verdicts: Verdicts) -> None:
        """Note what became of the rows of the chunk, whose unreadable records are rejected."""
        outcomes = (
            np.concatenate([np.zeros(0, np.int64), *verdicts.accepted.values()]),
            np.array(verdicts.duplicates, np.int64),
            np.array([row for row, _ in verdicts.rejected], np.int64),
        )
        self._counts += [self._by_file(rows) for rows in outcomes]
        first_parts = [record.position for record in self.chunk.unreadable if record.part == 0]
        of_unreadable = np.searchsorted(self.after, first_parts, side="left") - 1
        self._counts[2] += np.bincount(of_unreadable.astype(np.int64), minlength=len(self.after))
        self._in_columns += self._by_file(verdicts.in_columns)

    @property
    def counts(self) -> list[Counts]:
        """What became of the records of each."""
        return [Counts(sum(counts), *counts) for counts in self._counts.T.tolist()]

    @property
    def accepted_in_columns(self) -> list[int]:
        """Of each, how many records needed no look at each by itself."""
        accepted: list[int] = self._in_columns.tolist()
        return accepted

    def _by_file(self, rows: Numbers) -> Numbers:
        """Count rows by the file that they are of."""
        files = np.searchsorted(self._first_rows, rows, side="right") - 1
        return np.bincount(files, minlength=len(self.after)).astype(np.int64)


def _shifted(file: DecodedFile, after: int) -> list[Chunk]:
    """Return the chunks of a file with positions that count on from those before it."""
    return [
        replace(
            chunk,
            positions=chunk.positions + after,
            unreadable=[replace(record, position=record.position + after) for record in chunk.unreadable],
        )
        for chunk in file.chunks
    ]


def _joined(files: Sequence[Sequence[Chunk]]) -> Chunk:
    """Return all chunks of all files as one."""
    chunks = [chunk for file in files for chunk in file]
    first_rows = [*accumulate((len(chunk.positions) for chunk in chunks), initial=0)]
    first_bytes = [*accumulate((int(chunk.bounds[-1]) for chunk in chunks), initial=0)]
    starts = [chunk.bounds[:-1] + first for chunk, first in zip(chunks, first_bytes, strict=False)]
    bounds = pa.py_buffer(np.concatenate([*starts, np.array(first_bytes[-1:], np.int64)]))
    data = b"".join(memoryview(chunk.lines.buffers()[2])[: chunk.bounds[-1]] for chunk in chunks)
    apart = [
        {first + row: record for row, record in chunk.apart.items()}
        for chunk, first in zip(chunks, first_rows, strict=False)
    ]
    return Chunk(
        pa.LargeStringArray.from_buffers(first_rows[-1], bounds, pa.py_buffer(data)),
        np.concatenate([chunk.positions for chunk in chunks]),
        np.concatenate([chunk.offsets for chunk in chunks]),
        dict(ChainMap(*apart)),
        [record for chunk in chunks for record in chunk.unreadable],
    )
