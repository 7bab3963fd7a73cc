"""A full disk, or too little memory, as one line: DuckDB and dbt report it in many ways and many lines.

Belongs here: finding it in their messages. Not here: what was to be written.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from event_archive import UnusableInput

# What a message contains, and what is reported instead. The order counts: DuckDB says that it is out of
# memory also where its files are full.
CAUSES = {text: text for text in ("No space left on device", "Disk quota exceeded", "File too large")} | {
    "failed to offload data": "No space left for what does not fit into memory",
    "Out of Memory Error": "too little memory; set FACTLOG_BUILD_MEMORY to more",
}


def full(message: str) -> str | None:
    """Return what is full, if that is what a message says, and for memory what to do."""
    return next((reported for text, reported in CAUSES.items() if text.lower() in message.lower()), None)


@contextmanager
def full_disk_in_one_line(what: str) -> Iterator[None]:
    """Raise UnusableInput for what is full, or another fault of a file; `what` was to be written.

    DuckDB gives such a fault another class where it comes from a commit or from another thread.
    """
    try:
        yield
    except duckdb.Error as error:
        message = " ".join(str(error).split())
        if cause := full(message):
            raise UnusableInput(f"{what}: {cause}") from None
        if isinstance(error, duckdb.IOException):
            raise UnusableInput(f"{what}: {message}") from None
        raise
