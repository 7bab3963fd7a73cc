"""A folder that no file can be renamed into: on another file system, where this machine has one at hand.

Belongs here: finding one, and behaving like one where there is none. Not here: tests.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

OTHERS = (Path("/dev/shm"), Path("/run/user") / str(os.getuid()), Path("/var/tmp"))


@contextmanager
def folder_elsewhere(than: Path) -> Iterator[Path]:
    """An empty folder on another file system than `than`; removed at the end."""
    here = than.stat().st_dev
    others = [path for path in OTHERS if os.access(path, os.W_OK | os.X_OK) and path.stat().st_dev != here]
    with tempfile.TemporaryDirectory(dir=others[0] if others else than.parent) as folder:
        if others:
            yield Path(folder)
            return
        with patch("os.rename", across_refused(Path(folder))):
            yield Path(folder)


def across_refused(elsewhere: Path) -> Any:
    """`os.rename` that refuses to leave a folder, as the kernel does between two file systems."""
    rename = os.rename

    def refusing(source: Any, target: Any, *, src_dir_fd: int | None = None, **options: Any) -> None:
        base = Path(f"/proc/self/fd/{src_dir_fd}").resolve() if src_dir_fd is not None else Path()
        leaves = elsewhere.resolve() in (base / source).absolute().parents
        if leaves and elsewhere.resolve() not in Path(target).absolute().parents:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
        rename(source, target, src_dir_fd=src_dir_fd, **options)

    return refusing
