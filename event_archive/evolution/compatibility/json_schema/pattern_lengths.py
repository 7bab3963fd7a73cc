"""How long the texts are that a pattern matches from end to end.

Belongs here: bounds that hold for every text which matches, from the everyday part of the language of regular
expressions; what is beyond it has no bounds. Not here: texts that match (`schema_files.sample_texts`).
"""

import math
from functools import lru_cache
from string import hexdigits

NO_BOUNDS = (0.0, math.inf)
ONE_LETTER = "dw"  # escapes that match one letter; what is outside of these may be half a letter to some
HALF_OR_ONE = "DWS"
CONTROLS, SPACE, BOUNDARIES = "tnrfv", "s", "bB"
HALVES = range(0xD800, 0xE000)  # a letter beyond U+FFFF may be written as two of these

Lengths = tuple[float, float]


class _Beyond(Exception):
    """The pattern holds what is not judged here."""


@lru_cache(maxsize=5000)
def lengths_of_matches(pattern: str) -> Lengths:
    """Return the least and the greatest number of characters of a text that matches a pattern."""
    try:
        reader = _Reader(pattern)
        lengths = reader.alternatives(0)
    except (_Beyond, IndexError, ValueError):
        return NO_BOUNDS
    return lengths if reader.at == len(pattern) else NO_BOUNDS


class _Reader:
    """Reads a pattern once from left to right, adding up lengths."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def alternatives(self, depth: int) -> Lengths:
        if depth > 20:
            raise _Beyond
        found = [self.sequence(depth)]
        while self.next() == "|":
            self.at += 1
            found.append(self.sequence(depth))
        return min(least for least, _ in found), max(most for _, most in found)

    def sequence(self, depth: int) -> Lengths:
        least = most = 0.0
        is_begun, is_ended = self.next() == "^", False
        while (letter := self.next()) not in ("", "|", ")"):
            atom = self.atom(depth)
            fewest, times = self.counts()
            if letter in "^$" and (fewest, times) != (1, 1):
                raise _Beyond
            least += atom[0] * fewest
            most += atom[1] * times if atom[1] else 0
            is_ended = letter == "$"
        is_whole = depth > 0 or (is_begun and is_ended)
        return least, most if is_whole else math.inf

    def next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def atom(self, depth: int) -> Lengths:
        letter = self.take()
        if letter in "^$":
            return 0, 0
        if letter == ".":
            return 0, 1
        if letter == "\\":
            return self.escape()
        if letter == "[":
            return self.letters()
        if letter == "(":
            return self.group(depth)
        if letter in "*+?{":
            raise _Beyond
        return 1, 1

    def group(self, depth: int) -> Lengths:
        is_ahead = self.pattern.startswith(("?=", "?!"), self.at)
        if is_ahead or self.pattern.startswith("?:", self.at):
            self.at += 2
        elif self.next() == "?":
            raise _Beyond
        lengths = self.alternatives(depth + 1)
        if self.take() != ")":
            raise _Beyond
        return (0, 0) if is_ahead else lengths

    def escape(self) -> Lengths:
        letter = self.take()
        if letter in BOUNDARIES:
            return 0, 0
        if letter in HALF_OR_ONE:
            return 0, 1
        if letter in "ux":
            digits = self.pattern[self.at : self.at + (4 if letter == "u" else 2)]
            self.at += len(digits)
            if not digits or set(digits) - set(hexdigits) or int(digits, 16) in HALVES:
                raise _Beyond
        elif letter.isalnum() and letter not in ONE_LETTER + CONTROLS + SPACE:
            raise _Beyond
        return 1, 1

    def letters(self) -> Lengths:
        """One letter of a class; a class of all but some may be met by half a letter."""
        is_negated, is_certain, start = self.next() == "^", True, self.at
        while (letter := self.take()) != "]":
            if letter == "[" or (letter == "&" and self.next() == "&"):
                raise _Beyond  # of other dialects
            if letter == "\\" and self.next() not in BOUNDARIES:
                is_certain = self.escape()[0] == 1 and is_certain
        if self.at - start <= 1:
            raise _Beyond  # a class of nothing, or one that begins with a bracket
        return (0 if is_negated or not is_certain else 1), 1

    def counts(self) -> tuple[float, float]:
        """How often what was read may stand."""
        letter = self.next()
        if letter and letter in "*+?":
            self.at += 1
            counts = {"*": (0, math.inf), "+": (1, math.inf), "?": (0, 1)}[letter]
        elif letter == "{":
            end = self.pattern.index("}", self.at)
            low, comma, high = self.pattern[self.at + 1 : end].partition(",")
            if not (low.isdecimal() and (high.isdecimal() or not high)):
                raise _Beyond
            self.at = end + 1
            counts = int(low), int(high) if high else math.inf if comma else int(low)
        else:
            return 1, 1
        if self.next() == "?":
            self.at += 1
        elif self.next() and self.next() in "*+{":
            raise _Beyond
        return counts
