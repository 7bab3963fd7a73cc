"""Dataset files that can't be attached: given one, expect one line that says why."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from event_archive import UnusableInput
from event_archive.engine import open_engine
from orchestration.dataset.dataset_file import attach_dataset
from support.other_process import open_in_another_process


def test_a_file_that_another_process_writes_is_named_so(tmp_path: Path) -> None:
    file = tmp_path / "reporting.duckdb"
    duckdb.connect(file).close()
    with (
        open_in_another_process(file, "writing"),
        closing(open_engine()) as connection,
        pytest.raises(UnusableInput, match=r"reporting\.duckdb: another process is writing it"),
    ):
        attach_dataset(connection, file, "a")


def test_a_file_that_another_process_reads_can_be_attached(tmp_path: Path) -> None:
    file = tmp_path / "reporting.duckdb"
    duckdb.connect(file).close()
    with (
        open_in_another_process(file, "reading"),
        closing(open_engine()) as connection,
        pytest.raises(UnusableInput, match="no dataset of factlog"),
    ):
        attach_dataset(connection, file, "a")


def test_a_name_with_the_word_lock_is_no_lock(tmp_path: Path) -> None:
    file = tmp_path / "locksmith.duckdb"
    file.write_bytes(b"no database" * 1000)
    with (
        closing(open_engine()) as connection,
        pytest.raises(UnusableInput, match=r"locksmith\.duckdb: not a DuckDB file that can be read"),
    ):
        attach_dataset(connection, file, "a")
