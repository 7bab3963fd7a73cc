"""Work that is killed: before and after each call that changes the file system, and at any time between.

Belongs here: killing it, in a process that is started for it (`python crash.py TEMPLATE OUT WORK`). Not here:
what has to hold afterwards (`test_archive_invariants`, `test_recovery_interrupted`).

TEMPLATE holds `contracts`, `archive` and `inbox`. WORK is `land` (the inbox), `land_from_elsewhere` (as if
the inbox were on another file system), `land_together` (its files in one commit), `recover` (the quarantine)
or `remap` (by TEMPLATE's `mapping.yaml`).

A process that is killed loses nothing that it gave to the file system. So what it would leave is copied at
each moment of one run, hard links and times as they are, and where nothing has changed since the last copy,
there is none. To be sure of that, it is also killed: at some of these moments, and at times between them.
Each run has its own copy of TEMPLATE below OUT, and is a fork of this process, which opened no archive: a
fork is cheap, and begins as a new process does.
"""

import errno
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from event_archive import Archive, recover
from event_archive.landing import land_files
from event_archive.landing.inbox import land_inbox
from event_archive.mapping.mapping import load_mapping
from event_archive.registry.contract import load_contracts
from event_archive.remapping.remap import remap

CALLS = ("open", "link", "replace", "rename", "fsync", "unlink", "mkdir", "rmdir")
TIMES = 12
KILLED_EVERY = 10
# Up to its commit a landing does the same wherever the inbox is: from elsewhere, it is killed near its end.
# Before that, a remap reads what a landing has left and does what any landing does.
MOST_MOMENTS = {"land_from_elsewhere": 40, "remap": 90}
AtEach = Callable[[int], object]
rename = os.rename


class Moments:
    """Counts the moments before and after the calls, and does something at each of them."""

    def __init__(self, at_each: AtEach) -> None:
        self.count = 0
        self._at_each = at_each
        self._lock = threading.RLock()
        self._is_busy = False
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                self._pass()
                result = call(*arguments, **options)
                self._pass()
            return result

        return counted

    def _pass(self) -> None:
        if not self._is_busy:
            self.count += 1
            self._is_busy = True
            self._at_each(self.count)
            self._is_busy = False


def kill_at(last: int) -> AtEach:
    """Kill this process at one moment."""

    def kill(moment: int) -> None:
        if moment == last:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def copy_from(first: int, folder: Path, out: Path) -> AtEach:
    """Copy a folder at each moment from the `first` on, if there is something new in it."""
    seen = None

    def copy_if_changed(moment: int) -> None:
        nonlocal seen
        if moment >= first and (now := state_of(folder)) != seen:
            copy(folder, out / f"moment-{moment:03d}")
            seen = now

    return copy_if_changed


def state_of(folder: Path) -> list[tuple[str, tuple[int, ...]]]:
    """What the file system says of everything below a folder."""
    states: list[tuple[str, tuple[int, ...]]] = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        what = status.st_ino, status.st_mode, status.st_nlink, status.st_size, status.st_mtime_ns
        states.append((str(path), what))
    return states


def copy(folder: Path, target: Path) -> None:
    """Copy a folder; what is one file under several names is one in the copy."""
    copies: dict[int, str] = {}

    def copy_file(source: str, name: str) -> None:
        first = copies.setdefault(os.lstat(source).st_ino, name)
        if first == name:
            shutil.copy2(source, name, follow_symlinks=False)
        else:
            os.link(first, name)

    shutil.copytree(folder, target, symlinks=True, copy_function=copy_file)


def land(folder: Path, archive: Archive) -> None:
    """Land the inbox."""
    for _ in land_inbox(archive, folder / "inbox", settled_after=0):
        pass


def land_together(folder: Path, archive: Archive) -> None:
    """Land the inbox, all files in one commit."""
    setattr(land_files, "FEWEST", 2)  # noqa: B010
    land(folder, archive)


def refuse_to_rename_across(source: Any, target: Any, **options: Any) -> None:
    """What `os.rename` does between two file systems; within a folder it works."""
    if "src_dir_fd" in options:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
    rename(source, target)


WORK: dict[str, Callable[[Path, Archive], object]] = {
    "land": land,
    "land_from_elsewhere": land,
    "land_together": land_together,
    "recover": lambda folder, archive: recover(archive),
    "remap": lambda folder, archive: remap(archive, load_mapping(folder / "mapping.yaml")),
}


def work_in_fork(work: str, template: Path, folder: Path, at_each: AtEach = bool, seconds: float = 0) -> None:
    """Work on a copy of `template`, with something done at each moment, and killed after a time if not 0."""
    shutil.copytree(template, folder)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if work == "land_from_elsewhere":
        setattr(os, "rename", refuse_to_rename_across)  # noqa: B010
    moments = Moments(at_each)
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles the signal, so that it kills
    WORK[work](folder, Archive(folder / "archive", load_contracts(folder / "contracts"), may_create=True))
    (folder / "moments").write_text(str(moments.count))
    os._exit(0)


def main(template: Path, out: Path, work: str) -> None:
    """Work once without being killed, once for what each moment leaves, and then killed again and again."""
    started = time.monotonic()
    work_in_fork(work, template, out / "whole")
    seconds = time.monotonic() - started
    moments = int((out / "whole" / "moments").read_text())
    first = max(1, moments + 1 - MOST_MOMENTS.get(work, moments))
    copied = out / "copied"
    work_in_fork(work, template, copied, copy_from(first, copied, out))
    for moment in range(first, moments + 1, KILLED_EVERY):
        work_in_fork(work, template, out / f"killed-{moment:03d}", kill_at(moment))
    for part in range(1, TIMES if work not in MOST_MOMENTS else 1):
        work_in_fork(work, template, out / f"time-{part:02d}", seconds=seconds * part / TIMES)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
