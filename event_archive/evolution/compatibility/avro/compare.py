"""Whether data written under one Avro schema is read under another: schema resolution, per Avro 1.12.

Belongs here: the rules of resolution. Not here: what a valid schema is (`schema`), logical types
(`logical`), what is read as another value (`silent`), names and unions (`names`), examples (`example`).

Where implementations differ from the specification or from each other, and a reader may fail or read another
value, the answer is *unknown*, never *compatible*. What the specification calls an error is incompatible,
even where fastavro or Java read it; there is no example then.
"""

import json
from collections import Counter, deque
from typing import Any

from event_archive.evolution.compatibility.avro.default import invalid_defaults
from event_archive.evolution.compatibility.avro.example import AvroExamples, AvroStep, is_mixed_up, path_of
from event_archive.evolution.compatibility.avro.logical import logical_change
from event_archive.evolution.compatibility.avro.names import (
    Likeness,
    candidates,
    contested_aliases,
    is_promotable,
    likeness,
)
from event_archive.evolution.compatibility.avro.schema import MISSING, AvroField, AvroSchema, Node, parse_avro
from event_archive.evolution.compatibility.avro.silent import SilentChanges
from event_archive.evolution.compatibility.findings import (
    Caution,
    Direction,
    Mode,
    Report,
    SchemaFinding,
    Verdict,
)

MAX_STEPS = 100_000


def compare_avro(old: Any, new: Any, mode: Mode) -> Report:
    """Compare two schemas, each the JSON of an `.avsc` file; UnusableInput where one is no Avro schema."""
    before, now = parse_avro(old), parse_avro(new)
    if _is_same(old, new):
        return Report(mode, ())
    findings: list[SchemaFinding] = []
    cautions: list[Caution] = []
    for direction in mode.directions:
        writer, reader = (before, now) if direction is Direction.BACKWARD else (now, before)
        resolution = _Resolution(writer, reader, direction)
        findings += resolution.findings()
        cautions += resolution.silent.cautions
    return Report(mode, tuple(findings), tuple(cautions))


def _is_same(old: Any, new: Any) -> bool:
    """Whether nothing changed at all: then nothing is resolved, and the branch that is written is read."""
    try:
        return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    except RecursionError:
        return False  # a default as deep as that


class _TooMuch(Exception):
    """The comparison takes more steps than it may."""


