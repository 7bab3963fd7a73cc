"""What a comparison of two states of the dataset says.

Belongs here: its shape. Not here: how it is found (`compare`), and how it reads (`report`).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.dataset.provenance import DatasetInfo
from orchestration.diff.causes import Causes
from orchestration.diff.rows import RowDifferences


@dataclass(frozen=True)
class DatasetSide:
    """One of the two states: as it was asked for, what its file says, and when its last commit landed."""

    label: str
    file: Path
    info: DatasetInfo
    landed_at: datetime | None


@dataclass(frozen=True)
class Change:
    """One row that differs, by its key; of a changed one the old and new values; and the events behind it."""

    kind: str
    key: dict[str, Any]
    values: dict[str, tuple[Any, Any]]
    causes: Causes


@dataclass(frozen=True)
class TableChanges:
    """How a table differs, and its first rows that do.

    `without_events`: what the report says of a row that no event explains.
    """

    table: str
    rows_a: int
    rows_b: int
    differences: RowDifferences
    changes: tuple[Change, ...]
    without_events: str

    @property
    def differs(self) -> bool:
        """Whether rows or columns differ, but for when something landed."""
        pair = self.differences.comparison.pair
        return bool(self.differences.rows or pair.only_a or pair.only_b or pair.retyped)


@dataclass(frozen=True)
class Comparison:
    """Two states of the dataset, the tables in which they differ, and how many there are that do not."""

    a: DatasetSide
    b: DatasetSide
    is_same_file: bool = False
    tables: tuple[TableChanges, ...] = ()
    same_tables: tuple[str, ...] = ()
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.only_a or self.only_b or any(table.differs for table in self.tables))
