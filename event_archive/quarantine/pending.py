"""Waiting records: those that are still refused, read back in chunks to be judged again.

Belongs here: which of the quarantine's records are judged again, their bytes and places, in bounded memory.
Not here: judging them, and what is noted of it (`recovery`).
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, chunk_of
from event_archive.limits import Limits
from event_archive.quarantine.recovery_outcomes import REFUSED, latest_outcomes
from event_archive.store.commit import Commit

SMALL_COLUMNS = ["position", "part", "offset", "reason", "detail", "type", "source"]


@dataclass(frozen=True)
class Selection:
    """Which records to judge again: those of one commit, reason (the latest), claimed type or source."""

    sequence: int | None = None
    reason: str | None = None
    type: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class Waiting:
    """One record that is still refused, with the latest reason. `row`: in the quarantine of its commit.

    `reasons`: every one that it was ever refused for.
    """

    sequence: int
    row: int
    position: int
    offset: int
    reason: str
    detail: str
    type: str | None
    reasons: frozenset[str]


class WaitingRecords:
    """The records of a selection that are still refused, foreign ones (landed by a mapping) or the others.

    `chunks` gives their bytes, and `taken` the records of each chunk, in the same order. What can't be judged
    again stays out: records that are longer than the limits, and records without a byte.
    """

    def __init__(
        self,
        archive: Archive,
        known: Sequence[Commit],
        states: duckdb.DuckDBPyConnection,
        selection: Selection,
        limits: Limits,
        *,
        foreign: bool,
    ) -> None:
        self._archive = archive
        self._known = known
        self._states = states
        self._selection = selection
        self._limits = limits
        self._foreign = foreign
        self._sha256 = hashlib.sha256()
        self.taken: deque[list[Waiting]] = deque()
        self.records = 0
        self.bytes = 0
        self.left_out = 0
        self.foreign = 0

    def digest(self, repair: str | None) -> str:
        """SHA-256 of what was judged: each record's place and bytes, in order, and the digest of a repair."""
        whole = self._sha256.copy()
        whole.update(f"repair {repair}\n".encode())
        return whole.hexdigest()

    def chunks(self) -> Iterator[Chunk]:
        """Chunks of the records, with numbers from 0 for positions."""
        most = ChunkBounds(self._limits.chunk_bytes, self._limits.record_bytes).max_records
        held: list[tuple[Waiting, bytes]] = []
        size = 0
        for waiting, record in self._records():
            held.append((waiting, record))
            size += len(record)
            if size >= self._limits.chunk_bytes or len(held) >= most:
                yield self._chunk(held)
                held, size = [], 0
        if held:
            yield self._chunk(held)

    def _chunk(self, held: list[tuple[Waiting, bytes]]) -> Chunk:
        for waiting, record in held:
            self._sha256.update(f"{waiting.sequence} {waiting.row} {len(record)}\n".encode() + record)
            self.bytes += len(record)
        self.records += len(held)
        self.taken.append([waiting for waiting, _ in held])
        numbers = np.arange(len(held), dtype=np.int64)
        return chunk_of([record for _, record in held], numbers, numbers)

    def _records(self) -> Iterator[tuple[Waiting, bytes]]:
        for commit in self._known:
            wanted = self._selection.sequence in (None, commit.sequence)
            if commit.quarantine is None or not wanted:
                continue
            if (commit.mapping is not None) == self._foreign:
                yield from self._of(commit, commit.quarantine.path)
            elif not self._foreign:
                self.foreign += sum(1 for _ in self._of(commit, commit.quarantine.path))

    def _of(self, commit: Commit, path: str) -> Iterator[tuple[Waiting, bytes]]:
        """One commit's records, read by row groups, which are bounded as they were written."""
        first = 0
        long: tuple[Waiting, list[bytes], int] | None = None
        with pq.ParquetFile(self._archive.storage.location(path)) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, SMALL_COLUMNS).to_pylist()
                found = self._wanted(commit.sequence, first, rows)
                first += len(rows)
                parts = any(row["part"] for row in rows)
                if not found and not (long and parts):
                    continue
                records = file.read_row_group(group, ["record"])["record"]
                for number, row in enumerate(rows):
                    record: bytes = records[number].as_py()
                    if row["part"] and long:
                        long = long[0], [*long[1], record], long[2] + len(record)
                        if long[2] > self._limits.record_bytes:
                            self.left_out += 1
                            long = None
                        continue
                    if long:
                        yield from self._whole(long[0], b"".join(long[1]))
                    waiting = found.get(number)
                    long = (waiting, [record], len(record)) if waiting else None
        if long:
            yield from self._whole(long[0], b"".join(long[1]))

    def _whole(self, waiting: Waiting, record: bytes) -> Iterator[tuple[Waiting, bytes]]:
        if len(record) > self._limits.record_bytes or not record.strip():
            self.left_out += 1
        else:
            yield waiting, record

    def _wanted(self, sequence: int, first: int, rows: list[dict[str, Any]]) -> dict[int, Waiting]:
        """The records among these rows that are still refused and selected, by their number in the list."""
        latest = latest_outcomes(self._states, sequence, first, first + len(rows))
        found: dict[int, Waiting] = {}
        for number, row in enumerate(rows):
            outcome, reason, detail, later = latest.get(first + number, (REFUSED, None, None, None))
            waiting = Waiting(
                sequence,
                first + number,
                row["position"],
                row["offset"],
                reason or row["reason"],
                row["detail"] if detail is None else detail,
                row["type"],
                frozenset([row["reason"], *(later or ())]),
            )
            only = self._selection
            wanted = (
                only.reason in (None, waiting.reason)
                and only.type in (None, waiting.type)
                and only.source in (None, row["source"])
            )
            if outcome == REFUSED and row["part"] == 0 and wanted:
                found[number] = waiting
        return found
