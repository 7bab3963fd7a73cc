"""Any file that was put into an archive is named: as litter where a crash may have left it, else as added."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from event_archive import Archive, verify
from event_archive.clean import clean
from event_archive.store.local import LocalStorage
from event_archive.unnamed_files import UnnamedFiles, unnamed_files
from event_archive.verification import inspect_archive
from support.events import land_bytes, lines, lost, new_archive, weighed
from support.hunting import examples

HEX = "0123456789abcdef" * 4
ADDED = [
    "README",
    "anchor.json.bak",
    ".lock",
    f"{HEX}.parquet",
    "backup/log/00000000000000000001.json",
    "events/.lock",
    "events/notes.txt",
    f"events/{HEX}.parquet",
    f"events/parcel.weighed.v1/{HEX}.parquet.lock",
    f"events/parcel.weighed.v1/{HEX[:-1]}.parquet",
    f"events/parcel.weighed.v1/{HEX.upper()}.parquet",
    f"events/parcel.weighed.v1/below/{HEX}.parquet",
    "events/parcel.weighed.v1/a.lock",
    f"quarantine/{HEX}",
    f"quarantine/below/{HEX}.parquet",
    "recoveries/new\nline",
    "records/.lock",
    "keys/.lock",
    "keys/keys.parquet",
    f"keys/1-{HEX}.parquet",
    "log/.lock",
    "log/below/00000000000000000001.json",
    "scratch.lock",
    "lost+found/file",
]
"""What no crash leaves: names that the product gives to nothing, wherever they lie."""

LITTER = [
    "scratch/tmp1234",
    "scratch/tmp1234/.lock",
    "scratch/tmp1234/transaction-1/spill/file",
    "scratch/other.lock",
    f"events/parcel.weighed.v1/{HEX}.parquet",
    f"events/parcel.lost.v2/{HEX}.parquet",
    f"quarantine/{HEX}.parquet",
    f"recoveries/{HEX}.parquet",
    f"records/{HEX}.parquet",
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive of one commit; whoever puts files into it takes them away again."""
    archive = new_archive(tmp_path_factory.mktemp("intact"))
    land_bytes(archive, lines([weighed(1), lost(1), b"broken"]))
    return archive


@pytest.fixture
def copy(archive: Archive, tmp_path: Path) -> Archive:
    shutil.copytree(archive.root, tmp_path / "archive")
    return Archive(tmp_path / "archive", archive.contracts)


def put(archive: Archive, name: str) -> Path:
    path = archive.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def found(archive: Archive) -> tuple[list[str], list[str]]:
    """The names of the files that do not hold, and of the litter."""
    inspection = inspect_archive(archive)
    return sorted(finding.path for finding in inspection.findings), sorted(inspection.litter)


@pytest.mark.parametrize("name", ADDED)
def test_a_file_that_was_added_is_named_and_stays(copy: Archive, name: str) -> None:
    path = put(copy, name)
    assert found(copy) == ([name], [])
    clean(copy, timedelta(0))
    assert path.exists()


@pytest.mark.parametrize("name", LITTER)
def test_litter_is_told_apart_and_can_be_removed(copy: Archive, name: str) -> None:
    put(copy, name)
    assert found(copy) == ([], [name])
    assert verify(copy) == []
    assert clean(copy, timedelta(0)) == [name]
    assert found(copy) == ([], [])


PARTS = st.sampled_from(
    ["events", "quarantine", "recoveries", "records", "keys", "scratch", "x", ".lock", "parcel.weighed.v1"]
) | st.text("abc.", min_size=1, max_size=3).filter(lambda text: text not in (".", ".."))
LEAVES = PARTS | st.sampled_from([f"{HEX}.parquet", f"{HEX}.lock", "anchor.json", "\udcff", "a\nb"])


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS, max_size=3), LEAVES)
def test_wherever_a_file_is_put_it_is_named_once(archive: Archive, folders: list[str], leaf: str) -> None:
    path = Path(archive.root, *folders, leaf)
    assume(not path.exists() and not any(parent.is_file() for parent in path.parents))
    missing = [parent for parent in path.parents if not parent.exists()]
    name = str(path.relative_to(archive.root))
    put(archive, name)
    try:
        findings, litter = found(archive)
    finally:
        path.unlink()
        for folder in missing:
            folder.rmdir()
    assert findings + litter == [name]
    assert bool(litter) == (folders[:1] == ["scratch"] or (leaf.startswith(HEX) and is_finished(name)))


def is_finished(name: str) -> bool:
    """Whether a landing may have put a file there before it committed."""
    folder, *more = Path(name).parent.parts or [""]
    places = {"quarantine": 0, "recoveries": 0, "records": 0, "events": 1}
    return places.get(folder) == len(more) and name.endswith(".parquet")


STRANGE: dict[str, Callable[[Path], object]] = {
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to a file": lambda path: path.symlink_to(path.parents[2] / "anchor.json"),
    "a link to a folder": lambda path: path.symlink_to(path.parents[2] / "log"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_file_is_named_and_not_waited_for(copy: Archive, kind: str) -> None:
    strange = copy.root / "events" / "parcel.weighed.v1" / "strange"
    STRANGE[kind](strange)
    assert found(copy) == (["events/parcel.weighed.v1/strange"], [])
    strange.unlink()
    (segment, _) = copy.log.commits()[0].segments
    (copy.root / segment.path).unlink()
    STRANGE[kind](copy.root / segment.path)
    assert found(copy) == ([segment.path], [])


def test_an_entry_of_the_log_that_is_a_pipe_is_named(copy: Archive) -> None:
    entry = copy.root / "log" / "00000000000000000001.json"
    entry.unlink()
    os.mkfifo(entry)
    assert "log/00000000000000000001.json" in found(Archive(copy.root, copy.contracts))[0]


def test_the_folder_that_a_file_system_has_at_its_root_is_not_added(copy: Archive) -> None:
    (copy.root / "lost+found").mkdir()
    assert found(copy) == ([], [])


def test_where_the_log_does_not_hold_nothing_is_called_litter(copy: Archive) -> None:
    """The entry may have named it, and litter is removed."""
    (copy.root / copy.log.commits()[0].name).unlink()
    findings, litter = found(Archive(copy.root, copy.contracts))
    assert findings != []
    assert litter == []


def test_what_lands_while_files_are_listed_is_not_taken_for_an_addition(
    copy: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are listed first: what a commit names that comes then is named, or was not listed yet."""

    def land_and_list(storage: LocalStorage, folder: str) -> list[str]:
        monkeypatch.undo()
        land_bytes(Archive(copy.root, copy.contracts), lines([weighed(2), b"broken, too"]), "more")
        return storage.names(folder)

    def list_and_land(storage: LocalStorage, folder: str) -> list[str]:
        monkeypatch.undo()
        listed = storage.names(folder)
        land_bytes(Archive(copy.root, copy.contracts), lines([weighed(3), b"broken again"]), "again")
        return listed

    for number, meanwhile in enumerate((land_and_list, list_and_land), start=2):
        monkeypatch.setattr(LocalStorage, "names", meanwhile)
        assert unnamed_files(copy) == UnnamedFiles([], [])
        assert len(copy.log.commits()) == number
