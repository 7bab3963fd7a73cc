"""A committed segment or a published version that was changed: nothing is derived from it or served."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from event_archive import UnusableInput
from event_archive.store.checked_files import Folder
from orchestration.dataset.versions import served_version
from orchestration.diff.compare import diff
from orchestration.publishing.query import query
from orchestration.publishing.serving import hold_version
from orchestration.refresh import refresh
from orchestration.replay.into_file import replay_into
from orchestration.replay.verify import verify_replay
from orchestration.settings import Settings
from support.installation import land_events, note, published_installation

WORDS = "SELECT sum(words) FROM writing.notebooks"


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    """An installation with ten notes landed and published."""
    return published_installation(tmp_path)


def change_a_segment(settings: Settings, *, without_a_trace: bool = False) -> Path:
    """Put another valid segment, of as many rows, in the place of the first one; returns which.

    `without_a_trace`: as a fault of the disk does, which leaves no other time, size or inode.
    """
    archive = settings.open_archive()
    segment = archive.log.commits()[0].segments[0]
    path = settings.archive_root / segment.path
    with closing(duckdb.connect()) as connection:
        other = connection.sql(
            "SELECT * REPLACE ({'notebook': data.notebook, 'words': data.words + 1000} AS data) "
            f"FROM read_parquet('{path}')"
        ).to_arrow_table()
    path.unlink()
    pq.write_table(other, path)
    if without_a_trace:
        archive.files.note([segment])
    return path


def change(path: Path, sql: str) -> None:
    """Change a dataset file as somebody might who can write to it."""
    path.chmod(0o644)
    with closing(duckdb.connect(path)) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("full", [False, True], ids=["refresh", "refresh --full"])
def test_nothing_is_derived_from_another_segment_in_the_place_of_a_committed_one(
    published: Settings, full: bool
) -> None:
    land_events(published, [note(11)], "more.ndjson")
    changed = change_a_segment(published, without_a_trace=full)
    with pytest.raises(
        UnusableInput, match=rf"{changed.name}: its bytes were changed.*factlog verify"
    ) as error:
        refresh(published, from_nothing=full)
    assert "\n" not in str(error.value)
    assert "Traceback" not in str(error.value)
    version = served_version(published)
    assert version is not None
    assert version.number == 1
    assert query(published, WORDS).rows == [(45,)]


def test_what_is_derived_from_nothing_into_a_file_is_hashed(published: Settings, tmp_path: Path) -> None:
    changed = change_a_segment(published, without_a_trace=True)
    derive: list[Callable[[], object]] = [
        lambda: replay_into(published, tmp_path / "then.duckdb"),
        lambda: verify_replay(published),
    ]
    for call in derive:
        with pytest.raises(UnusableInput, match=rf"{changed.name}: its bytes were changed"):
            call()
    assert not (tmp_path / "then.duckdb").exists()


def test_a_version_that_was_changed_is_served_to_nobody(published: Settings) -> None:
    file = published.published / "versions/1/reporting.duckdb"
    assert query(published, WORDS).rows == [(45,)]
    change(file, "UPDATE writing.notebooks SET words = words + 1")
    asking: list[Callable[[], object]] = [
        lambda: query(published, WORDS),
        lambda: hold_version(published, 1),
        lambda: diff(published, "current", "1"),
        lambda: diff(published, str(file), "1"),
        lambda: diff(published, "1", str(published.published / "reporting.duckdb")),
    ]
    for ask in asking:
        with pytest.raises(UnusableInput, match=rf"{file}: its bytes were changed.*factlog refresh"):
            ask()


def test_a_refresh_serves_anew_what_was_changed(published: Settings) -> None:
    change(published.published / "versions/1/reporting.duckdb", "CREATE VIEW writing.smuggled AS SELECT 1")
    refreshed = refresh(published)
    assert (refreshed.publication.version.number, refreshed.publication.is_new) == (2, True)
    assert query(published, WORDS).rows == [(45,)]
    assert query(published, "SELECT count(*) FROM duckdb_views() WHERE view_name = 'smuggled'").rows == [(0,)]
    assert not refresh(published).publication.is_new


def test_a_verification_tells_of_bytes_that_changed_though_the_rows_did_not(published: Settings) -> None:
    file = published.published / "versions/1/reporting.duckdb"
    change(file, "CREATE VIEW writing.smuggled AS SELECT 1")
    with pytest.raises(UnusableInput, match=rf"{file}: holds the rows that the log gives, but its bytes"):
        verify_replay(published)


def test_a_query_hashes_what_is_served_once(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    digest = Folder.digest

    def noted(folder: Folder, name: str) -> str:
        hashed.append(name)
        return digest(folder, name)

    monkeypatch.setattr(Folder, "digest", noted)
    for _ in range(3):
        query(published, WORDS)
    # Once each, because this is a copy of an installation, in which one file has become two.
    assert sorted(hashed) == ["reporting.duckdb", "versions/1/reporting.duckdb"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("versions/1/manifest.json", b"{"),
        ("versions/1/manifest.json", b"[]"),
        ("versions/1/manifest.json", b'{"number": 1}'),
        ("versions/1/manifest.json", b"\xff"),
        ("reporting.duckdb", b""),
    ],
)
def test_a_manifest_or_link_that_was_changed_is_one_line(
    published: Settings, name: str, content: bytes
) -> None:
    path = published.published / name
    path.unlink()
    path.write_bytes(content)
    for ask in (lambda: query(published, WORDS), lambda: refresh(published)):
        with pytest.raises(UnusableInput, match=rf"{path}: .*factlog refresh") as error:
            ask()
        assert "\n" not in str(error.value)


def test_any_byte_of_a_manifest_that_is_changed_is_found(published: Settings) -> None:
    path = published.published / "versions/1/manifest.json"
    content = path.read_bytes()
    version = served_version(published)
    path.chmod(0o644)
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            assert served_version(published) == version, place  # another space, say
        except UnusableInput as error:
            assert str(path) in str(error)


def test_a_link_that_leads_elsewhere_is_not_followed(published: Settings, tmp_path: Path) -> None:
    shutil.copytree(published.published, tmp_path / "elsewhere", symlinks=True)
    link = published.published / "reporting.duckdb"
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere" / "versions/1/reporting.duckdb")
    with pytest.raises(UnusableInput, match="is a link, but to no published version"):
        query(published, WORDS)


def test_a_version_of_an_older_factlog_is_served_as_before(published: Settings) -> None:
    """Its manifest names no digest."""
    path = published.published / "versions/1/manifest.json"
    fields = json.loads(path.read_bytes())
    del fields["sha256"], fields["manifest_sha256"]
    path.chmod(0o644)
    path.write_text(json.dumps(fields))
    assert query(published, WORDS).rows == [(45,)]
    assert hold_version(published, 1).number == 1
    assert verify_replay(published).holds
