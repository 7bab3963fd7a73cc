"""What a test of dbt asks, in a sentence for whoever looks at its result.

Belongs here: that sentence, from a test's own description, its SQL, or its kind and arguments. Not here: how
a test fared (`warehouse.outcomes`), and where it is shown.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from orchestration.dbt.graph import Node, as_names, unquoted

COMMENT = re.compile(r"\s*\{#-?(.*?)-?#\}", re.DOTALL)
READ = re.compile(r"""ref\(\s*["']([^"']+)["']""")
Arguments = Mapping[str, Any]


def sentence(test: Node) -> str:
    """What a test asks: what its author says of it, else what follows from its kind."""
    if said := " ".join(str(test.get("description") or "").split()):
        return said
    declared = test.get("test_metadata")
    if not declared:
        comment = COMMENT.match(test["raw_code"])
        return " ".join(comment[1].split()) if comment else f"{in_words(test['name'])}."
    known = KINDS.get(declared["name"])
    return known(declared["kwargs"]) if known else f"{in_words(declared['name'])}."


def in_words(name: str) -> str:
    """A name as words: the first letter is capital."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _unique(given: Arguments) -> str:
    return f"No two rows have the same {_column(given)}."


def _not_null(given: Arguments) -> str:
    return f"Every row has a value in {_column(given)}."


def _accepted_values(given: Arguments) -> str:
    return f"{_column(given)} is one of: {', '.join(map(str, given.get('values') or ()))}."


def _relationships(given: Arguments) -> str:
    return f"Every {_column(given)} is a {given.get('field')} of {_read(given.get('to'))}."


def _one_row_per_key(given: Arguments) -> str:
    key = ", ".join(as_names(given.get("key")))
    return f"There is exactly one row for each {key} of {_read(given.get('upstream'))}."


def _unique_combination(given: Arguments) -> str:
    return f"No two rows have the same {', '.join(as_names(given.get('columns')))}."


def _half_open_intervals(given: Arguments) -> str:
    return (
        f"The intervals from {given.get('starts_at')} to {given.get('ends_at')} of one {given.get('by')} "
        "neither overlap nor are empty."
    )


def _same_from_nothing(_: Arguments) -> str:
    return "What was derived from the news alone is what all events give, derived from nothing."


KINDS: Mapping[str, Callable[[Arguments], str]] = {
    "unique": _unique,
    "not_null": _not_null,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "one_row_per_key": _one_row_per_key,
    "unique_combination": _unique_combination,
    "half_open_intervals": _half_open_intervals,
    "same_from_nothing": _same_from_nothing,
}
"""The tests that dbt and factlog bring."""


def _column(given: Arguments) -> str:
    return unquoted(str(given.get("column_name")))


def _read(reference: object) -> str:
    named = READ.search(str(reference))
    return named[1] if named else str(reference)
