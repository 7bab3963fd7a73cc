"""The lengths of texts that match a pattern: given a pattern, expect bounds that no matching text leaves."""

from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.evolution.compatibility.json_schema.facts import matches
from event_archive.evolution.compatibility.json_schema.pattern_lengths import NO_BOUNDS, lengths_of_matches
from support.hunting import examples

LENGTHS = {
    "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$": (36, 36),
    "^(ab|cde)$": (2, 3),
    "^ab$|^c{2,}?$": (2, inf),
    "^(?:a|b?){0,5}$": (0, 5),
    "^a|b$": (1, inf),
    "^(a|b)": (1, inf),
    "abc": (3, inf),
    r"^\d{4}\.\u0041\b$": (6, 6),
    r"^(?=.*\d)[a-z0-9]{8,20}$": (8, 20),
    "^.{36}$": (0, 36),
    "^[^/]{3}$": (0, 3),
    r"^[\w.-]+$": (1, inf),
    "^()*$": (0, 0),
    "": (0, inf),
}


@pytest.mark.parametrize("pattern", LENGTHS)
def test_lengths_are_those_of_whole_matches(pattern: str) -> None:
    assert lengths_of_matches(pattern) == LENGTHS[pattern]


@pytest.mark.parametrize(
    "pattern",
    [r"^(a)\1$", r"^\p{L}$", "^a**$", "^(?i)a$", "^(?<=a)b$", r"^\ud83d\ude00$", "^[]a]$", "^a{,3}$", "^$*$"],
)
def test_what_is_not_judged_has_no_bounds(pattern: str) -> None:
    assert lengths_of_matches(pattern) == NO_BOUNDS


def a_pattern(random: Random, depth: int = 3) -> str:
    """A pattern of everyday parts, sometimes anchored at both ends."""
    atoms = ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", r"\.", r"[\w-]", "(?=a)", r"\b", "^", "$"]
    parts = []
    for _ in range(random.randrange(1, 4)):
        is_group = depth > 0 and random.random() < 0.3
        atom = f"({a_pattern(random, depth - 1)})" if is_group else random.choice(atoms)
        counts = ["", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "*?"] if atom not in "^$" else [""]
        parts.append(atom + random.choice(counts if not atom.startswith(("(?", r"\b")) else [""]))
    joined = random.choice(["", "", "|"]).join(parts)
    return f"^{joined}$" if random.random() < 0.6 else joined


@settings(max_examples=examples(1500))
@given(random=st.randoms(use_true_random=True))
def test_no_text_that_matches_leaves_the_bounds(random: Random) -> None:
    pattern = a_pattern(random)
    least, most = lengths_of_matches(pattern)
    for _ in range(20):
        text = "".join(random.choice("aab0. -é😀\n") for _ in range(random.randrange(8)))
        if matches(pattern, text):
            assert least <= len(text) <= most, (pattern, text)
