"""The quarantine file of a landing: the input records that were rejected, with bytes, place and reason.

Belongs here: writing one landing's rejected records to a Parquet file, and reading them back from what
the log names. Not here: rejecting a record (`validation`, `decoding`, `deduplicate`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import DAMAGE, Chunk
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.store.commit import Commit, QuarantineFile
from event_archive.store.folders import QUARANTINE
from event_archive.store.inputs import input_at
from event_archive.store.parquet_file import open_parquet
from event_archive.store.record_file import RecordFileWriter
from event_archive.validation.exact_validator import Rejected

FLUSH_BYTES = 8 << 20
RECORD_FIELDS = ("position", "offset", "reason", "detail", "record", "part")
COLUMNS = pa.schema(
    [
        ("position", pa.int64()),
        ("part", pa.int32()),
        ("offset", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("type", pa.string()),
        ("source", pa.string()),
        ("event_id", pa.string()),
        ("record", pa.large_binary()),
        ("element", pa.int64()),
        ("held_in", pa.int64()),
    ]
)


@dataclass(frozen=True)
class QuarantinedRecord:
    """One rejected record. `position`: line, or index in the array, from 1; `offset`: bytes from the start.

    `part`: a record too long to be held at once comes in parts 0, 1, 2 …; part 0 stands for it in every
    count. `element`: the number, from 1, of what was rejected among the elements that a mapping found in the
    record. Where several of one record were, its bytes are kept once: `held_in` is the row in this file.
    """

    position: int
    offset: int
    reason: str
    detail: str
    record: bytes
    type: str | None = None
    source: str | None = None
    event_id: str | None = None
    part: int = 0
    sequence: int = 0
    origin: str = ""
    element: int | None = None
    held_in: int | None = None


class QuarantineWriter:
    """Collects one landing's rejected records in a file in scratch; writes nothing where there are none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.records = 0
        self._buffer: list[QuarantinedRecord] = []
        self._buffered_bytes = 0
        self._rows = 0
        self._kept: tuple[tuple[int, int], int] | None = None
        self._writer = RecordFileWriter(file, COLUMNS)

    def add(self, record: QuarantinedRecord) -> None:
        """Add one rejected record."""
        self._buffer.append(record)
        self._buffered_bytes += len(record.record) + 200
        self._rows += 1
        self.records += record.part == 0
        if self._buffered_bytes > FLUSH_BYTES:
            self._flush()

    def add_chunk(self, chunk: Chunk, mapped: MappedChunk, rejected: Iterable[tuple[int, Rejected]]) -> None:
        """Add a chunk's unreadable records, and those of its records that were rejected, in their order."""
        for unreadable in chunk.unreadable if mapped.is_first else ():
            self.add(QuarantinedRecord(**{name: getattr(unreadable, name) for name in RECORD_FIELDS}))
        for made, verdict in rejected:
            row, element = int(mapped.rows[made]), mapped.element(made)
            place = int(chunk.positions[row]), int(chunk.offsets[row])
            held_in = self._kept[1] if element is not None and self._kept and self._kept[0] == place else None
            if held_in is None:
                self._kept = place, self._rows
            self.add(
                QuarantinedRecord(
                    *place,
                    reason=verdict.reason,
                    detail=verdict.detail,
                    record=chunk.record(row) if held_in is None else b"",
                    type=verdict.type,
                    source=verdict.source,
                    event_id=verdict.event_id,
                    element=element,
                    held_in=held_in,
                )
            )

    def finish(self) -> QuarantineFile | None:
        """Complete the file; return what the log says of it, None where no record was rejected."""
        self._flush()
        return self._writer.finish(QUARANTINE, self.records)

    def _flush(self) -> None:
        self._writer.write(self._buffer)
        self._buffer, self._buffered_bytes = [], 0


def read_rejections(archive: Archive) -> Iterator[QuarantinedRecord]:
    """Yield every record that was ever rejected, whatever became of it, oldest commit first."""
    for commit in archive.log.commits():
        if commit.quarantine:
            yield from _read(archive, commit)


