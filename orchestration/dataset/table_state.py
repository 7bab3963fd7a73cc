"""What a manifest says of a table, by which it is known to be the same.

Belongs here: that record, which is read also where no engine is. Not here: how it is taken (`compare`).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TableState:
    """How many rows a table holds, and a digest of its columns and rows."""

    rows: int
    digest: str


def changed_tables(before: Mapping[str, TableState], now: Mapping[str, TableState]) -> list[str]:
    """The tables that are new, gone, or other than they were."""
    return sorted(table for table in {*before, *now} if before.get(table) != now.get(table))
