"""What a manifest says of a table, by which it is known to be the same.

Belongs here: that record, which is read also where no engine is. Not here: how it is taken (`compare`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TableState:
    """How many rows a table holds, and a digest of its columns and rows."""

    rows: int
    digest: str
