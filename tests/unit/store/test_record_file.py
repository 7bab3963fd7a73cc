"""Record files: made with the first row, and named after their content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.store.record_file import RecordFileWriter

COLUMNS = pa.schema([("row", pa.int64()), ("reason", pa.string())])


@dataclass(frozen=True)
class Row:
    row: int
    reason: str | None = None


def test_there_is_no_file_without_rows(tmp_path: Path) -> None:
    writer = RecordFileWriter(tmp_path / "file", COLUMNS)
    writer.write([])
    assert writer.finish("quarantine", 0) is None
    assert list(tmp_path.iterdir()) == []


def test_what_the_log_says_of_a_file_is_so(tmp_path: Path) -> None:
    writer = RecordFileWriter(tmp_path / "file", COLUMNS)
    writer.write([Row(1, "conflict"), Row(2)])
    writer.write([Row(3)])
    finished = writer.finish("quarantine", 2)
    content = (tmp_path / "file").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert finished is not None
    assert (finished.path, finished.sha256) == (f"quarantine/{digest}.parquet", digest)
    assert (finished.bytes, finished.rows) == (len(content), 2)
    assert pq.read_table(tmp_path / "file").to_pylist() == [
        {"row": 1, "reason": "conflict"},
        {"row": 2, "reason": None},
        {"row": 3, "reason": None},
    ]
