"""A committed file that was changed, replaced or taken away is found before it is read, by every reader."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, UnusableInput, create_views, recover, scan, verify
from event_archive.clean import clean
from event_archive.evolution.trial import try_contract
from event_archive.landing.quarantine_file import count_rejections, read_rejections, record_at
from event_archive.store import checked_files, key_index
from event_archive.store.checked_files import CheckedFiles, Folder
from event_archive.store.commit import QuarantineFile, segments_of
from event_archive.store.folders import CHECKED, EVENTS, QUARANTINE, RECOVERIES
from event_archive.store.local import LocalStorage
from event_archive.views.day_facts import day_facts
from support.events import (
    WEIGHED,
    land_bytes,
    lines,
    lost,
    new_archive,
    recover_lost_anywhere,
    weighed,
)
from support.hunting import examples

DO = "bring it back"


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive with landings, a correction, refused records, a recovery and a key index."""
    folder = tmp_path_factory.mktemp("intact")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(key_index, "SNAPSHOT_AFTER_SEGMENTS", 1)
        archive = new_archive(folder)
        land_bytes(archive, lines([weighed(1), weighed(2), lost(1) | {"data": {"place": 7}}]), "first")
        land_bytes(archive, lines([weighed(3), weighed(4), b"broken"]), "second")
        archive = recover_lost_anywhere(archive)
        land_bytes(archive, lines([weighed(5, corrects="event-1"), weighed(6)]), "third")
    return archive


def views(archive: Archive) -> object:
    with closing(duckdb.connect()) as connection:
        create_views(connection, archive)
        return connection.execute("SELECT * FROM events.parcel_weighed ORDER BY ALL").fetchall()


def rows_of_scan(archive: Archive) -> object:
    return scan(archive, "parcel.weighed").collect().sort("event_id").rows()


def land_again(archive: Archive) -> object:
    """An event that is there, one that is there with other content, and a new one."""
    events = [weighed(1), weighed(4) | {"object": "parcel/0"}, weighed(9)]
    return land_bytes(archive, lines(events), "again").counts


def records(archive: Archive) -> object:
    refused = [commit for commit in archive.log.commits() if commit.quarantine]
    return list(read_rejections(archive)), [record_at(archive, commit, 0) for commit in refused]


READERS: Mapping[str, Callable[[Archive], object]] = {
    "views": views,
    "scan": rows_of_scan,
    "days": lambda archive: day_facts(archive, WEIGHED),
    "records": records,
    "counts": count_rejections,
    "recover": lambda archive: recover(archive, dry_run=True).rejected,
    "try": lambda archive: vars(try_contract(archive, archive.contracts[WEIGHED])),
    "land": land_again,  # last, because the others see what it did
}


def copy_of(archive: Archive, folder: Path) -> Archive:
    """A copy that knows by its own record that all is as it was committed."""
    shutil.copytree(archive.root, folder / "archive")
    copy = Archive(folder / "archive", archive.contracts)
    assert verify(copy) == []
    for path in filter(Path.is_file, copy.root.rglob("*")):
        path.chmod(0o644)
    assert verify(copy) == []
    return Archive(copy.root, archive.contracts)


def read(reader: str, archive: Archive) -> object:
    """What a reader gives who opens the archive anew."""
    return READERS[reader](Archive(archive.root, archive.contracts))


def with_others_rows(segment: Path) -> bytes:
    """Another valid file of the same columns, with other values and as many rows."""
    table = pq.read_table(segment)
    others = segment.with_name("others")
    at = table.column_names.index("object_id")
    pq.write_table(table.set_column(at, "object_id", [["parcel/666"] * len(table)]), others)
    content = others.read_bytes()
    others.unlink()
    return content


