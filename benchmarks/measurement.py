"""What one benchmark says: a figure, and the bound that it is held to; and the clock behind it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measurement:
    """One figure. `figures`: the absolute values behind it, for the reader; they differ between machines."""

    name: str
    value: float
    relation: Literal[">=", "<="]
    bound: float
    figures: str

    @property
    def holds(self) -> bool:
        """Whether the figure keeps to its bound."""
        return self.value >= self.bound if self.relation == ">=" else self.value <= self.bound


def seconds(work: Callable[[], None]) -> float:
    """How long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