def record_at(archive: Archive, commit: Commit, row: int) -> bytes:
    """Return the bytes of the record that begins in this row of a commit's quarantine file."""
    return b"".join(record_parts(archive, commit, row))


def record_parts(archive: Archive, commit: Commit, row: int) -> Iterator[bytes]:
    """Yield the bytes of the record that begins in this row, in the parts that it is kept in."""
    assert commit.quarantine is not None
    first, is_within = 0, False
    with open_parquet(archive.files.location(commit.quarantine)) as file:
        row = _holding_row(file, row)
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < first + rows:
                table = file.read_row_group(group, ["part", "record"]).slice(max(row - first, 0))
                for part, record in zip(table["part"].to_pylist(), table["record"], strict=True):
                    if is_within and part == 0:
                        return
                    is_within = True
                    yield record.as_py()
            first += rows


def _holding_row(file: pq.ParquetFile, row: int) -> int:
    """Return the row of a quarantine file that holds the bytes of the record in this row."""
    if "held_in" not in file.schema_arrow.names:
        return row
    held_in = file.read(["held_in"])["held_in"][row].as_py()
    return row if held_in is None else int(held_in)


def count_rejections(archive: Archive) -> list[tuple[str, str | None, int]]:
    """Count the rejected records: (reason, claimed type, records), most records first."""
    counts: dict[tuple[str, str | None], int] = {}
    for commit in archive.log.commits():
        if commit.quarantine is None:
            continue
        with open_parquet(archive.files.location(commit.quarantine)) as rejections:
            rows = rejections.read(["reason", "type", "part"]).to_pylist()
        for row in rows:
            if row["part"] == 0:
                counts[row["reason"], row["type"]] = counts.get((row["reason"], row["type"]), 0) + 1
    ordered = sorted(counts.items(), key=lambda count: (-count[1], count[0][0], count[0][1] or ""))
    return [(reason, claimed, count) for (reason, claimed), count in ordered]


def damage_in(archive: Archive, commit: Commit, batch: str | None = None) -> str | None:
    """Return where and why, first of all, bytes of a landing's input could not be decoded to records.

    `batch`: the digest of one of several inputs; None: of any.
    """
    if commit.quarantine is None:
        return None
    file = archive.files.location(commit.quarantine)
    columns = pq.read_table(file, columns=["position", "detail"], filters=[("reason", "in", DAMAGE)])
    return next(
        (
            detail
            for position, detail in zip(
                *(columns[name].to_pylist() for name in columns.column_names), strict=True
            )
            if batch is None or input_at(commit, position).batch == batch
        ),
        None,
    )


def refused_positions(archive: Archive, commit: Commit) -> frozenset[int]:
    """Return the positions of the records that a landing rejected, or of which it rejected a part."""
    if commit.quarantine is None:
        return frozenset()
    with open_parquet(archive.files.location(commit.quarantine)) as file:
        return frozenset(file.read(["position"])["position"].to_pylist())


def refused_elements(archive: Archive, commit: Commit) -> dict[int, set[int]]:
    """Return the numbers of the elements that a landing rejected, by the position of their record."""
    refused: dict[int, set[int]] = {}
    if commit.quarantine is None:
        return refused
    with open_parquet(archive.files.location(commit.quarantine)) as file:
        if "element" in file.schema_arrow.names:
            rows = file.read(["position", "element"]).to_pydict()
            for position, element in zip(rows["position"], rows["element"], strict=True):
                if element is not None:
                    refused.setdefault(position, set()).add(element)
    return refused


def _read(archive: Archive, commit: Commit) -> Iterator[QuarantinedRecord]:
    """Yield one commit's rejected records; the parts of a long record are put together."""
    assert commit.quarantine is not None
    whole: QuarantinedRecord | None = None
    with open_parquet(archive.files.location(commit.quarantine)) as file:
        for batch in file.iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                record = QuarantinedRecord(
                    **row, sequence=commit.sequence, origin=input_at(commit, row["position"]).origin
                )
                if record.part and whole:
                    whole = replace(whole, record=whole.record + record.record)
                    continue
                if record.held_in is not None and whole:
                    record = replace(record, record=whole.record)
                if whole:
                    yield whole
                whole = record
    if whole:
        yield whole
