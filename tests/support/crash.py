"""Work that is killed: before and after each call that changes the file system, and at any time between.

Belongs here: killing it, in a process that is started for it (`python crash.py TEMPLATE OUT WORK`). Not here:
what has to hold afterwards (`test_archive_invariants`, `test_recovery_interrupted`).

TEMPLATE holds `contracts`, `archive` and `inbox`. WORK is `land` (the inbox), `land_from_elsewhere` (as if
the inbox were on another file system) or `recover` (the quarantine).
Each time it has its own copy of TEMPLATE below OUT, and is a fork of this process, which opened no archive:
a fork is cheap, and begins as a new process does.
"""

import errno
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from event_archive import Archive, recover
from event_archive.landing.inbox import land_inbox
from event_archive.registry.contract import load_contracts

CALLS = ("open", "link", "replace", "rename", "fsync", "unlink", "mkdir", "rmdir")
TIMES = 12
# Up to its commit a landing does the same wherever the inbox is: from elsewhere, it is killed near its end.
MOST_MOMENTS = {"land_from_elsewhere": 40}
rename = os.rename


class Count:
    """Counts the moments before and after the calls; the process is killed at moment `last`."""

    def __init__(self, last: int) -> None:
        self.moments = 0
        self._last = last
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self._pass()
            result = call(*arguments, **options)
            self._pass()
            return result

        return counted

    def _pass(self) -> None:
        self.moments += 1
        if self.moments == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def land(folder: Path, archive: Archive) -> None:
    """Land the inbox."""
    for _ in land_inbox(archive, folder / "inbox", settled_after=0):
        pass


def refuse_to_rename_across(source: Any, target: Any, **options: Any) -> None:
    """What `os.rename` does between two file systems; within a folder it works."""
    if "src_dir_fd" in options:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
    rename(source, target)


WORK: dict[str, Callable[[Path, Archive], object]] = {
    "land": land,
    "land_from_elsewhere": land,
    "recover": lambda folder, archive: recover(archive),
}


def work_in_fork(work: str, template: Path, folder: Path, moment: int = 0, seconds: float = 0) -> None:
    """Work on a copy of `template`, killed at a moment, or after a time, where it is not 0."""
    shutil.copytree(template, folder)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if work == "land_from_elsewhere":
        setattr(os, "rename", refuse_to_rename_across)  # noqa: B010
    count = Count(moment)
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles the signal, so that it kills
    WORK[work](folder, Archive(folder / "archive", load_contracts(folder / "contracts"), may_create=True))
    (folder / "moments").write_text(str(count.moments))
    os._exit(0)


def main(template: Path, out: Path, work: str) -> None:
    """Work once without being killed, and then once for each of its moments."""
    started = time.monotonic()
    work_in_fork(work, template, out / "whole")
    seconds = time.monotonic() - started
    moments = int((out / "whole" / "moments").read_text())
    for moment in range(max(1, moments + 1 - MOST_MOMENTS.get(work, moments)), moments + 1):
        work_in_fork(work, template, out / f"moment-{moment:03d}", moment=moment)
    for part in range(1, TIMES if work not in MOST_MOMENTS else 1):
        work_in_fork(work, template, out / f"time-{part:02d}", seconds=seconds * part / TIMES)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
