"""A full disk, or too little memory, as one line: DuckDB and dbt say it in many ways, and in many lines.

Belongs here: telling it from what they say. Not here: what was to be written.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from event_archive.errors import UnusableInput

# What is said, and how it is worded. The order counts: DuckDB says that it is out of memory also where its
# files are full.
CAUSES = {said: said for said in ("No space left on device", "Disk quota exceeded", "File too large")} | {
    "failed to offload data": "No space left for what does not fit into memory",
    "Out of Memory Error": "too little memory; set FACTLOG_BUILD_MEMORY to more",
}


def full(said: str) -> str | None:
    """Tell what is full, if that is what somebody says, and for memory what to do."""
    return next((worded for cause, worded in CAUSES.items() if cause.lower() in said.lower()), None)


@contextmanager
def full_disk_in_one_line(what: str) -> Iterator[None]:
    """Word what is full, or another fault of a file, as input that can't be used; `what` was to be written.

    DuckDB gives such a fault another class where it comes from a commit or from another thread.
    """
    try:
        yield
    except duckdb.Error as error:
        said = " ".join(str(error).split())
        if cause := full(said):
            raise UnusableInput(f"{what}: {cause}") from None
        if isinstance(error, duckdb.IOException):
            raise UnusableInput(f"{what}: {said}") from None
        raise
