"""Routed chunks: what became of a chunk's records, before anything is known of duplicates.

Belongs here: the typed tables of accepted events, and the rejected records. Not here: how they come about
(`router`), and what is done with them (`transaction`).
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from event_archive.engine import Relations
from event_archive.registry.contract import Contract
from event_archive.validation.exact_validator import Rejected

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Typed:
    """Accepted events of one contract: the archive's columns and `n`, their rows in the chunk."""

    contract: Contract
    events: pa.Table


@dataclass
class Routed:
    """What became of a chunk: typed tables by their name in the engine, and rejected records by row.

    `received` counts the chunk's records: its lines but for the empty ones. `in_columns`: the rows that
    needed no look at each by itself. The engine has the tables as `relations`, until they are released, as
    they are at the end of a `with` statement.
    """

    relations: Relations
    tables: dict[str, Typed] = field(default_factory=dict)
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    received: int = 0
    in_columns: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def contracts(self) -> dict[str, Contract]:
        """The contracts of the typed tables."""
        return {name: typed.contract for name, typed in self.tables.items()}

    def __enter__(self) -> "Routed":
        return self

    def __exit__(self, *_: object) -> None:
        self.relations.release()
