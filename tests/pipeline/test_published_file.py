"""The file that analysts open: what SHOW TABLES shows, the events of its cut, and what it says of itself."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from event_archive import UnusableInput
from orchestration.dataset.versions import require_served_version
from orchestration.publishing.query import query
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.installation import copy_of, land_events, note, published_installation, put, temporary_folder


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Ten notes; then another version, over three landings, one of which had a record refused."""
    settings = published_installation(temporary_folder())
    model = settings.dbt_project / "models/marts/reading/notes_read.sql"
    put(model, "{{ config(alias='notes') }} select note_id from {{ ref('stg_note__read') }}")
    put(
        settings.dbt_project / "models/marts/reading/read.yml",
        "models: [{name: notes_read, description: Notes that were read.}]",
    )
    land_events(settings, [note(11, day="2026-01-05"), {"nonsense": 1}], "more.ndjson")
    land_events(settings, [note(3, verb="read")], "read.ndjson")
    refresh(settings)
    return settings


@pytest.fixture
def opened(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """As an analyst opens it, whose alias for it is not ours."""
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA writing; CREATE TABLE writing.notebooks AS SELECT 'another' AS x")
        connection.execute(f"ATTACH '{settings.published / 'reporting.duckdb'}' AS mine (READ_ONLY)")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def test_marts_are_found_without_their_schemas_whatever_the_file_is_called(
    opened: duckdb.DuckDBPyConnection,
) -> None:
    assert rows(opened, "FROM mine.main.notebooks EXCEPT FROM mine.writing.notebooks") == []
    assert rows(opened, "SELECT count(*) FROM mine.main.notebooks") == [(2,)]
    opened.execute("USE mine")
    # Two schemas have a mart `notes`: each is shown under a name of both.
    shown = ["notebooks", "reading_notes", "readings", "writing_notes"]
    assert [name for (name,) in rows(opened, "SHOW TABLES")] == shown
    assert rows(opened, "SELECT count(*) FROM writing_notes") == [(11,)]
    assert rows(opened, "SELECT count(*) FROM reading_notes") == [(1,)]
    assert rows(opened, "SELECT table_name, shown_as, description FROM meta.tables ORDER BY ALL") == [
        ("reading.notes", "reading_notes", "Notes that were read."),
        ("reading.readings", "readings", "How often notes were read, per day."),
        ("writing.notebooks", "notebooks", "Notebooks, one row each, and how full they are."),
        ("writing.notes", "writing_notes", "Notes, one row each."),
    ]


def test_it_says_what_it_is_and_what_changed(opened: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    version = require_served_version(settings)
    commit = settings.open_archive().log.commits()[-1]
    said = "version, sequence, data_until, newest_event_at::VARCHAR, version_before, changed_tables, archive"
    assert rows(opened, f"SELECT {said} FROM mine.meta.about") == [
        (
            version.number,
            3,
            commit.landed_at,
            "2026-01-05 12:00:00+00",
            1,
            ["reading.notes", "reading.readings", "writing.notebooks", "writing.notes"],
            str(settings.archive_root),
        )
    ]
    assert rows(opened, "SELECT * EXCLUDE landed_at FROM mine.meta.refusals") == [
        (2, "more.ndjson", 2, None, "bad_envelope", 1)
    ]
    checks = rows(opened, "SELECT name, passed FROM mine.meta.checks")
    assert ("archive_chain", True) in checks
    assert ("unique_notes_note_id", True) in checks


def test_it_says_how_fresh_it_is_and_what_it_is_made_of(opened: duckdb.DuckDBPyConnection) -> None:
    fresh = "SELECT name, kind, newest_event_at::DATE::VARCHAR, event_count FROM mine.meta.freshness"
    assert sorted(rows(opened, fresh)) == [
        ("events.note_read", "events", "2026-01-02", 1),
        ("events.note_written", "events", "2026-01-05", 11),
        ("reading.notes", "table", "2026-01-02", 1),
        ("reading.readings", "table", "2026-01-02", 1),
        ("writing.notebooks", "table", "2026-01-05", 11),
        ("writing.notes", "table", "2026-01-05", 11),
    ]
    assert rows(opened, "FROM mine.meta.lineage ORDER BY ALL") == [
        ("reading.notes", "events.note_read", "events"),
        ("reading.readings", "events.note_read", "events"),
        ("writing.notebooks", "writing.notes", "table"),
        ("writing.notes", "events.note_written", "events"),
    ]
    meaning = "SELECT column_index, data_type, description FROM mine.meta.columns WHERE column_name = 'words'"
    assert rows(opened, f"{meaning} AND table_name = 'writing.notes'") == [(3, "BIGINT", "How long it is.")]
    schemas = {name for (name,) in rows(opened, "SELECT schema_name FROM mine.meta.schemas")}
    assert schemas == {"events", "main", "meta", "reading", "writing"}


def test_every_table_and_column_that_says_something_of_the_file_is_described(
    opened: duckdb.DuckDBPyConnection,
) -> None:
    bare = "WHERE database_name = 'mine' AND schema_name = 'meta' AND comment IS NULL"
    assert rows(opened, f"SELECT table_name FROM duckdb_tables() {bare}") == []
    assert rows(opened, f"SELECT table_name FROM duckdb_columns() {bare}") == []
    said = "SELECT comment FROM duckdb_views() WHERE database_name = 'mine' AND view_name = '{}'"
    assert rows(opened, said.format("note_written")) == [("Somebody wrote a note.",)]
    assert rows(opened, said.format("reading_notes")) == [("Notes that were read.",)]


def test_the_events_are_exactly_those_of_the_version(settings: Settings, tmp_path: Path) -> None:
    """Whatever lands afterwards, a version shows the events that it was derived from."""
    settings = copy_of(settings, tmp_path)
    land_events(settings, [note(12)], "twelve.ndjson")
    refresh(settings)
    # Where the archive lies elsewhere than when it was published, a variable says so, and `query` sets it.
    settings = copy_of(settings, tmp_path / "moved")
    shutil.rmtree(tmp_path / "home" / "archive")
    land_events(settings, [note(13)], "later.ndjson")
    counts = (
        "SELECT (SELECT count(*) FROM events.note_written), (SELECT count(*) FROM events.all_events), "
        "(SELECT max(sequence) FROM events.all_events)"
    )
    assert query(settings, counts).rows == [(12, 13, 4)]
    refresh(settings)
    assert query(settings, counts).rows == [(13, 14, 5)]
    before = settings.published / "versions/3/reporting.duckdb"
    with closing(duckdb.connect(before, read_only=True)) as connection:
        connection.execute(f"SET VARIABLE factlog_archive = '{settings.archive_root}'")
        assert rows(connection, counts) == [(12, 13, 4)]


def test_without_the_archive_all_but_the_events_is_read(settings: Settings, tmp_path: Path) -> None:
    settings = copy_of(settings, tmp_path)
    with closing(duckdb.connect(settings.published / "reporting.duckdb", read_only=True)) as connection:
        connection.execute("SET enable_external_access = false")
        assert rows(connection, "SELECT count(*) FROM notebooks") == [(2,)]
        assert rows(connection, "SELECT count(*) > 20 FROM (SHOW ALL TABLES)") == [(True,)]
        assert rows(connection, "SELECT count(*) > 100 FROM information_schema.columns") == [(True,)]
        with pytest.raises(duckdb.Error, match=r"\.parquet"):
            rows(connection, "FROM events.note_written")


def test_no_mart_takes_the_place_of_what_the_file_says_of_itself(settings: Settings, tmp_path: Path) -> None:
    settings = copy_of(settings, tmp_path)
    put(settings.dbt_project / "models/marts/own.sql", "{{ config(schema='meta') }} select 1 as one")
    with pytest.raises(UnusableInput, match=r"own\.sql: is published in the schema meta, which is factlog's"):
        refresh(settings)
