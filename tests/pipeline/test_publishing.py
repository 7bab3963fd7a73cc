"""Publishing: only what was checked, as numbered versions that say what they hold."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from event_archive import UnusableInput
from orchestration.dataset.versions import served_version, versions
from orchestration.dbt.process import run_dbt
from orchestration.publishing.publish import PublishingRefused, publish
from orchestration.publishing.query import query
from orchestration.publishing.serving import hold_version, release_hold
from orchestration.refresh import refresh
from orchestration.setting_values import Retention
from orchestration.settings import Settings
from orchestration.warehouse.checks import conservation
from support.installation import land_events, landed, note, published_installation, put

SERVED = "reporting.duckdb"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with ten notes landed, and nothing derived yet."""
    return landed(tmp_path)


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    """An installation with ten notes landed and published."""
    return published_installation(tmp_path)


def words(settings: Settings) -> list[tuple[object, ...]]:
    """What an analyst sees who opens the file."""
    with closing(duckdb.connect(settings.published / SERVED, read_only=True)) as connection:
        return connection.execute("FROM writing.notebooks ORDER BY notebook").fetchall()


def test_a_refresh_publishes_a_version_with_its_manifest(settings: Settings) -> None:
    refreshed = refresh(settings)
    assert (refreshed.sequence, refreshed.models, refreshed.tests) == (1, 5, 3)
    assert refreshed.publication.is_new
    assert words(settings) == [("blue", 5, 20), ("red", 5, 25)]
    manifest = json.loads((settings.published / "versions/1/manifest.json").read_text())
    head = settings.open_archive().log.head()
    assert head is not None
    assert (manifest["sequence"], manifest["log_digest"]) == (1, head.digest)
    assert {name: state["rows"] for name, state in manifest["tables"].items()} == {
        "reading.readings": 0,
        "writing.notebooks": 2,
        "writing.notes": 10,
    }
    served, version = settings.published / SERVED, settings.published / "versions" / "1"
    assert served.stat().st_mode & 0o777 == 0o444
    assert not served.is_symlink()
    assert served.samefile(version / SERVED)
    assert {path.name for path in settings.published.iterdir()} == {SERVED, "versions"}
    assert {path.name for path in version.iterdir()} == {SERVED, "manifest.json"}


def test_descriptions_and_constraints_are_published_too(published: Settings) -> None:
    comments = query(published, "SELECT comment FROM duckdb_tables() WHERE table_name = 'notes'").rows
    assert comments == [("Notes, one row each.",)]
    column = "SELECT comment FROM duckdb_columns() WHERE table_name = 'notes' AND column_name = 'words'"
    # Of the view without a schema as well: it is what an analyst finds first.
    assert query(published, column).rows == [("How long it is.",)] * 2


def test_a_file_says_what_it_holds(published: Settings) -> None:
    version = served_version(published)
    assert version is not None
    manifest = query(published, "SELECT sequence, log_digest, as_of, code_version FROM meta.about").rows
    assert manifest == [(version.sequence, version.log_digest, None, version.code_version)]
    tables = query(
        published, "SELECT table_name, row_count, digest, row_key FROM meta.tables ORDER BY table_name"
    ).rows
    assert tables == [
        ("reading.readings", 0, version.tables["reading.readings"].digest, []),
        ("writing.notebooks", 2, version.tables["writing.notebooks"].digest, ["notebook"]),
        ("writing.notes", 10, version.tables["writing.notes"].digest, ["note_id"]),
    ]


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
    nonsense = "select nonsense from {{ ref('stg_note__written') }}"
    put(settings.dbt_project / "models/marts/writing/notes.sql", nonsense)
    with pytest.raises(PublishingRefused, match=r"notes \(error: "):
        refresh(settings)
    assert served_version(settings) is None


def test_dbt_that_cannot_work_is_one_line(settings: Settings) -> None:
    put(settings.dbt_project / "models/marts/writing/notes.sql", "select {{ nonsense(")
    with pytest.raises(UnusableInput, match="dbt parse: ") as error:
        refresh(settings)
    assert "\n" not in str(error.value)


def test_a_changed_archive_is_not_published(published: Settings) -> None:
    land_events(published, [note(11), {"type": "nonsense"}], "more.ndjson")
    [refused] = (published.archive_root / "quarantine").rglob("*.parquet")
    refused.chmod(0o644)
    content = bytearray(refused.read_bytes())
    content[20] ^= 1
    refused.write_bytes(content)
    # dbt never reads that file: only the check of the archive can tell.
    with pytest.raises(PublishingRefused, match=rf"archive_chain \(quarantine/{refused.name}: "):
        refresh(published)
    assert [version.number for version in versions(published)] == [1]


def test_events_that_were_accepted_and_cannot_be_read_are_noticed(published: Settings) -> None:
    commits = published.open_archive().log.commits()
    with closing(duckdb.connect(published.warehouse)) as connection:
        assert conservation(commits, connection).passed
        connection.execute("CREATE OR REPLACE VIEW events.all_events AS SELECT 1 AS sequence FROM range(9)")
        lost = conservation(commits, connection)
    assert (lost.passed, lost.detail) == (False, "10 events were accepted, and dbt reads 9")


