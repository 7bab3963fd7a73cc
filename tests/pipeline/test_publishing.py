"""Publishing: only what was checked, in one step, and never in a reader's way."""

import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from functools import cache
from pathlib import Path

import duckdb
import pytest
from installation import copy_of, land_events, new_installation, note, put, temporary_folder

from event_archive.errors import UnusableInput
from orchestration.dbt_process import run_dbt
from orchestration.locking import warehouse_lock
from orchestration.publishing import PublishingRefused, current, publish, rollback, versions
from orchestration.querying import query
from orchestration.refresh import refresh
from orchestration.settings import PROJECT, Settings

SERVED = "reporting.duckdb"
# Publishes in a process that kills itself at its n-th step on the file system, as a crash would.
CRASHING = """
import os, pathlib, signal, sys
from orchestration import publishing
from orchestration.settings import Settings

steps = 0
def crash_at(what):
    def step(*arguments, **options):
        global steps
        steps += 1
        if steps == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return what(*arguments, **options)
    return step

os.fsync = crash_at(os.fsync)
publishing.copy_tables = crash_at(publishing.copy_tables)
for method in ("replace", "chmod", "symlink_to", "write_text"):
    setattr(pathlib.Path, method, crash_at(getattr(pathlib.Path, method)))
publishing.publish(Settings.from_environment())
print(steps)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with ten notes landed, and nothing derived yet."""
    settings = new_installation(tmp_path)
    land_events(settings, [note(number) for number in range(10)])
    return settings


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    """An installation with ten notes landed and published."""
    return copy_of(published_once(), tmp_path)


@cache
def published_once() -> Settings:
    """Land and publish once for all tests that begin there."""
    settings = new_installation(temporary_folder())
    land_events(settings, [note(number) for number in range(10)])
    refresh(settings)
    return settings


def words(settings: Settings) -> list[tuple[object, ...]]:
    """What an analyst sees who opens the file."""
    with closing(duckdb.connect((settings.published / SERVED).resolve(), read_only=True)) as connection:
        return connection.execute("FROM writing.notebooks ORDER BY notebook").fetchall()


def test_a_refresh_publishes_a_version_with_its_manifest(settings: Settings) -> None:
    refreshed = refresh(settings)
    assert (refreshed.sequence, refreshed.models, refreshed.tests) == (1, 5, 3)
    assert refreshed.publication.is_new
    assert words(settings) == [("blue", 5, 20), ("red", 5, 25)]
    manifest = json.loads((settings.published / "reporting-1.json").read_text())
    head = settings.open_archive().log.head()
    assert head is not None
    assert (manifest["sequence"], manifest["log_digest"]) == (1, head.digest)
    assert {name: state["rows"] for name, state in manifest["tables"].items()} == {
        "reading.readings": 0,
        "writing.notebooks": 2,
        "writing.notes": 10,
    }
    assert (settings.published / "reporting-1.duckdb").stat().st_mode & 0o777 == 0o444
    assert (settings.published / SERVED).readlink() == Path("reporting-1.duckdb")
    assert {path.name for path in settings.published.iterdir()} == {
        SERVED,
        "reporting-1.duckdb",
        "reporting-1.json",
    }


def test_descriptions_and_constraints_are_published_too(published: Settings) -> None:
    comments = query(published, "SELECT comment FROM duckdb_tables() WHERE table_name = 'notes'").rows
    assert comments == [("Notes, one row each.",)]
    column = "SELECT comment FROM duckdb_columns() WHERE table_name = 'notes' AND column_name = 'words'"
    assert query(published, column).rows == [("How long it is.",)]


