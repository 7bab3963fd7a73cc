"""A record file: records, or what became of them, on the way into a commit.

Belongs here: writing such a Parquet file in scratch, and what the log says of it. Not here: its columns, and
how many rows are held before they are written (`quarantine_file`, `recovery_outcomes`, `kept_records`).
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.store.commit import QuarantineFile
from event_archive.store.durable import file_digest


def _is_bytes(kind: pa.DataType) -> bool:
    """Whether a column holds bytes as they came: which hardly repeat, so that a dictionary only costs."""
    return bool(pa.types.is_large_binary(kind))


class RecordFileWriter:
    """Writes rows, which have an attribute for each column, to a file that is made with the first of them."""

    def __init__(self, file: Path, columns: pa.Schema) -> None:
        self._file = file
        self._columns = columns
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: Sequence[object]) -> None:
        """Write rows, if there are any, as one row group."""
        columns = [[getattr(row, name) for row in rows] for name in self._columns.names]
        self.write_table(pa.table(columns, self._columns))

    def write_table(self, table: pa.Table, rows_at_once: int | None = None) -> None:
        """Write the rows of a table, if there are any, in row groups of so many."""
        if not table.num_rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._file,
                self._columns,
                compression="zstd",
                compression_level=3,  # of records a tenth smaller than by level 1, for a fifth more time
                write_page_checksum=True,
                use_dictionary=[column.name for column in self._columns if not _is_bytes(column.type)],
            )
        self._writer.write_table(table, row_group_size=rows_at_once)

    def finish(self, folder: str, records: int) -> QuarantineFile | None:
        """Complete the file; return what the log says of it, None where no row was written.

        `folder`: of the archive, in which it will be named after its content; `records`: how many are in it.
        """
        if self._writer is None:
            return None
        self._writer.close()
        digest = file_digest(self._file)
        return QuarantineFile(f"{folder}/{digest}.parquet", digest, self._file.stat().st_size, records)
