"""A figure that a benchmark measured, the bound that it is held to, and the clock behind it.

Belongs here: what all benchmarks share of a measurement. Not here: what is measured (a module per benchmark),
and the table that shows the figures (`__main__`).
"""

import resource
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


def seconds(work: Callable[[], object]) -> float:
    """How many seconds some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds(work: Callable[[], object]) -> float:
    """How many seconds of the processor some work takes, in all threads."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