def test_what_analysts_open_is_readable_by_older_duckdb(published: Settings) -> None:
    tags = query(published, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal").rows
    assert "v1.4.0" in str(tags)


def test_nothing_new_is_not_published_again(published: Settings) -> None:
    again = refresh(published)
    assert not again.publication.is_new
    assert [version.number for version in versions(published)] == [1]
    from_nothing = refresh(published, from_nothing=True)
    assert not from_nothing.publication.is_new, "the same log and code gave another digest"


def test_a_failing_check_keeps_the_old_version_and_is_named(published: Settings) -> None:
    before = words(published)
    land_events(published, [note(3, notebook="green") | {"id": "another"}], "twice.ndjson")
    with pytest.raises(PublishingRefused, match="unique_notes_note_id") as refused:
        refresh(published)
    assert "unique_notes_note_id" in [check.name for check in refused.value.failed]
    assert "\n" not in str(refused.value)
    assert words(published) == before
    with pytest.raises(PublishingRefused, match="unique_notes_note_id"):
        publish(published)


def test_a_model_that_fails_is_named(settings: Settings) -> None:
    put(settings.dbt_project / "models/marts/writing/notes.sql", "select nonsense")
    with pytest.raises(PublishingRefused, match=r"notes \(error: "):
        refresh(settings)
    assert current(settings) is None


def test_dbt_that_cannot_work_is_one_line(settings: Settings) -> None:
    put(settings.dbt_project / "models/marts/writing/notes.sql", "select {{ nonsense(")
    with pytest.raises(UnusableInput, match="dbt build: ") as error:
        refresh(settings)
    assert "\n" not in str(error.value)


def test_a_changed_archive_is_not_published(published: Settings) -> None:
    land_events(published, [note(11)], "more.ndjson")
    segment = next((published.archive_root / "events").rglob("*.parquet"))
    segment.chmod(0o644)
    content = bytearray(segment.read_bytes())
    content[-9] ^= 1
    segment.write_bytes(content)
    with pytest.raises((PublishingRefused, UnusableInput)):
        refresh(published)
    assert [version.number for version in versions(published)] == [1]


def test_a_warehouse_that_was_built_by_hand_is_not_published(published: Settings) -> None:
    land_events(published, [note(11)], "more.ndjson")
    run_dbt(published, ["build"])
    with pytest.raises(PublishingRefused, match=r"models_tested \(.*by hand"):
        publish(published)
    assert refresh(published).publication.version.number == 2


def test_a_crash_at_any_step_leaves_the_old_version_and_a_way_on(
    published: Settings,
) -> None:
    old = words(published)
    land_events(published, [note(11, notebook="green")], "more.ndjson")
    # A crash of its own kind: the warehouse is built and checked, and then the process dies while publishing.
    saved = (published.published / SERVED).readlink()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("orchestration.refresh.publish_locked", lambda settings: None)
        refresh(published)
    crashed = 0
    for step in range(1, 50):
        done = publish_in_another_process(published, step)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        crashed += 1
        if (published.published / SERVED).readlink() == saved:
            assert words(published) == old, f"after a crash at step {step}"
        else:
            assert len(words(published)) == 3, f"after a crash at step {step}"
            break
    assert crashed >= 8
    publication = publish(published)
    assert words(published) == [("blue", 5, 20), ("green", 1, 11), ("red", 5, 25)]
    left = {path.name for path in published.published.iterdir()}
    complete = {
        f"reporting-{version.number}.{kind}" for version in versions(published) for kind in ("duckdb", "json")
    }
    assert left == complete | {SERVED}, "litter of a crash was left"
    assert current(published) == publication.version


def publish_in_another_process(settings: Settings, step: int) -> "subprocess.CompletedProcess[str]":
    """Publish, with a crash at a step."""
    return subprocess.run(
        [sys.executable, "-c", CRASHING, str(step)],
        env=settings.environment()
        | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_reader_is_not_in_the_way_and_keeps_what_it_opened(published: Settings) -> None:
    path = (published.published / SERVED).resolve()
    with closing(duckdb.connect(path, read_only=True)) as reader:
        count = "SELECT count(*) FROM writing.notes"
        assert reader.execute(count).fetchall() == [(10,)]
        land_events(published, [note(number) for number in range(10, 15)], "more.ndjson")
        assert refresh(published).publication.version.number == 2
        assert reader.execute(count).fetchall() == [(10,)]
        assert query(published, count).rows == [(15,)]


def test_an_older_version_can_be_served_again(published: Settings) -> None:
    land_events(published, [note(11)], "more.ndjson")
    refresh(published)
    rollback(published, 1)
    assert query(published, "SELECT count(*) FROM writing.notes").rows == [(10,)]
    with pytest.raises(UnusableInput, match="version 7: not published; published versions: 1, 2"):
        rollback(published, 7)
    assert publish(published).version.number == 2


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("selec 1", "syntax error"),
        ("FROM nowhere", "does not exist"),
        ("CREATE TABLE writing.mine AS SELECT 1", "read-only"),
        ("COPY writing.notes TO '/tmp/notes.csv'", "disabled by configuration"),
        ("FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("ATTACH '/tmp/other.duckdb'", "disabled by configuration"),
        ("SET enable_external_access = true", "locked"),
    ],
)
def test_a_query_can_only_read_the_published_dataset(published: Settings, sql: str, reason: str) -> None:
    with pytest.raises(UnusableInput, match=reason) as error:
        query(published, sql)
    assert "\n" not in str(error.value)


def test_nothing_published_is_said(settings: Settings) -> None:
    with pytest.raises(UnusableInput, match="nothing is published yet"):
        query(settings, "SELECT 1")
    with pytest.raises(UnusableInput, match="nothing to publish yet"):
        publish(settings)


def test_who_finds_the_warehouse_taken_waits_and_says_for_whom(settings: Settings) -> None:
    said: list[str] = []
    taken, release = threading.Event(), threading.Event()

    def hold() -> None:
        with warehouse_lock(settings, "a long refresh"):
            taken.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30)

    def say(message: str) -> None:
        said.append(message)
        release.set()

    with warehouse_lock(settings, "another", say=say):
        holder.join(30)
    assert said == [f"waiting for a long refresh (process {os.getpid()}), which holds the warehouse"]
