"""A figure that a benchmark measured, the bound that it is held to, and the clock behind it.

Belongs here: what all benchmarks share of a measurement. Not here: what is measured (a module per benchmark),
and the table that shows the figures (`__main__`).
"""

import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def cpu_seconds_of_command(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """How many seconds of the processor a command takes, in all its processes; SystemExit where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[1:]} failed: {done.stdout} {done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_seconds(work: Callable[[], object]) -> float:
    """How many seconds of the processor some work takes, in all threads."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
