"""Kept records: what a landing by a mapping made events of or ignored, as it came, with each record's place.

Belongs here: writing one landing's records to a Parquet file, and reading them back from what the log names.
Not here: records that were rejected, which the quarantine holds (`quarantine_file`), and making events of
what is kept once more (`remap`).

A mapping takes of a record what it names; what it does not name would be gone. Records whose events were all
there already are not kept again.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk, Numbers, chunk_of
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.store.commit import QuarantineFile
from event_archive.store.folders import RECORDS
from event_archive.store.parquet_file import open_parquet
from event_archive.store.record_file import RecordFileWriter

GROUP_BYTES = 8 << 20
COLUMNS = pa.schema([("position", pa.int64()), ("offset", pa.int64()), ("record", pa.large_binary())])
WHITE_SPACE = " \t\r\n"


class KeptRecordsWriter:
    """Collects one landing's records in a file in scratch; writes nothing where none is kept."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._records = 0
        self._writer = RecordFileWriter(file, COLUMNS)
        self._kept = np.zeros(0, np.bool_)

    def add_chunk(self, chunk: Chunk, mapped: MappedChunk, accepted: Iterable[Numbers]) -> None:
        """Add those records of a chunk of which a part has accepted events, or is ignored."""
        if mapped.is_first:
            self._kept = np.zeros(len(chunk.positions), np.bool_)
        for rows in (*accepted, np.array([row for row, _ in mapped.ignored], np.int64)):
            self._kept[mapped.rows[rows]] = True
        if mapped.is_last:
            self._write(chunk)

    def finish(self) -> QuarantineFile | None:
        """Complete the file; return what the log says of it, None where no record is kept."""
        return self._writer.finish(RECORDS, self._records)

    def _write(self, chunk: Chunk) -> None:
        records = pc.utf8_trim(chunk.lines.filter(pa.array(self._kept)), characters=WHITE_SPACE)
        columns = [chunk.positions[self._kept], chunk.offsets[self._kept], records.cast(pa.large_binary())]
        table = pa.table(columns, COLUMNS)
        if table.num_rows:
            self._records += table.num_rows
            self._writer.write_table(table, max(table.num_rows * GROUP_BYTES // table.nbytes, 1))


def read_kept_records(archive: Archive, file: QuarantineFile) -> Iterator[Chunk]:
    """Yield the records of a landing as chunks, in the order of the input."""
    with open_parquet(archive.files.location(file)) as kept:
        for group in range(kept.num_row_groups):
            table = kept.read_row_group(group)
            positions, offsets = (table[name].to_numpy() for name in ("position", "offset"))
            yield chunk_of(table["record"].to_pylist(), positions, offsets)
