"""Pending records: those that are still rejected, read back in chunks to be validated again.

Belongs here: which of the quarantine's records are validated again, their bytes and places, in bounded
memory; also those that a recovery took, for who maps them once more. Not here: validating them, and what is
noted of it (`recover`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import UNDECODABLE, Chunk, ChunkBounds, chunk_of
from event_archive.landing.quarantine_file import record_at
from event_archive.limits import Limits
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.quarantine.states import REJECTED
from event_archive.store.commit import Commit, QuarantineFile
from event_archive.store.parquet_file import open_parquet

SMALL_COLUMNS = ["position", "part", "offset", "reason", "detail", "type", "source"]
ELEMENT_COLUMNS = ["element", "held_in"]  # which files of before there were elements do not have


@dataclass(frozen=True)
class Selection:
    """Which records to validate again: those of one commit, reason (the latest), claimed type or source.

    `recovered_in`: not those that are still rejected, but those that this recovery made events of or ignored.
    """

    sequence: int | None = None
    reason: str | None = None
    type: str | None = None
    source: str | None = None
    recovered_in: int | None = None


@dataclass(frozen=True)
class PendingRecord:
    """One record that is still rejected, with the latest reason. `row`: in the quarantine of its commit.

    `reasons`: every one that it was ever rejected for. `element`: the number of what was rejected among the
    elements of its record, None where it is the whole record. `state`: what that recovery said which a
    selection asks for.
    """

    sequence: int
    row: int
    position: int
    offset: int
    reason: str
    detail: str
    type: str | None
    reasons: frozenset[str]
    element: int | None = None
    state: str = REJECTED


@dataclass
class PendingChunk(Chunk):
    """A chunk of records that are pending, or of which elements are: what is known of these, by row."""

    pending: list[list[PendingRecord]] = field(default_factory=list)


@dataclass
class _Gathered:
    """A record as it is read, from a row on: what of it is pending, and its bytes in parts."""

    row: int
    pending: list[PendingRecord] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    is_too_long: bool = False

    def add(self, part: bytes, most: int) -> None:
        """Add a part; where there are more than so many bytes, or nobody wants them, none is kept."""
        self.parts = [*self.parts, part] if self.pending and not self.is_too_long else []
        self.is_too_long |= sum(map(len, self.parts)) > most


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
        """Chunks of the records, each with its position in the input that it came with."""
        most = ChunkBounds(self._limits.chunk_bytes, self._limits.record_bytes).max_records
        gathered: list[tuple[list[PendingRecord], bytes]] = []
        size = 0
        for pending, record in self._records():
            gathered.append((pending, record))
            size += len(record)
            if size >= self._limits.chunk_bytes or len(gathered) >= most:
                yield self._chunk(gathered)
                gathered, size = [], 0
        if gathered:
            yield self._chunk(gathered)

    def _chunk(self, gathered: list[tuple[list[PendingRecord], bytes]]) -> PendingChunk:
        for elements, record in gathered:
            for pending in elements:
                self._sha256.update(f"{pending.sequence} {pending.row} {len(record)}\n".encode())
            self._sha256.update(record)
            self.bytes += len(record)
            self.records += len(elements)
        positions = np.array([pending[0].position for pending, _ in gathered], np.int64)
        offsets = np.array([pending[0].offset for pending, _ in gathered], np.int64)
        chunk = chunk_of([record for _, record in gathered], positions, offsets)
        return PendingChunk(**vars(chunk), pending=[pending for pending, _ in gathered])

    def _records(self) -> Iterator[tuple[list[PendingRecord], bytes]]:
        for commit in self._known:
            if commit.quarantine is None or not self._is_selected(commit):
                continue
            if (commit.mapping is not None) == self._foreign:
                yield from self._records_of(commit, commit.quarantine)
            elif not self._foreign:
                self.foreign += sum(
                    len(pending) for pending, _ in self._records_of(commit, commit.quarantine)
                )

    def _is_selected(self, commit: Commit) -> bool:
        recovery = self._selection.recovered_in
        if recovery is not None and not self._states.recovered_in(recovery, commit.sequence):
            return False
        return self._selection.sequence in (None, commit.sequence)

    def _records_of(
        self, commit: Commit, quarantine: QuarantineFile
    ) -> Iterator[tuple[list[PendingRecord], bytes]]:
        """One commit's records, read by row groups, which are bounded as they were written."""
        first = 0
        record = _Gathered(-1)
        with open_parquet(self._archive.files.location(quarantine)) as file:
            columns = [*SMALL_COLUMNS, *(name for name in ELEMENT_COLUMNS if name in file.schema_arrow.names)]
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns).to_pylist()
                pending = self._select(commit.sequence, first, rows)
                if not pending and not (record.pending and any(row["part"] for row in rows)):
                    first += len(rows)
                    continue
                texts = file.read_row_group(group, ["record"])["record"]
                for number, row in enumerate(rows):
                    selected = [pending[number]] if number in pending else []
                    holder = row.get("held_in")
                    if row["part"]:
                        record.add(texts[number].as_py(), self._limits.record_bytes)
                    elif holder is not None and holder == record.row:
                        record.pending += selected
                    elif holder is None or selected:
                        yield from self._if_usable(record)
                        text = (
                            texts[number].as_py()
                            if holder is None
                            else record_at(self._archive, commit, holder)
                        )
                        record = _Gathered(first + number if holder is None else holder, selected, [text])
                first += len(rows)
        yield from self._if_usable(record)

    def _if_usable(self, record: "_Gathered") -> Iterator[tuple[list[PendingRecord], bytes]]:
        if not record.pending:
            return
        is_raw = any(pending.reasons >= {UNDECODABLE} for pending in record.pending)
        text = b"".join(record.parts)
        if is_raw or record.is_too_long or len(text) > self._limits.record_bytes or not text.strip():
            self.left_out += len(record.pending)
        else:
            yield record.pending, text

    def _select(self, sequence: int, first: int, rows: list[dict[str, Any]]) -> dict[int, PendingRecord]:
        """The records among these rows that are selected, by their number in the list."""
        rows_of = sequence, first, first + len(rows)
        latest = self._states.latest_outcomes(*rows_of)
        recovery = self._selection.recovered_in
        states = None if recovery is None else self._states.recovered_in(recovery, *rows_of)
        selected: dict[int, PendingRecord] = {}
        for number, row in enumerate(rows):
            state, reason, detail, later = latest.get(first + number, (REJECTED, None, None, None))
            is_asked_for = state == REJECTED if states is None else first + number in states
            pending = PendingRecord(
                sequence,
                first + number,
                row["position"],
                row["offset"],
                reason or row["reason"],
                row["detail"] if detail is None else detail,
                row["type"],
                frozenset([row["reason"], *(later or ())]),
                row.get("element"),
                REJECTED if states is None else states.get(first + number, REJECTED),
            )
            only = self._selection
            is_selected = (
                only.reason in (None, pending.reason)
                and only.type in (None, pending.type)
                and only.source in (None, row["source"])
            )
            if is_asked_for and row["part"] == 0 and is_selected:
                selected[number] = pending
        return selected
