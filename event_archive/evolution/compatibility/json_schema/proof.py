"""The proof that every value which one JSON Schema accepts is accepted by another, and the gaps in it.

Belongs here: going through what the reader asserts, keyword by keyword, and looking for what the writer
says that makes it hold. Not here: choices and cases (`choices`), objects and arrays (`members`),
examples of values that fall through a gap (`example`).

No gaps is a proof; a gap is a place where there was none, and may be none. References may recur: what is to
be shown may be taken as shown below itself, in a property or an item, and nowhere else (induction on the
depth of values). Where the rules here fail, the library's own proof of containment is asked.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema_rs

from event_archive.evolution.compatibility.json_schema.choices import cases_of, composed_gaps
from event_archive.evolution.compatibility.json_schema.document import Document
from event_archive.evolution.compatibility.json_schema.effort import Effort
from event_archive.evolution.compatibility.json_schema.facts import Facts, facts_of
from event_archive.evolution.compatibility.json_schema.gap import (
    Gap,
    kinds_in_words,
    number_gaps,
    short,
    string_gaps,
    types_in_words,
    value_gap,
)
from event_archive.evolution.compatibility.json_schema.kinds import NUMBERS, TYPES
from event_archive.evolution.compatibility.json_schema.members import array_gaps, object_gaps
from event_archive.evolution.compatibility.json_schema.same import SAMEABLE, same

MOST_WORK, MOST_SPLITS, DEEPEST = 200_000, 6, 100
LIBRARY_CHARACTERS, LARGEST_FOR_LIBRARY = 120_000, 50_000  # in all, and of one pair of schemas
MOST_REPEATED = 8  # gaps of a pair of schemas that was looked at before


class TooLarge(Exception):
    """The proof takes more work than it may, or leads too deep."""


class Proof:
    """A search for the gaps between two schemas; it keeps what it has shown."""

    def __init__(self, writer: Document, reader: Document) -> None:
        self.effort = Effort((writer, reader), MOST_WORK)
        self.characters_left = LIBRARY_CHARACTERS
        self.open: dict[Any, int] = {}
        self.shown: set[Any] = set()
        self.failed: dict[Any, list[Gap]] = {}
        self.assumed = 0

    def check_bounds(self) -> None:
        """Raise TooLarge where the proof may not go on."""
        if self.effort.is_over or len(self.open) > DEEPEST:
            raise TooLarge

    def gaps(self, writer: Facts, reader: Facts, path: tuple[str, ...] = (), splits: int = 0) -> list[Gap]:
        """Where a value of the writer's may be none of the reader's; empty where none is."""
        self.check_bounds()
        key = (writer.key, reader.key)
        if not writer.types or not (reader.parts or reader.empty) or key in self.shown:
            return []
        if key in self.open:
            if len(path) > self.open[key]:
                self.assumed += 1
                return []
            return [
                Gap(path, "recursion_unfounded", "the schema refers to itself without an end", writer, reader)
            ]
        if (key, splits) in self.failed:
            return [replace(gap, path=(*path, *gap.path)) for gap in self.failed[key, splits]]
        assumed, self.open[key] = self.assumed, len(path)
        try:
            gaps = self._gaps(writer, reader, path, splits)
        finally:
            del self.open[key]
        if not gaps and self.assumed == assumed:
            self.shown.add(key)
        if gaps:
            self.failed[key, splits] = [
                replace(gap, path=gap.path[len(path) :]) for gap in gaps[:MOST_REPEATED]
            ]
        return gaps

    def _gaps(self, writer: Facts, reader: Facts, path: tuple[str, ...], splits: int) -> list[Gap]:
        values = writer.values
        if values is not None:
            accepted = [reader.accepts(value) for value in values]
            if all(accepted):
                return []
            if None not in accepted and writer.types & reader.types:
                refused = [value for value, ok in zip(values, accepted, strict=True) if not ok]
                return [value_gap(path, value, writer, reader) for value in refused[:20]]
        if reader.empty:
            gaps = [Gap(path, "nothing_accepted", "READER accepts no value here", writer, reader)]
            return [] if self.known_to_cover(writer, reader) else gaps
        gaps = list(self._direct(writer, reader, path, splits))
        if not gaps or self.known_to_cover(writer, reader):
            return []
        cases = cases_of(writer, reader) if splits < MOST_SPLITS else None
        if cases is None:
            return gaps
        return [gap for case in cases for gap in self.gaps(case, reader, path, splits + 1)]

    def _direct(self, writer: Facts, reader: Facts, path: tuple[str, ...], splits: int) -> Iterator[Gap]:
        for part in reader.parts:
            if any(same(writer, known, reader, part) for known in writer.parts):
                continue
            gaps = list(self._type_gaps(writer, reader, part, path))
            yield from gaps
            if any(gap.rule == "type_changed" for gap in gaps):
                continue
            if writer.types & NUMBERS:
                yield from number_gaps(writer, reader, part, path)
            if "string" in writer.types:
                yield from string_gaps(writer, reader, part, path)
            if "array" in writer.types:
                yield from array_gaps(self, writer, reader, part, path)
            if "object" in writer.types:
                yield from object_gaps(self, writer, reader, part, path)
            yield from composed_gaps(self, writer, reader, part, path, splits)

    def _type_gaps(
        self, writer: Facts, reader: Facts, part: dict[str, Any], path: tuple[str, ...]
    ) -> Iterator[Gap]:
        if ("$opaque" in part and part["$opaque"] not in writer.all_of("$opaque")) or (
            "$opaque" in part and not part["$opaque"].startswith(SAMEABLE)
        ):
            yield Gap(
                path, "unsupported", f"READER uses {part['$opaque']}, which is not judged", writer, reader
            )
        if "$unevaluated" in part and not any(
            same(writer, known, reader, part["$unevaluated"]) for known in writer.all_of("$unevaluated")
        ):
            yield Gap(path, "unevaluated", "READER limits what no other keyword looked at", writer, reader)
        if "type" in part:
            allowed = frozenset().union(*(TYPES[name] for name in part["type"]))
            lost = writer.types - allowed
            if lost:
                rule = "type_narrowed" if writer.types & allowed else "type_changed"
                known = types_in_words(part["type"])
                sentence = f"{kinds_in_words(lost)} may be written, and READER accepts only {known}"
                yield Gap(path, rule, sentence, writer, reader)
        if "enum" in part or "const" in part:
            listed = part["enum"] if "enum" in part else [part["const"]]
            rule, written = ("enum_value_removed", writer.values)
            if written is None:
                yield Gap(
                    path,
                    "enum_added",
                    f"any value may be written, and READER accepts only {short(listed)}",
                    writer,
                    reader,
                )
            else:
                listed_only = facts_of(
                    reader.document, (reader.document.without(part, *(set(part) - {"enum", "const"})),)
                )
                for value in written:
                    if listed_only.accepts(value) is not True:
                        yield Gap(path, rule, f"READER no longer lists {short(value)}", writer, reader)

    def disjoint(self, first: Facts, second: Facts, depth: int = 4) -> bool:
        """Whether it is shown that no value is accepted by both."""
        self.check_bounds()
        if first.empty or second.empty or not first.types & second.types:
            return True
        for known, against in ((first, second), (second, first)):
            if known.values is not None and all(against.accepts(value) is False for value in known.values):
                return True
        shared = first.types & second.types
        if shared <= NUMBERS:
            for low, high in (
                (first.bound(True), second.bound(False)),
                (second.bound(True), first.bound(False)),
            ):
                if low and high and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))):
                    return True
        if shared == {"object"} and depth:
            for name in sorted(first.required | second.required):
                members = (
                    facts_of(first.document, first.member(name)),
                    facts_of(second.document, second.member(name)),
                )
                if self.disjoint(*members, depth - 1):
                    return True
        refused = second.document.made("not", second.parts[0]) if len(second.parts) == 1 else None
        return refused is not None and self.known_to_cover(first, facts_of(second.document, (refused,)))

    def known_to_cover(self, writer: Facts, reader: Facts) -> bool:
        """Whether the library proves that the reader accepts all that is written."""
        if not (writer.document.has_faithful_canonical_form and reader.document.has_faithful_canonical_form):
            return False
        work = sum(side.size + side.listed * side.listed // 50 for side in (writer, reader))
        if work > min(self.characters_left, LARGEST_FOR_LIBRARY):
            return False
        self.characters_left -= work
        try:
            known, asserted = (
                jsonschema_rs.canonicalize(
                    known_side.node if not known_side.empty else False, draft=20, validate_formats=True
                )
                for known_side in (writer, reader)
            )
            return bool(asserted.covers(known) == jsonschema_rs.canonical.Containment.YES)
        except (ValueError, jsonschema_rs.ReferencingError):
            return False
