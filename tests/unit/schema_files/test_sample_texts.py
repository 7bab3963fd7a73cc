"""Texts made from a regular expression: given a pattern, expect texts that its validator accepts."""

import jsonschema_rs
import pytest

from event_archive.registry.data_schema import validator
from event_archive.schema_files.sample_texts import (
    FORMATS,
    example_of_format,
    texts_for_format,
    texts_for_pattern,
)

FIRST_TEXTS = {
    "": "",
    r"^[A-Z]{3}-\d{4,}(?:/[a-z]+|!)?$": "AAA-0000",
    "^(cus|org)_[^_]+\\.(?<tail>x*)$": "cus_a.",
    r"\bé\u0041\n": "éA\n",
    "[]a]|b": "]",
    "a{500}": "a" * 500,
}


@pytest.mark.parametrize("pattern", FIRST_TEXTS)
def test_the_first_text_is_that_of_first_alternatives_and_least_counts(pattern: str) -> None:
    assert texts_for_pattern(pattern)[0] == FIRST_TEXTS[pattern]


@pytest.mark.parametrize(
    "pattern", [r"^\w+@\w+\.(com|org)$", r"^[^\s]{2,3}$", "^(?:a|b|)c?$", r"^\d{1,3}(,\d{3})*$"]
)
def test_every_text_of_an_everyday_pattern_matches_it(pattern: str) -> None:
    validator = jsonschema_rs.Draft202012Validator({"pattern": pattern})
    texts = texts_for_pattern(pattern)
    assert len(texts) > 1
    assert [text for text in texts if not validator.is_valid(text)] == []


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", r"(a)\1", "a{501}", "(a", "a)", "*", "(" * 30, "[a", "a{", r"\p{L}"]
)
def test_what_is_not_followed_gives_no_text(pattern: str) -> None:
    assert texts_for_pattern(pattern) == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_of_a_format_is_of_that_format(name: str) -> None:
    assert validator({"type": "string", "format": name}).is_valid(example_of_format(name))


def test_a_format_that_is_not_known_has_no_texts() -> None:
    assert (example_of_format("colour"), texts_for_format("colour")) == (None, [])
