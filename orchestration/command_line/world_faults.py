"""What the world does to a command, in one line: files, disks, memory, somebody who presses Ctrl-C.

Belongs here: which exceptions the world causes, and what to do about them. Not here: what a function words
better itself (`UnusableInput`), and exit codes (`main`).

Whatever is none of these is a fault of the product and keeps its traceback. Nothing heavy is imported: an
exception of a library can only come where the library was loaded.
"""

import errno
import os
import re
import sys
from pathlib import Path

import click

from event_archive import UnusableInput
from orchestration.settings import Settings

AGAIN = "then run the same command again"
ADVICE = {
    errno.ENOSPC: f"make room, {AGAIN}",
    errno.EDQUOT: f"make room, {AGAIN}",
    errno.EFBIG: f"allow larger files (ulimit -f), {AGAIN}",
    errno.EACCES: f"give this user the right to it, {AGAIN}",
    errno.EPERM: f"give this user the right to it, {AGAIN}",
    errno.EROFS: f"mount its disk for writing, {AGAIN}",
    errno.EMFILE: f"allow more open files (ulimit -n), {AGAIN}",
    errno.ENFILE: f"close files in other programs, {AGAIN}",
    errno.EIO: f"check its disk, {AGAIN}",
}
RESTORE = "run `factlog verify` and restore the archive from a copy"
LESS_MEMORY = f"too little memory; set FACTLOG_MEMORY and FACTLOG_BUILD_MEMORY to what there is, {AGAIN}"
# What DuckDB and pyarrow say of a file that was cut off or changed, whatever class they give it.
DAMAGED = re.compile(
    r"parquet|magic bytes|thrift|decompress|corrupt|checksum|don't know what type|failed to read",
    re.IGNORECASE,
)


def is_interruption(error: BaseException) -> bool:
    """Whether an exception says that somebody pressed Ctrl-C; DuckDB words it in two ways."""
    if isinstance(error, click.Abort):
        return not isinstance(error.__cause__ or error.__context__, EOFError)
    if isinstance(error, RuntimeError):
        return str(error) == "Query interrupted"
    return isinstance(error, KeyboardInterrupt) or is_of_library(error, "duckdb", "InterruptException")


def world_fault(error: BaseException) -> str | None:
    """Return one line on what the world did, and what to do; None where it is a fault of the product."""
    if isinstance(error, OSError):
        return of_file_system(error)
    if isinstance(error, MemoryError) or is_of_library(error, "duckdb", "OutOfMemoryException"):
        return LESS_MEMORY
    if isinstance(error, UnicodeEncodeError) or "cannot encode str as UTF-8" in str(error):
        return "what was given is not UTF-8 throughout; write it in UTF-8"
    if is_of_library(error, "duckdb", "Error"):
        caused = is_of_library(error, "duckdb", "OperationalError", "FatalException", "PermissionException")
        return of_library(error) if caused or DAMAGED.search(str(error)) else None
    if is_of_library(error, "pyarrow", "ArrowException") and DAMAGED.search(str(error)):
        return of_library(error)
    return None


def of_file_system(error: OSError) -> str:
    """Return one line on what the operating system refused."""
    reason = error.strerror or str(error) or type(error).__name__
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | Path) else ""
    return join(where + reason, advice_on(where + reason, error.errno))


def of_library(error: BaseException) -> str:
    """Return one line on what DuckDB or pyarrow met, without DuckDB's drawing of the statement."""
    reason = str(error).split("\n\nLINE ")[0].strip()
    cause = next((number for number in ADVICE if os.strerror(number) in reason), None)
    return join(reason, advice_on(reason, cause))


def join(what: str, advice: str) -> str:
    """Return what happened and what to do about it."""
    return f"{what}; {advice}" if advice else what


def advice_on(text: str, number: int | None) -> str:
    """Return what to do: by what the operating system said, and for a file of the archive that is amiss."""
    if number in ADVICE:
        return ADVICE[number]
    try:
        archive = str(Settings.from_environment().archive_root)
    except UnusableInput:
        return ""
    return RESTORE if archive in text else ""


def is_of_library(error: BaseException, library: str, *classes: str) -> bool:
    """Whether an exception is of one of a library's classes."""
    loaded = sys.modules.get(library)
    return loaded is not None and isinstance(error, tuple(getattr(loaded, name) for name in classes))