@pytest.mark.parametrize("reader", ["views", "scan", "days", "land", "try"])
@pytest.mark.parametrize("way", ["replaced", "written over"])
def test_a_segment_in_the_place_of_another_is_named(
    intact: Archive, tmp_path: Path, reader: str, way: str
) -> None:
    archive = copy_of(intact, tmp_path)
    segment = archive.root / archive.log.commits()[0].segments[0].path
    times = segment.stat()
    other = with_others_rows(segment)
    if way == "replaced":
        segment.unlink()
    segment.write_bytes(other)
    os.utime(segment, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(UnusableInput, match=rf"{segment.name}.*: its bytes were changed.*factlog verify"):
        read(reader, archive)


def changes(other: bytes) -> Mapping[str, Callable[[Path, int], object]]:
    def flip(path: Path, place: int) -> None:
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= 1 + place % 255
        path.write_bytes(content)

    def replace(path: Path, place: int) -> None:
        path.with_name("new").write_bytes(other)
        path.with_name("new").replace(path)

    return {
        "flip": flip,
        "replace": replace,
        "cut": lambda path, place: path.write_bytes(path.read_bytes()[: place % 1000]),
        "remove": lambda path, place: path.unlink(),
        "touch": lambda path, place: path.touch(),
    }


@settings(max_examples=examples(20))
@given(st.data())
def test_whatever_is_changed_is_found_or_not_read(
    intact: Archive, expected: Mapping[str, object], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        archive = copy_of(intact, Path(folder))
        files = [
            path
            for part in (EVENTS, QUARANTINE, RECOVERIES)
            for path in sorted((archive.root / part).rglob("*.parquet"))
        ]
        changed, other = data.draw(st.permutations(files))[:2]
        all_changes = changes(other.read_bytes())
        change = data.draw(st.sampled_from(sorted(all_changes)))
        all_changes[change](changed, data.draw(st.integers(0, 100_000)))
        for reader in READERS:
            try:
                found = read(reader, archive)
            except UnusableInput as error:
                assert change != "touch"
                assert changed.name in str(error)
            else:
                assert found == expected[reader], (reader, change, changed)


@pytest.fixture(scope="module")
def expected(intact: Archive, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, object]:
    """What each reader gives of the archive that nobody changed."""
    archive = copy_of(intact, tmp_path_factory.mktemp("expected"))
    return {reader: read(reader, archive) for reader in READERS}


# Hashing no more than needed


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were hashed."""
    names: list[str] = []
    digest = LocalStorage.digest

    def noted(storage: LocalStorage, name: str) -> str:
        names.append(name)
        return digest(storage, name)

    monkeypatch.setattr(LocalStorage, "digest", noted)
    return names


def test_what_was_landed_is_read_without_hashing_it(tmp_path: Path, hashed: list[str]) -> None:
    archive = new_archive(tmp_path)
    land_bytes(archive, lines([weighed(1), b"broken"]), "first")
    land_bytes(archive, lines([weighed(1), weighed(2)]), "second")
    for reader in READERS:
        read(reader, archive)
    assert hashed == []


def test_what_was_hashed_once_is_not_hashed_again(intact: Archive, tmp_path: Path, hashed: list[str]) -> None:
    shutil.copytree(intact.root, tmp_path / "archive")
    archive = Archive(tmp_path / "archive", intact.contracts)
    segments = [segment.path for segment in segments_of(archive.log.commits(), WEIGHED)]
    views(archive)
    assert set(segments) <= set(hashed), "a copy has other stamps"
    hashed.clear()
    views(Archive(archive.root, archive.contracts))
    assert hashed == []
    (archive.root / segments[0]).touch()
    views(Archive(archive.root, archive.contracts))
    assert hashed == [segments[0]], "the bytes are the same, so it is read on"


def test_bytes_that_changed_without_a_trace_are_found_by_whoever_reads_all_anew(
    intact: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a fault of the disk changes them: the file system knows of nothing."""
    monkeypatch.setattr(LocalStorage, "stamp", lambda storage, name: "as ever")
    archive = copy_of(intact, tmp_path)
    segment = archive.log.commits()[0].segments[0]
    (archive.root / segment.path).write_bytes(with_others_rows(archive.root / segment.path))
    archive.files.location(segment)
    with pytest.raises(UnusableInput, match=segment.sha256):
        archive.files.read_anew(segments_of(archive.log.commits()))
    assert [finding.path for finding in verify(archive)] == [segment.path]


# The record


def published(folder: Path, *contents: bytes) -> list[QuarantineFile]:
    files = []
    for number, content in enumerate(contents):
        (folder / f"{number}").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append(QuarantineFile(f"{number}", digest, len(content), 1))
    return files


@given(st.binary(max_size=300), st.integers(0, 400))
def test_a_record_that_is_damaged_lets_nothing_pass(added: bytes, cut: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = published(folder, b"one", b"two")
        record = folder / "record"
        CheckedFiles(Folder(folder), record, DO).locations(files)
        record.write_bytes(record.read_bytes()[:cut] + added)
        (folder / "1").write_bytes(b"TWO")
        checked = CheckedFiles(Folder(folder), record, DO)
        assert checked.location(files[0]) == str(folder / "0")
        with pytest.raises(UnusableInput, match=DO):
            checked.locations(files)


def test_who_may_not_write_the_record_reads_all_the_same(tmp_path: Path) -> None:
    files = published(tmp_path, b"one")
    checked = CheckedFiles(Folder(tmp_path), tmp_path / "none" / "record", DO)
    for _ in range(2):
        assert checked.locations(files) == [str(tmp_path / "0")]


def test_the_record_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_files, "SPARE_LINES", 10)
    files = published(tmp_path, b"one")
    for _ in range(100):
        (tmp_path / "0").touch()
        CheckedFiles(Folder(tmp_path), tmp_path / "record", DO).locations(files)
    assert len((tmp_path / "record").read_text().splitlines()) < 20


def test_what_is_missing_or_can_not_be_read_is_one_line(tmp_path: Path) -> None:
    files = published(tmp_path, b"one", b"two", b"three")
    (tmp_path / "0").unlink()
    (tmp_path / "1").unlink()
    (tmp_path / "1").mkdir()
    checked = CheckedFiles(Folder(tmp_path), tmp_path / "record", DO)
    with pytest.raises(UnusableInput) as error:
        checked.locations(files)
    assert str(error.value) == f"{tmp_path / '0'} (and 1 more): is missing; {DO}"
    assert checked.problem(files[1]) == "can't be read: Is a directory"


def test_the_record_of_an_archive_is_no_litter(intact: Archive) -> None:
    assert (intact.root / CHECKED).is_file()
    assert verify(intact) == []
    assert clean(intact, timedelta(0)) == []
    assert (intact.root / CHECKED).is_file()
