"""Seeded draws that give the same values on every machine and Python version.

Here: random choices and ids. Not here: what is chosen (see the other modules).
Only `random()` and `getrandbits()` of Python's generator are promised to stay the same, and only
`+ - * /` are rounded the same everywhere, so everything else is made from those: no `choice`,
`shuffle` or `gauss`, and no logarithms.
"""

from bisect import bisect
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """One stream of draws; each purpose has its own, so that a change in one leaves the others."""

    def __init__(self, seed: int, purpose: str) -> None:
        """Start the stream of this seed and purpose."""
        generator = Random(f"{seed}/{purpose}")
        self.share = generator.random
        self._bits = generator.getrandbits

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return self.share() < probability

    def whole(self, low: int, high: int) -> int:
        """Return an integer of [low, high)."""
        return low + int(self.share() * (high - low))

    def skewed(self, low: int, high: int) -> int:
        """Return an integer of [low, high), mostly near the low end: half of them in its first eighth."""
        share = self.share()
        return low + int(share * share * share * (high - low))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, each as likely."""
        return choices[int(self.share() * len(choices))]

    def weighted(self, choices: Sequence[T], cumulative: Sequence[float]) -> T:
        """Return one of the choices, by the running totals of their weights."""
        return choices[bisect(cumulative, self.share() * cumulative[-1], 0, len(choices) - 1)]

    def uuid(self) -> str:
        """Return a random UUID (version 4)."""
        bits = self._bits(128)
        return _uuid_text(bits & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62)

    def uuid_at(self, moment: int) -> str:
        """Return a UUID (version 7) that sorts by this moment, in milliseconds since 1970."""
        return _uuid_text(moment << 80 | 0x7 << 76 | self._bits(12) << 64 | 0x2 << 62 | self._bits(62))


def _uuid_text(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
