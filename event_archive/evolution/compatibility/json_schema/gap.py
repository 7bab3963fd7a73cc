"""A gap in a proof, and the gaps that numbers and texts leave.

Belongs here: what a reader asserts of a number or a text by itself. Not here: everything with parts
(`members`) or choices (`proof`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from event_archive.evolution.compatibility.json_schema.facts import Facts
from event_archive.evolution.compatibility.json_schema.kinds import NUMBERS, kinds_of
from event_archive.evolution.compatibility.json_schema.pattern_lengths import lengths_of_matches

FINDABLE_ANYWHERE = ("", ".*", "^", "$", "^.*", ".*$")  # patterns that every text meets


@dataclass(frozen=True)
class Gap:
    """A place where the proof fails, and between the facts of which schemas."""

    path: tuple[str, ...]
    rule: str
    sentence: str
    writer: Facts
    reader: Facts


def value_gap(path: tuple[str, ...], value: Any, writer: Facts, reader: Facts) -> Gap:
    """A listed value that the reader refuses."""
    allowed = reader.types
    if not kinds_of(value) & allowed:
        sentence = f"{short(value)} may be written, and READER accepts no {kinds_in_words(kinds_of(value))}"
        return Gap(path, "type_narrowed", sentence, writer, reader)
    return Gap(
        path, "enum_value_removed", f"{short(value)} may be written, and READER refuses it", writer, reader
    )


def number_gaps(writer: Facts, reader: Facts, part: dict[str, Any], path: tuple[str, ...]) -> Iterator[Gap]:
    """What the reader asserts of numbers and the writer does not."""
    for keyword in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        if keyword not in part:
            continue
        limit, exclusive, lower = (
            part[keyword],
            keyword.startswith("exclusive"),
            keyword.lower().endswith("minimum"),
        )
        known = writer.bound(lower)
        beyond = known is not None and (known[0] > limit if lower else known[0] < limit)
        if not beyond and not (known and known[0] == limit and (known[1] or not exclusive)):
            word = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}.get(
                keyword, "less than"
            )
            rule = "bound_added" if known is None else "bound_tightened"
            yield Gap(
                path, rule, f"READER accepts only numbers that are {word} {short(limit)}", writer, reader
            )
    step = part.get("multipleOf")
    if step is not None and not any(_is_multiple(known, step) for known in writer.all_of("multipleOf")):
        whole = step == 1 and writer.types & NUMBERS <= {"int", "whole"}
        if not whole:
            yield Gap(
                path, "multiple_changed", f"READER accepts only multiples of {short(step)}", writer, reader
            )


def _is_multiple(known: Any, step: Any) -> bool:
    if known == step:
        return True
    return known == known // 1 and step == step // 1 and (Fraction(known) / Fraction(step)).denominator == 1


def string_gaps(writer: Facts, reader: Facts, part: dict[str, Any], path: tuple[str, ...]) -> Iterator[Gap]:
    """What the reader asserts of texts and the writer does not."""
    for keyword, word in (("minLength", "at least"), ("maxLength", "at most")):
        if keyword in part and not _has_length(writer, keyword, part[keyword]):
            yield Gap(
                path,
                "length_tightened",
                f"READER accepts only texts of {word} {part[keyword]} characters",
                writer,
                reader,
            )
    pattern = part.get("pattern")
    if pattern is not None and pattern not in writer.all_of("pattern") and pattern not in FINDABLE_ANYWHERE:
        rule = "pattern_changed" if writer.all_of("pattern") else "pattern_added"
        yield Gap(path, rule, f"READER accepts only texts that match {short(pattern)}", writer, reader)
    name = part.get("format")
    if name is not None and name not in writer.all_of("format"):
        rule = "format_changed" if writer.all_of("format") else "format_added"
        yield Gap(path, rule, f"READER accepts only texts of the format {short(name)}", writer, reader)


def _has_length(writer: Facts, keyword: str, limit: Any) -> bool:
    """Whether the writer keeps a bound on the length of a text, be it by a pattern."""
    lengths = [lengths_of_matches(pattern) for pattern in writer.all_of("pattern")]
    if keyword == "minLength":
        return any(least >= limit for least, _ in lengths) or within(writer, keyword, limit)
    return any(most <= limit for _, most in lengths) or within(writer, keyword, limit)


def within(writer: Facts, keyword: str, limit: Any) -> bool:
    """Whether the writer keeps a bound on a length or a count."""
    known = writer.most(keyword) if keyword.startswith("min") else writer.least(keyword)
    if keyword.startswith("min"):
        return limit <= 0 or (known is not None and bool(known >= limit))
    return known is not None and bool(known <= limit)


def short(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def types_in_words(names: Iterable[str]) -> str:
    """Names of types in words."""
    return " or ".join("integer" if name == "integer4" else name for name in names)


def kinds_in_words(lost: frozenset[str]) -> str:
    """The lost kinds of values in words."""
    words = sorted(lost - NUMBERS)
    if lost & NUMBERS:
        words.append(
            "number"
            if "int" in lost
            else "number with a fraction"
            if "fraction" in lost
            else "number such as 1.0"
        )
    return " or ".join(words) if words else "nothing"
