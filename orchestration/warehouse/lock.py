"""One writer at a time: the lock that the command line and Dagster share around the warehouse.

Belongs here: taking, waiting for and naming the holder of that lock, and reading while nobody has it.
Not here: what is done under it. DuckDB fails in a second process with an error; this lock lets it wait
instead, and says for whom.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.durable import named_in_faults
from orchestration.settings import Settings

PATIENCE = timedelta(minutes=30)
POLL_SECONDS = 0.2
LOCK_FILE = "warehouse.lock"


@contextmanager
def warehouse_lock(
    settings: Settings,
    purpose: str,
    *,
    log: Callable[[str], None] | None = None,
    patience: timedelta = PATIENCE,
) -> Iterator[int]:
    """Hold the warehouse; the operating system releases it when the process ends, however it ends.

    Gives the lock's file descriptor: a child process that inherits it holds the lock, too, until it ends.
    Raises UnusableInput where somebody else holds it for longer than `patience`.
    """
    handle = os.open(settings.home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + patience.total_seconds()
        announced = False
        while not try_lock(handle):
            holder = read_holder(handle)
            if time.monotonic() >= deadline:
                raise UnusableInput(
                    f"{settings.warehouse}: still held by {holder} after {patience}; wait for it to end"
                )
            if not announced and log is not None:
                log(f"waiting for {holder}, which holds the warehouse")
                announced = True
            time.sleep(POLL_SECONDS)
        with named_in_faults(settings.home / LOCK_FILE):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{purpose} (process {os.getpid()})".encode(), 0)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def shared_lock(settings: Settings) -> Iterator[str | None]:
    """Shut writers out for a moment of reading, which several may do at once; never waits.

    Gives who holds the warehouse; None where nobody does, and only then may it be read. Without this a reader
    could hold the file in the moment in which dbt opens it, and make a refresh fail.
    """
    try:
        handle = os.open(settings.home / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield None if try_lock(handle, fcntl.LOCK_SH) else read_holder(handle)
    finally:
        os.close(handle)


def read_holder(handle: int) -> str:
    """Return who holds the lock, as they wrote it into its file."""
    return os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "another process"


def try_lock(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take the lock without waiting; False where somebody else has it."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_written_elsewhere(database: Path) -> bool:
    """Whether another process has a DuckDB file open for writing: DuckDB holds a POSIX lock on it then.

    Ask only where this process does not have the file open itself: a process that closes a file gives up all
    of its POSIX locks on it.
    """
    try:
        handle = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # EACCES or EAGAIN, by operating system
        return True
    finally:
        os.close(handle)
    return False
