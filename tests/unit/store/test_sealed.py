"""Whatever is committed can be read by everybody and written to by nobody, and work goes on.

As root every file can be written to. So the work is done in a process that has given that power up.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from event_archive import Archive, verify
from event_archive.clean import clean
from event_archive.store import key_index
from event_archive.store.durable import READ_ONLY
from event_archive.store.folders import KEYS, SCRATCH, TO_BACK_UP
from support.events import (
    land_bytes,
    lines,
    lost,
    new_archive,
    recover_lost_anywhere,
    weighed,
)
from support.mapped import land_records, narrow, record

ROOT = Path(__file__).parents[3]
UMASKS = (0, 0o022, 0o077)
DROP_FROM_BOUNDING_SET, WRITE_TO_ANYTHING = 24, 1


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def worked_on(folder: Path) -> Archive:
    """An archive with three landings, one by a mapping, a recovery and a key index, cleaned of litter."""
    archive = new_archive(folder)
    land_bytes(archive, lines([weighed(1), lost(1) | {"data": {"place": 7}}, b"broken"]), "first")
    archive = recover_lost_anywhere(archive)
    land_records(archive, [record(1)], narrow(folder))
    land_bytes(archive, lines([weighed(1), weighed(2)]), "second")
    segment = archive.log.commits()[0].segments[0]
    litter = archive.root / segment.path.replace(segment.sha256, "0" * 64)
    litter.write_bytes(b"half a segment")
    litter.chmod(READ_ONLY)
    assert clean(archive, timedelta(0)) == [str(litter.relative_to(archive.root))]
    assert verify(archive) == []
    return archive


def modes(archive: Archive) -> dict[str, str]:
    """The mode of each file of an archive that stays, by its folder."""
    files = [path for path in archive.root.rglob("*") if path.is_file() and SCRATCH not in path.parts]
    return {path.relative_to(archive.root).parts[0]: oct(path.stat().st_mode & 0o7777) for path in files}


@pytest.mark.parametrize("mask", UMASKS, ids=oct)
def test_whatever_is_committed_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    monkeypatch.setattr(key_index, "SNAPSHOT_AFTER_SEGMENTS", 1)
    with umask(mask):
        archive = worked_on(tmp_path)
    assert modes(archive) == dict.fromkeys([*TO_BACK_UP, KEYS], oct(READ_ONLY))


def give_up_power() -> None:
    """Let this process, once it runs another program, write only where the mode of a file allows it."""
    ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, WRITE_TO_ANYTHING)


@pytest.mark.parametrize("mask", UMASKS, ids=oct)
def test_who_may_not_write_to_what_is_committed_can_work(tmp_path: Path, mask: int) -> None:
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": os.defpath},
        umask=mask,
        preexec_fn=give_up_power,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def back_up(source: Path, copy: Path) -> None:
    """Copy an archive as the page about operating does."""
    copy.mkdir(parents=True, exist_ok=True)
    for part in TO_BACK_UP:
        subprocess.run(["cp", "-Rf", str(source / part), str(copy)], check=True)


def work_without_power(folder: Path) -> None:
    """Work on an archive, back it up twice, and restore it over itself."""
    archive = worked_on(folder)
    for path in archive.root.rglob("*.*"):
        if path.is_file() and SCRATCH not in path.parts:
            with pytest.raises(PermissionError):
                path.open("r+b")
    back_up(archive.root, folder / "copy")
    land_bytes(archive, lines([weighed(3)]), "third")
    back_up(archive.root, folder / "copy")
    restored = Archive(folder / "copy", archive.contracts)
    assert verify(restored) == []
    assert restored.log.commits() == archive.log.commits()
    back_up(folder / "copy", archive.root)
    land_bytes(archive, lines([weighed(4)]), "fourth")
    assert verify(Archive(archive.root, archive.contracts)) == []


if __name__ == "__main__":
    work_without_power(Path(sys.argv[1]))