class _Resolution:
    """One direction: every pair of a writer's and a reader's type that meet, each looked at once."""

    def __init__(self, writer: AvroSchema, reader: AvroSchema, direction: Direction) -> None:
        self._writer, self._reader, self._direction = writer, reader, direction
        backward = direction is Direction.BACKWARD
        self._by, self._under = ("the old", "the new") if backward else ("the new", "the old")
        self._examples = AvroExamples(writer, reader)
        self._findings: list[SchemaFinding] = []
        self.silent = SilentChanges(direction, self._under)
        self._met: set[tuple[int, int]] = set()
        self._steps = 0
        self._invalid = {id(field): (node, field) for node, field in invalid_defaults(reader)}
        # Breadth first: what is found first is the nearest, and no schema is too deep.
        self._waiting: deque[tuple[Node, Node, AvroStep | None]] = deque([(writer.top, reader.top, None)])

    def findings(self) -> list[SchemaFinding]:
        try:
            for alias in contested_aliases(self._writer, self._reader):
                self._unknown(
                    None, "alias_ambiguous", f"in {self._under} schema the alias {alias} names two types"
                )
            while self._waiting:
                self._tick()
                self._resolve(*self._waiting.popleft())
        except _TooMuch:
            self._unknown(None, "too_large", f"the comparison takes more than {MAX_STEPS:,} steps")
        for node, field in self._invalid.values():
            why = f"{node.label}'s default for {field.name} is no value of its type; readers may refuse it"
            self._unknown(None, "default_invalid", why)
        return self._findings

    def _tick(self, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise _TooMuch

    def _unknown(self, at: AvroStep | None, rule: str, why: str) -> None:
        self._findings.append(SchemaFinding(self._direction, Verdict.UNKNOWN, path_of(at), rule, why))

    def _refused(self, at: AvroStep | None, rule: str, why: str, node: Node, value: Any = None) -> None:
        example = self._examples.show(at, node, value)
        self._findings.append(
            SchemaFinding(self._direction, Verdict.INCOMPATIBLE, path_of(at), rule, why, example)
        )

    def _resolve(self, writer: Node, reader: Node, at: AvroStep | None) -> None:
        if writer.kind == "union":
            for branch in writer.branches:
                self._waiting.append((branch, reader, AvroStep(at, writer, branch)))
        elif reader.kind == "union":
            self._choose(writer, reader, at)
        elif self._matches(writer, reader, at):
            self._inside(writer, reader, at)

    def _choose(self, writer: Node, reader: Node, at: AvroStep | None) -> None:
        """The first branch that matches; where others may choose another one, that counts too."""
        self._tick(len(reader.branches))
        taken = candidates(writer, reader)
        if not taken.branches:
            self._refused(at, self._mismatch(at), self._no_match(writer, reader), writer)
            return
        if taken.doubt:
            self._unknown(
                at, "union_branch_ambiguous", f"{writer.label} in {self._under} schema's union: {taken.doubt}"
            )
        elif is_mixed_up(writer, taken.branches[0], reader, at):
            why = f"fastavro fails where one schema defines {writer.name} and one refers to it, in a union"
            self._unknown(at, "fastavro_fails", why)
        for branch in taken.branches:
            self._inside(writer, branch, at)

    def _matches(self, writer: Node, reader: Node, at: AvroStep | None) -> bool:
        if writer.kind != reader.kind:
            if is_promotable(writer, reader):
                return True
            self._refused(at, self._mismatch(at), self._no_match(writer, reader), writer)
            return False
        if not writer.is_named:
            return True
        like = likeness(writer, reader)
        if like is Likeness.NONE:
            why = (
                f"the {writer.kind} is written as {writer.name} and read as {reader.name}: "
                "give the reader's type the writer's name as an alias"
            )
            self._refused(at, "name_changed", why, writer)
            return False
        if like is Likeness.LOOSE:
            why = (
                f"{self._under} schema's alias for {writer.name} is without its namespace: "
                "some readers take it, others don't; write the alias with its namespace"
            )
            self._unknown(at, "alias_namespace", why)
        return True

    def _mismatch(self, at: AvroStep | None) -> str:
        is_branch = at is not None and at.node.kind == "union"
        return "union_branch_removed" if is_branch else "type_not_promotable"

    def _no_match(self, writer: Node, reader: Node) -> str:
        takes = " or ".join(branch.label for branch in reader.branches[:5]) or reader.label
        more = " …" if len(reader.branches) > 5 else ""
        return f"{self._by} schema writes {writer.label}, and {self._under} one reads {takes}{more}"

    def _inside(self, writer: Node, reader: Node, at: AvroStep | None) -> None:
        """Two types that match by kind and name."""
        self.silent.look_at_values(writer, reader, at)
        if (change := logical_change(writer.logical, reader.logical, reader.kind)) is not None:
            verdict, rule, why = change
            self._findings.append(
                SchemaFinding(self._direction, verdict, path_of(at), rule, f"the value {why}")
            )
        elif (writer.kind, reader.kind) == ("bytes", "string"):
            # The specification promotes it; but fastavro fails on what is not UTF-8, and Java replaces it.
            why = "bytes are read as text; those that are no UTF-8 can't be, and no schema says what they are"
            example = self._examples.show(at, writer, b"\xff")
            unknown = SchemaFinding(
                self._direction, Verdict.UNKNOWN, path_of(at), "bytes_not_text", why, example
            )
            self._findings.append(unknown)
        if writer.inner is not None and reader.inner is not None:
            self._waiting.append((writer.inner, reader.inner, AvroStep(at, writer)))
        elif writer.kind == "fixed" and writer.size != reader.size:
            why = f"{writer.name} is written with {writer.size} bytes and read with {reader.size}"
            self._refused(at, "fixed_size_changed", why, writer)
        elif writer.kind == "enum":
            self._symbols(writer, reader, at)
        elif writer.kind == "record" and (id(writer), id(reader)) not in self._met:
            self._met.add((id(writer), id(reader)))
            self._fields(writer, reader, at)

    def _symbols(self, writer: Node, reader: Node, at: AvroStep | None) -> None:
        if reader.default is not None or (id(writer), id(reader)) in self._met:
            return
        self._met.add((id(writer), id(reader)))
        gone = [symbol for symbol in writer.symbols if symbol not in reader.symbol_set]
        if gone:
            names = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
            why = f"{self._under} schema's {reader.name} has neither {names} nor a default"
            self._refused(at, "enum_symbol_removed", why, writer, gone[0])

    def _fields(self, writer: Node, reader: Node, at: AvroStep | None) -> None:
        self._tick(len(writer.fields) + len(reader.fields))
        written = {field.name: field for field in writer.fields}
        sources = {
            field.name: [name for name in dict.fromkeys([field.name, *field.aliases]) if name in written]
            for field in reader.fields
        }
        self.silent.look_at_fields(writer, reader, sources, at)
        claims = Counter(name for names in sources.values() for name in names)
        for field in reader.fields:
            names = sources[field.name]
            here = AvroStep(at, writer, field.name)
            if not names:
                self._absent(writer, field, here)
            elif len(names) > 1 or claims[names[0]] > 1:
                why = f"the name and aliases of {field.name} can mean more than one field; readers differ"
                self._unknown(here, "alias_ambiguous", why)
            else:
                if names[0] != field.name and likeness(writer, reader) is Likeness.SHORT:
                    why = f"Java heeds field aliases only where the record is written as {reader.name}"
                    self._unknown(here, "alias_namespace", why)
                step = AvroStep(at, writer, names[0])
                self._waiting.append((written[names[0]].node, field.node, step))

    def _absent(self, writer: Node, field: AvroField, here: AvroStep) -> None:
        """A field that only the reader has."""
        if field.default is MISSING:
            why = (
                f"{self._under} schema has the field {field.name}, which data under {self._by} one lacks: "
                "it needs a default"
            )
            self._found_absent(writer, here, "default_missing", why)
        elif self._invalid.pop(id(field), None) is not None:
            why = (
                f"the default of {field.name} is no value of its type, and data under {self._by} one lacks it"
            )
            self._found_absent(writer, here, "default_invalid", why)

    def _found_absent(self, writer: Node, here: AvroStep, rule: str, why: str) -> None:
        example = self._examples.show(here.outer, writer)
        finding = SchemaFinding(self._direction, Verdict.INCOMPATIBLE, path_of(here), rule, why, example)
        self._findings.append(finding)
