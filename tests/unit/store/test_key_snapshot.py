"""A snapshot of the key index is believed where the log bears it out, and made anew where it does not."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from event_archive import Archive, recover, verify
from event_archive.engine import open_engine
from event_archive.store import key_index
from event_archive.store.key_snapshot import Snapshot, open_snapshot
from support.events import archived, land_bytes, lines, lost, new_archive, weighed

EVENTS = [weighed(1), lost(1), weighed(2), lost(2), weighed(3)]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An archive of three commits, whose landings keep a snapshot as soon as there is a new key."""
    monkeypatch.setattr(key_index, "SNAPSHOT_AFTER_KEYS", 1)
    archive = new_archive(tmp_path)
    land_bytes(archive, lines([*EVENTS[:2], b"broken"]), "first")
    land_bytes(archive, lines(EVENTS[2:4]), "second")
    land_bytes(archive, lines(EVENTS[4:]), "third")
    return archive


def kept(archive: Archive) -> list[Path]:
    """The snapshots, the newest last."""
    return sorted((archive.root / "keys").iterdir())


def opened(archive: Archive) -> Snapshot:
    """The snapshot that the next landing would go by."""
    with archive.storage.scratch() as folder, open_engine() as connection:
        return open_snapshot(archive.storage, connection, archive.log.commits(), folder)


def put(archive: Archive, table: pa.Table, sequence: int = 3, **notes: str) -> Path:
    """Put a snapshot in the place of all others that is consistent with itself: its name is its digest."""
    newest = kept(archive)[-1]
    metadata = {
        name.decode(): text.decode() for name, text in (pq.read_metadata(newest).metadata or {}).items()
    }
    engine = {name: metadata[name] for name in ("head", "engine")}
    for path in kept(archive):
        path.unlink()
    file = archive.root / "keys" / "new"
    pq.write_table(table.replace_schema_metadata(engine | notes), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return file.rename(file.with_name(f"{sequence:020d}-{digest}.parquet"))


def table_of(archive: Archive) -> pa.Table:
    return pq.read_table(kept(archive)[-1])


def test_a_snapshot_that_the_log_bears_out_is_believed(archive: Archive) -> None:
    assert [path.name[:20] for path in kept(archive)] == [f"{number:020d}" for number in (2, 3)]
    snapshot = opened(archive)
    assert (snapshot.name, snapshot.segments, snapshot.doubted) == (f"keys/{kept(archive)[-1].name}", 5, [])
    assert verify(archive) == []


def test_it_is_believed_after_landings_of_many_chunks_and_recoveries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_index, "SNAPSHOT_AFTER_KEYS", 1)
    monkeypatch.setattr("event_archive.limits.Limits.chunk_bytes", 1 << 12)
    archive = new_archive(tmp_path)
    many = [event for number in range(60) for event in (weighed(number), lost(number))]
    land_bytes(archive, lines([*many, *many[:30], b"broken"]), "many")
    land_bytes(archive, lines([*many, weighed(99), lost(99)]), "again")
    recover(archive)
    snapshot = opened(archive)
    assert snapshot.segments == sum(len(commit.segments) for commit in archive.log.commits()) > 10
    assert verify(archive) == []


CHANGES: dict[str, Callable[[pa.Table], pa.Table]] = {
    "empty": lambda table: table.slice(0, 0),
    "without a segment": lambda table: table.filter(pa.compute.not_equal(table["segment"], 4)),
    "without a key": lambda table: table.slice(1),
    "with a key more": lambda table: pa.concat_tables([table, table.slice(0, 1)]),
    "with a segment more": lambda table: pa.concat_tables(
        [table, pa.table({"h": [1], "segment": [5]}, table.schema)]
    ),
    "with null for a hash": lambda table: table.set_column(0, "h", pa.nulls(5, pa.uint64())),
    "with null for a segment": lambda table: table.set_column(1, "segment", pa.nulls(5, pa.int32())),
    "of other columns": lambda table: table.rename_columns(["hash", "segment"]),
    "of other types": lambda table: table.cast(
        pa.schema([("h", pa.int64()), ("segment", pa.int32())]), safe=False
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_that_the_log_does_not_bear_out_is_made_anew(archive: Archive, change: str) -> None:
    """All of these are consistent with themselves, the empty one too."""
    forged = put(archive, CHANGES[change](table_of(archive)))
    assert opened(archive).name is None
    (finding,) = verify(archive)
    assert finding.path == f"keys/{forged.name}"
    assert "remove it" in finding.problem
    assert land_bytes(archive, lines([*EVENTS, weighed(9)]), "again").counts.duplicate == len(EVENTS)
    assert len(archived(archive)) == len(EVENTS) + 1
    assert not forged.exists()
    assert opened(archive).segments == 6
    assert verify(archive) == []


@pytest.mark.parametrize(
    ("sequence", "notes"),
    [(2, {}), (4, {}), (0, {}), (3, {"head": "0" * 64}), (3, {"head": "\udcff"}), (3, {"head": ""})],
)
def test_one_of_another_log_is_not_believed(archive: Archive, sequence: int, notes: dict[str, str]) -> None:
    notes = {name: text.encode("utf-8", "surrogateescape") for name, text in notes.items()}  # type: ignore[misc]
    forged = put(archive, table_of(archive), sequence, **notes)
    assert opened(archive).name is None
    (finding,) = verify(archive)
    assert (finding.path, "another log" in finding.problem) == (f"keys/{forged.name}", True)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{}", bytes(1000)])
def test_one_that_is_no_parquet_is_not_believed(archive: Archive, content: bytes) -> None:
    for path in kept(archive):
        path.unlink()
    name = f"{3:020d}-{hashlib.sha256(content).hexdigest()}.parquet"
    (archive.root / "keys" / name).write_bytes(content)
    assert opened(archive).name is None
    assert [finding.path for finding in verify(archive)] == [f"keys/{name}"]


def test_one_whose_bytes_were_changed_is_passed_over_for_the_one_before_it(archive: Archive) -> None:
    before, newest = kept(archive)
    newest.chmod(0o644)
    newest.write_bytes(newest.read_bytes() + b"\0")
    snapshot = opened(archive)
    assert (snapshot.name, snapshot.segments) == (f"keys/{before.name}", 4)
    assert [finding.path for finding in verify(archive)] == [f"keys/{newest.name}"]


def test_one_of_another_version_of_the_engine_is_not_used_and_no_fault(archive: Archive) -> None:
    put(archive, table_of(archive), engine="0.1")
    assert opened(archive).name is None
    assert verify(archive) == []


def test_one_with_other_hashes_is_found_by_reading_the_keys(archive: Archive) -> None:
    """Only who reads every segment can tell."""
    table = table_of(archive)
    hashes = pa.array([*table["h"].to_pylist()[1:], 7], pa.uint64())
    forged = put(archive, table.set_column(0, "h", hashes))
    (finding,) = verify(archive)
    assert (finding.path, "of the events" in finding.problem) == (f"keys/{forged.name}", True)
