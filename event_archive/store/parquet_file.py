"""A committed Parquet file that pyarrow reads, and what to do where it can't.

Belongs here: opening one, so that a fault names it: pyarrow says what is wrong, and often not where.
Not here: its columns, and what DuckDB reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.errors import UnusableInput


@contextmanager
def open_parquet(location: str) -> Iterator[pq.ParquetFile]:
    """Open a committed file; raises UnusableInput, which names it, where it is lost or damaged."""
    try:
        file = pq.ParquetFile(location)
    except (pa.ArrowException, OSError) as error:
        raise UnusableInput(_unreadable(location, error)) from error
    with file:
        try:
            yield file
        except OSError as error:
            # pyarrow gives no number to what it finds in a file; other faults are not of this one.
            if error.errno is not None:
                raise
            raise UnusableInput(_unreadable(location, error)) from error


def _unreadable(location: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return f"{location}: can't be read: {reason}; run `factlog verify` and restore the archive from a copy"
