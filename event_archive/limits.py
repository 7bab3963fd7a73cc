"""The bounds of a landing: memory, threads, the sizes of an input and a record, what is believed of a clock.

Belongs here: the bounds, the clock, and what follows from them. Not here: reading them from anywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MEBIBYTE = 1 << 20
CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of two machines are believed to be apart."""


def utc_now() -> datetime:
    """Return what the clock of this machine says."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Limits:
    """`memory_bytes` bounds the engine and, by the sizes of a chunk and a record, everything else.

    `clock_skew`: how far a clock may be ahead of another one. `longest_pause`: the time between two commits
    after which the clock is doubted; `accepts_clock`: it is right, whatever it says.
    `max_input_bytes`: what one input may decode to; more is refused before anything of it is taken.
    """

    memory_bytes: int = 1024 * MEBIBYTE
    threads: int = 2
    max_record_bytes: int = 16 * MEBIBYTE
    max_input_bytes: int = 16 * 1024 * MEBIBYTE
    clock_skew: timedelta = CLOCK_SKEW
    longest_pause: timedelta = timedelta(days=400)
    accepts_clock: bool = False
    clock: Callable[[], datetime] = utc_now

    @property
    def chunk_bytes(self) -> int:
        """How many bytes of records are worked on at a time: a sixteenth of the memory."""
        return max(self.memory_bytes // 16, MEBIBYTE)

    @property
    def record_bytes(self) -> int:
        """How large a record may be: a parsed value takes up to 60 times the memory of its text."""
        return min(self.max_record_bytes, max(self.memory_bytes // 64, MEBIBYTE))

    @property
    def engine_bytes(self) -> int:
        """How many bytes the engine may hold before it writes to disk: half of the memory."""
        return self.memory_bytes // 2
