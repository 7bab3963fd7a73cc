"""Protobuf: whether bytes written under one .proto file are read, with the same values, under another.

Belongs here: finding the messages of two files that are to be compared, and the findings in the form that all
languages share. Not here: reading .proto files (`schema_files.proto_file`), and the rules for messages
and fields (`messages`, `fields`).

The wire format is judged, as Protobuf's documentation tells it: messages belong together by name and as types
of fields, fields and enum values by number. A renamed field is read as before, a field that is gone is
skipped, and one that is new reads as its default. The JSON and text formats, `json_name` and services are not
looked at. A string may hold what is not UTF-8 where the writer's parser takes it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from event_archive.evolution.compatibility.findings import (
    Caution,
    Direction,
    Example,
    Mode,
    Report,
    SchemaFinding,
    Verdict,
)
from event_archive.evolution.compatibility.protobuf.enums import unused_enums
from event_archive.evolution.compatibility.protobuf.fields import field_findings
from event_archive.evolution.compatibility.protobuf.messages import (
    foreign_extensions,
    message_findings,
    unlike_messages,
)
from event_archive.evolution.compatibility.protobuf.reading import Json, is_example, smallest, whole
from event_archive.evolution.compatibility.protobuf.reasons import Reason, SchemaPair
from event_archive.evolution.compatibility.protobuf.schema import (
    MESSAGES,
    Schema,
    is_own,
    message_of,
    name_of,
    unknown_options,
)

MAX_PLACES = 20_000
MAX_DEPTH = 50
MAX_EXAMPLES = 200


def compare_protobuf(old: FileDescriptorProto, new: FileDescriptorProto, mode: Mode) -> Report:
    """Everything that speaks against reading the data of one file under the other."""
    if _content(old) == _content(new):
        return Report(mode, ())
    before, after = Schema(old, "the old schema"), Schema(new, "the new schema")
    findings: list[SchemaFinding] = []
    for direction in mode.directions:
        is_backward = direction is Direction.BACKWARD
        schemas = SchemaPair(before, after, True) if is_backward else SchemaPair(after, before, False)
        findings.extend(_Walk(schemas, direction).findings())
    cautions = []
    services = [[service.SerializeToString() for service in file.service] for file in (old, new)]
    if services[0] != services[1]:
        why = "the services differ, and are not looked at: a method may take or give another message"
        cautions.append(Caution(".", "services_changed", why))
    return Report(mode, tuple(findings), tuple(cautions))


def _content(file: FileDescriptorProto) -> bytes:
    content = FileDescriptorProto.FromString(file.SerializeToString())
    content.ClearField("source_code_info")
    content.ClearField("name")
    return content.SerializeToString(deterministic=True)


@dataclass(frozen=True)
class Place:
    """A message of the writer, read by one of the reader, and the field of another place that it is in."""

    of: Descriptor
    by: Descriptor
    path: tuple[str, ...]
    parent: "Place | None" = None
    field: FieldDescriptor | None = None

    def root(self) -> "Place":
        """The message that is sent by itself."""
        place = self
        while place.parent is not None:
            place = place.parent
        return place

    def sent(self, values: Json) -> Json | None:
        """These values of this place, in the message that is sent."""
        place, value = self, _filled(self.of, values)
        while value is not None and place.parent is not None and place.field is not None:
            inner: Any = {name_of(place.field): whole(place.field, [value])}
            place = place.parent
            value = _filled(place.of, inner)
        return value


def _filled(message: Descriptor, values: Json) -> Json | None:
    least = smallest(message)
    return None if least is None else {**least, **values}


@dataclass
class _Walk:
    """One direction. Each pair of messages is looked at once, where it is met first."""

    schemas: SchemaPair
    direction: Direction
    seen: set[tuple[str, str]] = field(default_factory=set)
    enums: set[str] = field(default_factory=set)
    examples: int = 0

    def findings(self) -> Iterator[SchemaFinding]:
        yield from self._files()
        writer, reader = self.schemas.writer, self.schemas.reader
        parts = writer.users()
        shared = [name for name in writer.messages if name in reader.messages]
        # What is sent by itself comes first: its path tells where a part is used.
        for name in sorted(shared, key=lambda name: name in parts):
            place = Place(writer.messages[name], reader.messages[name], (name,))
            yield from self._below(place)
        for name, reason in (*unused_enums(self.schemas, self.enums), *foreign_extensions(self.schemas)):
            yield self._finding(name, reason)

    def _files(self) -> Iterator[SchemaFinding]:
        old, new = self.schemas.writer, self.schemas.reader
        if unknown_options(old.options) != unknown_options(new.options):
            why = "the files have other custom options: what they ask of messages, only their readers know"
            yield self._finding(".", Reason(Verdict.UNKNOWN, "option_changed", why))
        if old.package != new.package:
            change = self.schemas.change(f"`{old.package}`", f"`{new.package}`")
            why = (
                f"the package {change}: every message has another name, and who asks for the old one "
                "finds nothing"
            )
            yield self._finding(".", Reason(Verdict.INCOMPATIBLE, "package_changed", why))
        if not self.schemas.is_backward:
            old, new = new, old
        if not old.messages:
            why = "the old schema has no message, so there is nothing to judge by"
            yield self._finding(".", Reason(Verdict.UNKNOWN, "no_messages", why))
        gone = [name for name in old.messages if name not in new.messages]
        added = [name for name in new.messages if name not in old.messages]
        parts = old.users()
        for name in gone:
            if name.rpartition(".")[0] in gone:
                continue
            if self.schemas.is_backward and name not in parts:
                why = f"message {name} is gone: nobody reads what was written as it"
                yield self._finding(name, Reason(Verdict.INCOMPATIBLE, "message_removed", why, {}))
            elif self.schemas.is_backward:
                why = (
                    f"message {name} is gone: as a part of {parts[name]} it is judged there, and whether it "
                    "is also sent by itself can't be told"
                )
                yield self._finding(name, Reason(Verdict.UNKNOWN, "message_removed", why))
            elif added and name not in parts:
                why = (
                    f"message {name} is gone, and {added[0]} is new: whether that is what its readers are "
                    "sent can't be told"
                )
                yield self._finding(name, Reason(Verdict.UNKNOWN, "message_removed", why))

    def _below(self, start: Place) -> Iterator[SchemaFinding]:
        pending = deque([start])
        while pending:
            place = pending.popleft()
            pair = place.of.full_name, place.by.full_name
            if pair in self.seen or (is_own(place.of) and is_own(place.by) and pair[0] == pair[1]):
                continue
            self.seen.add(pair)
            if len(self.seen) > MAX_PLACES:
                why = f"the files use more than {MAX_PLACES:,} pairs of messages: the rest was not looked at"
                yield self._finding(start.path[0], Reason(Verdict.UNKNOWN, "too_large", why))
                return
            for name, reason in message_findings(self.schemas, place.of, place.by):
                yield self._at(place, name, reason)
            theirs = self.schemas.reader.fields(place.by)
            for number, writer in self.schemas.writer.fields(place.of).items():
                reader = theirs.get(number)
                if reader is None:
                    continue
                yield from self._field(place, writer, reader)
                if writer.type == reader.type and writer.type in MESSAGES:
                    pending.append(self._inner(place, writer, reader))

    def _field(
        self, place: Place, writer: FieldDescriptor, reader: FieldDescriptor
    ) -> Iterator[SchemaFinding]:
        if writer.enum_type is not None and reader.enum_type is not None:
            self.enums.add(self.schemas.writer.name_of(writer.enum_type))
        reasons = list(field_findings(self.schemas, writer, reader))
        if writer.type == reader.type and writer.type in MESSAGES:
            unlike = unlike_messages(self.schemas, message_of(writer), message_of(reader))
            reasons += [] if unlike is None else [unlike]
        for reason in reasons:
            yield self._at(place, name_of(writer), reason)

    def _inner(self, place: Place, writer: FieldDescriptor, reader: FieldDescriptor) -> Place:
        pair = message_of(writer), message_of(reader)
        if len(place.path) > MAX_DEPTH:
            return Place(*pair, (self.schemas.writer.name_of(pair[0]),))
        steps = (name_of(writer), "[]") if writer.is_repeated else (name_of(writer),)
        return Place(*pair, (*place.path, *steps), place, writer)

    def _at(self, place: Place, name: str | None, reason: Reason) -> SchemaFinding:
        path = "/".join((*place.path, name) if name else place.path)
        example = None
        if reason.values is not None and self.examples < MAX_EXAMPLES:
            self.examples += 1
            value, root = place.sent(reason.values), place.root()
            if value is not None and is_example(
                value, self.schemas.writer, self.schemas.reader, root.of, root.by
            ):
                example = Example(value)
        return self._finding(path, reason, example)

    def _finding(self, path: str, reason: Reason, example: Example | None = None) -> SchemaFinding:
        return SchemaFinding(self.direction, reason.verdict, path, reason.rule, reason.sentence, example)
