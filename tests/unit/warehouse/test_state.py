"""What can be read of a warehouse: given old tables, or another writer, expect who and what."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from event_archive import UnusableInput, open_archive
from orchestration.settings import Settings
from orchestration.warehouse import state
from orchestration.warehouse.build_record import goes_forward, last_build
from orchestration.warehouse.engine import has_columns, open_warehouse
from orchestration.warehouse.lock import is_written_elsewhere
from orchestration.warehouse.state import WarehouseState, read_if_free
from support.other_process import open_in_another_process

NO_MODELS: dict[str, Any] = {"nodes": {}, "sources": {}, "macros": {}}


def test_a_dbt_by_hand_is_another_process_and_not_an_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts, may_create=True)
    duckdb.connect(settings.warehouse).close()
    assert not is_written_elsewhere(settings.warehouse)
    with open_in_another_process(settings.warehouse, "writing"):
        assert is_written_elsewhere(settings.warehouse)
        assert read_if_free(settings, NO_MODELS, archive, 0) == WarehouseState("another process")
    assert read_if_free(settings, NO_MODELS, archive, 0) == WarehouseState()


def test_another_process_that_only_reads_keeps_nobody_from_reading(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts, may_create=True)
    duckdb.connect(settings.warehouse).close()
    with open_in_another_process(settings.warehouse, "reading"):
        assert not is_written_elsewhere(settings.warehouse)
        assert read_if_free(settings, NO_MODELS, archive, 0) == WarehouseState()


def test_a_file_that_nobody_writes_and_that_is_no_warehouse_is_an_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts, may_create=True)
    settings.warehouse.write_bytes(b"not a database" * 1000)
    assert not is_written_elsewhere(settings.warehouse)
    with pytest.raises(UnusableInput, match=re.escape(str(settings.warehouse))):
        read_if_free(settings, NO_MODELS, archive, 0)


def test_a_writer_that_comes_again_between_two_attempts_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts, may_create=True)
    duckdb.connect(settings.warehouse).close()
    answers = iter([False, True])  # it had just ended when we asked, and begins again
    monkeypatch.setattr(state, "is_written_elsewhere", lambda database: next(answers))
    with open_in_another_process(settings.warehouse, "writing"):
        assert read_if_free(settings, NO_MODELS, archive, 0) == WarehouseState("another process")


def test_a_build_that_was_recorded_by_an_earlier_version_counts_as_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive = open_archive(settings.archive_root, settings.contracts, may_create=True)
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
