"""A value that tells two schemas apart: accepted by the writer's, rejected by the reader's.

Belongs here: the search for the smallest such value for a gap in the proof. The real validators decide, on
the schemas as they were given. Not here: where the gaps are (`proof`) and guesses at values (`values`).
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import jsonschema_rs

from event_archive.errors import UnusableInput
from event_archive.evolution.compatibility.json_schema.borders import LONGEST_LIST, PLAIN, borders, neighbours
from event_archive.evolution.compatibility.json_schema.document import Document, NotComparable, parts_of
from event_archive.evolution.compatibility.json_schema.effort import Effort, weight_of
from event_archive.evolution.compatibility.json_schema.facts import VALUES_COMPARED, Facts, facts_of
from event_archive.evolution.compatibility.json_schema.gap import Gap
from event_archive.evolution.compatibility.json_schema.normal import read
from event_archive.evolution.compatibility.json_schema.values import Values
from event_archive.schema_files.sample_texts import stretched, texts_for_pattern

MOST_WORK = 250_000  # of all searches of one direction
COUNTS = ("maxItems", "minItems", "maxContains", "minContains", "maxProperties", "minProperties")
LENGTHS = ("minLength", "maxLength")
MOST_LOCAL, MOST_KEPT, MOST_BASES = 600, 24, 24
CHARACTERS_SUBTRACTED = 10  # that take the library as long as a part takes the proof
LARGEST_DIFFERENCE = 15_000  # characters; what the library subtracts may grow with their square
ABOVE = (
    "required_added",
    "required_property_added",
    "dependency_required",
)  # the value in question is the owner


class JsonExamples:
    """The search for examples of one direction."""

    def __init__(self, writer: Document, reader: Document) -> None:
        self.writer, self.reader = writer, reader
        self.effort = Effort((writer, reader), MOST_WORK)
        self.values = Values(self.effort, steps=50_000)
        nodes = parts_of([node for document in (writer, reader) for node in (document.root, document.defs)])
        patterns = [pattern for node in nodes for pattern in _keys(node.get("patternProperties"))][:20]
        self.names = [
            "extra",
            "b",
            "zz9",
            *(text for pattern in patterns for text in texts_for_pattern(pattern)[:3]),
        ]

    def tells_apart(self, value: Any) -> bool:
        """Whether the writer's schema accepts a value that the reader's refuses, for every validator."""
        if not (self.writer.readings and self.reader.readings):
            return False
        self.writer.work += 1 + (self.writer.listed + self.reader.listed) // VALUES_COMPARED
        try:
            return all(reading.is_valid(value) for reading in self.writer.readings) and not any(
                reading.is_valid(value) for reading in self.reader.readings
            )
        except ValueError:  # a text that is no text, a number beyond all numbers
            return False

    def of(self, gap: Gap) -> Any:
        """The smallest example found that falls through a gap, as a list of one, or none."""
        if self.effort.is_over:
            return []
        path = gap.path[:-1] if gap.rule in ABOVE else gap.path
        local = self._local(gap)
        if not path:
            return self._smallest(local)
        root = facts_of(self.writer, (self.writer.root,))
        bases = self.values.of(root, path)[:MOST_BASES]
        return self._smallest(
            value for base in bases for piece in local for value in _grafted(base, path, piece, self.names)
        )

    def anywhere(self) -> Any:
        """The smallest example found without a gap to look into."""
        writer, reader = (
            facts_of(self.writer, (self.writer.root,)),
            facts_of(self.reader, (self.reader.root,)),
        )
        return self._smallest(islice(_guesses(writer, reader, self.effort), 3000))

    def _local(self, gap: Gap) -> list[Any]:
        """Values for the place of the gap alone that tell its schemas apart, as far as can be said."""
        sure, unsure = [], []
        for value in islice(_guesses(gap.writer, gap.reader, self.effort), MOST_LOCAL):
            if self.effort.is_over:
                break
            try:
                written, accepted = gap.writer.accepts(value), gap.reader.accepts(value)
            except ValueError:
                continue
            if written and accepted is False:
                sure.append(value)
            elif written is not False and accepted is not True:
                unsure.append(value)
        return [
            *sorted(_unique(sure), key=_size)[:MOST_KEPT],
            *sorted(_unique(unsure), key=_size)[:MOST_KEPT],
        ]

    def _smallest(self, values: Iterable[Any]) -> list[Any]:
        smallest: list[Any] = []
        for value in values:
            if self.effort.is_over:
                break
            self.writer.work += weight_of(value)
            if (not smallest or _size(value) < _size(smallest[0])) and self.tells_apart(value):
                smallest = [value]
        return smallest


def _guesses(writer: Facts, reader: Facts, effort: Effort) -> Iterator[Any]:
    sizes = _sizes(writer, reader)
    written, read_too = (Values(effort, sizes).of(known) for known in (writer, reader))
    difference = _difference(writer, reader, effort)
    reachable = [node for known in (writer, reader) for node in (*known.origin, known.document.defs)]
    edges = list(
        islice(borders([*reachable, *writer.document.defs.values(), *reader.document.defs.values()]), 300)
    )
    names = {name for known in (writer, reader) for props in known.all_of("properties") for name in props}
    names |= {name for known in (writer, reader) for name in known.required} | {"extra"}
    others = [*_unique(chain(edges[:12], PLAIN[:14]))]
    bounds = [bound for known in (reader, writer) for keyword in LENGTHS for bound in known.all_of(keyword)]
    lengths = [bound + more for bound in bounds for more in (1, 0)]
    texts = [text for text in written if isinstance(text, str)][:6]
    longer = [
        longer_text for length in lengths[:6] for text in texts for longer_text in stretched(text, length)
    ]
    yield from chain(difference, written, longer, read_too, PLAIN, edges)
    for value in chain(written, read_too, difference):
        yield from neighbours(value, sorted(names)[:20], others)


def _sizes(writer: Facts, reader: Facts) -> list[int]:
    """Numbers of items and properties at the borders of what both say here."""
    bounds = [bound for known in (reader, writer) for keyword in COUNTS for bound in known.all_of(keyword)]
    return [int(min(bound, LONGEST_LIST - 1)) + more for bound in bounds for more in (0, 1, -1)]


def _difference(writer: Facts, reader: Facts, effort: Effort) -> list[Any]:
    """Guesses from the library's own subtraction of schemas."""
    if not (writer.document.is_exact and reader.document.is_exact):
        return []
    if writer.document.size + reader.document.size > LARGEST_DIFFERENCE:
        return []
    writer.document.work += (writer.size + reader.size) // CHARACTERS_SUBTRACTED
    try:
        known, asserted = (
            jsonschema_rs.canonicalize(known.node, draft=20, validate_formats=True)
            for known in (writer, reader)
        )
        document = read(known.subtract(asserted).to_json_schema())
    except (ValueError, TypeError, jsonschema_rs.ReferencingError, NotComparable, UnusableInput):
        return []
    return Values(effort, steps=1000).of(facts_of(document, (document.root,)))


def _grafted(base: Any, path: tuple[str, ...], value: Any, names: list[str]) -> Iterator[Any]:
    """A value put at its place in a whole one."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step.startswith("[") and isinstance(base, list):
        places = range(min(len(base), 4)) if step == "[]" else [int(step[1:-1])]
        for index in places:
            inner = base[index] if index < len(base) else None
            for made in _grafted(inner, rest, value, names):
                yield [*base[:index], made, *base[index + 1 :]]
                if step == "[]":
                    yield [*base, made]
    elif not step.startswith("[") and isinstance(base, dict):
        others = [name for name in base if step == "*"]
        for name in dict.fromkeys([*names, *others] if step == "*" else [step]):
            for made in _grafted(base.get(name), rest, value, names):
                yield {**base, name: made}


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _size(value: Any) -> tuple[int, str]:
    text = json.dumps(value, sort_keys=True)
    return len(text), text


def _unique(values: Iterable[Any]) -> list[Any]:
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())
