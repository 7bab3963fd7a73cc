"""Pending records: those that are still rejected, read back in chunks to be validated again.

Belongs here: which of the quarantine's records are validated again, their bytes and places, in bounded
memory. Not here: validating them, and what is noted of it (`recover`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import UNDECODABLE, Chunk, ChunkBounds, chunk_of
from event_archive.limits import Limits
from event_archive.quarantine.recovery_outcomes import REJECTED, RejectedRecords
from event_archive.store.commit import Commit, QuarantineFile
from event_archive.store.parquet_file import open_parquet

SMALL_COLUMNS = ["position", "part", "offset", "reason", "detail", "type", "source"]


@dataclass(frozen=True)
class Selection:
    """Which records to validate again: those of one commit, reason (the latest), claimed type or source."""

    sequence: int | None = None
    reason: str | None = None
    type: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class PendingRecord:
    """One record that is still rejected, with the latest reason. `row`: in the quarantine of its commit.

    `reasons`: every one that it was ever rejected for.
    """

    sequence: int
    row: int
    position: int
    offset: int
    reason: str
    detail: str
    type: str | None
    reasons: frozenset[str]


@dataclass
class PendingChunk(Chunk):
    """A chunk of pending records: what is known of each, by row."""

    pending: list[PendingRecord] = field(default_factory=list)


class PendingRecords:
    """The records of a selection that are still rejected, foreign ones (landed by a mapping) or the others.

    What can't be validated again stays out: records that are longer than the limits, records without a byte,
    and compressed bytes that can't be decoded. Counted as `chunks` is drawn: `records` and their `bytes`;
    `left_out`, which stayed out; `foreign`, which landed by a mapping, where those are not asked for.
    """

    def __init__(
        self,
        archive: Archive,
        known: Sequence[Commit],
        states: RejectedRecords,
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
        self.records = 0
        self.bytes = 0
        self.left_out = 0
        self.foreign = 0

    def digest(self, repair: str | None) -> str:
        """SHA-256 of what was validated: each record's place and bytes, in order, and a repair's digest."""
        whole = self._sha256.copy()
        whole.update(f"repair {repair}\n".encode())
        return whole.hexdigest()

    def chunks(self) -> Iterator[PendingChunk]:
        """Chunks of the records, with numbers from 0 for positions."""
        most = ChunkBounds(self._limits.chunk_bytes, self._limits.record_bytes).max_records
        gathered: list[tuple[PendingRecord, bytes]] = []
        size = 0
        for pending, record in self._records():
            gathered.append((pending, record))
            size += len(record)
            if size >= self._limits.chunk_bytes or len(gathered) >= most:
                yield self._chunk(gathered)
                gathered, size = [], 0
        if gathered:
            yield self._chunk(gathered)

    def _chunk(self, gathered: list[tuple[PendingRecord, bytes]]) -> PendingChunk:
        for pending, record in gathered:
            self._sha256.update(f"{pending.sequence} {pending.row} {len(record)}\n".encode() + record)
            self.bytes += len(record)
        self.records += len(gathered)
        numbers = np.arange(len(gathered), dtype=np.int64)
        chunk = chunk_of([record for _, record in gathered], numbers, numbers)
        return PendingChunk(**vars(chunk), pending=[pending for pending, _ in gathered])

    def _records(self) -> Iterator[tuple[PendingRecord, bytes]]:
        for commit in self._known:
            is_selected = self._selection.sequence in (None, commit.sequence)
            if commit.quarantine is None or not is_selected:
                continue
            if (commit.mapping is not None) == self._foreign:
                yield from self._records_of(commit, commit.quarantine)
            elif not self._foreign:
                self.foreign += sum(1 for _ in self._records_of(commit, commit.quarantine))

    def _records_of(
        self, commit: Commit, quarantine: QuarantineFile
    ) -> Iterator[tuple[PendingRecord, bytes]]:
        """One commit's records, read by row groups, which are bounded as they were written."""
        first = 0
        long: tuple[PendingRecord, list[bytes], int] | None = None
        with open_parquet(self._archive.files.location(quarantine)) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, SMALL_COLUMNS).to_pylist()
                pending_rows = self._select(commit.sequence, first, rows)
                first += len(rows)
                parts = any(row["part"] for row in rows)
                if not pending_rows and not (long and parts):
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
                        yield from self._if_usable(long[0], b"".join(long[1]))
                    pending = pending_rows.get(number)
                    long = (pending, [record], len(record)) if pending else None
        if long:
            yield from self._if_usable(long[0], b"".join(long[1]))

    def _if_usable(self, pending: PendingRecord, record: bytes) -> Iterator[tuple[PendingRecord, bytes]]:
        is_raw = pending.reasons >= {UNDECODABLE}
        if is_raw or len(record) > self._limits.record_bytes or not record.strip():
            self.left_out += 1
        else:
            yield pending, record

    def _select(self, sequence: int, first: int, rows: list[dict[str, Any]]) -> dict[int, PendingRecord]:
        """The records among these rows that are still rejected and selected, by their number in the list."""
        latest = self._states.latest_outcomes(sequence, first, first + len(rows))
        selected: dict[int, PendingRecord] = {}
        for number, row in enumerate(rows):
            outcome, reason, detail, later = latest.get(first + number, (REJECTED, None, None, None))
            pending = PendingRecord(
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
            is_selected = (
                only.reason in (None, pending.reason)
                and only.type in (None, pending.type)
                and only.source in (None, row["source"])
            )
            if outcome == REJECTED and row["part"] == 0 and is_selected:
                selected[number] = pending
        return selected
