"""What can be read of a warehouse: given old tables, or another writer, expect who and what."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from event_archive import open_archive
from orchestration.settings import Settings
from orchestration.warehouse.build_record import goes_forward, last_build
from orchestration.warehouse.engine import has_columns, open_warehouse
from orchestration.warehouse.lock import is_written_elsewhere
from orchestration.warehouse.state import WarehouseState, read_if_free

NO_MODELS: dict[str, Any] = {"nodes": {}, "sources": {}, "macros": {}}
WRITER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def written_by_another(database: Path) -> Iterator[None]:
    """Another process has a DuckDB file open for writing, and takes no lock of ours."""
    command = [sys.executable, "-c", WRITER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        yield
        writer.communicate()


def test_a_dbt_by_hand_is_another_process_and_not_an_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts)
    duckdb.connect(settings.warehouse).close()
    assert not is_written_elsewhere(settings.warehouse)
    with written_by_another(settings.warehouse):
        assert is_written_elsewhere(settings.warehouse)
        assert read_if_free(settings, NO_MODELS, archive, 0) == WarehouseState("another process")
    assert read_if_free(settings, NO_MODELS, archive, 0) == WarehouseState()


def test_a_build_that_was_recorded_by_an_earlier_version_counts_as_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts)
    with open_warehouse(settings) as connection:
        assert not has_columns(connection, "audit.build")
        assert goes_forward(connection, archive, 0, None)
        connection.execute("CREATE SCHEMA audit")
        columns = "'id' AS build_id, 7 AS sequence, '' AS log_digest"
        connection.execute(f"CREATE TABLE audit.build AS SELECT {columns}")
        assert has_columns(connection, "audit.build", "build_id", "sequence")
        assert not has_columns(connection, "audit.build", "build_id", "as_of")
        assert not goes_forward(connection, archive, 7, None)
        assert last_build(connection) is None
