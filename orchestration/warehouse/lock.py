"""One writer at a time: the lock that the command line and Dagster share around the warehouse.

Belongs here: taking, waiting for and naming the holder of that lock, and reading while nobody has it.
Not here: what is done under it. DuckDB refuses a second process with an error; this lock lets it wait
instead, and says for whom.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from event_archive.errors import UnusableInput
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
    """Hold the warehouse; the operating system lets go of it when the process ends, however it ends.

    Gives the lock's file descriptor: a child process that inherits it holds the lock, too, until it ends.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + patience.total_seconds()
        announced = False
        while not taken(handle):
            holder = holder_of(handle)
            if time.monotonic() >= deadline:
                raise UnusableInput(
                    f"{settings.warehouse}: still held by {holder} after {patience}; wait for it to end"
                )
            if not announced and log is not None:
                log(f"waiting for {holder}, which holds the warehouse")
                announced = True
            time.sleep(POLL_SECONDS)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{purpose} (process {os.getpid()})".encode(), 0)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def shared_lock(settings: Settings) -> Iterator[str | None]:
    """Keep writers away for the moment of a look, which several may take at once; never waits.

    Gives who holds the warehouse; None where nobody does, and only then may it be read. Without this a reader
    could hold the file in the moment in which dbt opens it, and make a refresh fail.
    """
    try:
        handle = os.open(settings.home / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield None if taken(handle, fcntl.LOCK_SH) else holder_of(handle)
    finally:
        os.close(handle)


def holder_of(handle: int) -> str:
    """Read who holds the lock."""
    return os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "another process"


def taken(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to take the lock, without waiting."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
