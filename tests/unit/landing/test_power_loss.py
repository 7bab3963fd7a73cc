"""Power is lost at any moment of a landing: no file of the inbox is gone, and what the log names is there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_archive import Archive, Landed
from event_archive.landing import land_files
from event_archive.landing.inbox import land_inbox
from event_archive.landing.landed_files import LOCK
from event_archive.store.folders import ANCHOR, LOG, SCRATCH, TO_BACK_UP
from event_archive.store.log import parse_anchor
from event_archive.store.log_entry import parse_entry
from support.events import lines, lost, new_archive, weighed
from support.power_loss import Disk

DROPPED = {
    "a.ndjson": lines([weighed(1), weighed(2), lost(3)]),
    "below/b.ndjson": lines([weighed(4), b"no event"]),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of which there is an inbox, and nothing else."""
    for name, content in DROPPED.items():
        path = tmp_path / "state" / "home" / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "state" / "home"


def archive_in(home: Path) -> Archive:
    """The archive of a home, whose contracts lie beside it."""
    archive = new_archive(home.parent / "other")
    shutil.rmtree(home.parent / "other" / "archive")
    return Archive(home / "archive", archive.contracts, may_create=True)


def land_all(home: Path) -> None:
    for landed in land_inbox(archive_in(home), home / "inbox", settled_after=0):
        assert isinstance(landed, Landed)
        assert landed.commit is not None


def faults(disk: Disk, home: Path) -> Iterator[str]:
    """What would not hold after the loss of power."""
    for name in DROPPED:
        places = [home / "inbox" / name, *(home / "landed").glob(f"*/{Path(name).name}")]
        if not any(disk.has(place) for place in places):
            yield f"{name} is neither in the inbox nor landed"
    entries = [path for path in sorted((home / "archive" / LOG).glob("*")) if disk.has(path)]
    for number, path in enumerate(entries, 1):
        commit = parse_entry(path.read_bytes())
        if commit.sequence != number:
            yield f"commit {number} is missing before commit {commit.sequence}"
        lacking = [name for name in commit.paths if not disk.has(home / "archive" / name)]
        yield from (f"{name} of commit {number} is missing" for name in lacking)
    anchor = home / "archive" / ANCHOR
    if disk.has(anchor) and parse_anchor(anchor.read_bytes()).sequence > len(entries):
        yield "the anchor names a commit that is missing"


def check(disk: Disk, home: Path) -> None:
    assert list(faults(disk, home)) == []


def check_all_is_there(disk: Disk, home: Path) -> None:
    lacking = disk.lacks(home)
    assert [path for path in lacking if SCRATCH not in path.parts and path.name != LOCK] == []
    assert not any((home / "inbox" / name).exists() for name in DROPPED)
    assert (home / "archive" / LOG).is_dir()


@pytest.mark.parametrize("fewest", [2, 16])
def test_a_home_in_which_nothing_was_made_yet(
    home: Path, fewest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two files land together, or one by one."""
    monkeypatch.setattr(land_files, "FEWEST", fewest)
    disk = Disk(home.parents[1])
    with disk.watched(lambda disk: check(disk, home)):
        land_all(home)
    check_all_is_there(disk, home)
    assert len(archive_in(home).log.commits()) == (1 if fewest == 2 else 2)


@pytest.mark.parametrize("folder", ["archive", *(f"archive/{part}" for part in TO_BACK_UP[1:]), "landed"])
def test_a_folder_that_a_crash_left_without_its_name_on_the_disk(home: Path, folder: str) -> None:
    """It was made, and the process was killed before it had synced the folder above."""
    (home / folder).mkdir(parents=True)
    disk = Disk(home.parents[1], lost=[home / folder])
    with disk.watched(lambda disk: check(disk, home)):
        land_all(home)
    check_all_is_there(disk, home)


def test_the_folder_of_the_day_that_a_crash_left_without_its_name_on_the_disk(home: Path) -> None:
    for landed in land_inbox(archive_in(home), home / "inbox", settled_after=0):
        assert isinstance(landed, Landed)
        assert landed.commit
        break
    (day,) = (home / "landed").glob("*-*-*")
    disk = Disk(home.parents[1], lost=[day])
    with disk.watched():
        land_all(home)
    assert disk.has(home / "landed" / day.name / "b.ndjson")
