"""Faults of the world while a command works: a call that touches a file fails, or somebody presses Ctrl-C.

Belongs here: making them, for calls that Python makes on files below one folder, by damaging files, and by
limits of the operating system. Not here: tests, and processes that are killed (`crash`).
"""

import builtins
import errno
import io
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLS = (
    "chmod",
    "fchmod",
    "fsync",
    "ftruncate",
    "link",
    "listdir",
    "lstat",
    "mkdir",
    "open",
    "pread",
    "pwrite",
    "remove",
    "rename",
    "replace",
    "rmdir",
    "scandir",
    "stat",
    "statvfs",
    "symlink",
    "truncate",
    "unlink",
    "utime",
)
FAULTS: list[Callable[[str | None], BaseException]] = [
    *(
        (lambda path, number=number: OSError(number, os.strerror(number), path))
        for number in (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EACCES, errno.EROFS)
    ),
    lambda path: KeyboardInterrupt(),
]


class FailingCalls:
    """Counts the calls on files below a folder, and lets one of them fail."""

    def __init__(self, below: Path, last: int = 0, fault: Callable[[str | None], BaseException] = FAULTS[0]):
        self.calls = 0
        self.failed: str | None = None
        self._below = str(below)
        self._last = last
        self._fault = fault

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that is counted, and fails where it is the one that has to."""

        def counted(*arguments: Any, **options: Any) -> Any:
            path = path_of(arguments[0]) if arguments else None
            if path is not None and self._below in path:
                self.calls += 1
                if self.calls == self._last:
                    self.failed = f"{name} {path}"
                    # A call on an open file does not know how that is called.
                    raise self._fault(None if isinstance(arguments[0], int) else path)
            return call(*arguments, **options)

        return counted


def path_of(given: object) -> str | None:
    """The path that a call was given, or that of the open file that it was given."""
    if isinstance(given, int):
        try:
            return str(Path(f"/proc/self/fd/{given}").readlink())
        except OSError:
            return None
    return os.path.abspath(os.fsdecode(given)) if isinstance(given, str | bytes | os.PathLike) else None  # noqa: PTH100


@contextmanager
def failing_calls(
    below: Path, last: int = 0, fault: Callable[[str | None], BaseException] = FAULTS[0]
) -> Iterator[FailingCalls]:
    """Let the `last`-th call on a file below a folder fail; none where it is 0."""
    calls = FailingCalls(below, last, fault)
    kept = {name: getattr(os, name) for name in CALLS}
    opened = io.open
    try:
        for name, call in kept.items():
            setattr(os, name, calls.wrap(name, call))
        builtins.open = io.open = calls.wrap("open", opened)
        yield calls
    finally:
        for name, call in kept.items():
            setattr(os, name, call)
        builtins.open = io.open = opened


DAMAGES = ("removed", "folder", "emptied", "cut", "garbage", "middle")


def damage(path: Path, kind: str) -> None:
    """Do to a file what disks, half restored backups and people do."""
    content = path.read_bytes()
    path.unlink()
    third = len(content) // 3
    match kind:
        case "folder":
            path.mkdir()
        case "emptied":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "garbage":
            path.write_bytes(bytes((byte * 7 + 13) % 251 for byte in content))
        case "middle":
            path.write_bytes(content[:third] + b"\xff" * 64 + content[third + 64 :])


def limit(what: str, allowed: int) -> None:
    """Allow this process, for good, so many more open files, or so many bytes in a file."""
    kind = resource.RLIMIT_NOFILE if what == "files" else resource.RLIMIT_FSIZE
    opened = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) if what == "files" else 0
    resource.setrlimit(kind, (opened + allowed, resource.getrlimit(kind)[1]))
