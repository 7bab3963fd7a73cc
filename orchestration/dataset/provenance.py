"""What a dataset file says of itself besides its rows: where they come from, and how it came about.

Belongs here: that record, as it is handed to whoever writes a file. Not here: the tables that hold it
(`meta_tables`), and writing them (`describe_dataset`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from event_archive import Archive
from orchestration.dataset.table_state import TableState

CheckRow = tuple[str, bool, bool, str]
"""A check: its name, whether it passed, whether it blocks, and what it found."""


@dataclass(frozen=True)
class DatasetInfo:
    """Over which cut of which log a dataset was derived, by which code, and when it was written."""

    sequence: int
    log_digest: str
    as_of: datetime | None
    code_version: str
    written_at: datetime


@dataclass(frozen=True)
class VersionBefore:
    """The version that was published before a file: its number, and the state of its tables."""

    number: int
    tables: Mapping[str, TableState]


@dataclass(frozen=True)
class Provenance:
    """All that is said of a file. `version`: its number, if it is to be published."""

    info: DatasetInfo
    archive: Archive
    version: int | None = None
    before: VersionBefore | None = None
    checks: Sequence[CheckRow] = ()
