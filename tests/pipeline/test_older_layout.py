"""Versions that an older factlog published are read where they lie, and moved over by the next publishing."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.dataset.versions import find_version, intact_file, served_version, versions
from orchestration.diff.compare import diff
from orchestration.publishing.publish import publish
from orchestration.publishing.query import query
from orchestration.publishing.serving import hold_version, release_hold
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.installation import copy_of, land_events, note, published_installation, temporary_folder

NOTES = "SELECT count(*) FROM writing.notes"


def lay_down_as_before(settings: Settings) -> Settings:
    """Give the versions the places that they had until they got folders of their own."""
    served = served_version(settings)
    assert served is not None
    for version in versions(settings):
        folder = settings.published / version.folder
        (folder / "reporting.duckdb").rename(settings.published / f"reporting-{version.number}.duckdb")
        (folder / "manifest.json").rename(settings.published / f"reporting-{version.number}.json")
        folder.rmdir()
    (settings.published / "versions").rmdir()
    (settings.published / "reporting.duckdb").unlink()
    (settings.published / "reporting.duckdb").symlink_to(f"reporting-{served.number}.duckdb")
    return settings


@pytest.fixture(scope="module")
def template() -> Settings:
    settings = published_installation(temporary_folder())
    land_events(settings, [note(11)], "more.ndjson")
    refresh(settings)
    return lay_down_as_before(settings)


@pytest.fixture
def older(template: Settings, tmp_path: Path) -> Settings:
    return copy_of(template, tmp_path)


def files(settings: Settings) -> set[str]:
    published = settings.published
    return {str(path.relative_to(published)) for path in published.rglob("*") if not path.is_dir()}


MOVED = {
    "reporting.duckdb",
    *(f"versions/{number}/{name}" for number in (1, 2) for name in ("reporting.duckdb", "manifest.json")),
}


def test_what_an_older_factlog_published_is_read_where_it_lies(older: Settings) -> None:
    before = files(older)
    assert getattr(served_version(older), "number", None) == 2
    assert [version.number for version in versions(older)] == [1, 2]
    assert query(older, NOTES).rows == [(11,)]
    assert intact_file(older, find_version(older, 1)).name == "reporting-1.duckdb"
    assert files(older) == before


@pytest.mark.parametrize("publishing", [publish, refresh])
def test_the_next_publishing_moves_it_over(older: Settings, publishing: Callable[[Settings], Any]) -> None:
    publishing(older)
    assert files(older) == MOVED
    assert (older.published / "reporting.duckdb").samefile(older.published / "versions/2/reporting.duckdb")
    assert [version.number for version in versions(older)] == [1, 2]
    with closing(duckdb.connect(older.published / "reporting.duckdb", read_only=True)) as connection:
        assert connection.execute("SELECT current_database()").fetchall() == [("reporting",)]
        assert connection.execute(NOTES).fetchall() == [(11,)]


def test_a_version_is_held_and_released_before_it_was_moved_over(older: Settings) -> None:
    hold_version(older, 1)
    assert query(older, NOTES).rows == [(10,)]
    publish(older)
    assert query(older, NOTES).rows == [(10,)]
    release_hold(older)
    assert query(older, NOTES).rows == [(11,)]
    assert files(older) == MOVED


def test_a_move_that_is_interrupted_at_any_step_serves_on_and_is_completed(
    template: Settings, tmp_path: Path
) -> None:
    """Whatever step fails, both versions are there, the right one is served; the next publishing ends it."""
    step = 0
    while True:
        step += 1
        settings = copy_of(template, tmp_path / str(step))
        with pytest.MonkeyPatch.context() as patched:
            failing = FailingAt(step)
            for method in ("hardlink_to", "replace", "unlink"):
                patched.setattr(Path, method, failing.at(getattr(Path, method)))
            patched.setattr(os, "fsync", failing.at(os.fsync))
            try:
                publish(settings)
                break
            except LookupError:
                pass
        assert query(settings, NOTES).rows == [(11,)], step
        assert [version.number for version in versions(settings)] == [1, 2], step
        for version in versions(settings):
            assert intact_file(settings, version).is_file(), step
        publish(settings)
        assert files(settings) == MOVED, step
        assert query(settings, NOTES).rows == [(11,)]
    assert step > 20


class FailingAt:
    """Calls of which one, the how-manyth, fails, as it would if the process had been killed before it."""

    def __init__(self, step: int) -> None:
        self.left = step

    def at(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left <= 0:
                raise LookupError
            return call(*arguments, **options)

        return counted


def test_a_file_of_before_is_compared_and_the_next_version_is_written_anew(tmp_path: Path) -> None:
    """It said of itself in a schema `factlog` what files say in `meta` now, and showed no events."""
    settings = published_installation(tmp_path)
    file = settings.published / "versions/1/reporting.duckdb"
    file.chmod(0o644)
    with closing(duckdb.connect(file)) as connection:
        connection.execute(
            "CREATE SCHEMA factlog; CREATE TABLE factlog.manifest AS SELECT sequence, log_digest, as_of, "
            "code_version, built_at AS written_at FROM meta.about; "
            "CREATE TABLE factlog.tables AS SELECT table_name, row_count, digest, row_key, traced_to, "
            "landing_columns FROM meta.tables; DROP SCHEMA meta CASCADE; DROP SCHEMA events CASCADE; "
            "DROP VIEW notes; DROP VIEW notebooks; DROP VIEW readings"
        )
    manifest = settings.published / "versions/1/manifest.json"
    fields = json.loads(manifest.read_bytes())
    del fields["sha256"], fields["manifest_sha256"]
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(fields))
    (settings.published / "reporting.duckdb").unlink()
    (settings.published / "reporting.duckdb").hardlink_to(file)
    land_events(settings, [note(11)], "more.ndjson")
    said: list[str] = []
    refresh(settings, log=said.append)
    assert [line.split(":")[0] for line in said if "anew" in line] == [
        "the version before could not be brought up to date, all tables are written anew"
    ]
    compared = diff(settings, "1", "2", "writing.notes")
    assert [(change.kind, change.key) for table in compared.tables for change in table.changes] == [
        ("added", {"note_id": "11"})
    ]
    assert query(settings, "SELECT count(*) FROM notes").rows == [(11,)]