def test_a_warehouse_that_was_built_by_hand_is_not_published(published: Settings) -> None:
    land_events(published, [note(11)], "more.ndjson")
    run_dbt(published, ["build"])
    with pytest.raises(PublishingRefused, match=r"models_tested \(.*by hand"):
        publish(published)
    assert refresh(published).publication.version.number == 2


def test_an_older_version_that_is_served_is_held_until_it_is_released(published: Settings) -> None:
    land_events(published, [note(11)], "more.ndjson")
    refresh(published)
    hold_version(published, 1)
    notes = "SELECT count(*) FROM writing.notes"
    assert query(published, notes).rows == [(10,)]
    with pytest.raises(UnusableInput, match="version 7: not published; published versions: 1, 2"):
        hold_version(published, 7)
    # Whatever is refreshed meanwhile: what is wrong does not come back by itself.
    nothing_new = refresh(published)
    assert (nothing_new.models, nothing_new.publication.held) == (0, 1)
    from_nothing = refresh(published, from_nothing=True)
    assert (from_nothing.publication.version.number, from_nothing.publication.held) == (2, 1)
    land_events(published, [note(12)], "another.ndjson")
    news = refresh(published)
    assert (news.publication.version.number, news.publication.is_new, news.publication.held) == (3, True, 1)
    assert news.changed == ["writing.notebooks", "writing.notes"]
    assert query(published, notes).rows == [(10,)]
    assert publish(published).held == 1
    assert refresh(published).models == 0, "what was built is known, though it is not served"
    assert release_hold(published).number == 3
    assert query(published, notes).rows == [(12,)]
    after = refresh(published)
    assert (after.models, after.publication.held) == (0, None)


def test_a_version_that_is_held_and_damaged_is_named_and_nothing_else_served(published: Settings) -> None:
    hold_version(published, 1)
    held = published.published / "versions/1" / SERVED
    held.chmod(0o644)
    held.write_bytes(held.read_bytes()[:-1] + b"!")
    land_events(published, [note(11)], "more.ndjson")
    with pytest.raises(UnusableInput, match=r"versions/1/.*version 1 is held: `factlog published serve"):
        refresh(published)


def test_analysts_find_the_same_names_in_every_version_under_any_alias(published: Settings) -> None:
    with closing(duckdb.connect()) as connection:
        connection.execute(f"ATTACH '{published.published / 'versions/1' / SERVED}' (READ_ONLY)")
        assert connection.execute("SELECT count(*) FROM reporting.writing.notes").fetchall() == [(10,)]
    with closing(duckdb.connect(published.published / SERVED, read_only=True)) as connection:
        assert connection.execute("SELECT current_database()").fetchall() == [("reporting",)]


def test_without_hard_links_the_served_file_is_a_copy_and_known_by_its_bytes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    refresh(settings)
    land_events(settings, [note(11)], "more.ndjson")
    refresh(settings)
    assert not (settings.published / SERVED).samefile(settings.published / "versions/2" / SERVED)
    assert (settings.published / SERVED).stat().st_mode & 0o777 == 0o444
    assert [getattr(served_version(settings), "number", None), refresh(settings).models] == [2, 0]
    hold_version(settings, 1)
    assert getattr(served_version(settings), "number", None) == 1
    (settings.published / SERVED).chmod(0o644)
    (settings.published / SERVED).write_bytes(b"something else")
    with pytest.raises(UnusableInput, match="no version that was published; remove it"):
        served_version(settings)


def test_the_next_version_is_the_one_before_but_for_what_changed_and_old_ones_go(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_needed(*_: object) -> None:
        pytest.fail("the tables were all copied again")

    land_events(published, [note(11)], "more.ndjson")
    monkeypatch.setattr("orchestration.publishing.publish.write_dataset", not_needed)
    refresh(published)
    assert [version.number for version in versions(published)] == [1, 2]
    assert query(published, "SELECT count(*) FROM writing.notes").rows == [(11,)]
    assert query(published, "SELECT sequence FROM meta.about").rows == [(2,)]
    # Where the code of the project changes, there is something new to say each time.
    keeping = replace(published, retention=Retention(count=2))
    removed = []
    for code in ("third", "fourth", "fifth"):
        monkeypatch.setattr("orchestration.publishing.publish.code_version", lambda _, code=code: code)
        removed.append(publish(keeping).removed)
    assert removed == [(1,), (2,), (3,)]
    assert [version.number for version in versions(keeping)] == [4, 5]
    assert query(keeping, "SELECT code_version FROM meta.about").rows == [("fifth",)]


def test_a_version_that_was_damaged_is_not_built_upon(published: Settings) -> None:
    before = published.published / versions(published)[0].file_name
    before.chmod(0o644)
    with closing(duckdb.connect(before)) as connection:
        connection.execute("UPDATE writing.notebooks SET words = words + 1")
        connection.execute("UPDATE reading.readings SET readings = readings + 1")
    land_events(published, [note(11)], "more.ndjson")
    refresh(published)
    with closing(duckdb.connect(published.warehouse, read_only=True)) as connection:
        for table in ("writing.notebooks", "reading.readings"):
            derived = connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
            assert query(published, f"FROM {table} ORDER BY ALL").rows == derived
