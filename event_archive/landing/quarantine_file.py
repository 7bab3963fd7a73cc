"""Quarantine: the input records that were refused, with their bytes, their place and the reason.

Belongs here: writing one landing's refusals to a Parquet file, and reading them back from what the log names.
Not here: deciding that a record is refused (`judge`, `decode`, `duplicates`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.store.commit import Commit, QuarantineFile
from event_archive.store.durable import file_digest
from event_archive.store.folders import QUARANTINE
from event_archive.validation.exact_validator import Rejected

FLUSH_BYTES = 16 << 20
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
    ]
)


@dataclass(frozen=True)
class Refusal:
    """One refused record. `position`: line, or index in the array, from 1; `offset`: bytes from the start.

    `part`: a record too long to be held at once comes in parts 0, 1, 2 …; part 0 stands for it in every
    count.
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


class QuarantineWriter:
    """Collects one landing's refusals in a file in scratch; nothing is written where there are none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.records = 0
        self._held: list[Refusal] = []
        self._held_bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, refusal: Refusal) -> None:
        """Take one refusal."""
        self._held.append(refusal)
        self._held_bytes += len(refusal.record) + 200
        self.records += refusal.part == 0
        if self._held_bytes > FLUSH_BYTES:
            self._flush()

    def add_chunk(self, chunk: Chunk, rejected: Iterable[tuple[int, Rejected]]) -> None:
        """Take a chunk's broken records, and those of its rows that were refused."""
        for unreadable in chunk.unreadable:
            self.add(Refusal(**{name: getattr(unreadable, name) for name in RECORD_FIELDS}))
        for row, verdict in rejected:
            self.add(
                Refusal(
                    position=int(chunk.positions[row]),
                    offset=int(chunk.offsets[row]),
                    reason=verdict.reason,
                    detail=verdict.detail,
                    record=chunk.record(row),
                    type=verdict.type,
                    source=verdict.source,
                    event_id=verdict.event_id,
                )
            )

    def finish(self) -> QuarantineFile | None:
        """Complete the file, and say what the log is to say of it."""
        self._flush()
        if self._writer is None:
            return None
        self._writer.close()
        digest = file_digest(self.file)
        return QuarantineFile(
            f"{QUARANTINE}/{digest}.parquet", digest, self.file.stat().st_size, rows=self.records
        )

    def _flush(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.file, COLUMNS, compression="zstd", write_page_checksum=True)
        rows = [{name: getattr(refusal, name) for name in COLUMNS.names} for refusal in self._held]
        self._writer.write_table(pa.Table.from_pylist(rows, COLUMNS))
        self._held, self._held_bytes = [], 0


def refusals(archive: Archive) -> Iterator[Refusal]:
    """Every record that was ever refused, whatever became of it, oldest commit first."""
    for commit in archive.log.commits():
        if commit.quarantine:
            yield from _read(archive, commit)


def record_at(archive: Archive, commit: Commit, row: int) -> bytes:
    """The bytes of the record that begins in this row of a commit's quarantine."""
    assert commit.quarantine is not None
    parts: list[bytes] = []
    first = 0
    with pq.ParquetFile(archive.storage.location(commit.quarantine.path)) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < first + rows:
                table = file.read_row_group(group, ["part", "record"]).slice(max(row - first, 0))
                for part, record in zip(table["part"].to_pylist(), table["record"], strict=True):
                    if parts and part == 0:
                        return b"".join(parts)
                    parts.append(record.as_py())
            first += rows
    return b"".join(parts)


def refusal_counts(archive: Archive) -> list[tuple[str, str | None, int]]:
    """How many records were refused, by reason and claimed type, most first."""
    counts: dict[tuple[str, str | None], int] = {}
    for commit in archive.log.commits():
        if commit.quarantine is None:
            continue
        file = archive.storage.location(commit.quarantine.path)
        for row in pq.read_table(file, columns=["reason", "type", "part"]).to_pylist():
            if row["part"] == 0:
                counts[row["reason"], row["type"]] = counts.get((row["reason"], row["type"]), 0) + 1
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0][0], one[0][1] or ""))
    return [(reason, claimed, count) for (reason, claimed), count in ordered]


def _read(archive: Archive, commit: Commit) -> Iterator[Refusal]:
    """One commit's refusals; the parts of a long record are put together."""
    assert commit.quarantine is not None
    file = pq.ParquetFile(archive.storage.location(commit.quarantine.path))
    whole: Refusal | None = None
    for batch in file.iter_batches(batch_size=1024):
        for row in batch.to_pylist():
            refusal = Refusal(**row, sequence=commit.sequence, origin=commit.origin)
            if refusal.part and whole:
                whole = replace(whole, record=whole.record + refusal.record)
                continue
            if whole:
                yield whole
            whole = refusal
    if whole:
        yield whole
